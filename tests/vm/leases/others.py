# SPDX-License-Identifier: GPL-2.0-or-later
"""What others have given to VFIO, by driverctl, by the kernel's command line or by a machine of their own, is recognised, shown as
what it is, and never fought over."""

import contextlib
import subprocess

import bus
import kernel
import lending
from harness import cases, equal, expect_error, test
from lending import home, is_true, root
from program import Program
from topology import NIC

LESSONS = '0000:00:16.0'


def shown(address, *names):
    values = root.get_all(bus.device_path(address), bus.DEVICE)
    return tuple(values[name] for name in names)


def known(address, driver):
    """Waits until the service has heard of it."""
    bus.wait_for(lambda: shown(address, 'Driver') == (driver,), f'{address} to be on {driver}')
    is_true(address)


def driverctl(*arguments):
    subprocess.run(['driverctl', '--nosave', *arguments], check=True, capture_output=True)


@contextlib.contextmanager
def on_vfio_by_driverctl(address):
    driverctl('set-override', address, 'vfio-pci')
    try:
        known(address, 'vfio-pci')
        yield
    finally:
        driverctl('unset-override', address)


@test
def driverctl_first():
    """What driverctl has put on vfio-pci can be leased, and stays there when the lease ends"""
    with on_vfio_by_driverctl(NIC):
        equal(shown(NIC, 'State', 'HostDriver', 'DriverOverride'), ('vfio', '', 'vfio-pci'))
        with lending.lease(root, NIC):
            is_true(NIC)
            equal(shown(NIC, 'LeaseState'), ('held',))
        bus.wait_for(lambda: not lending.leases(), 'the lease to end')
        is_true(NIC)
        equal((kernel.driver(NIC), kernel.override(NIC)), ('vfio-pci', 'vfio-pci'))
    known(NIC, 'e1000e')


@test
def driverctl_meanwhile():
    """What driverctl takes out of a lease is left where driverctl has put it"""
    with lending.lease(root, NIC):
        driverctl('unset-override', NIC)
        known(NIC, 'e1000e')
    home(NIC)


@test
def machine_of_its_own():
    """What a machine has that nobody has asked the service for is in use: not leased and not moved, by force or otherwise"""
    with on_vfio_by_driverctl(NIC):
        with Program(*lending.QEMU, '-device', f'vfio-pci,host={NIC}', ready='QMP') as program:
            program.ask('{"execute": "qmp_capabilities"}', 'return')
            for flags in 0, bus.FORCE:
                for call in (lambda: root.restore(NIC, flags), lambda: root.bind(NIC, 'kvm', flags),
                             lambda: lending.acquire(root, NIC, driver='kvm', flags=flags)):
                    message = expect_error('InUse', call)
                    assert str(program.pid) in message, message
            is_true(NIC)
            program.ask('{"execute": "query-status"}', 'prelaunch')
    known(NIC, 'e1000e')


@test
def command_line():
    """What the kernel's command line gives to vfio-pci is shown there, can be leased, and stays there"""
    known(LESSONS, 'vfio-pci')
    equal(shown(LESSONS, 'State', 'HostDriver', 'DriverOverride'), ('vfio', '', ''))
    with lending.lease(root, LESSONS):
        is_true(LESSONS)
    bus.wait_for(lambda: not lending.leases(), 'the lease to end')
    known(LESSONS, 'vfio-pci')
    equal(kernel.override(LESSONS), '')


@cases([('to the host driver', 'e1000e'), ('to no driver', '')])
def bare_writes(driver):
    """What bare writes take away goes home, or is there already, when the lease ends"""
    with lending.lease(root, NIC):
        # In this order: the service looks at the override when it hears of the driver, and nobody tells it of overrides.
        kernel.set_override(NIC, '')
        kernel.unbind(NIC)
        if driver:
            kernel.bind(NIC, driver)
        known(NIC, driver)
    home(NIC)
