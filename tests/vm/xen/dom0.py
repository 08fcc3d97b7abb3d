# SPDX-License-Identifier: GPL-2.0-or-later
"""What the service says of a dom0, and the policy's rows about one."""

import subprocess

import bus
import table
from harness import cases, equal, expect_error, test
from table import NIC

root = bus.Client()


@test
def backends():
    """Xen's backend is there and selected, and why VFIO is not is said"""
    manager = root.get_all(bus.ROOT, bus.MANAGER)
    (vfio, kvm, xen) = manager['Backends']
    equal(vfio[:3], ('vfio', 'vfio-pci', False))
    assert 'Xen' in vfio[3], vfio
    equal((kvm, xen), (('kvm', 'pci-stub', True, ''), ('xen', 'pciback', True, '')))
    equal((manager['SelectedBackend'], manager['IommuPresent']), ('xen', False))


@cases(table.rows('Xen dom0'))
def row(words, cells):
    """Every target goes where the table says, whatever is configured"""
    table.hold(words, cells)


@cases([('vfio', 'vfio'), ('vfio-pci', 'vfio-pci')])
def vfio(target):
    """VFIO is refused with the reason"""
    message = expect_error('BackendUnavailable', root.bind, NIC, target)
    assert NIC in message and 'Xen' in message, message


@test
def groups():
    """There are no IOMMU groups, and calls about one say so"""
    equal(root.call(bus.MANAGER, 'ListGroups'), [])
    equal(root.get(bus.device_path(NIC), bus.DEVICE, 'Group'), '/')
    for call in (lambda: root.call(bus.MANAGER, 'GetGroup', '(u)', 0), lambda: root.bind_group(0, 'xen'),
                 lambda: root.restore_group(0)):
        message = expect_error('NoSuchGroup', call)
        assert 'no IOMMU groups' in message, message


@test
def shown():
    """The client says that there are no groups, and where to read why"""
    groups, backends = (subprocess.run(['vfiobindctl', verb], check=True, capture_output=True, text=True).stdout
                        for verb in ('groups', 'backends'))
    assert 'no IOMMU groups' in groups and 'vfiobindctl backends' in groups, groups
    assert 'Xen keeps the IOMMU to itself' in backends and "'bind' takes xen" in backends, backends


@test
def widened():
    """With GROUP, a function without a group goes alone"""
    equal(root.bind(NIC, 'xen', bus.GROUP_FLAG), [(NIC, 'e1000e', 'pciback')])
    equal(root.restore(NIC, bus.GROUP_FLAG), [(NIC, 'pciback', 'e1000e')])
