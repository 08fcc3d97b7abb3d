# SPDX-License-Identifier: GPL-2.0-or-later
"""Who may move what: rules, dialogs, a polkit that is absent or silent, and callers that leave."""

import contextlib
import json
import os
import subprocess
import time

import bus
import kernel
import polkit
from harness import cases, equal, test
from move import expect_error, root
from terminal import Terminal, with_agent
from topology import DISK, LEGACY, NIC, TWINS

EXAMPLES = '/usr/share/doc/vfiobind/examples/polkit-rules'

alice = bus.Client('alice')
bob = bus.Client('bob')


@test
def everybody_inspects():
    """Everybody may inspect, without a rule and without polkit"""
    with polkit.absent():
        assert alice.call(bus.MANAGER, 'ListDevices')
        equal(alice.get(bus.device_path(NIC), bus.DEVICE, 'Driver'), 'e1000e')


@cases([('Bind', lambda: alice.bind(NIC, 'vfio')), ('BindDevices', lambda: alice.bind_devices([NIC], 'vfio')),
        ('BindGroup', lambda: alice.bind_group(kernel.group(NIC), 'vfio')),
        ('Restore', lambda: alice.restore(NIC)), ('RestoreDevices', lambda: alice.restore_devices([NIC])),
        ('RestoreGroup', lambda: alice.restore_group(kernel.group(NIC))),
        ('Device.Bind', lambda: alice.call(bus.DEVICE, 'Bind', '(st)', 'vfio', 0, path=bus.device_path(NIC))),
        ('Device.Restore', lambda: alice.call(bus.DEVICE, 'Restore', '(t)', 0, path=bus.device_path(NIC))),
        ('Group.Bind', lambda: alice.call(bus.GROUP, 'Bind', '(st)', 'vfio', 0,
                                          path=bus.group_path(kernel.group(NIC)))),
        ('Group.Restore', lambda: alice.call(bus.GROUP, 'Restore', '(t)', 0, path=bus.group_path(kernel.group(NIC))))])
def a_dialog_would_be_needed(call):
    """Without a rule the answer tells that asking could help"""
    before = kernel.snapshot()
    expect_error('InteractiveAuthorizationRequired', call)
    equal(kernel.snapshot(), before)


@test
def a_rule_says_no():
    """What a rule forbids is AccessDenied, asking or not"""
    with polkit.rule('if (action.id == "org.vfiobind.bind" && subject.user == "alice") return polkit.Result.NO;'):
        expect_error('AccessDenied', alice.bind, NIC, 'vfio')
        expect_error('AccessDenied', alice.bind, NIC, 'vfio', interactive=True)
        expect_error('InteractiveAuthorizationRequired', bob.bind, NIC, 'vfio')


@test
def one_user_one_device():
    """One user is allowed one device: she moves it, no other one, and no other user does"""
    with polkit.allow('alice', NIC):
        expect_error('InteractiveAuthorizationRequired', bob.bind, NIC, 'vfio')
        expect_error('InteractiveAuthorizationRequired', alice.bind, DISK, 'vfio')
        equal(alice.bind(NIC, 'vfio'), [(NIC, 'e1000e', 'vfio-pci')])
        expect_error('InteractiveAuthorizationRequired', bob.restore, NIC)
        equal(alice.restore(NIC), [(NIC, 'vfio-pci', 'e1000e')])


@test
def all_or_none():
    """A request for two devices of which one is allowed moves none"""
    with polkit.allow('alice', NIC, TWINS[0]):
        before = kernel.snapshot()
        expect_error('InteractiveAuthorizationRequired', alice.bind_devices, [NIC, DISK], 'vfio')
        expect_error('InteractiveAuthorizationRequired', alice.bind, TWINS[0], 'vfio', bus.GROUP_FLAG)
        equal(kernel.snapshot(), before)
        equal(len(alice.bind_devices([NIC, TWINS[0]], 'vfio')), 2)
        equal(len(alice.restore_devices([NIC, TWINS[0]])), 2)


@test
def root_is_not_asked():
    """uid 0 is not asked: it moves devices without a polkitd"""
    with polkit.absent():
        root.bind(NIC, 'vfio')
        root.restore(NIC)


@test
def what_rules_can_look_up():
    """A rule sees every detail of each function, and no other"""
    keys = ['device', 'vendor-id', 'device-id', 'subsystem-vendor-id', 'subsystem-device-id', 'class', 'group',
            'group-devices', 'driver', 'target', 'backend', 'boot-vga', 'findings', 'name']

    def seen(call):
        """The details of each check, as a rule wrote them to the journal."""
        with polkit.rule('''if (action.id.indexOf("org.vfiobind.") == 0) {
                var details = {"action": action.id, "user": subject.user};
                ''' + json.dumps(keys) + '''.forEach(function(key) { details[key] = action.lookup(key); });
                polkit.log("details " + JSON.stringify(details));
                return polkit.Result.NO;
            }'''):
            start = time.time()
            expect_error('AccessDenied', call)
        shown = subprocess.run(['journalctl', '-b', '-o', 'cat', '-u', 'polkit.service', f'--since=@{start:.3f}'],
                               check=True, capture_output=True, text=True).stdout
        return [json.loads(line.split('details ', 1)[1]) for line in shown.splitlines() if 'details ' in line]

    address = LEGACY[0]

    def four(name):
        return kernel.attribute(address, name)[2:]

    [found] = seen(lambda: alice.bind(address, 'vfio'))
    name = found.pop('name')
    equal(found, {
        'action': 'org.vfiobind.bind', 'user': 'alice', 'device': address, 'vendor-id': four('vendor'),
        'device-id': four('device'), 'subsystem-vendor-id': four('subsystem_vendor'),
        'subsystem-device-id': four('subsystem_device'), 'class': four('class'),
        'group': str(kernel.group(address)), 'group-devices': ' '.join(kernel.groups()[kernel.group(address)]),
        'driver': 'e1000', 'target': 'vfio-pci', 'backend': 'vfio', 'boot-vga': 'false', 'findings': ''})
    assert address in name and 'Ethernet' in name, name

    [found] = seen(lambda: alice.bind(NIC, 'none'))
    equal((found['target'], found['driver']), ('none', 'e1000e'))

    root.bind(NIC, 'vfio')
    try:
        [found] = seen(lambda: alice.restore(NIC))
        equal((found['action'], found['driver'], found['target']), ('org.vfiobind.restore', 'vfio-pci', 'e1000e'))
    finally:
        root.restore(NIC)


@contextlib.contextmanager
def example(name):
    """An example rule is in force as it is shipped."""
    with open(f'{EXAMPLES}/{name}', encoding='utf-8') as file:
        polkit.write_rule(f'{polkit.RULES}/50-example.rules', file.read())
    polkit.settle()
    try:
        yield
    finally:
        os.unlink(f'{polkit.RULES}/50-example.rules')
        polkit.settle()


@test
def example_one_user_one_device():
    """The example 'one user, one device' does what it says"""
    with example('one-user-one-device.rules'):
        expect_error('InteractiveAuthorizationRequired', alice.bind, NIC, 'kvm')
        expect_error('InteractiveAuthorizationRequired', alice.bind, TWINS[0], 'vfio')
        expect_error('InteractiveAuthorizationRequired', bob.bind, NIC, 'vfio')
        alice.bind(NIC, 'vfio')
        alice.restore(NIC)


@test
def example_group_class():
    """The example 'a group of users, a class of devices' does what it says"""
    with example('group-class.rules'):
        expect_error('InteractiveAuthorizationRequired', bob.bind, DISK, 'vfio')
        expect_error('InteractiveAuthorizationRequired', bob.bind_devices, [NIC, DISK], 'vfio')
        expect_error('InteractiveAuthorizationRequired', alice.bind, NIC, 'vfio')
        bob.bind_devices([NIC, *TWINS], 'vfio')
        bob.restore_devices([NIC, *TWINS])


@test
def example_console():
    """The example 'administrators on the console' allows nobody who is not on the console"""
    with example('console-administrators.rules'), bus.Client('carol') as carol:
        expect_error('InteractiveAuthorizationRequired', carol.bind, NIC, 'vfio')


@test
def no_polkit():
    """Without polkitd the answer is no, and soon"""
    with polkit.absent():
        start = time.monotonic()
        expect_error('AccessDenied', alice.bind, NIC, 'vfio')
        assert time.monotonic() - start < 10


@test
def silent_polkit():
    """While polkit does not answer one caller, others are served, and it gets its answer in the end"""
    with polkit.allow('alice', NIC):
        with polkit.silent():
            waiting = alice.send(bus.MANAGER, 'Bind', '(sst)', NIC, 'vfio', 0)
            assert bob.call(bus.MANAGER, 'ListDevices')
            equal(bob.get(bus.device_path(NIC), bus.DEVICE, 'Driver'), 'e1000e')
            equal(root.bind(DISK, 'vfio'), [(DISK, 'nvme', 'vfio-pci')])
            root.restore(DISK)
            equal(root.bind(NIC, 'kvm'), [(NIC, 'e1000e', 'pci-stub')])
            root.restore(NIC)
            assert waiting.reply is None, 'there was an answer without polkit'
        equal(waiting.result(), [(NIC, 'e1000e', 'vfio-pci')])
        alice.restore(NIC)


@test
def changed_while_asked():
    """What was asked about is no longer so when polkit answers: nothing is done"""
    with polkit.allow('alice', NIC):
        with polkit.silent():
            waiting = alice.send(bus.MANAGER, 'Bind', '(sst)', NIC, 'vfio', 0)
            root.bind(NIC, 'kvm')
        expect_error('StateChanged', waiting.result)
        equal(kernel.driver(NIC), 'pci-stub')
        root.restore(NIC)


@test
def removed_while_asked():
    """The device is gone when polkit answers: a typed error"""
    with polkit.allow('alice', NIC):
        with polkit.silent():
            waiting = alice.send(bus.MANAGER, 'Bind', '(sst)', NIC, 'vfio', 0)
            root.call(bus.MANAGER, 'ListDevices')
            kernel.remove(NIC)
            bus.wait_for(lambda: NIC not in [row[0] for row in root.call(bus.MANAGER, 'ListDevices')],
                         'the removal to be known')
        expect_error('NoSuchDevice', waiting.result)
    kernel.rescan()
    bus.wait_for(lambda: kernel.driver(NIC) == 'e1000e', 'the NIC to be back')
    bus.wait_for(lambda: NIC in [row[0] for row in root.call(bus.MANAGER, 'ListDevices')], 'this to be known')


@test
def a_caller_that_leaves():
    """For a caller that left while polkit was asked nothing is done"""
    with polkit.allow('alice', NIC):
        with polkit.silent():
            leaver = bus.Client('alice')
            leaver.send(bus.MANAGER, 'Bind', '(sst)', NIC, 'vfio', 0)
            # Its request has been read when one that was sent after it has been answered.
            leaver.call(bus.MANAGER, 'GetDevice', '(s)', NIC)
            leaver.close()
        # And polkit's answer to it would have been read when a later question has been answered.
        equal(alice.restore(NIC), [])
        equal(kernel.driver(NIC), 'e1000e')


@test
def limits():
    """The number of open questions is limited for one caller and in all, and others are served meanwhile"""
    with polkit.silent():
        callers = [bus.Client('alice') for _ in range(3)]
        pending = {caller: [caller.send(bus.MANAGER, 'Bind', '(sst)', NIC, 'vfio', 0) for _ in range(200)]
                   for caller in callers}
        for caller in callers:
            def refused(caller=caller):
                return [call for call in pending[caller] if call.reply]
            bus.wait_for(refused, 'one of 200 questions to be refused')
            expect_error('LimitExceeded', refused()[0].result)
        assert bob.call(bus.MANAGER, 'ListDevices')
        root.bind(NIC, 'vfio')
        root.restore(NIC)
        for caller in callers:
            caller.close()
    # Those questions have gone with their callers.
    with polkit.allow('bob', NIC):
        bob.bind(NIC, 'vfio')
        bob.restore(NIC)


def busctl(member, signature, *arguments):
    return with_agent('busctl', 'call', '--timeout=60', bus.NAME, bus.ROOT, bus.MANAGER, member, signature, *arguments)


@cases([('busctl', busctl('Bind', 'sst', NIC, 'vfio', '0')), ('vfiobindctl', ['vfiobindctl', 'bind', NIC])])
def dialog(command):
    """With the administrator's password an ordinary user may"""
    with Terminal('alice', command) as terminal:
        terminal.expect('Password:')
        assert NIC in terminal.text, f'the dialog does not name the device:\n{terminal.text}'
        equal(kernel.driver(NIC), 'e1000e')
        assert bob.call(bus.MANAGER, 'ListDevices')
        terminal.type('secret')
        equal(terminal.end(), 0, terminal.text)
    equal(kernel.driver(NIC), 'vfio-pci')
    # Nothing was kept: the next one is asked again.
    expect_error('InteractiveAuthorizationRequired', alice.restore, NIC)
    root.restore(NIC)


@test
def one_dialog_for_several():
    """For several devices there is one dialog"""
    with Terminal('alice', busctl('BindDevices', 'asst', '3', NIC, *TWINS, 'vfio', '0')) as terminal:
        terminal.expect('Password:')
        terminal.type('secret')
        equal(terminal.end(), 0, terminal.text)
        equal(terminal.text.count('Password:'), 1, terminal.text)
    equal([kernel.driver(address) for address in [NIC, *TWINS]], ['vfio-pci'] * 3)
    root.restore_devices([NIC, *TWINS])


@test
def dialog_for_the_one_that_is_left():
    """Where rules allow all but one, that one is asked for by its own action"""
    with polkit.allow('alice', *TWINS):
        with Terminal('alice', busctl('BindDevices', 'asst', '3', NIC, *TWINS, 'vfio', '0')) as terminal:
            terminal.expect('Password:')
            assert NIC in terminal.text and 'org.vfiobind.bind' in terminal.text, terminal.text
            terminal.type('secret')
            equal(terminal.end(), 0, terminal.text)
    root.restore_devices([NIC, *TWINS])


@test
def wrong_password():
    """With a wrong password nothing is moved"""
    with Terminal('alice', busctl('Bind', 'sst', NIC, 'vfio', '0')) as terminal:
        terminal.expect('Password:')
        terminal.type('wrong')
        assert terminal.end() != 0, terminal.text
    equal(kernel.driver(NIC), 'e1000e')


@test
def overtaken_dialog():
    """What was mounted, moved or taken while the password was typed stops the move"""
    with Terminal('alice', busctl('Bind', 'sst', NIC, 'vfio', '0')) as terminal:
        terminal.expect('Password:')
        root.bind(NIC, 'kvm')
        terminal.type('secret')
        assert terminal.end() != 0, terminal.text
    equal(kernel.driver(NIC), 'pci-stub')
    root.restore(NIC)


@test
def left_dialog():
    """A caller that is killed while the password is asked for gets nothing done"""
    with Terminal('alice', busctl('Bind', 'sst', NIC, 'vfio', '0')) as terminal:
        terminal.expect('Password:')
        subprocess.run(['pkill', '-KILL', '-x', '-u', 'alice', 'busctl'], check=True)
        terminal.end()
    root.call(bus.MANAGER, 'ListDevices')
    equal(kernel.driver(NIC), 'e1000e')


@test
def client_says_what_to_do():
    """vfiobindctl ends with 3 where polkit does not allow, and says so in one line"""
    run = subprocess.run(['vfiobindctl', '--no-ask-password', 'bind', NIC], user='alice', capture_output=True,
                         text=True, check=False)
    equal((run.returncode, run.stdout, len(run.stderr.strip().splitlines())), (3, '', 1), run.stderr)


@test
def names_are_roots():
    """Nobody but root may own the service's name"""
    reply = None
    try:
        reply = alice.call('org.freedesktop.DBus', 'RequestName', '(su)', f'{bus.NAME}', 4, name='org.freedesktop.DBus',
                           path='/org/freedesktop/DBus')
    except bus.BusError as error:
        equal(error.name, 'AccessDenied')
    equal(reply, None)
