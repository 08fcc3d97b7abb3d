# SPDX-License-Identifier: GPL-2.0-or-later
"""Names for the functions of tests/vm/topology/main, found by the slots that are fixed there."""

import kernel

BOOT_DISPLAY = '0000:00:01.0'
DISPLAY = '0000:00:02.0'
ROOT_DISK = '0000:00:03.0'
NIC_PORT = '0000:00:10.0'
CHIPSET = ['0000:00:1f.0', '0000:00:1f.2', '0000:00:1f.3']
ISA_BRIDGE, SATA, SMBUS = CHIPSET

[NIC] = kernel.below(NIC_PORT)
TWINS = kernel.below('0000:00:11.0')
LEGACY = kernel.below('0000:00:12.0')
[LEGACY_BRIDGE] = {kernel.parent(address) for address in LEGACY}
[DISK] = kernel.below('0000:00:13.0')
[USB] = kernel.below('0000:00:14.0')

# What a bare host does without: one of each kind of endpoint that no test of another thing stands on.
IDLE = {'NIC': NIC, 'function of a slot with two': TWINS[1], 'NIC behind a conventional bridge': LEGACY[0],
        'NVMe disk': DISK, 'USB controller': USB, 'second graphics adapter': DISPLAY, 'SATA controller': SATA}
