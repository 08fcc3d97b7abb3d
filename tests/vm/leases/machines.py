# SPDX-License-Identifier: GPL-2.0-or-later
"""An ordinary user, allowed by a rule, runs virtual machines with real functions, and cannot forget to give them back."""

import os
import signal
import subprocess

import bus
import kernel
import lending
import polkit
from harness import cases, equal, expect_error, test
from lending import Machine, home, leases, root
from topology import LEGACY, NIC, TWINS

alice = bus.Client('alice')
bob = bus.Client('bob')

SLOT = TWINS[0].rsplit('.', 1)[0]


def kill_machine(machine):
    os.kill(machine.qemu, signal.SIGKILL)
    equal(machine.exit_status(), 128 + signal.SIGKILL)


def kill_launcher_then_machine(machine):
    """The machine goes on without its launcher, and with its functions."""
    os.kill(machine.pid, signal.SIGKILL)
    equal(machine.exit_status(), -signal.SIGKILL)
    bus.wait_for(lambda: [state for _user, _pid, state in leases().values()] == ['returning'], 'the lease to end')
    [functions] = leases()
    for address in functions:
        equal(root.get(bus.device_path(address), bus.DEVICE, 'LeaseState'), 'returning')
        equal(kernel.driver(address), 'vfio-pci')
    machine.has(*functions)
    os.kill(machine.qemu, signal.SIGKILL)


def end_machine(machine):
    machine.monitor('quit')
    equal(machine.exit_status(), 0)


ENDS = [('the machine is killed', kill_machine), ('its launcher is killed, and later the machine', kill_launcher_then_machine),
        ('the machine ends by itself', end_machine)]


@cases(ENDS)
def one_function(end):
    """A machine with a NIC gets it and gives it back"""
    with lending.allowed('alice', NIC), Machine('alice', NIC) as machine:
        machine.has(NIC)
        equal(kernel.driver(NIC), 'vfio-pci')
        equal(leases(), {(NIC,): ('alice', machine.pid, 'held')})
        assert root.get(bus.device_path(NIC), bus.DEVICE, 'Lease').startswith(':')
        equal(lending.readers_by_list(NIC), ['alice'])
        end(machine)
        home(NIC)


@cases(ENDS[:2])
def a_slot(end):
    """A slot with two functions goes to a machine as a whole, and comes back"""
    with lending.allowed('alice', *TWINS), Machine('alice', SLOT) as machine:
        machine.has(*TWINS)
        equal(leases(), {tuple(TWINS): ('alice', machine.pid, 'held')})
        end(machine)
        home(*TWINS)


@cases(ENDS[:2])
def a_group_of_three(end):
    """A group of two NICs and a bridge goes to a machine but for the bridge, and comes back"""
    with lending.allowed('alice', *LEGACY), Machine('alice', LEGACY[0], options=('--access', '--group')) as machine:
        machine.has(*LEGACY)
        equal({frozenset(functions) for functions in leases()}, {frozenset(LEGACY)})
        end(machine)
        home(*LEGACY)


@test
def another_user():
    """Another user, though he may move the NIC when it is free, can neither move nor lease nor open it, nor break the lease"""
    rules = lending.allowing('alice', NIC) + lending.allowing('bob', NIC)
    with polkit.rule(rules), Machine('alice', NIC) as machine:
        before = kernel.snapshot()
        for call in (lambda: bob.bind(NIC, 'kvm'), lambda: bob.bind(NIC, 'none'), lambda: bob.restore(NIC),
                     lambda: bob.bind(NIC, 'vfio', bus.ACCESS), lambda: lending.acquire(bob, NIC)):
            message = expect_error('InUse', call)
            assert NIC in message, message
        for call in (lambda: bob.restore(NIC, bus.FORCE), lambda: lending.acquire(bob, NIC, flags=bus.FORCE)):
            try:
                call()
                raise AssertionError('bob has broken the lease')
            except bus.BusError as error:
                assert error.name in ('InUse', 'InteractiveAuthorizationRequired'), error
        # Not even root takes what a machine has open.
        expect_error('InUse', root.restore, NIC, bus.FORCE)
        assert not lending.may_open('bob', NIC)
        assert lending.may_open('alice', NIC)
        equal(kernel.snapshot(), before)
        equal(leases(), {(NIC,): ('alice', machine.pid, 'held')})
        machine.has(NIC)
        kill_machine(machine)
        home(NIC)
        assert not os.path.exists(f'/dev/vfio/{kernel.group(NIC)}') or not lending.may_open('alice', NIC)


@test
def unlike_a_machine():
    """What is leased and not open is broken by force, and by nothing less; the holder is told, the rest goes back"""
    with lending.allowed('alice', NIC, *TWINS):
        with lending.lease(alice, NIC, *TWINS) as descriptor:
            expect_error('InUse', root.restore, NIC)
            root.restore(NIC, bus.FORCE)
            home(NIC, *TWINS)
            answer = subprocess.run(
                ['/usr/bin/python3', '-c', 'import select, sys; p = select.poll(); p.register(0, 0); print(p.poll(10000)[0][1])'],
                stdin=descriptor, check=True, capture_output=True, text=True).stdout
            equal(answer, '8\n')  # POLLERR
        home(NIC, *TWINS)


@test
def without_permission():
    """Who is allowed to bind and not to have access gets no access, and who is allowed nothing gets nothing"""
    before = kernel.snapshot()
    expect_error('InteractiveAuthorizationRequired', lending.acquire, alice, NIC)
    with lending.allowed('alice', NIC, actions=('bind', 'restore')):
        expect_error('InteractiveAuthorizationRequired', lending.acquire, alice, NIC, flags=bus.ACCESS)
        equal(kernel.snapshot(), before)
        with lending.lease(alice, NIC):
            assert not lending.may_open('alice', NIC)
    home(NIC)


@test
def access_takes_the_whole_group():
    """Access to one function of a group needs the permission for each of them, and a group that VFIO can open"""
    with lending.allowed('alice', TWINS[0]):
        expect_error('NotViable', alice.bind, TWINS[0], 'vfio', bus.ACCESS)
        root.bind(TWINS[1], 'vfio')
        expect_error('InteractiveAuthorizationRequired', alice.bind, TWINS[0], 'vfio', bus.ACCESS)
        root.restore(TWINS[1])
    with lending.allowed('alice', *TWINS):
        alice.bind_devices(TWINS, 'vfio', bus.ACCESS)
        equal(lending.readers_by_list(TWINS[0]), ['alice'])
        alice.restore(TWINS[1])
        equal(lending.readers_by_list(TWINS[0]), [])
        alice.restore(TWINS[0])
    home(*TWINS)


def acquired(pending):
    """The descriptor, or the error."""
    try:
        return pending.descriptor()
    except bus.BusError as error:
        return error


@test
def race():
    """Two users who race for one NIC: one gets it, the other is told that it is in use or busy"""
    with polkit.rule(lending.allowing('alice', NIC) + lending.allowing('bob', NIC)):
        for first, second in [(alice, bob), (bob, alice)] * 3:
            racers = [client.send(bus.MANAGER, 'Acquire', '(asst)', [NIC], 'vfio', 0) for client in (first, second)]
            answers = [acquired(pending) for pending in racers]
            descriptors = [answer for answer in answers if isinstance(answer, int)]
            for descriptor in descriptors:
                os.close(descriptor)
            home(NIC)
            equal(len(descriptors), 1, answers)
            [error] = [answer for answer in answers if isinstance(answer, bus.BusError)]
            assert error.name in ('InUse', 'Busy'), error


@test
def touched_by_udev():
    """Access lasts when udev deals with the node again, also where a rule of the administrator's sets its mode"""
    rule = '/run/udev/rules.d/99-test.rules'
    node = f'/dev/vfio/{kernel.group(NIC)}'
    with lending.allowed('alice', NIC), lending.lease(alice, NIC, flags=bus.ACCESS):
        assert lending.may_open('alice', NIC)
        os.makedirs(os.path.dirname(rule), exist_ok=True)
        with open(rule, 'w', encoding='ascii') as file:
            file.write('SUBSYSTEM=="vfio", MODE="0600", OWNER="root", GROUP="root"\n')
        try:
            subprocess.run(['udevadm', 'control', '--reload'], check=True)
            for _ in range(3):
                subprocess.run(['udevadm', 'trigger', '--action=change', '--settle', node], check=True)
                bus.wait_for(lambda: lending.may_open('alice', NIC), 'alice to have access again')
                assert not lending.may_open('bob', NIC)
        finally:
            os.unlink(rule)
            subprocess.run(['udevadm', 'control', '--reload'], check=True)
    home(NIC)


@test
def memory_limit():
    """A user whose limit on locked memory is too low for the machine is told the limit and what is needed"""
    with lending.allowed('alice', NIC):
        for limit, told in ('8388608', True), ('unlimited', False):
            run = subprocess.run(['prlimit', f'--memlock={limit}', *lending.as_user(
                'alice', 'vfiobindctl', 'run', '--access', '--device', NIC, '--', 'sh', '-c', ': qemu-system-x86_64 -m 64')],
                check=True, capture_output=True, text=True)
            equal('Locked memory is limited to 8 MiB here' in run.stderr, told, run.stderr)
    home(NIC)
