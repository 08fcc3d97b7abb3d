#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The second half of tests/bench/usage: the measurements, in mount, network and PID namespaces of its own.

Usage: usage.py DIRECTORY, with the installed service below tree/ and bench-crowd.
"""

import contextlib
import os
import re
import stat
import subprocess
import sys
import time

from gi.repository import Gio, GLib

import report
import tree
from list import arrange, host

PROCESSES = 4000
DEVICES = 16
FUNCTIONS = 60
ROUNDS = 21

# The first device is a character device that can be opened anywhere, the second one a disk, so that mounts are looked at
# as well. Nobody has the others.
NUMBERS = [('mem', 'full', 1, 7), ('block', 'disk', 259, 1000), *(('misc', f'node{i}', 10, 900 + i) for i in range(DEVICES - 2))]


def give_node(address, subsystem, name, major, minor):
    """Puts a device below a function. Returns its node: the system's own where there is one, since fuser goes by inodes."""
    directory = f'/sys/bus/pci/devices/{address}/{subsystem}/{name}'
    os.makedirs(directory)
    os.makedirs(f'/sys/class/{subsystem}', exist_ok=True)
    tree.link('/sys', f'class/{subsystem}', f'{os.path.realpath(directory)}/subsystem')
    with open(f'{directory}/dev', 'w', encoding='ascii') as file:
        file.write(f'{major}:{minor}\n')

    if os.path.exists(f'/dev/{name}'):
        return f'/dev/{name}'
    node = f'/run/nodes/{name}'
    os.makedirs('/run/nodes', exist_ok=True)
    os.mknod(node, 0o600 | (stat.S_IFBLK if subsystem == 'block' else stat.S_IFCHR), os.makedev(major, minor))
    return node


@contextlib.contextmanager
def crowd(work):
    """Yields the process that has the first device open."""
    with subprocess.Popen([f'{work}/bench-crowd', str(PROCESSES), '/dev/full'], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as process:
        if not process.stdout.readline():
            raise RuntimeError('the crowd does not gather')
        with open(f'/proc/{process.pid}/task/{process.pid}/children', encoding='ascii') as file:
            yield int(file.read().split()[0])
        process.stdin.close()


class Service:
    def __init__(self):
        self.bus = Gio.DBusConnection.new_for_address_sync(
            'unix:path=/run/dbus/system_bus_socket', Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT |
            Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION, None, None)

    def plan(self, addresses):
        """The findings of use."""
        answer = self.bus.call_sync('org.vfiobind', '/org/vfiobind', 'org.vfiobind.Manager', 'Plan',
                                    GLib.Variant('(asst)', (addresses, 'none', 0)), None, Gio.DBusCallFlags.NONE, -1, None)
        return [(address, kind, subject) for address, _severity, kind, subject, _message in answer.unpack()[2]]

    def timed(self, addresses):
        def run():
            start = time.monotonic()
            self.plan(addresses)
            return time.monotonic() - start
        return run


def fuser(nodes):
    """The processes that it names. It fails where there are none."""
    answer = subprocess.run(['fuser', *nodes], capture_output=True, text=True, check=False)
    return [int(number) for number in re.findall(r'\d+', answer.stdout)]


def timed_fuser(nodes):
    def run():
        start = time.monotonic()
        fuser(nodes)
        return time.monotonic() - start
    return run


def check(service, addresses, nodes, holder):
    """What is compared must have found the same."""
    if fuser(nodes) != [holder]:
        raise ValueError(f'fuser finds {fuser(nodes)}, not {holder}')
    found = [row for row in service.plan(addresses) if row[1] == 'open']
    if found != [(addresses[0], 'open', str(holder))]:
        raise ValueError(f'the plan finds {found}, not {holder}')


def measure(addresses, nodes):
    service = Service()
    one, all_of_them, fuser_one, fuser_all = report.take_turns(
        ROUNDS, service.timed(addresses[:1]), service.timed(addresses), timed_fuser(nodes[:1]), timed_fuser(nodes))

    report.heading(f'{PROCESSES} processes', ROUNDS)
    for what, times, theirs in (('1 device', one, fuser_one), (f'{DEVICES} devices', all_of_them, fuser_all)):
        report.show(f'fuser, {what}', theirs)
        times_as_long = report.ratio(times, theirs)
        report.show(f'Plan, {what}', times, f'{times_as_long:.3f} × fuser', report.Goal(0.5, ''), times_as_long)
    times_as_long = report.ratio(all_of_them, one)
    report.line(f'{DEVICES} devices against 1', f'{times_as_long:.2f} ×', '', report.Goal(2, '').hold(times_as_long))


def main():
    work = sys.argv[1]
    arrange(work)
    with host(work, FUNCTIONS):
        addresses = [f.address for f in tree.plan(FUNCTIONS) if not f.kind.bridge and f.kind.code >> 16 not in (0x03, 0x06) and
                     f.driver not in ('', 'vfio-pci') and not f.virtual][:DEVICES]
        nodes = [give_node(address, *number) for address, number in zip(addresses, NUMBERS, strict=True)]
        with crowd(work) as holder:
            check(Service(), addresses, nodes, holder)
            measure(addresses, nodes)


if __name__ == '__main__':
    main()
