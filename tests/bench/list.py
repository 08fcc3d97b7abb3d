#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The second half of tests/bench/list: the measurements, in mount, network and PID namespaces of its own.

Usage: list.py DIRECTORY, with the installed service below tree/ and bench-objects.
"""

import contextlib
import os
import re
import select
import signal
import statistics
import subprocess
import sys
import time

import report
import tree

LARGE, ORDINARY = 4352, 60
ROUNDS = 11
SLOW_ROUNDS = 3  # of peers that take seconds
DEADLINE = 30
SERVICE = '/usr/share/dbus-1/system-services/org.vfiobind.service'

LIST = ['vfiobindctl', '--no-pager', 'list']
LSPCI = ['lspci', '-nnk']
DRIVERCTL = ['driverctl', 'list-devices']
DEVBIND = ['dpdk-devbind.py', '--status']


def mount(*words):
    subprocess.run(['mount', *words], check=True)


def arrange(work):
    """The build over the system's files, and nothing of the system's state."""
    os.makedirs(f'{work}/layers')
    mount('-t', 'tmpfs', 'layers', f'{work}/layers')
    for top in 'usr', 'etc':
        os.makedirs(f'{work}/layers/{top}')
        os.makedirs(f'{work}/layers/{top}.work')
        mount('-t', 'overlay', 'overlay', f'/{top}', '-o', f'lowerdir={work}/tree/{top}:/{top},'
              f'upperdir={work}/layers/{top},workdir={work}/layers/{top}.work')
        os.chmod(f'/{top}', 0o755)
    mount('-t', 'tmpfs', '-o', 'mode=0755', 'run', '/run')
    os.makedirs('/run/dbus')

    # sd-device takes no /sys that is not the kernel's, unless it is told to.
    with open(SERVICE, encoding='utf-8') as file:
        text = file.read()
    with open(SERVICE, 'w', encoding='utf-8') as file:
        file.write(re.sub('^Exec=', 'Exec=/usr/bin/env SYSTEMD_DEVICE_VERIFY_SYSFS=0 ', text, flags=re.MULTILINE))


@contextlib.contextmanager
def host(work, count):
    """A host with this many functions, with a bus of its own. Yields the bus."""
    tree.make(f'{work}/layers/{count}', count)
    mount('--bind', f'{work}/layers/{count}', '/sys')
    with open(f'{work}/dbus.log', 'ab') as log, \
            subprocess.Popen(['dbus-daemon', '--system', '--nofork', '--nopidfile', '--print-address=1'],
                             stdout=subprocess.PIPE, stderr=log) as bus:
        if not bus.stdout.readline():
            raise RuntimeError('dbus-daemon does not start')
        yield bus
        stop_service()
        bus.terminate()
    subprocess.run(['umount', '/sys'], check=True)


def ask_bus(member, *arguments):
    answer = subprocess.run(['busctl', '--system', 'call', 'org.freedesktop.DBus', '/org/freedesktop/DBus',
                             'org.freedesktop.DBus', member, *arguments], capture_output=True, text=True, check=False)
    return answer.stdout.split()


def service_pid():
    answer = ask_bus('GetConnectionUnixProcessID', 's', 'org.vfiobind')
    return int(answer[1]) if answer else None


def stop_service():
    """And forgets what it knew: the next start is the first."""
    pid = service_pid()
    if pid:
        pidfd = os.pidfd_open(pid)
        os.kill(pid, signal.SIGTERM)
        if not select.select([pidfd], [], [], DEADLINE)[0]:
            raise TimeoutError('the service does not stop')
        os.close(pidfd)
    subprocess.run(['rm', '-rf', '/run/vfiobind'], check=True)


def output(command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def timed(command):
    """A contestant: runs the command to its end."""
    def run():
        start = time.monotonic()
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        return time.monotonic() - start
    return run


def first_call():
    """The service is started by the call that it answers."""
    stop_service()
    return timed(LIST)()


def private_memory(pid):
    """In MiB."""
    with open(f'/proc/{pid}/smaps_rollup', encoding='ascii') as file:
        return sum(int(line.split()[1]) for line in file if line.startswith('Private_')) / 1024


def cpu_seconds(pid):
    """What its threads have used."""
    total = 0
    for thread in os.listdir(f'/proc/{pid}/task'):
        with open(f'/proc/{pid}/task/{thread}/schedstat', encoding='ascii') as file:
            total += int(file.read().split()[0])
    return total / 1e9


def objects(work):
    """A contestant: GetManagedObjects over an open connection. The call before does not count: it opens the connection."""
    return lambda: float(output([f'{work}/bench-objects', '2']).split()[1])


def profile(what, contestant, bus):
    """Where the time of one call goes, by process."""
    pids = {'service': service_pid(), 'bus': bus.pid}
    before = {name: cpu_seconds(pid) for name, pid in pids.items()}
    children = os.times()
    start = time.monotonic()
    for _ in range(ROUNDS):
        contestant()
    wall = time.monotonic() - start
    after = os.times()
    spent = {name: cpu_seconds(pid) - before[name] for name, pid in pids.items()}
    spent['client'] = after.children_user + after.children_system - children.children_user - children.children_system
    words = ', '.join(f'{name} {seconds / ROUNDS * 1000:.1f} ms' for name, seconds in spent.items())
    print(f'    processor time of one {what}: {words} (of {wall / ROUNDS * 1000:.1f} ms)')


def compare(what, mine, theirs, goal=None):
    times = report.ratio(mine, theirs)
    report.show(what, mine, f'{times:.3f} × lspci -nnk', goal, times)


def show_memory(what, pid, bound):
    memory = private_memory(pid)
    report.line(f'private memory of the service{what}', f'{memory:.1f} MiB', '', report.Goal(bound, ' MiB').hold(memory))


def measure_large(work):
    with host(work, LARGE) as bus:
        # What is compared must be complete.
        for command, pattern in (LIST, r'^0000:\S'), (LSPCI, r'^[0-9a-f]{2}:\S'), (DRIVERCTL, r'^0000:\S'):
            lines = len(re.findall(pattern, output(command), re.MULTILINE))
            if lines != LARGE:
                raise ValueError(f'{command} lists {lines} functions of {LARGE}')

        report.heading(f'{LARGE} functions', ROUNDS, SLOW_ROUNDS)
        running, lspci = report.take_turns(ROUNDS, timed(LIST), timed(LSPCI))
        report.show('lspci -nnk', lspci)
        compare('vfiobindctl list, running service', running, lspci, report.Goal(0.2, ''))
        profile('list', timed(LIST), bus)

        first, lspci = report.take_turns(ROUNDS, first_call, timed(LSPCI))
        compare('vfiobindctl list, starts the service', first, lspci, report.Goal(1.5, ''))
        print(f'    processor time of the service until then: {cpu_seconds(service_pid()) * 1000:.1f} ms')
        show_memory(' at first', service_pid(), 20)

        calls, = report.take_turns(ROUNDS, objects(work))
        report.show('GetManagedObjects (sd-bus, C)', calls, 'over an open connection', report.Goal(0.5, ' s'),
                    statistics.median(calls))
        profile('GetManagedObjects (two calls and a client)', objects(work), bus)
        show_memory(' after all of this', service_pid(), 20)

        slow = report.take_turns(SLOW_ROUNDS, timed(DRIVERCTL), timed(DEVBIND), timed(LIST))
        for command, figures in zip((DRIVERCTL, DEVBIND), slow):
            report.show(' '.join(command), figures, f'{report.ratio(figures, slow[-1]):.0f} × vfiobindctl list')


def measure_ordinary(work):
    with host(work, ORDINARY):
        report.heading(f'\n{ORDINARY} functions', ROUNDS)
        running, lspci, first = report.take_turns(ROUNDS, timed(LIST), timed(LSPCI), first_call)
        report.show('lspci -nnk', lspci)
        compare('vfiobindctl list, running service', running, lspci)
        compare('vfiobindctl list, starts the service', first, lspci)
        objects(work)()
        show_memory('', service_pid(), 4)


def main():
    work = sys.argv[1]
    arrange(work)
    measure_large(work)
    measure_ordinary(work)


if __name__ == '__main__':
    main()
