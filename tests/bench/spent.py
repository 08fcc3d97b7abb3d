# SPDX-License-Identifier: GPL-2.0-or-later
"""Whose processor time it is: what the units of a running system use while something is done."""

import os
import time

CGROUPS = '/sys/fs/cgroup'
AT_LEAST = 1  # milliseconds for a line of its own


def usage(unit):
    """In milliseconds."""
    with open(f'{CGROUPS}/{unit}/cpu.stat', encoding='ascii') as file:
        return int(file.readline().split()[1]) / 1000


def units():
    """Name → its cgroup. The root's is everything, the kernel's own threads included."""
    services = [f'system.slice/{name}' for name in os.listdir(f'{CGROUPS}/system.slice') if name.endswith('.service')]
    return {os.path.basename(path).removesuffix('.service'): path for path in ['init.scope', *services]} | {'all': '.'}


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
    return used, processes_started()


def show(name, contestant, rounds, settle):
    """A line: the contestant's own time, and what each unit used for it until udev was done."""
    settle()
    before, started = look()
    wall = 0
    for _ in range(rounds):
        wall += contestant()
    settle()
    after, started_then = look()

    used = {unit: (after[unit] - before.get(unit, 0)) / rounds for unit in after}
    total = used.pop('all')
    words = [f'{unit} {value:.0f}' for unit, value in sorted(used.items(), key=lambda item: -item[1]) if value >= AT_LEAST]
    print(f'    {name}: {wall / rounds * 1000:.0f} ms; {(started_then - started) / rounds:.0f} processes started; processor time '
          f'{total:.0f} ms: {", ".join(words)}', flush=True)
