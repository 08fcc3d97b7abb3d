# SPDX-License-Identifier: GPL-2.0-or-later
"""No false alarm: what nobody uses is in nobody's way."""

import kernel
import topology
import use
from harness import cases, equal

SLOTS = {'sound card': '0000:00:17.0', 'serial port': '0000:00:18.0', 'NIC of the virtual kind': '0000:00:19.0',
         'watchdog': '0000:00:1a.0', 'USB controller with nothing on it': '0000:00:1b.0', 'SCSI controller': '0000:00:1c.0'}
[VIRTUALIZED] = kernel.below('0000:00:16.0')

IDLE = {**topology.IDLE, **SLOTS, 'NVMe controller without a disk': VIRTUALIZED, 'SMBus controller': topology.SMBUS}
del IDLE['USB controller']


@cases([*IDLE.items()])
def nothing_found(address):
    """Nothing is found of an idle device"""
    assert kernel.driver(address), 'it has no driver'
    equal(use.look(address), [])


@cases([(name, address) for name, address in SLOTS.items()])
def moves(address):
    """An idle device moves without FORCE, and is idle when it is back"""
    use.round_trip(address)
    equal(use.look(address), [])
