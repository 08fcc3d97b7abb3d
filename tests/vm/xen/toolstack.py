# SPDX-License-Identifier: GPL-2.0-or-later
"""Beside Xen's own toolstack: xl sees what the service does, and the service what xl does."""

import os
import re
import subprocess

import bus
import kernel
from harness import equal, test
from slots import slots
from table import NIC

root = bus.Client(listen=True)
TWINS = kernel.below('0000:00:11.0')


def xl(*arguments):
    return subprocess.run(['xl', *arguments], check=True, capture_output=True, text=True, timeout=60).stdout


# As Xen words them.
DOM0 = 'd0'
QUARANTINE = 'DomIO'


def owner(address):
    """Which domain Xen says has the function: the hypervisor's own word, off its console."""
    xl('debug-keys', 'Q')
    return re.findall(rf'{address} - (\w+)', xl('dmesg'))[-1]


def assignable():
    return sorted(xl('pci-assignable-list').split())


def wait_for_driver(name):
    bus.wait_for(lambda: root.get(bus.device_path(NIC), bus.DEVICE, 'Driver') == name, f'the service to know of {name!r}')


def moved():
    return [values for _, _, name, values in root.signals if name == 'DeviceMoved']


@test
def agree():
    """What is bound can be assigned by xl, and what is restored cannot"""
    equal(assignable(), [])
    root.bind_devices([NIC, *TWINS], 'xen')
    equal(assignable(), [NIC, *TWINS])
    root.restore_devices(TWINS)
    equal(assignable(), [NIC])
    root.restore(NIC)
    equal(assignable(), [])


@test
def made_assignable():
    """What xl has made assignable is shown as that, and is restored to its host driver"""
    root.signals.clear()
    xl('pci-assignable-add', NIC)
    wait_for_driver('pciback')
    device = root.get_all(bus.device_path(NIC), bus.DEVICE)
    equal((device['State'], device['HostDriver']), ('xen', ''))
    assert (NIC, '', 'pciback', 'kernel') in moved(), moved()
    equal(root.restore(NIC), [(NIC, 'pciback', 'e1000e')])
    equal((kernel.driver(NIC), kernel.override(NIC), slots(), assignable()), ('e1000e', '', [], []))


@test
def already_there():
    """What xl has made assignable is where xen wants it: nothing moves"""
    xl('pci-assignable-add', NIC)
    wait_for_driver('pciback')
    equal(root.bind(NIC, 'xen'), [])
    xl('pci-assignable-remove', '-r', NIC)
    wait_for_driver('e1000e')
    equal((slots(), assignable()), ([], []))


@test
def quarantine():
    """What xl has made assignable is in Xen's quarantine, and out of it when it is restored, with all its interrupts"""
    interrupts = os.listdir(f'{kernel.DEVICES}/{NIC}/msi_irqs')
    xl('pci-assignable-add', NIC)
    wait_for_driver('pciback')
    equal(owner(NIC), QUARANTINE)
    root.restore(NIC)
    equal(owner(NIC), DOM0)
    equal(len(os.listdir(f'{kernel.DEVICES}/{NIC}/msi_irqs')), len(interrupts))
