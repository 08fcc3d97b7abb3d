# SPDX-License-Identifier: GPL-2.0-or-later
"""A lease outlives the service, whatever happens to that; and what ends meanwhile is given back at its next start."""

import contextlib
import os
import shutil
import signal
import subprocess

import bus
import kernel
import lending
from harness import cases, equal, test
from lending import Machine, home, leases, root
from topology import NIC

UNIT = 'vfiobind.service'
SERVICE = '/usr/libexec/vfiobindd'


def systemctl(*arguments):
    return subprocess.run(['systemctl', *arguments], check=True, capture_output=True, text=True).stdout.strip()


def pid():
    return int(systemctl('show', '-P', 'MainPID', UNIT))


def call():
    """Starts the service if it is not there, and waits until it answers."""
    root.call(bus.MANAGER, 'ListLeases')


def killed():
    before = pid()
    os.kill(before, signal.SIGKILL)
    bus.wait_for(lambda: pid() not in (0, before), 'the service to be back')
    call()


def stopped():
    systemctl('stop', UNIT)
    equal(systemctl('show', '-P', 'ActiveState', UNIT), 'inactive')
    call()


def upgraded():
    """As a package does it: another file under the same name, and a restart."""
    shutil.copy2(SERVICE, f'{SERVICE}.new')
    os.rename(f'{SERVICE}.new', SERVICE)
    before = pid()
    systemctl('try-restart', UNIT)
    call()
    assert pid() != before


INTERRUPTIONS = [('is killed', killed), ('is stopped and started', stopped), ('is upgraded in place', upgraded)]


@cases(INTERRUPTIONS)
def machine_goes_on(interrupt):
    """The machine and its lease go on, and the NIC comes back when the machine ends, though the service"""
    with lending.allowed('alice', NIC), Machine('alice', NIC) as machine:
        for _ in range(2):
            interrupt()
            machine.has(NIC)
            equal(leases(), {(NIC,): ('alice', machine.pid, 'held')})
            equal(lending.readers_by_list(NIC), ['alice'])
            assert machine.process.poll() is None
        os.kill(machine.qemu, signal.SIGKILL)
        equal(machine.exit_status(), 128 + signal.SIGKILL)
        home(NIC)


@cases([('the machine and its launcher', True), ('the launcher alone', False)])
def ended_while_away(both):
    """While the service is away the end comes, of: what was lent is back after its next start"""
    with lending.allowed('alice', NIC), Machine('alice', NIC) as machine:
        systemctl('stop', UNIT)
        os.kill(machine.pid, signal.SIGKILL)
        machine.exit_status()
        if both:
            os.kill(machine.qemu, signal.SIGKILL)
        else:
            call()
            equal([state for _user, _pid, state in leases().values()], ['returning'])
            machine.has(NIC)
            os.kill(machine.qemu, signal.SIGKILL)
        home(NIC)


@test
def returning_over_a_restart():
    """What waits for a machine without a launcher waits on when the service restarts"""
    with lending.allowed('alice', NIC), Machine('alice', NIC) as machine:
        os.kill(machine.pid, signal.SIGKILL)
        machine.exit_status()
        bus.wait_for(lambda: [state for *_, state in leases().values()] == ['returning'], 'the lease to end')
        for _name, interrupt in INTERRUPTIONS:
            interrupt()
            equal([state for *_, state in leases().values()], ['returning'])
            machine.has(NIC)
        os.kill(machine.qemu, signal.SIGKILL)
        home(NIC)


@test
def access_without_lease():
    """Access that came with a bind is there after a crash of the service, and gone after the restore"""
    alice = bus.Client('alice')
    with lending.allowed('alice', NIC):
        alice.bind(NIC, 'vfio', bus.ACCESS)
        killed()
        bus.wait_for(lambda: lending.may_open('alice', NIC), 'alice to have access')
        equal(lending.readers_by_list(NIC), ['alice'])
        alice.restore(NIC)
    home(NIC)


@contextlib.contextmanager
def networkd(address):
    """systemd-networkd raises the interface of the function whenever it is there."""
    path = '/run/systemd/network/10-test.network'
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'w', encoding='ascii') as file:
        file.write(f'[Match]\nPath=pci-{address}\n[Link]\nActivationPolicy=always-up\n[Network]\nLinkLocalAddressing=no\n')
    systemctl('start', 'systemd-networkd.service')
    try:
        yield
    finally:
        systemctl('stop', 'systemd-networkd.service', 'systemd-networkd.socket')
        os.unlink(path)


def is_up(address):
    directory = f'{kernel.DEVICES}/{address}/net'
    for name in os.listdir(directory) if os.path.isdir(directory) else []:
        with contextlib.suppress(FileNotFoundError), open(f'{directory}/{name}/flags', encoding='ascii') as file:
            return int(file.read(), 16) & 1 == 1
    return False


@test
def interface():
    """A NIC that comes back has its interface raised where the system's network configuration does that"""
    with networkd(NIC), lending.allowed('alice', NIC):
        bus.wait_for(lambda: is_up(NIC), 'the interface to be up')
        with Machine('alice', NIC) as machine:
            assert not is_up(NIC)
            os.kill(machine.pid, signal.SIGKILL)
            os.kill(machine.qemu, signal.SIGKILL)
            home(NIC)
        bus.wait_for(lambda: is_up(NIC), 'the interface to be up again')
