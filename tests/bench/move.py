#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The second half of tests/bench/move: the measurements, in the guest."""

import os
import subprocess
import sys
import time

import report

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '../vm/lib'))
import kernel  # noqa: E402
import topology  # noqa: E402

ROUNDS = 9
SLOW_ROUNDS = 3  # of what takes seconds
ADDRESS = topology.NIC
BIN = '/srv/bin'
WRITES = f'{BIN}/bench-writes'
LIBVIRT = ['libvirtd.socket', 'libvirtd-ro.socket', 'libvirtd-admin.socket', 'libvirtd.service']


def settle():
    """What one contestant has left to udev is not to be the next one's burden."""
    subprocess.run(['udevadm', 'settle'], check=True)


def look(there, back):
    """A round trip has to be one."""
    if (there, back) != ('vfio-pci', 'e1000e') or kernel.override(ADDRESS) not in ('', 'e1000e'):
        raise ValueError(f'{ADDRESS} went to {there} and came back to {back}')


class Resident:
    """A contestant that is started once, and makes a round trip for each line that it reads."""

    def __init__(self, *command):
        self.process = subprocess.Popen([*command, ADDRESS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.bind, self.restore = [], []

    def __call__(self):
        settle()
        print(file=self.process.stdin, flush=True)
        bind, restore = map(float, self.process.stdout.readline().split())
        look('vfio-pci', kernel.driver(ADDRESS))
        self.bind.append(bind)
        self.restore.append(restore)
        return bind + restore


def commands(bind, restore):
    """A contestant of two commands, the starts of their processes included."""
    def run():
        settle()
        start = time.monotonic()
        subprocess.run(bind, check=True, stdout=subprocess.DEVNULL)
        middle = time.monotonic()
        there = kernel.driver(ADDRESS)
        again = time.monotonic()
        subprocess.run(restore, check=True, stdout=subprocess.DEVNULL)
        end = time.monotonic()
        look(there, kernel.driver(ADDRESS))
        return middle - start + end - again
    return run


def show_ways(resident):
    print(f'    to VFIO {report.milliseconds(resident.bind[1:])}, back {report.milliseconds(resident.restore[1:])}', flush=True)


def measure_own():
    service, program, bare = Resident(f'{BIN}/bench-calls'), Resident(WRITES), Resident(WRITES, '--no-wait')
    client = commands(['vfiobindctl', 'bind', '--driver=vfio', ADDRESS], ['vfiobindctl', 'restore', ADDRESS])
    process = commands([WRITES, ADDRESS, 'bind'], [WRITES, ADDRESS, 'restore'])
    contestants = [service, program, client, process, bare]

    # The first round loads modules and starts the service.
    report.take_turns(1, *contestants)
    times = report.take_turns(ROUNDS, *contestants)

    report.heading('A NIC to VFIO and back', ROUNDS, SLOW_ROUNDS)
    report.show('a program that writes and waits for udev', times[1])
    show_ways(program)
    ratio = report.ratio(times[0], times[1])
    report.show('calls over an open connection', times[0], f'{ratio:.2f} × that program', report.Goal(1.2, ''), ratio)
    show_ways(service)
    ratio = report.ratio(times[2], times[3])
    report.show('that program, started for each way', times[3])
    report.show('vfiobindctl bind, restore', times[2], f'{ratio:.2f} × that program', report.Goal(1.2, ''), ratio)
    report.show('bare writes, waiting for nothing', times[4], f'{report.ratio(times[4], times[2]):.2f} × vfiobindctl')
    show_ways(bare)
    return client


def measure_peer(name, client, rounds, bind, restore):
    """A peer has to be twice as slow."""
    peer = commands(bind, restore)
    report.take_turns(1, client, peer)
    mine, theirs = report.take_turns(rounds, client, peer)
    ratio = report.ratio(theirs, mine)
    report.show(name, theirs, f'{ratio:.1f} × vfiobindctl ({report.milliseconds(mine)})', report.Goal(2, '', at_least=True),
                ratio)


def main():
    # libvirt's daemon looks at every uevent: only while it is measured itself.
    subprocess.run(['systemctl', '--quiet', 'stop', *LIBVIRT], check=True)
    client = measure_own()
    measure_peer('driverctl set-override, unset-override', client, ROUNDS,
                 ['driverctl', '--nosave', 'set-override', ADDRESS, 'vfio-pci'],
                 ['driverctl', '--nosave', 'unset-override', ADDRESS])
    measure_peer('dpdk-devbind.py --bind', client, SLOW_ROUNDS,
                 ['dpdk-devbind.py', '--bind=vfio-pci', ADDRESS], ['dpdk-devbind.py', '--bind=e1000e', ADDRESS])
    subprocess.run(['systemctl', '--quiet', 'start', *LIBVIRT], check=True)
    device = f'pci_{ADDRESS.replace(":", "_").replace(".", "_")}'
    measure_peer('virsh nodedev-detach, nodedev-reattach', client, ROUNDS,
                 ['virsh', '--quiet', 'nodedev-detach', device], ['virsh', '--quiet', 'nodedev-reattach', device])


if __name__ == '__main__':
    main()
