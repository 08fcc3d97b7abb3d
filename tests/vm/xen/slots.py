# SPDX-License-Identifier: GPL-2.0-or-later
"""To pciback and back: it has what it shall have, and remembers nothing afterwards."""

import pathlib
import subprocess

import bus
import kernel
from harness import cases, equal, expect_error, test
from table import NIC

root = bus.Client(listen=True)
TWINS = kernel.below('0000:00:11.0')
ALL = [NIC, *TWINS]


def slots():
    """What pciback holds, or would take at a probe."""
    subprocess.run(['modprobe', 'xen-pciback'], check=True)
    return sorted(pathlib.Path(f'{kernel.DRIVERS}/pciback/slots').read_text(encoding='ascii').split())


def on(address, driver, override):
    equal((kernel.driver(address), kernel.override(address)), (driver, override), address)


@cases([('auto', 'auto'), ('xen', 'xen'), ('pciback', 'pciback')])
def one(target):
    """One function goes to pciback and back"""
    equal(slots(), [])
    equal(root.bind(NIC, target), [(NIC, 'e1000e', 'pciback')])
    on(NIC, 'pciback', 'pciback')
    equal(slots(), [NIC])
    device = root.get_all(bus.device_path(NIC), bus.DEVICE)
    equal((device['Driver'], device['State'], device['HostDriver']), ('pciback', 'xen', 'e1000e'))
    equal(root.restore(NIC), [(NIC, 'pciback', 'e1000e')])
    on(NIC, 'e1000e', '')
    equal(slots(), [])


@test
def several():
    """Several functions go there and back in one transaction"""
    equal(sorted(root.bind_devices(ALL, 'auto')), [(address, 'e1000e', 'pciback') for address in ALL])
    equal(slots(), ALL)
    equal(sorted(root.restore_devices(ALL)), [(address, 'pciback', 'e1000e') for address in ALL])
    equal(slots(), [])


@test
def repeatedly():
    """The tenth time is as the first"""
    for _ in range(10):
        root.bind(NIC, 'xen')
        equal(slots(), [NIC])
        root.restore(NIC)
        equal(slots(), [])
    on(NIC, 'e1000e', '')


@test
def all_or_none():
    """Where one of several does not leave pciback for the driver asked for, all are back on pciback, and in its slots"""
    root.bind_devices(ALL, 'xen')
    # They go side by side, and whichever is refused first is named.
    message = expect_error('NoSuchDriver', root.bind_devices, ALL, 'ahci')
    assert any(address in message for address in ALL), message
    equal([kernel.driver(address) for address in ALL], ['pciback'] * 3)
    equal(slots(), ALL)
    root.restore_devices(ALL)
    equal(slots(), [])


@test
def planned():
    """The plan says that pciback is made to forget the function, right after the function has left it"""
    root.bind(NIC, 'xen')
    _, steps, _, _ = root.call(bus.MANAGER, 'Plan', '(asst)', [NIC], 'host', 0)
    equal(steps, [(NIC, 'override', ''), (NIC, 'unbind', 'pciback'), (NIC, 'remove-slot', 'pciback'), (NIC, 'bind', 'e1000e')])
    root.restore(NIC)


@test
def forgotten():
    """What has been restored is not taken again at a later probe, nor is what goes elsewhere from there"""
    for target in ('none', 'kvm', 'host'):
        root.bind(NIC, 'xen')
        root.bind(NIC, target)
        equal(slots(), [], target)
    kernel.unbind(NIC)
    kernel.probe(NIC)
    on(NIC, 'e1000e', '')


@test
def prepared_by_others():
    """A function that an administrator has given to pciback by hand is shown, and goes home to the driver of its module"""
    subprocess.run(['modprobe', 'xen-pciback'], check=True)
    kernel.write(f'{kernel.DRIVERS}/pciback/new_slot', NIC)
    kernel.unbind(NIC)
    kernel.bind(NIC, 'pciback')
    on(NIC, 'pciback', '')
    bus.wait_for(lambda: root.get(bus.device_path(NIC), bus.DEVICE, 'State') == 'xen', 'the state to be xen')
    equal(root.restore(NIC), [(NIC, 'pciback', 'e1000e')])
    on(NIC, 'e1000e', '')
    equal(slots(), [])


@test
def locks():
    """An operation holds its function and no other, not even one of the same slot"""
    root.signals.clear()
    root.bind(TWINS[0], 'xen')
    equal({path for path, _, name, values in root.signals if name == 'PropertiesChanged' and 'Busy' in values[1]},
          {bus.device_path(TWINS[0])})
    back = root.send(bus.MANAGER, 'Restore', '(st)', TWINS[0], 0)
    there = root.send(bus.MANAGER, 'Bind', '(sst)', TWINS[1], 'xen', 0)
    equal((back.result(), there.result()), ([(TWINS[0], 'pciback', 'e1000e')], [(TWINS[1], 'e1000e', 'pciback')]))
    root.restore(TWINS[1])
    equal(slots(), [])
