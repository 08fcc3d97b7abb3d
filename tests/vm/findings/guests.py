# SPDX-License-Identifier: GPL-2.0-or-later
"""Whoever drives functions through VFIO, and virtual functions."""

import contextlib
import os

import kernel
import use
from harness import cases, equal, expect_error, test
from topology import NIC, TWINS
from use import FORCED, REFUSE, root, run

[PHYSICAL] = kernel.below('0000:00:16.0')

QEMU = ['qemu-system-x86_64', '-nodefaults', '-no-user-config', '-display', 'none', '-machine', 'q35', '-accel', 'tcg',
        '-m', '16', '-S', '-qmp', 'stdio']

# Opens the group and a device of it, and keeps what is asked for.
KEEP = '''
import fcntl, os, sys
keep, group, address = sys.argv[1:]
container = os.open('/dev/vfio/vfio', os.O_RDWR)
node = os.open(f'/dev/vfio/{group}', os.O_RDWR)
fcntl.ioctl(node, 0x3b68, container.to_bytes(4, 'little'))  # VFIO_GROUP_SET_CONTAINER
fcntl.ioctl(container, 0x3b66, 1)  # VFIO_SET_IOMMU: VFIO_TYPE1_IOMMU
device = fcntl.ioctl(node, 0x3b6a, bytearray(address.encode() + b'\\0'))  # VFIO_GROUP_GET_DEVICE_FD
if keep == 'device':
    os.close(node)
    os.close(container)
print('ready', flush=True)
sys.stdin.read()
'''


@contextlib.contextmanager
def qemu(address):
    """A virtual machine, stopped before its first instruction; its monitor answers once it has its devices."""
    with use.Program(*QEMU, '-device', f'vfio-pci,host={address}', ready='QMP') as program:
        program.ask('{"execute": "qmp_capabilities"}', 'return')
        yield program


def keeper(keep, address):
    return use.Program('/usr/bin/python3', '-c', KEEP, keep, str(kernel.group(address)), address, ready='ready')


@contextlib.contextmanager
def on_vfio(*addresses):
    root.bind_devices(list(addresses), 'vfio')
    try:
        yield
    finally:
        root.restore_devices(list(addresses))


def open_through_vfio(address, subject):
    """The finding is there for a way home and for one to another backend; nothing moves, forced or not."""
    for target in 'host', 'kvm':
        equal(use.look(address, target), [('vfio', subject, REFUSE)])
    before = kernel.snapshot()
    for flags in 0, use.bus.FORCE:
        message = expect_error('InUse', root.restore, address, flags)
        assert address in message and subject in message, message
    equal(kernel.snapshot(), before)


@cases([('a virtual machine', qemu, True), ('a program', lambda address: keeper('all', address), True),
        ('a program that has kept nothing but the device', lambda address: keeper('device', address), False)])
def open_function(opened, is_seen):
    """A function that is open through VFIO stays"""
    with on_vfio(NIC):
        with opened(NIC) as program:
            open_through_vfio(NIC, str(program.pid) if is_seen else '')
        equal(use.look(NIC, 'host'), [])


@cases([('seen', 'all'), ('not seen', 'device')])
def open_member(keep):
    """While one member of a group is open, none of it moves"""
    with on_vfio(*TWINS):
        with keeper(keep, TWINS[0]) as program:
            for address in TWINS:
                open_through_vfio(address, str(program.pid) if keep == 'all' else '')
        for address in TWINS:
            equal(use.look(address, 'host'), [])


@contextlib.contextmanager
def virtual_functions(count):
    """Enabled as an administrator does, left to no driver, and known to the service."""
    directory = f'{kernel.DEVICES}/{PHYSICAL}'
    kernel.write(f'{directory}/sriov_drivers_autoprobe', '0')
    kernel.write(f'{directory}/sriov_numvfs', str(count))
    kernel.write(f'{directory}/sriov_drivers_autoprobe', '1')
    try:
        use.bus.wait_for(lambda: use.look(PHYSICAL) == [('virtual-functions', str(count), FORCED)],
                         'the virtual functions to be known')
        yield [os.path.basename(os.readlink(f'{directory}/virtfn{number}')) for number in range(count)]
    finally:
        if kernel.attribute(PHYSICAL, 'sriov_numvfs') not in ('', '0'):
            kernel.write(f'{directory}/sriov_numvfs', '0')


@test
def enabled():
    """A controller with two virtual functions is in the way; forced, it goes without them"""
    with virtual_functions(2):
        use.in_the_way(PHYSICAL, ('virtual-functions', '2', FORCED))
    use.idle(PHYSICAL)


@cases([('seen', 'all'), ('not seen', 'device')])
def open_virtual_function(keep):
    """While one of them is open through VFIO, the physical function stays"""
    run('modprobe', 'vfio-pci')
    with virtual_functions(2) as [first, _second]:
        kernel.set_override(first, 'vfio-pci')
        kernel.probe(first)
        with keeper(keep, first):
            use.in_the_way(PHYSICAL, ('virtual-functions', '2', REFUSE))
        use.bus.wait_for(lambda: use.look(PHYSICAL) == [('virtual-functions', '2', FORCED)], 'the group to be let go')
