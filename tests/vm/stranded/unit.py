# SPDX-License-Identifier: GPL-2.0-or-later
"""The service as systemd sees it, and what it leaves on disk and among the processes."""

import contextlib
import os
import subprocess

NAME = 'vfiobind.service'
CONFIGURATION = '/etc/vfiobind/vfiobind.conf'
DROP_IN = f'/run/systemd/system/{NAME}.d/stranded.conf'
OPERATIONS = '/run/vfiobind/operations'


def systemctl(*arguments, seconds=30):
    return subprocess.run(['systemctl', *arguments], check=True, capture_output=True, text=True,
                          timeout=seconds).stdout.strip()


def show(name, unit=NAME):
    return systemctl('show', '-P', name, unit)


def pid(unit=NAME):
    return int(show('MainPID', unit))


def journal():
    """The files of operations that are not settled."""
    return sorted(os.listdir(OPERATIONS))


def read(path):
    """What a file holds; None if it has gone."""
    try:
        with open(path, encoding='utf-8') as file:
            return file.read()
    except (FileNotFoundError, ProcessLookupError):
        return None


def process(number):
    """The name and the state of a process, as a pair; None if it has ended."""
    text = read(f'/proc/{number}/stat')
    if text is None:
        return None
    name, fields = text.rsplit(')', 1)
    return name.split('(', 1)[1], fields.split()[0]


def workers():
    """The pids of all workers that live; one that has ended and waits to be reaped does not."""
    found = {int(name): process(name) for name in os.listdir('/proc') if name.isdigit()}
    return [number for number, known in found.items() if known and known[0].startswith('vfiobind-worke') and known[1] != 'Z']


def drop_in(text):
    """The unit has these settings as well, from its next start on."""
    os.makedirs(os.path.dirname(DROP_IN), exist_ok=True)
    with open(DROP_IN, 'w', encoding='utf-8') as file:
        file.write(text)
    systemctl('daemon-reload')


@contextlib.contextmanager
def configuration(text):
    """The service runs with this configuration within."""
    def put(lines):
        with open(CONFIGURATION, 'w', encoding='utf-8') as file:
            file.write(lines)
        systemctl('restart', NAME)

    with open(CONFIGURATION, encoding='utf-8') as file:
        before = file.read()
    try:
        put(text)
        yield
    finally:
        put(before)
