# SPDX-License-Identifier: GPL-2.0-or-later
"""Whose processor time it is: what the units of a running system use while something is done."""

import os

CGROUPS = '/sys/fs/cgroup'
SERVICE = 'vfiobind'
AT_LEAST = 1  # milliseconds for a word of its own


def usage(unit):
    """In milliseconds, as everything here."""
    with open(f'{CGROUPS}/{unit}/cpu.stat', encoding='ascii') as file:
        return int(file.readline().split()[1]) / 1000


def units():
    """Name → its cgroup."""
    services = [f'system.slice/{name}' for name in os.listdir(f'{CGROUPS}/system.slice') if name.endswith('.service')]
    return {os.path.basename(path).removesuffix('.service'): path for path in ['init.scope', *services]}


def daemon():
    """The service's own process; what else is in its unit are workers. It is the oldest there, and has one thread."""
    with open(f'{CGROUPS}/system.slice/{SERVICE}.service/cgroup.procs', encoding='ascii') as file:
        pid = int(file.readline())
    with open(f'/proc/{pid}/schedstat', encoding='ascii') as file:
        return int(file.read().split()[0]) / 1e6


def processes_started():
    with open('/proc/stat', encoding='ascii') as file:
        return next(int(line.split()[1]) for line in file if line.startswith('processes '))


def look():
    """Of units that live: one that has gone has nothing to tell."""
    used = {}
    for name, path in units().items():
        try:
            used[name] = usage(path)
        except FileNotFoundError:
            pass
    used['vfiobindd'] = daemon()
    used['its workers'] = used.pop(SERVICE) - used['vfiobindd']
    return used, processes_started()


def show(name, contestant, rounds, settle):
    """A line: the contestant's own time, and what each unit used for it until udev was done."""
    settle()
    before, started = look()
    wall = sum(contestant() for _ in range(rounds))
    settle()
    after, started_then = look()

    used = {unit: (after[unit] - before.get(unit, 0)) / rounds for unit in after}
    words = [f'{unit} {value:.0f}' for unit, value in sorted(used.items(), key=lambda item: -item[1]) if value >= AT_LEAST]
    print(f'    {name}: {wall / rounds * 1000:.0f} ms; {(started_then - started) / rounds:.0f} processes started; '
          f'processor time in ms: {", ".join(words)}', flush=True)
