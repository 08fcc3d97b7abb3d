# SPDX-License-Identifier: GPL-2.0-or-later
"""Plans: shown to anybody, carried out as they were shown or not at all; and FORCE, for whoever may."""

import subprocess

import bus
import kernel
import network
import polkit
import storage
import use
from harness import cases, equal, expect_error, test
from terminal import Terminal, with_agent
from topology import DISK, NIC, TWINS

root, alice, bob = bus.Client(), bus.Client('alice'), bus.Client('bob')


def plan(client, devices, target='vfio', flags=0):
    return client.call(bus.MANAGER, 'Plan', '(asst)', devices, target, flags)


def apply(client, token, **options):
    return client.call(bus.MANAGER, 'Apply', '(s)', token, **options)


def allow(*actions):
    """Alice may do these, and nothing else, with the NIC and the disk."""
    names = ', '.join(f'"org.vfiobind.{action}"' for action in actions)
    return polkit.rule(f'''
        if (subject.user == "alice" && ["{NIC}", "{DISK}"].indexOf(action.lookup("device")) >= 0 &&
            [{names}].indexOf(action.id) >= 0)
            return polkit.Result.YES;''')


@test
def shows_and_changes_nothing():
    """Anybody may plan: steps in their order, and what polkit would be asked; nobody is asked, and nothing is changed"""
    before = kernel.snapshot()
    with polkit.stub(lambda question: polkit.NO) as (questions, _cancelled):
        token, steps, findings, actions = plan(alice, [TWINS[0]])
        equal(questions, [])
    equal(len(token), 32)
    equal([step for step in steps if step[1] != 'load-module'],
          [(TWINS[0], 'override', 'vfio-pci'), (TWINS[0], 'unbind', 'e1000e'), (TWINS[0], 'bind', 'vfio-pci'),
           (TWINS[0], 'wait-node', str(kernel.group(TWINS[0])))])
    equal([finding[:4] for finding in findings], [(TWINS[0], 'warn', 'group', TWINS[1])])
    equal(actions, ['org.vfiobind.bind'])
    equal(plan(alice, [TWINS[0]], flags=bus.FORCE | bus.GROUP_FLAG)[3], ['org.vfiobind.bind', 'org.vfiobind.force'])
    equal(kernel.snapshot(), before)


@test
def busctl_plans_and_applies():
    """Two calls of busctl, which are two connections, plan and carry out"""
    def busctl(*words):
        command = ['busctl', 'call', bus.NAME, bus.ROOT, bus.MANAGER, *words]
        return subprocess.run(command, user='alice', check=True, capture_output=True, text=True, timeout=bus.PATIENCE).stdout

    with allow('bind', 'restore'):
        token = busctl('Plan', 'asst', '1', NIC, 'vfio', '0').split('"')[1]
        equal(busctl('Apply', 's', token), f'a(sss) 1 "{NIC}" "e1000e" "vfio-pci"\n')
        alice.restore(NIC)


@test
def serves_once_and_its_user():
    """A token serves nobody else, and once; carrying it out is authorized anew"""
    token = plan(alice, [NIC])[0]
    expect_error('NoSuchPlan', apply, bob, token)
    expect_error('InteractiveAuthorizationRequired', apply, alice, token)
    with allow('bind', 'restore'):
        expect_error('NoSuchPlan', apply, alice, token)
        token = plan(alice, [NIC])[0]
        equal(apply(alice, token), [(NIC, 'e1000e', 'vfio-pci')])
        expect_error('NoSuchPlan', apply, alice, token)
        equal(apply(alice, plan(alice, [NIC], 'host')[0]), [(NIC, 'vfio-pci', 'e1000e')])
    equal(kernel.driver(NIC), 'e1000e')


@test
def overtaken_by_mount():
    """A plan for a disk that is mounted meanwhile is not carried out, and the answer says what is different"""
    with storage.area('ext4') as node:
        for flags in 0, bus.FORCE:
            token = plan(root, [DISK], flags=flags)[0]
            subprocess.run(['mount', '--mkdir', node, '/mnt/overtaken'], check=True)
            try:
                message = expect_error('StateChanged', apply, root, token)
                assert DISK in message and 'mounted' in message, message
                equal(kernel.driver(DISK), 'nvme')

                token = plan(root, [DISK], flags=flags)[0]
            finally:
                subprocess.run(['umount', '/mnt/overtaken'], check=True)
            message = expect_error('StateChanged', apply, root, token)
            assert DISK in message and 'no longer' in message, message
    equal(kernel.driver(DISK), 'nvme')


@test
def overtaken_by_unbind():
    """A plan for a device that somebody unbinds meanwhile is not carried out"""
    token = plan(root, [NIC])[0]
    kernel.unbind(NIC)
    message = expect_error('StateChanged', apply, root, token)
    assert NIC in message, message
    equal((kernel.driver(NIC), kernel.override(NIC)), ('', ''))
    kernel.probe(NIC)


@test
def overtaken_by_unplugging():
    """A plan for a device that is unplugged meanwhile is not carried out, and neither for another one at its address"""
    tokens = [plan(root, [NIC])[0] for _ in range(2)]
    kernel.remove(NIC)
    message = expect_error('StateChanged', apply, root, tokens[0])
    assert NIC in message, message
    kernel.rescan()
    bus.wait_for(lambda: kernel.driver(NIC) == 'e1000e', 'the NIC to come back')
    message = expect_error('StateChanged', apply, root, tokens[1])
    assert NIC in message, message


@test
def force_is_an_action_of_its_own():
    """FORCE takes its own permission, with what is found in the details, whatever else is allowed"""
    with network.address_of(NIC):
        with allow('bind', 'restore'):
            expect_error('InUse', alice.bind, NIC, 'vfio')
            expect_error('InteractiveAuthorizationRequired', alice.bind, NIC, 'vfio', bus.FORCE)
        equal(kernel.driver(NIC), 'e1000e')

        with polkit.stub(lambda question: polkit.YES) as (questions, _cancelled):
            alice.bind(NIC, 'vfio', bus.FORCE)
            alice.restore(NIC)
        equal([(question.action, question.details['findings']) for question in questions],
              [('org.vfiobind.bind', 'network'), ('org.vfiobind.force', 'network'), ('org.vfiobind.restore', '')])
        equal(questions[1].details['cut-off'], 'a network connection')

    with allow('bind', 'restore', 'force'):
        alice.bind(NIC, 'vfio', bus.FORCE)
        expect_error('InteractiveAuthorizationRequired', alice.bind, TWINS[0], 'vfio', bus.FORCE)
        alice.restore(NIC)


@cases([('alone', ['bind'], 'org.vfiobind.force'), ('with another one', [], 'org.vfiobind.together')])
def dialog_of_force(allowed, expected):
    """The dialog's text says what will be cut off"""
    with network.address_of(NIC), allow('restore', *allowed), polkit.agent() as (opened, _closed):
        with bus.Client('alice') as leaver:
            leaver.send(bus.MANAGER, 'Bind', '(sst)', NIC, 'vfio', bus.FORCE, interactive=True)
            bus.wait_for(lambda: opened, 'the dialog')
        [(action, message, _cookie)] = opened
        equal(action, expected)
        assert NIC in message and 'cuts off: a network connection' in message, message
    equal(kernel.driver(NIC), 'e1000e')


@test
def mounted_while_the_password_is_typed():
    """What is mounted while the password is typed stops the move"""
    words = ['busctl', 'call', '--timeout=60', bus.NAME, bus.ROOT, bus.MANAGER, 'Bind', 'sst', DISK, 'vfio', '0']
    with storage.area('ext4') as node, Terminal(*with_agent('alice', *words)) as terminal:
        terminal.expect('Password:')
        subprocess.run(['mount', '--mkdir', node, '/mnt/typed'], check=True)
        try:
            terminal.type_secret('secret')
            assert terminal.end() != 0, terminal.text
            assert '/mnt/typed' in terminal.text, terminal.text
        finally:
            subprocess.run(['umount', '/mnt/typed'], check=True)
    equal(kernel.driver(DISK), 'nvme')


@test
def client_refuses_and_says_how():
    """A refused bind prints the findings and the one command that goes on anyway; the dry run changes nothing"""
    with network.address_of(NIC) as [(_kind, name, _severity)]:
        refused = subprocess.run(['vfiobindctl', 'bind', NIC], capture_output=True, text=True, check=False)
        equal((refused.returncode, refused.stdout), (4, ''))
        assert name in refused.stderr and f'vfiobindctl bind --force {NIC}' in refused.stderr, refused.stderr
        dry = subprocess.run(['vfiobindctl', 'bind', '--force', '--dry-run', NIC], capture_output=True, text=True, check=True)
        assert f'Unbind {NIC} from e1000e' in dry.stdout and name in dry.stdout, dry.stdout
        equal(kernel.driver(NIC), 'e1000e')
    use.idle(NIC)
