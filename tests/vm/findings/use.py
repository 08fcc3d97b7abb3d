# SPDX-License-Identifier: GPL-2.0-or-later
"""Making use of functions, and what the service says of it: once as the reason for a refusal, once forced, once gone."""

import subprocess

import bus
import kernel
from harness import equal, expect_error
from program import Program

root = bus.Client()

REFUSE, FORCED, WARN = 'refuse', 'force', 'warn'


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=bus.PATIENCE).stdout


def look(address, target='vfio', client=root):
    """What a plan finds about the function, as (kind, subject, severity), in the order of the answer."""
    _token, _steps, findings, _actions = client.call(bus.MANAGER, 'Plan', '(asst)', [address], target, 0)
    for about, _severity, kind, _subject, message in findings:
        equal(about, address)
        assert address in message and not message.endswith('.'), f'{kind}: no sentence about {address}: {message!r}'
    return [(kind, subject, severity) for _about, severity, kind, subject, _message in findings if kind != 'group']


def messages(address, kind, client=root):
    findings = client.call(bus.MANAGER, 'Plan', '(asst)', [address], 'vfio', 0)[2]
    return [message for _about, _severity, found, _subject, message in findings if found == kind]


def refused(address, flags=0):
    """Nothing is moved, and the message names the function. Returns the message."""
    before = kernel.snapshot()
    message = expect_error('InUse', root.bind, address, 'vfio', flags)
    assert address in message, message
    equal(kernel.snapshot(), before)
    return message


def round_trip(address, flags=0):
    host = kernel.driver(address)
    equal(root.bind(address, 'vfio', flags), [(address, host, 'vfio-pci')])
    equal(root.restore(address), [(address, 'vfio-pci', host)])


def idle(address):
    """Nothing is found, and the function moves without being forced."""
    equal(look(address), [])
    round_trip(address)


def in_the_way(address, *expected):
    """Exactly these are found, and the move is refused for them. Forced it succeeds, unless one of them is never overruled."""
    equal(sorted(look(address)), sorted(expected))
    refused(address)
    if any(severity == REFUSE for _kind, _subject, severity in expected):
        refused(address, bus.FORCE)
    else:
        round_trip(address, bus.FORCE)


OPEN = 'import os, sys; fd = os.open(sys.argv[1], os.O_RDONLY | os.O_NONBLOCK); print("ready", flush=True); sys.stdin.read()'


def holder(node, user='root'):
    """A process of that user that has the node open."""
    return Program('/usr/bin/python3', '-c', OPEN, node, ready='ready', user=user)
