#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The second half of tests/bench/move: the measurements, in the guest."""

import os
import re
import statistics
import subprocess
import sys
import time

import report
import spent

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '../vm/lib'))
import kernel  # noqa: E402
import topology  # noqa: E402

ROUNDS = 9
PEER_ROUNDS = 5
SLOW_ROUNDS = 3  # of what takes many seconds
PROFILE_ROUNDS = 5
PATIENCE = 120  # seconds for one command
FAILURES_MAX = 3  # of one comparison
ADDRESS = topology.NIC
WAYS = ('vfio-pci', 'e1000e')
BIN = '/srv/bin'
WRITES = f'{BIN}/bench-writes'
CALLS = f'{BIN}/bench-calls'
LIBVIRT = ['libvirtd.socket', 'libvirtd-ro.socket', 'libvirtd-admin.socket', 'libvirtd.service']
DEVICE = f'pci_{ADDRESS.replace(":", "_").replace(".", "_")}'  # as libvirt says it
VIRSH = ['virsh', '--quiet', '--connect=qemu:///system']

# Name, rounds, units that have to run, to VFIO, back.
PEERS = (
    ('driverctl set-override, unset-override', PEER_ROUNDS, [],
     ['driverctl', '--nosave', 'set-override', ADDRESS, 'vfio-pci'], ['driverctl', '--nosave', 'unset-override', ADDRESS]),
    ('dpdk-devbind.py --bind', SLOW_ROUNDS, [],
     ['dpdk-devbind.py', '--bind=vfio-pci', ADDRESS], ['dpdk-devbind.py', '--bind=e1000e', ADDRESS]),
    ('virsh nodedev-detach, nodedev-reattach', PEER_ROUNDS, LIBVIRT,
     [*VIRSH, 'nodedev-detach', DEVICE], [*VIRSH, 'nodedev-reattach', DEVICE]),
)


def settle():
    """What one contestant has left to udev is not to be the next one's burden."""
    subprocess.run(['udevadm', 'settle'], check=True)


class Failed(Exception):
    """A contestant has not done what it was to do."""


class Resident:
    """A contestant that is started once, and does its work once for each line that it reads. It answers with seconds, and keeps
    them."""

    def __init__(self, *command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.answers = []

    def __call__(self):
        settle()
        print(file=self.process.stdin, flush=True)
        line = self.process.stdout.readline().strip()
        if not re.fullmatch(r'[0-9. ]+', line):
            raise Failed(line or f'{self.process.args[0]} ended')
        self.answers.append([float(word) for word in line.split()])
        return sum(self.answers[-1][:2])

    def part(self, index, rounds):
        """Of the latest rounds."""
        return [answer[index] for answer in self.answers[-rounds:]]


class Commands:
    """A contestant of two commands, to VFIO and back, the starts of their processes included."""

    def __init__(self, bind, restore):
        self.commands = (bind, restore)

    def __call__(self):
        settle()
        seconds = 0
        for command, driver in zip(self.commands, WAYS):
            start = time.monotonic()
            try:
                subprocess.run(command, check=True, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE)
            except subprocess.SubprocessError as error:
                raise Failed(f'{error} {error.stderr or ""}'.strip()) from error
            seconds += time.monotonic() - start
            if kernel.driver(ADDRESS) != driver:
                raise Failed(f'{command[0]} left {ADDRESS} on {kernel.driver(ADDRESS) or "no driver"}, not {driver}')
        return seconds


def take_turns(rounds, *contestants):
    """A round in which somebody fails is told and made again."""
    home = kernel.snapshot()
    columns = [[] for _ in contestants]
    failures = 0
    while len(columns[0]) < rounds:
        try:
            figures = [contestant() for contestant in contestants]
        except Failed as error:
            failures += 1
            print(f'A round does not count: {error}', flush=True)
            kernel.repair(home)
            if failures == FAILURES_MAX:
                raise
            continue
        for column, figure in zip(columns, figures):
            column.append(figure)
    return columns


def show_ways(resident):
    print(f'    to VFIO {report.milliseconds(resident.part(0, ROUNDS))}, back {report.milliseconds(resident.part(1, ROUNDS))}',
          flush=True)


class Own:
    """The service, its client, and the writes alone."""

    def __init__(self):
        self.service, self.program = Resident(CALLS, ADDRESS), Resident(WRITES, ADDRESS)
        self.bare = Resident(WRITES, '--no-wait', ADDRESS)
        self.client = Commands(['vfiobindctl', 'bind', '--driver=vfio', ADDRESS], ['vfiobindctl', 'restore', ADDRESS])
        self.process = Commands([WRITES, ADDRESS, 'bind'], [WRITES, ADDRESS, 'restore'])
        self.goals = []

    def compare(self, what, mine, theirs):
        goal, ratio = report.Goal(1.2, ''), report.ratio(mine, theirs)
        self.goals.append(goal)
        report.show(what, mine, f'{ratio:.2f} × that program', goal, ratio)

    def measure(self):
        contestants = [self.service, self.program, self.client, self.process, self.bare]
        # The first round loads modules and starts the service.
        take_turns(1, *contestants)
        service, program, client, process, bare = take_turns(ROUNDS, *contestants)

        report.heading('A NIC to VFIO and back', ROUNDS)
        report.show('a program that writes and waits for udev', program)
        show_ways(self.program)
        self.compare('calls over an open connection', service, program)
        show_ways(self.service)
        report.show('that program, started for each way', process)
        self.compare('vfiobindctl bind, restore', client, process)
        report.show('bare writes', bare, f'{report.ratio(bare, client):.2f} × vfiobindctl',
                    note='no goal: the same writes, and they wait for nothing')
        show_ways(self.bare)

    def profile(self):
        """Where the time goes, in more rounds of each."""
        print(f'Where the time of a round trip goes, in the mean of {PROFILE_ROUNDS}; udev\'s work is counted to its end')
        for name, contestant in (('that program', self.program), ('calls', self.service), ('the program, started', self.process),
                                 ('vfiobindctl', self.client)):
            spent.show(name, contestant, PROFILE_ROUNDS, settle)

        parts = Resident(CALLS, ADDRESS, 'parts')
        take_turns(PROFILE_ROUNDS, parts, self.program, self.service)
        waited, ping, plan = self.program.part(2, PROFILE_ROUNDS), *(parts.part(i, PROFILE_ROUNDS) for i in (0, 1))
        writes = statistics.median(self.program.part(0, PROFILE_ROUNDS)) - statistics.median(waited)
        print(f'    of one way to VFIO, {report.milliseconds(self.service.part(0, PROFILE_ROUNDS))} by a call: an empty call '
              f'{report.milliseconds(ping)}; what comes before the first write (Plan) {report.milliseconds(plan)}; '
              f'the program\'s writes {writes * 1000:.1f} ms, its wait for udev {report.milliseconds(waited)}', flush=True)


def tolerantly(what, function, *arguments):
    """What does not work once costs the others nothing."""
    try:
        function(*arguments)
    except Failed as error:
        print(f'{what}: NOT MEASURED: {error}', flush=True)


def measure_peer(name, client, rounds, bind, restore):
    """A peer has to take twice as long."""
    peer = Commands(bind, restore)
    take_turns(1, client, peer)
    mine, theirs = take_turns(rounds, client, peer)
    goal, ratio = report.Goal(2, '', at_least=True), report.ratio(theirs, mine)
    report.show(name, theirs, f'{ratio:.1f} × vfiobindctl ({report.milliseconds(mine)})', goal, ratio)
    if goal.missed:
        for title, contestant in ((name.split()[0], peer), ('vfiobindctl', client)):
            spent.show(title, contestant, 2, settle)


def main():
    # libvirt's daemon looks at every uevent: only while it is measured itself.
    subprocess.run(['systemctl', '--quiet', 'stop', *LIBVIRT], check=True)
    own = Own()
    own.measure()
    if any(goal.missed for goal in own.goals):
        tolerantly('the profile', own.profile)

    report.heading('Other people\'s tools, in turns with vfiobindctl', PEER_ROUNDS, SLOW_ROUNDS)
    for name, rounds, units, bind, restore in PEERS:
        if units:
            subprocess.run(['systemctl', '--quiet', 'start', *units], check=True)
        tolerantly(name, measure_peer, name, own.client, rounds, bind, restore)


if __name__ == '__main__':
    main()
