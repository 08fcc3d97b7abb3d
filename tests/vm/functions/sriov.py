# SPDX-License-Identifier: GPL-2.0-or-later
"""Virtual functions of a real kernel's, on an NVMe controller that can have some."""

import contextlib
import os
import subprocess

import bus
import kernel
import polkit
from harness import cases, equal, expect_error, test
from host import DISK, NIC, node, opened

root = bus.Client(listen=True)
alice = bus.Client('alice')


def make(client, count, target='vfio', flags=0, device=DISK):
    return client.call(bus.MANAGER, 'SetVirtualFunctions', '(sust)', device, count, target, flags)


def lease(address):
    """The descriptor that holds it."""
    answer, descriptors = root.connection.call_with_unix_fd_list_sync(
        bus.NAME, bus.ROOT, bus.MANAGER, 'Acquire', bus.GLib.Variant('(asst)', ([address], 'vfio', 0)), None,
        bus.Gio.DBusCallFlags.NONE, -1, None, None)
    return descriptors.get(answer.unpack()[0])


def state():
    return kernel.attribute(DISK, 'sriov_numvfs'), kernel.attribute(DISK, 'sriov_drivers_autoprobe')


def virtual():
    count = int(kernel.attribute(DISK, 'sriov_numvfs'))
    return [kernel.link(f'{kernel.DEVICES}/{DISK}/virtfn{index}') for index in range(count)]


@contextlib.contextmanager
def made(count, target='vfio'):
    """There are as many within, and none afterwards."""
    try:
        yield make(root, count, target)
    finally:
        make(root, 0)


def seen_by(driver, since):
    """The functions that a driver has been given since, as the kernel's messages name them."""
    lines = subprocess.run(['dmesg'], check=True, capture_output=True, text=True).stdout.splitlines()[since:]
    return {address for address in virtual() for line in lines if f'{driver} ' in line and address in line}


def messages():
    return len(subprocess.run(['dmesg'], check=True, capture_output=True, text=True).stdout.splitlines())


@cases([('vfio', 'vfio', 'vfio-pci'), ('kvm', 'kvm', 'pci-stub'), ('none', 'none', '')])
def for_a_guest(target, driver):
    """Those that are made for a guest end on its driver and no host driver has seen them"""
    since = messages()
    with made(3, target) as addresses:
        equal(addresses, virtual())
        equal([kernel.driver(address) for address in addresses], [driver] * 3)
        equal(state(), ('3', '1'))
        equal(seen_by('nvme', since), set())
        paths = [bus.device_path(address) for address in addresses]
        equal(root.get(bus.device_path(DISK), bus.DEVICE, 'VirtualFunctions'), paths)
        equal([root.get(path, bus.DEVICE, 'Driver') for path in paths], [driver] * 3)
        equal([root.get(path, bus.DEVICE, 'PhysicalFunction') for path in paths], [bus.device_path(DISK)] * 3)
        if target == 'vfio':
            assert all(os.path.exists(node(address)) for address in addresses)
            equal(make(root, 3, 'kvm'), addresses)
            equal([kernel.driver(address) for address in addresses], [driver] * 3)
    equal((state(), root.get(bus.device_path(DISK), bus.DEVICE, 'VirtualFunctions')), (('0', '1'), []))


@test
def for_the_host():
    """Those that are made for the host are probed as ever, unless the administrator has switched that off"""
    since = messages()
    with made(1, 'host') as addresses:
        # nvme probes in a thread of the kernel's.
        bus.wait_for(lambda: seen_by('nvme', since) == set(addresses), 'the host driver to be given it')
    kernel.write(f'{kernel.DEVICES}/{DISK}/sriov_drivers_autoprobe', '0')
    try:
        since = messages()
        with made(1, 'host') as addresses:
            equal((seen_by('nvme', since), state()), (set(), ('1', '0')))
        with made(2, 'vfio') as addresses:
            equal([kernel.driver(address) for address in addresses], ['vfio-pci'] * 2)
            equal(state(), ('2', '0'))
    finally:
        kernel.write(f'{kernel.DEVICES}/{DISK}/sriov_drivers_autoprobe', '1')


@test
def in_use():
    """They are not removed while one of them is open through VFIO, by any way that would remove them"""
    with made(2) as addresses:
        with opened(addresses[1]):
            for flags in 0, bus.FORCE:
                expect_error('InUse', make, root, 0, 'vfio', flags)
                expect_error('InUse', make, root, 4, 'vfio', flags)
                expect_error('InUse', root.bind, DISK, 'kvm', flags)
            equal((state(), kernel.driver(DISK)), (('2', '1'), 'nvme'))
        equal(len(make(root, 4)), 4)


@test
def leased():
    """They are not removed while one of them is leased, with FORCE or without; the lease's end leaves it where it was made for"""
    with made(2) as addresses:
        descriptor = lease(addresses[0])
        try:
            for flags in 0, bus.FORCE:
                expect_error('InUse', make, root, 0, 'vfio', flags)
                expect_error('InUse', root.bind, DISK, 'kvm', flags)
        finally:
            os.close(descriptor)
        bus.wait_for(lambda: not root.call(bus.MANAGER, 'ListLeases'), 'the end of the lease')
        equal([kernel.driver(address) for address in addresses], ['vfio-pci'] * 2)


@test
def used_by_a_user():
    """An ordinary user makes them, opens one, resets it and removes them, by a rule for the physical function and these"""
    rule = '''
        if (subject.user == "alice" && action.id.indexOf("org.vfiobind.") == 0 &&
            (action.lookup("device") == "%s" || action.lookup("device-id") == "0010"))
            return polkit.Result.YES;''' % DISK
    expect_error('InteractiveAuthorizationRequired', make, alice, 1)
    with polkit.rule(rule):
        [address] = make(alice, 1)
        try:
            equal(alice.bind(address, 'vfio', bus.ACCESS), [])
            with bus.effective_user('alice'), opened(address):
                pass
            equal(alice.call(bus.MANAGER, 'Reset', '(sst)', address, '', 0), 'flr')
        finally:
            equal(make(alice, 0), [])


@test
def refused():
    """More than there can be, or any where there can be none, is refused before anything is done"""
    expect_error('InvalidArgs', make, root, 5)
    expect_error('NotSupported', make, root, 1, device=NIC)
    with made(1) as [address]:
        expect_error('NotSupported', make, root, 1, device=address)
    root.bind(DISK, 'kvm')
    expect_error('NotSupported', make, root, 1)
    root.restore(DISK)
    equal(state(), ('0', '1'))


@test
def by_the_client():
    """vfiobindctl vfs shows and sets them, and reset tells the method"""
    def ctl(*words):
        return subprocess.run(['vfiobindctl', *words], check=True, capture_output=True, text=True).stdout

    short = DISK.removeprefix('0000:')
    try:
        addresses = ctl('vfs', short, '2').split()
        equal(addresses, virtual())
        shown = ctl('vfs', short)
        assert all(f'{address}  {kernel.group(address)}' in shown and 'vfio-pci' in shown for address in addresses), shown
        assert f'{DISK} has 2 of 4 virtual functions.' in shown, shown
        equal(ctl('reset', addresses[0]), f'{addresses[0]}: reset by flr\n')
    finally:
        equal(ctl('vfs', short, '0'), '')
