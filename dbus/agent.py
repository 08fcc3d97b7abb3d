#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Claims PCI functions, opens the nodes of their groups, and returns them: agent.py ADDRESS…

An example of a program without privileges: a rule of polkit allows its user what it does.
"""

import os
import sys

from gi.repository import Gio, GLib

ACCESS = 8


def acquire(addresses):
    """The lease. All goes back when the last copy of this descriptor closes, however that happens."""
    bus = Gio.bus_get_sync(Gio.BusType.SYSTEM)
    answer, descriptors = bus.call_with_unix_fd_list_sync(
        'org.vfiobind', '/org/vfiobind', 'org.vfiobind.Manager', 'Acquire', GLib.Variant('(asst)', (addresses, 'vfio', ACCESS)),
        None, Gio.DBusCallFlags.NONE, GLib.MAXINT, None, None)
    lease, _moves = answer.unpack()
    return descriptors.steal_fds()[lease]


lease = acquire(sys.argv[1:])
for address in sys.argv[1:]:
    group = os.path.basename(os.readlink(f'/sys/bus/pci/devices/{address}/iommu_group'))
    with open(f'/dev/vfio/{group}', 'r+b', buffering=0):
        print(f'{address}: /dev/vfio/{group} is open')
os.close(lease)
