# SPDX-License-Identifier: GPL-2.0-or-later
"""A /sys of plain files: what PCI tools read of a large host, or of an ordinary one.

The functions, their ids, drivers and groups are those of servers that exist: chipset, root ports, network cards with
virtual functions, disks, graphics. Equal contents are one file with many names, so that a large tree stays small.
"""

import dataclasses
import os
import struct


@dataclasses.dataclass(frozen=True)
class Kind:
    """One model of a function, as its configuration space tells it."""
    vendor: int
    device: int
    subsystem: int
    code: int  # class, subclass, programming interface
    driver: str = ''
    virtual: int = 0  # the device id of its virtual functions
    virtual_driver: str = ''
    slots: int = 1  # functions of one slot, in one group

    @property
    def bridge(self):
        return self.code == 0x060400


ROOT_PORT = Kind(0x8086, 0x2030, 0x80860000, 0x060400, 'pcieport')

# What a server's board brings: one of each.
BOARD = [
    Kind(0x8086, 0x2020, 0x15d90967, 0x060000),
    Kind(0x8086, 0x2021, 0x15d90967, 0x088000, 'ioatdma', slots=8),
    Kind(0x8086, 0x2024, 0x15d90967, 0x088000, slots=3),
    Kind(0x8086, 0xa1ec, 0x15d90967, 0xff0000),
    Kind(0x8086, 0xa1d2, 0x15d90967, 0x010601, 'ahci'),
    Kind(0x8086, 0xa1af, 0x15d90967, 0x0c0330, 'xhci_hcd'),
    Kind(0x8086, 0xa1ba, 0x15d90967, 0x078000, slots=2),
    Kind(0x8086, 0xa182, 0x15d90967, 0x010601, 'ahci'),
    Kind(0x8086, 0xa1c1, 0x15d90967, 0x060100, 'lpc_ich'),
    Kind(0x8086, 0xa1a3, 0x15d90967, 0x0c0500, 'i801_smbus'),
    Kind(0x8086, 0xa1a4, 0x15d90967, 0x0c8000),
    Kind(0x8086, 0x2054, 0x80860000, 0x088000),
    Kind(0x8086, 0x2055, 0x80860000, 0x088000),
    Kind(0x8086, 0x2056, 0x80860000, 0x088000),
    Kind(0x8086, 0x2058, 0x80860000, 0x110100, 'skx_uncore'),
    Kind(0x8086, 0x2066, 0x80860000, 0x088000),
]

# What is plugged in, each behind a root port of its own.
CARDS = [
    Kind(0x1a03, 0x2000, 0x15d90967, 0x030000, 'ast'),
    Kind(0x144d, 0xa824, 0x144da801, 0x010802, 'nvme'),
    Kind(0x8086, 0x0a54, 0x80864702, 0x010802, 'nvme'),
    Kind(0x8086, 0x1521, 0x15d91521, 0x020000, 'igb', slots=2),
    Kind(0x10de, 0x1eb8, 0x10de12a2, 0x030200, 'nouveau'),
    Kind(0x10de, 0x20b5, 0x10de1533, 0x030200, 'nouveau'),
    Kind(0x10de, 0x2204, 0x38423973, 0x030000, 'nouveau'),
    Kind(0x10de, 0x1aef, 0x38423973, 0x040300, 'snd_hda_intel'),
    Kind(0x1002, 0x738c, 0x10020c34, 0x038000, 'amdgpu'),
    Kind(0x1000, 0x0097, 0x10003090, 0x010700, 'mpt3sas'),
    Kind(0x1000, 0x0016, 0x10001f3a, 0x010400, 'megaraid_sas'),
    Kind(0x1077, 0x2261, 0x107702b1, 0x0c0400, 'qla2xxx', slots=2),
    Kind(0x10df, 0xe300, 0x10dfe310, 0x0c0400, 'lpfc', slots=2),
    Kind(0x8086, 0x10d3, 0x8086a01f, 0x020000, 'e1000e'),
    Kind(0x1912, 0x0014, 0x19120014, 0x0c0330, 'xhci_hcd'),
    Kind(0x10ec, 0x8168, 0x10ec0123, 0x020000, 'r8169'),
]

# Cards with virtual functions: two physical functions each, and as many virtual ones as a bus has room for.
VIRTUALIZED = [
    Kind(0x8086, 0x1572, 0x80860001, 0x020000, 'i40e', 0x154c, 'iavf'),
    Kind(0x8086, 0x1592, 0x80860001, 0x020000, 'ice', 0x1889, 'iavf'),
    Kind(0x8086, 0x1528, 0x80860001, 0x020000, 'ixgbe', 0x1515, 'ixgbevf'),
    Kind(0x15b3, 0x101d, 0x15b30043, 0x020000, 'mlx5_core', 0x101e, 'mlx5_core'),
    Kind(0x15b3, 0x1017, 0x15b30007, 0x020000, 'mlx5_core', 0x1018, 'mlx5_core'),
    Kind(0x8086, 0x37c8, 0x80860001, 0x0b4000, 'c6xx', 0x37c9, 'c6xxvf'),
    Kind(0x14e4, 0x16d8, 0x14e44163, 0x020000, 'bnxt_en', 0x16dc, 'bnxt_en'),
    Kind(0x1077, 0x8070, 0x10770002, 0x020000, 'qede', 0x8090, 'qede'),
]


@dataclasses.dataclass
class Function:
    address: str
    kind: Kind
    group: int
    parents: list
    driver: str
    physical: 'Function' = None
    virtual: list = dataclasses.field(default_factory=list)


def plan(count):
    """The functions of a host with this many, in the order of their addresses."""
    functions, groups = [], iter(range(count))

    def add(bus, number, kind, group, parents, driver, physical=None):
        address = f'0000:{bus:02x}:{number >> 3:02x}.{number & 7}'
        functions.append(Function(address, kind, group, parents, driver, physical))
        return functions[-1]

    def add_slot(bus, slot, kind, parents):
        group = next(groups)
        for number in range(min(kind.slots, count - len(functions))):
            add(bus, slot * 8 + number, kind, group, parents, kind.driver)

    for slot, kind in enumerate(BOARD):
        add_slot(0, slot, kind, [])

    # The root ports share the slots that are left on bus 0, eight to a slot.
    ports = iter(range(len(BOARD) * 8, 256))
    buses = iter(range(1, 256))
    cards = iter(CARDS)
    virtualized = 0
    while len(functions) < count:
        port = add(0, next(ports), ROOT_PORT, next(groups), [], 'pcieport')
        bus = next(buses)
        if len(functions) == count:
            break
        if card := next(cards, None):
            add_slot(bus, 0, card, [port.address])
            continue

        kind = VIRTUALIZED[virtualized % len(VIRTUALIZED)]
        virtualized += 1
        below = dataclasses.replace(kind, device=kind.virtual, virtual=0)
        physical = [add(bus, number, kind, next(groups), [port.address], kind.driver)
                    for number in range(min(2, count - len(functions)))]
        for number in range(2, min(256, count - len(functions) + 2)):
            # Every fourth is with a guest.
            driver = 'vfio-pci' if number % 4 == 3 else kind.virtual_driver
            function = add(bus, number, below, next(groups), [port.address], driver, physical[number % 2])
            physical[number % 2].virtual.append(function)
    return sorted(functions, key=lambda function: function.address)


class Files:
    """Writes files; equal ones are links to the first."""

    def __init__(self, directory):
        self.directory = directory
        self.first = {}
        os.makedirs(directory)

    def put(self, path, content):
        if content not in self.first:
            self.first[content] = f'{self.directory}/{len(self.first)}'
            with open(self.first[content], 'wb') as file:
                file.write(content)
        os.link(self.first[content], path)


def configuration_space(kind):
    header = struct.pack('<HHHHBBHBBBB', kind.vendor, kind.device, 0x0406, 0x0010, 1, kind.code & 0xff, kind.code >> 8,
                         0, 0, 1 if kind.bridge else 0, 0)
    subsystem = struct.pack('<HH', kind.subsystem >> 16, kind.subsystem & 0xffff)
    return header + bytes(0x2c - len(header)) + subsystem + bytes(0x40 - 0x30) + bytes(192)


def attributes(function):
    """The attributes that PCI tools read, as the kernel words them."""
    kind = function.kind
    vendor, device = kind.subsystem >> 16, kind.subsystem & 0xffff
    base, sub, interface = kind.code >> 16, kind.code >> 8 & 0xff, kind.code & 0xff
    texts = {
        'vendor': f'0x{kind.vendor:04x}', 'device': f'0x{kind.device:04x}',
        'subsystem_vendor': f'0x{vendor:04x}', 'subsystem_device': f'0x{device:04x}',
        'class': f'0x{kind.code:06x}', 'revision': '0x01', 'irq': '0', 'numa_node': '0', 'enable': '1',
        'power_state': 'D0', 'driver_override': 'vfio-pci' if function.driver == 'vfio-pci' else '(null)',
        'modalias': f'pci:v{kind.vendor:08X}d{kind.device:08X}sv{vendor:08X}sd{device:08X}'
                    f'bc{base:02X}sc{sub:02X}i{interface:02X}',
        'resource': '\n'.join(['0x0000000000000000 0x0000000000000000 0x0000000000000000'] * 13),
        'uevent': f'PCI_CLASS={kind.code:X}\nPCI_ID={kind.vendor:04X}:{kind.device:04X}\n'
                  f'PCI_SUBSYS_ID={vendor:04X}:{device:04X}\nPCI_SLOT_NAME={function.address}',
    }
    if kind.bridge:
        texts |= {'secondary_bus_number': '1', 'subordinate_bus_number': '1'}
    else:
        texts['reset_method'] = 'flr bus' if function.physical else 'flr pm bus'
    if kind.code >> 8 == 0x0300:
        texts['boot_vga'] = '1'
    if kind.virtual:
        texts |= {'sriov_totalvfs': '127', 'sriov_numvfs': str(len(function.virtual)), 'sriov_drivers_autoprobe': '1'}
    return texts


def link(top, target, path):
    """As sysfs links: relative."""
    os.symlink(os.path.relpath(f'{top}/{target}', os.path.dirname(path)), path)


def make(top, count):
    """Makes the tree at this directory, on the same file system. Returns the functions."""
    files = Files(f'{top}.files')
    functions = plan(count)
    places = {f.address: '/'.join(['devices/pci0000:00', *f.parents, f.address]) for f in functions}

    for directory in 'bus/pci/devices', 'bus/pci/drivers', 'bus/pci/slots', 'kernel/iommu_groups', 'class', 'module':
        os.makedirs(f'{top}/{directory}')
    files.put(f'{top}/kernel/uevent_seqnum', b'4711\n')
    for driver in sorted({f.driver for f in functions if f.driver}):
        module = driver.replace('-', '_')
        os.makedirs(f'{top}/bus/pci/drivers/{driver}')
        os.makedirs(f'{top}/module/{module}/drivers')
        files.put(f'{top}/module/{module}/initstate', b'live\n')
        link(top, f'bus/pci/drivers/{driver}', f'{top}/module/{module}/drivers/pci:{driver}')
        link(top, f'module/{module}', f'{top}/bus/pci/drivers/{driver}/module')

    for f in functions:
        place = places[f.address]
        directory = f'{top}/{place}'
        os.makedirs(directory, exist_ok=True)
        for name, text in attributes(f).items():
            files.put(f'{directory}/{name}', f'{text}\n'.encode())
        files.put(f'{directory}/config', configuration_space(f.kind))
        link(top, 'bus/pci', f'{directory}/subsystem')
        link(top, place, f'{top}/bus/pci/devices/{f.address}')
        if f.driver:
            link(top, f'bus/pci/drivers/{f.driver}', f'{directory}/driver')
            link(top, place, f'{top}/bus/pci/drivers/{f.driver}/{f.address}')
        if f.driver == 'vfio-pci':
            os.makedirs(f'{directory}/vfio-dev/vfio{f.group}')
        if f.physical:
            link(top, places[f.physical.address], f'{directory}/physfn')
        for number, virtual in enumerate(f.virtual):
            link(top, places[virtual.address], f'{directory}/virtfn{number}')

        group = f'{top}/kernel/iommu_groups/{f.group}'
        if not os.path.isdir(group):
            os.makedirs(f'{group}/devices')
            files.put(f'{group}/type', b'DMA-FQ\n')
        link(top, f'kernel/iommu_groups/{f.group}', f'{directory}/iommu_group')
        link(top, place, f'{group}/devices/{f.address}')
    return functions
