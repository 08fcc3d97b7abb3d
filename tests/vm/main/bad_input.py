# SPDX-License-Identifier: GPL-2.0-or-later
"""Every wrong request is answered with a typed error and a sentence, and changes nothing."""

import subprocess

import bus
import kernel
import storage
from harness import cases, equal, expect_error, test
from topology import BOOT_DISPLAY, CHIPSET, DISK, ISA_BRIDGE, LEGACY_BRIDGE, NIC, NIC_PORT, ROOT_DISK, TWINS

root = bus.Client()

NO_SUCH = '0000:7f:1f.7'

ADDRESSES = [
    ('empty', ''), ('a word', 'eth0'), ('short', '01:00'), ('no function', '0000:01:00'), ('function 8', '0000:01:00.8'),
    ('slot 20', '0000:01:20.0'), ('five digits of bus', '0000:00001:00.0'), ('a blank before', f' {NIC}'),
    ('a line end after', f'{NIC}\n'), ('a slash', f'../{NIC}'), ('a path', f'/sys/bus/pci/devices/{NIC}'),
    ('not ASCII', '0000:01:00.०'), ('full-width digits', '００００:01:00.0'), ('hexadecimal mark', '0x0000:01:00.0'),
    ('sign', '-000:01:00.0'), ('nine digits of domain', '123456789:01:00.0'), ('a megabyte', '0' * 1000000),
    ('a megabyte after a good one', NIC + '0' * 1000000), ('a wildcard', '0000:01:00.*'),
]


def unchanged(name, function, *arguments):
    """Fails as expected, nothing is moved, and the service is the same process as before."""
    before = kernel.snapshot(), main_pid()
    message = expect_error(name, function, *arguments)
    equal((kernel.snapshot(), main_pid()), before)
    return message


def main_pid():
    return subprocess.run(['systemctl', 'show', '-P', 'MainPID', 'vfiobind.service'], check=True, capture_output=True,
                          text=True).stdout.strip()


@cases(ADDRESSES)
def malformed_address(address):
    """A malformed address is InvalidArgs, whatever the method"""
    for call in (lambda: root.bind(address, 'vfio'), lambda: root.restore(address),
                 lambda: root.bind_devices([NIC, address], 'vfio'),
                 lambda: root.call(bus.MANAGER, 'GetDevice', '(s)', address)):
        message = unchanged('InvalidArgs', call)
        assert len(message) < 1000, 'the message repeats all of a long address'


REQUESTS = [
    ('an address where nothing is', 'NoSuchDevice', lambda: root.bind(NO_SUCH, 'vfio')),
    ('one of two is not there', 'NoSuchDevice', lambda: root.bind_devices([NIC, NO_SUCH], 'vfio')),
    ('to restore what is not there', 'NoSuchDevice', lambda: root.restore(NO_SUCH)),
    ('another domain', 'NoSuchDevice', lambda: root.bind('ffff:00:00.0', 'vfio')),
    ('a group that is not there', 'NoSuchGroup', lambda: root.bind_group(4711, 'vfio')),
    ('the largest number of a group', 'NoSuchGroup', lambda: root.restore_group(0xffffffff)),
    ('to get a group that is not there', 'NoSuchGroup', lambda: root.call(bus.MANAGER, 'GetGroup', '(u)', 4711)),
    ('an unknown driver', 'NoSuchDriver', lambda: root.bind(NIC, 'no-such-driver')),
    ('a driver that does not take the device', 'NoSuchDriver', lambda: root.bind(NIC, 'nvme')),
    ('a module\'s name that is no driver', 'NoSuchDriver', lambda: root.bind(NIC, 'dummy')),
    ('a path for a driver', 'NoSuchDriver', lambda: root.bind(NIC, '../vfio-pci')),
    ('a dot for a driver', 'NoSuchDriver', lambda: root.bind(NIC, '.')),
    ('a driver with a line end', 'NoSuchDriver', lambda: root.bind(NIC, 'vfio-pci\n')),
    ('a driver of a megabyte', 'NoSuchDriver', lambda: root.bind(NIC, 'x' * 1000000)),
    ('a driver that is not ASCII', 'NoSuchDriver', lambda: root.bind(NIC, 'vfio-pcí')),
    ('a backend that this host has not', 'BackendUnavailable', lambda: root.bind(NIC, 'xen')),
    ('its driver by name', 'BackendUnavailable', lambda: root.bind(NIC, 'pciback')),
    ('an unknown flag', 'InvalidArgs', lambda: root.bind(NIC, 'vfio', 1 << 4)),
    ('the highest flag', 'InvalidArgs', lambda: root.bind(NIC, 'vfio', 1 << 63)),
    ('all flags', 'InvalidArgs', lambda: root.restore(NIC, (1 << 64) - 1)),
    ('PERSIST', 'NotSupported', lambda: root.bind(NIC, 'vfio', bus.PERSIST)),
    ('ACCESS to what goes elsewhere', 'InvalidArgs', lambda: root.bind(NIC, 'kvm', bus.ACCESS)),
    ('ACCESS to what goes to the host', 'InvalidArgs', lambda: root.restore(NIC, bus.ACCESS)),
    ('an unknown flag where nothing is to be moved', 'InvalidArgs', lambda: root.restore(NIC, 1 << 4)),
    ('no device at all', 'InvalidArgs', lambda: root.bind_devices([], 'vfio')),
    ('no device at all to restore', 'InvalidArgs', lambda: root.restore_devices([])),
    ('a device named twice', 'InvalidArgs', lambda: root.bind_devices([NIC, NIC], 'vfio')),
    ('a device named twice in two ways', 'InvalidArgs', lambda: root.bind_devices([NIC, NIC[5:].upper()], 'vfio')),
    ('257 devices', 'InvalidArgs', lambda: root.bind_devices([f'0000:{i:02x}:00.0' for i in range(256)] + [NO_SUCH],
                                                             'vfio')),
    ('a root port', 'InUse', lambda: root.bind(NIC_PORT, 'vfio')),
    ('a conventional bridge', 'InUse', lambda: root.bind(LEGACY_BRIDGE, 'vfio')),
    ('an ISA bridge', 'InUse', lambda: root.bind(ISA_BRIDGE, 'vfio')),
    ('a bridge among others', 'InUse', lambda: root.bind_devices([NIC, NIC_PORT], 'vfio')),
    ('a bridge to the legacy stub', 'InUse', lambda: root.bind(NIC_PORT, 'kvm')),
    ('a bridge to no driver', 'InUse', lambda: root.bind(NIC_PORT, 'none')),
    ('the root disk', 'InUse', lambda: root.bind(ROOT_DISK, 'vfio')),
    ('the root disk to no driver', 'InUse', lambda: root.bind(ROOT_DISK, 'none')),
    ('the root disk to its own driver\'s name', None, lambda: root.bind(ROOT_DISK, 'virtio-pci')),
    ('the root disk among others', 'InUse', lambda: root.bind_devices([NIC, ROOT_DISK], 'vfio')),
    ('the root disk\'s group', 'InUse', lambda: root.bind_group(kernel.group(ROOT_DISK), 'vfio')),
    ('the group of a root port alone', 'InvalidArgs', lambda: root.bind_group(kernel.group(NIC_PORT), 'vfio')),
]


@cases(REQUESTS)
def refused(name, call):
    """A request that cannot be is refused"""
    if name is None:
        equal(call(), [])
    else:
        message = unchanged(name, call)
        assert 'vfiobind' not in message.lower() or ' ' in message


@test
def the_message_names_the_device():
    """The message names the device, and how many more findings there are"""
    message = unchanged('InUse', root.bind, ROOT_DISK, 'vfio')
    assert ROOT_DISK in message and '/' in message, message
    message = unchanged('InUse', root.bind_devices, [NIC_PORT, ROOT_DISK], 'vfio')
    assert NIC_PORT in message and 'more)' in message, message


@test
def the_root_disk_through_its_neighbours():
    """GROUP reaches no bridge: the chipset's endpoints move without the ISA bridge"""
    group = kernel.group(ISA_BRIDGE)
    endpoints = [address for address in CHIPSET if address != ISA_BRIDGE]
    before = kernel.snapshot()
    moved = root.bind_group(group, 'kvm')
    equal(sorted(address for address, _, _ in moved), endpoints)
    equal(root.get(bus.group_path(group), bus.GROUP, 'Blockers'), [bus.device_path(ISA_BRIDGE)])
    root.restore_group(group)
    equal(kernel.snapshot(), before)


@test
def swap():
    """A disk that swap stands on is refused, and is free again afterwards"""
    with storage.area('swap') as node:
        storage.run('swapon', node)
        try:
            message = unchanged('InUse', root.bind, DISK, 'vfio')
            assert DISK in message and node in message, message
            unchanged('InUse', root.bind, DISK, 'none')
            unchanged('InUse', root.bind_devices, [NIC, DISK], 'vfio')
        finally:
            storage.run('swapoff', node)
    root.bind(DISK, 'vfio')
    root.restore(DISK)


@cases([('/var', '/var/lib/test'), ('a directory of its own', '/mnt/test')])
def mounted(directory):
    """A disk with a file system that is mounted is refused, and is free again afterwards"""
    with storage.mounted(directory):
        message = unchanged('InUse', root.bind, DISK, 'vfio')
        assert DISK in message and directory in message, message
    root.bind(DISK, 'vfio')
    root.restore(DISK)


@test
def wrong_signatures():
    """Calls with arguments of other types are refused by name"""
    unchanged('InvalidArgs', lambda: root.call(bus.MANAGER, 'Bind', '(ss)', NIC, 'vfio'))
    unchanged('UnknownMethod', lambda: root.call(bus.MANAGER, 'NoSuchMethod'))
    unchanged('UnknownObject', lambda: root.get(bus.device_path(NO_SUCH), bus.DEVICE, 'Driver'))
    unchanged('UnknownProperty', lambda: root.get(bus.device_path(NIC), bus.DEVICE, 'NoSuchProperty'))


@test
def gone_in_between():
    """Functions that disappear while they are being moved give a typed error, and the rest is as before"""
    expected = {'NoSuchDevice', 'StateChanged', 'MoveFailed', 'UndoFailed'}
    before = kernel.snapshot()

    def driver_of_nic():
        return {row[0]: row[6] for row in root.call(bus.MANAGER, 'ListDevices')}.get(NIC)

    for _ in range(5):
        pending = root.send(bus.MANAGER, 'BindDevices', '(asst)', [TWINS[0], NIC], 'vfio', 0)
        kernel.remove(NIC)
        try:
            pending.result()
        except bus.BusError as error:
            assert error.name in expected and ' ' in error.message, error
            equal(kernel.driver(TWINS[0]), 'e1000e')
        kernel.rescan()
        bus.wait_for(lambda: kernel.driver(NIC) == 'e1000e', 'the NIC to be back')
        bus.wait_for(lambda: driver_of_nic() == 'e1000e', 'this to be known')
        root.restore_devices([TWINS[0], NIC])
        equal(kernel.snapshot(), before)


@cases([('a malformed address', ['bind', 'nonsense'], 2), ('nothing there', ['bind', NO_SUCH], 5),
        ('a bridge', ['bind', NIC_PORT], 4), ('the root disk', ['bind', ROOT_DISK], 4),
        ('an unknown driver', ['bind', '--driver', 'no-such-driver', NIC], 1), ('no address', ['bind'], 2),
        ('an unknown verb', ['nonsense'], 2), ('an unknown option', ['list', '--nonsense'], 2),
        ('to show what is not there', ['show', NO_SUCH], 5)])
def client(arguments, status):
    """vfiobindctl answers with one line on stderr and the manual's exit status"""
    before = kernel.snapshot()
    run = subprocess.run(['vfiobindctl', *arguments], capture_output=True, text=True, check=False)
    equal((run.returncode, run.stdout), (status, ''), run.stderr)
    assert run.stderr.strip() and (status == 2 or len(run.stderr.strip().splitlines()) == 1), run.stderr
    equal(kernel.snapshot(), before)


@test
def boot_display_round_trip():
    """The boot display is moved when it is forced, and survives a round trip to the legacy stub"""
    driver = kernel.driver(BOOT_DISPLAY)
    unchanged('InUse', lambda: root.bind(BOOT_DISPLAY, 'kvm'))
    equal(root.bind(BOOT_DISPLAY, 'kvm', bus.FORCE), [(BOOT_DISPLAY, driver, 'pci-stub')])
    equal(root.restore(BOOT_DISPLAY), [(BOOT_DISPLAY, 'pci-stub', driver)])
