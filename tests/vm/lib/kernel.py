# SPDX-License-Identifier: GPL-2.0-or-later
"""What the kernel itself says about PCI functions and IOMMU groups, read from sysfs without the service."""

import os
import re
import subprocess

DEVICES = '/sys/bus/pci/devices'
DRIVERS = '/sys/bus/pci/drivers'
GROUPS = '/sys/kernel/iommu_groups'
PASSTHROUGH = {'vfio-pci': 'vfio', 'pci-stub': 'kvm', 'pciback': 'xen'}


def link(path):
    """The last part of what a symbolic link points to; '' where there is none."""
    try:
        return os.path.basename(os.readlink(path))
    except FileNotFoundError:
        return ''


def attribute(address, name, missing=''):
    try:
        with open(f'{DEVICES}/{address}/{name}', encoding='ascii') as file:
            return file.read().rstrip('\n')
    except FileNotFoundError:
        return missing


def write(path, text):
    """A bare write, as an administrator's echo would be."""
    with open(path, 'w', encoding='ascii') as file:
        file.write(text)


def settled(path):
    """What the device file is once udev has nothing left to do, for the message where it was found otherwise before."""
    subprocess.run(['udevadm', 'settle'], check=True)
    status = os.stat(path)
    return f'{path} when udev is idle: {status.st_mode & 0o7777:04o} {status.st_uid}:{status.st_gid}'


def addresses():
    return sorted(os.listdir(DEVICES))


def driver(address):
    return link(f'{DEVICES}/{address}/driver')


def override(address):
    value = attribute(address, 'driver_override')
    return '' if value == '(null)' else value


def set_override(address, name):
    write(f'{DEVICES}/{address}/driver_override', name or '\n')


def unbind(address):
    write(f'{DEVICES}/{address}/driver/unbind', address)


def bind(address, name):
    write(f'{DRIVERS}/{name}/bind', address)


def probe(address):
    write('/sys/bus/pci/drivers_probe', address)


def remove(address):
    write(f'{DEVICES}/{address}/remove', '1')


def rescan():
    write('/sys/bus/pci/rescan', '1')


def group(address):
    name = link(f'{DEVICES}/{address}/iommu_group')
    return int(name) if name else -1


def groups():
    """Group number → its members' addresses."""
    if not os.path.isdir(GROUPS):
        return {}
    return {int(name): sorted(os.listdir(f'{GROUPS}/{name}/devices')) for name in os.listdir(GROUPS)}


def is_bridge(address):
    with open(f'{DEVICES}/{address}/config', 'rb') as file:
        return file.read(15)[14] & 0x7f != 0


def parent(address):
    """The function that this one is behind; '' on a root bus."""
    name = os.path.basename(os.path.dirname(os.path.realpath(f'{DEVICES}/{address}')))
    return name if re.fullmatch(r'[0-9a-f]{4,}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]', name) else ''


def below(port):
    """The endpoints behind a bridge, however deep."""
    real = os.path.realpath(f'{DEVICES}/{port}')
    return [address for address in addresses()
            if os.path.realpath(f'{DEVICES}/{address}').startswith(f'{real}/') and not is_bridge(address)]


def blocks(address):
    """Whether it keeps its group from being viable: the drivers that Linux 6.1 marks driver_managed_dma do not."""
    return driver(address) not in ('', 'pcieport', 'pci-stub', 'vfio-pci')


def state(address):
    name = driver(address)
    return PASSTHROUGH.get(name, 'host' if name else 'none')


def lspci():
    """Address → the fields that lspci shows."""
    output = subprocess.run(['lspci', '-D', '-vmmnnk'], check=True, capture_output=True, text=True).stdout
    functions = {}
    for record in output.strip().split('\n\n'):
        fields = {}
        for line in record.split('\n'):
            name, value = line.split(':\t', 1)
            fields.setdefault(name, []).append(value)
        functions[fields['Slot'][0]] = fields
    return functions


def snapshot():
    """Where every function is, to be compared with a later one."""
    return {address: (driver(address), override(address)) for address in addresses()}


def repair(wanted):
    """Brings functions back to a snapshot by bare writes, after a test that failed half way."""
    rescan()
    for address, (name, value) in wanted.items():
        if (driver(address), override(address)) == (name, value):
            continue
        set_override(address, name)
        left = driver(address)
        if left not in ('', name):
            unbind(address)
        if left == 'pciback':  # which would take it back at the next probe
            write(f'{DRIVERS}/pciback/remove_slot', address)
        if name and not driver(address):
            bind(address, name)
        set_override(address, value)
