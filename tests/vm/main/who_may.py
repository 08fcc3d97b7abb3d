# SPDX-License-Identifier: GPL-2.0-or-later
"""Who may move what: rules and dialogs of the real polkit, and how it is asked (see also questions.py)."""

import subprocess

import bus
import kernel
import polkit
from harness import cases, equal, expect_error, test
from terminal import Terminal, login, run_on_console, session_of, with_agent
from topology import DISK, NIC, TWINS

EXAMPLES = '/usr/share/doc/vfiobind/examples/polkit-rules'

root = bus.Client()
alice = bus.Client('alice')
bob = bus.Client('bob')

NIC_GROUP = kernel.group(NIC)


@test
def everybody_inspects():
    """Everybody may inspect, without a rule and without polkit"""
    with polkit.absent():
        assert alice.call(bus.MANAGER, 'ListDevices')
        equal(alice.get(bus.device_path(NIC), bus.DEVICE, 'Driver'), 'e1000e')


@cases([('Bind', lambda: alice.bind(NIC, 'vfio')), ('BindDevices', lambda: alice.bind_devices([NIC], 'vfio')),
        ('BindGroup', lambda: alice.bind_group(NIC_GROUP, 'vfio')),
        ('Device.Bind', lambda: alice.call(bus.DEVICE, 'Bind', '(st)', 'vfio', 0, path=bus.device_path(NIC))),
        ('Group.Bind', lambda: alice.call(bus.GROUP, 'Bind', '(st)', 'vfio', 0, path=bus.group_path(NIC_GROUP)))])
def bind_needs_a_dialog(call):
    """Without a rule the answer tells that asking could help"""
    before = kernel.snapshot()
    expect_error('InteractiveAuthorizationRequired', call)
    equal(kernel.snapshot(), before)


@test
def restore_needs_a_dialog():
    """Every method that restores is refused without a rule, too"""
    root.bind(NIC, 'vfio')
    for call in (lambda: alice.restore(NIC), lambda: alice.restore_devices([NIC]), lambda: alice.restore_group(NIC_GROUP),
                 lambda: alice.bind(NIC, 'host'), lambda: alice.bind(NIC, 'e1000e'),
                 lambda: alice.call(bus.DEVICE, 'Restore', '(t)', 0, path=bus.device_path(NIC)),
                 lambda: alice.call(bus.GROUP, 'Restore', '(t)', 0, path=bus.group_path(NIC_GROUP))):
        expect_error('InteractiveAuthorizationRequired', call)
        equal(kernel.driver(NIC), 'vfio-pci')
    root.restore(NIC)


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
def no_polkit():
    """Without polkitd the answer is no"""
    with polkit.absent():
        expect_error('AccessDenied', alice.bind, NIC, 'vfio')
        expect_error('AccessDenied', alice.bind, NIC, 'vfio', interactive=True)
    equal(kernel.driver(NIC), 'e1000e')


def example(name):
    """An example rule is in force as it is shipped."""
    with open(f'{EXAMPLES}/{name}', encoding='utf-8') as file:
        return polkit.rules('50-example.rules', file.read())


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
        expect_error('InteractiveAuthorizationRequired', bob.bind, NIC, 'kvm')
        expect_error('InteractiveAuthorizationRequired', alice.bind, NIC, 'vfio')
        bob.bind_devices([NIC, *TWINS], 'vfio')
        bob.restore_devices([NIC, *TWINS])


@test
def example_console():
    """The example 'administrators on the console' does what it says"""
    move = ['vfiobindctl', '--no-ask-password', 'bind', '--driver', 'kvm', DISK]
    with example('console-administrators.rules'), login():
        # In the right group, and not on the console; on the console, and not in the group; both.
        with bus.Client('carol') as carol:
            expect_error('InteractiveAuthorizationRequired', carol.bind, DISK, 'kvm')
        equal(run_on_console('bob', *move)[0], 3)
        status, output = run_on_console('carol', *move)
        equal(status, 0, output)
        equal(kernel.driver(DISK), 'pci-stub')
        status, output = run_on_console('carol', 'vfiobindctl', '--no-ask-password', 'restore', DISK)
        equal(status, 0, output)


def busctl(member, signature, *arguments):
    """The words that have busctl call one of the manager's methods."""
    return ['busctl', 'call', '--timeout=60', bus.NAME, bus.ROOT, bus.MANAGER, member, signature, *arguments]


BIND_NIC = busctl('Bind', 'sst', NIC, 'vfio', '0')


@cases([('busctl', lambda: with_agent('alice', *BIND_NIC)), ('vfiobindctl', lambda: session_of('alice', 'vfiobindctl', 'bind', NIC))])
def dialog(command):
    """With the administrator's password an ordinary user may"""
    with login(), Terminal(*command()) as terminal:
        terminal.expect('Password:')
        assert NIC in terminal.text, f'the dialog does not name the device:\n{terminal.text}'
        equal(kernel.driver(NIC), 'e1000e')
        assert bob.call(bus.MANAGER, 'ListDevices')
        terminal.type_secret('secret')
        equal(terminal.end(), 0, terminal.text)
    equal(kernel.driver(NIC), 'vfio-pci')
    # Nothing was kept: the next one is asked again.
    expect_error('InteractiveAuthorizationRequired', alice.restore, NIC)
    root.restore(NIC)


@test
def one_dialog_for_several():
    """For several devices there is one dialog"""
    with Terminal(*with_agent('alice', *busctl('BindDevices', 'asst', '3', NIC, *TWINS, 'vfio', '0'))) as terminal:
        terminal.expect('Password:')
        for address in [NIC, *TWINS]:
            assert address in terminal.text, terminal.text
        terminal.type_secret('secret')
        equal(terminal.end(), 0, terminal.text)
        equal(terminal.text.count('Password:'), 1, terminal.text)
    equal([kernel.driver(address) for address in [NIC, *TWINS]], ['vfio-pci'] * 3)
    root.restore_devices([NIC, *TWINS])


@test
def dialog_for_the_one_that_is_left():
    """Where rules allow all but one, that one is asked for by its own action"""
    with polkit.allow('alice', *TWINS):
        with Terminal(*with_agent('alice', *busctl('BindDevices', 'asst', '3', NIC, *TWINS, 'vfio', '0'))) as terminal:
            terminal.expect('Password:')
            assert NIC in terminal.text and 'org.vfiobind.bind' in terminal.text, terminal.text
            assert TWINS[0] not in terminal.text, terminal.text
            terminal.type_secret('secret')
            equal(terminal.end(), 0, terminal.text)
    root.restore_devices([NIC, *TWINS])


@test
def wrong_password():
    """With a wrong password nothing is moved"""
    with Terminal(*with_agent('alice', *BIND_NIC)) as terminal:
        terminal.expect('Password:')
        terminal.type_secret('wrong')
        assert terminal.end() != 0, terminal.text
    equal(kernel.driver(NIC), 'e1000e')


@test
def overtaken_dialog():
    """Where somebody moves the device while the password is typed, the password moves nothing"""
    with Terminal(*with_agent('alice', *BIND_NIC)) as terminal:
        terminal.expect('Password:')
        root.bind(NIC, 'kvm')
        terminal.type_secret('secret')
        assert terminal.end() != 0, terminal.text
        assert 'changed' in terminal.text, terminal.text
    equal(kernel.driver(NIC), 'pci-stub')
    root.restore(NIC)


@test
def left_dialog():
    """When the caller leaves while the password is asked for, the dialog closes and nothing is done"""
    with polkit.agent() as (opened, closed):
        leaver = bus.Client('alice')
        leaver.send(bus.MANAGER, 'Bind', '(sst)', NIC, 'vfio', 0, interactive=True)
        bus.wait_for(lambda: opened, 'the dialog')
        [(action, message, cookie)] = opened
        equal(action, 'org.vfiobind.bind')
        assert NIC in message, message
        leaver.close()
        bus.wait_for(lambda: closed, 'the dialog to close')
    # polkitd may say it twice: once for the question that was taken back, once for the caller that left.
    equal(set(closed), {cookie})
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
    expect_error('AccessDenied', alice.call, 'org.freedesktop.DBus', 'RequestName', '(su)', bus.NAME, 4,
                 name='org.freedesktop.DBus', path='/org/freedesktop/DBus')
