# SPDX-License-Identifier: GPL-2.0-or-later
"""The example of an unprivileged agent, as README.md shows it and as it is installed: two devices, and nothing else."""

import contextlib
import pwd
import subprocess

import bus
import kernel
import lending
import polkit
from harness import cases, equal, test
from lending import home, root
from topology import DISK, NIC, TWINS

EXAMPLES = '/usr/share/doc/vfiobind/examples'
PROGRAM = f'{EXAMPLES}/agent.py'
RULE = f'{EXAMPLES}/polkit-rules/agent.rules'
USER = 'compute'


@contextlib.contextmanager
def agent():
    """Within there is the system user, whom the rule allows what it says."""
    # It stays as long as the guest: whatever becomes of one test, the next one finds what it needs.
    if USER not in (entry.pw_name for entry in pwd.getpwall()):
        subprocess.run(['useradd', '--system', USER], check=True)
    with open(RULE, encoding='utf-8') as file:
        text = file.read()
    with polkit.rules('50-vfiobind-compute.rules', text):
        yield


def run(*command):
    """Without a terminal: what no rule allows is refused at once, and nobody is asked for a password."""
    return subprocess.run([*lending.UNLIMITED, *lending.as_user(USER, *command)], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, check=False, timeout=bus.PATIENCE * 2)


@test
def from_a_shell():
    """From a shell: Bind with ACCESS, use, Restore"""
    with agent():
        for address in NIC, DISK:
            equal(run('vfiobindctl', 'bind', '--access', '-q', address).returncode, 0)
            assert lending.may_open(USER, address)
            equal(run('vfiobindctl', 'restore', '-q', address).returncode, 0)
    home(NIC, DISK)


@test
def from_a_program():
    """From a program: Acquire; both devices can be opened meanwhile, and are back when it has ended"""
    with agent():
        done = run(PROGRAM, NIC, DISK)
        equal(done.returncode, 0, done.stderr)
        for address in NIC, DISK:
            assert f'{address}: ' in done.stdout, done.stdout
        home(NIC, DISK)


@test
def with_a_machine():
    """With run, and a virtual machine that gets both"""
    with agent(), lending.Machine(USER, NIC, DISK) as machine:
        machine.has(NIC, DISK)
        machine.end()
        home(NIC, DISK)


@cases([('another device', ['bind', TWINS[1]]), ('one of its devices and another', ['bind', NIC, TWINS[1]]),
        ('a legacy stub', ['bind', '--driver=kvm', NIC]), ('no driver', ['bind', '--driver=none', NIC]),
        ('force', ['bind', '--force', NIC]),
        ('another device for a command', ['run', '--device', TWINS[1], '--', 'true'])])
def nothing_else(arguments):
    """It is allowed nothing else"""
    before = kernel.snapshot()
    with agent():
        done = run('vfiobindctl', '--no-ask-password', *arguments)
        equal(done.returncode, 125 if arguments[0] == 'run' else 3, done.stderr)
    equal(kernel.snapshot(), before)


@test
def nobody_else():
    """Nobody else is allowed anything by its rule"""
    with agent():
        done = subprocess.run(lending.as_user('alice', 'vfiobindctl', '--no-ask-password', 'bind', NIC), check=False,
                              capture_output=True)
        equal(done.returncode, 3, done.stderr)
    equal(root.call(bus.MANAGER, 'ListLeases'), [])
