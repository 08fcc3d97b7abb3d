# SPDX-License-Identifier: GPL-2.0-or-later
"""The configuration is read again when the service is told so, and nothing else happens."""

import os
import pathlib
import signal
import subprocess
import time

import bus
import kernel
import table
from harness import cases, equal, expect_error, test
from table import NIC, UNIT, manager

root = bus.Client(listen=True)


def pid():
    return int(subprocess.run(['systemctl', 'show', '-P', 'MainPID', UNIT], check=True, capture_output=True, text=True).stdout)


def by_systemctl():
    subprocess.run(['systemctl', 'reload', UNIT], check=True)


def by_signal():
    os.kill(pid(), signal.SIGHUP)


def write(text):
    pathlib.Path(table.CONFIGURATION).write_text(text, encoding='utf-8')


def told():
    """What the manager has told of its properties since the last time: name → value."""
    root.get(bus.ROOT, bus.MANAGER, 'Version')  # the signals that preceded its answer are here when that is
    signals = [values for path, _, name, values in root.signals if (path, name) == (bus.ROOT, 'PropertiesChanged')]
    root.signals.clear()
    return {name: value for _, changed, _ in signals for name, value in changed.items()}


def journal(cursor):
    return subprocess.run(['journalctl', '-u', UNIT, '-o', 'cat', f'--since=@{cursor:.6f}'], check=True, capture_output=True,
                          text=True).stdout


@cases([('systemctl reload', by_systemctl), ('SIGHUP', by_signal)])
def read_again(reload):
    """A changed configuration is in force for whoever calls next, is told of, and touches neither the service nor a device"""
    with table.configuration():
        root.bind(NIC, 'vfio')
        before = pid()
        told()
        write('[Manager]\nDefaultBackend=kvm\n')
        equal(manager('DefaultBackend'), 'auto', 'before it is told to')
        reload()
        equal((manager('DefaultBackend'), manager('SelectedBackend')), ('kvm', 'kvm'))
        equal(told(), {'DefaultBackend': 'kvm', 'SelectedBackend': 'kvm'})
        equal((pid(), kernel.driver(NIC)), (before, 'vfio-pci'))
        equal(root.restore(NIC), [(NIC, 'vfio-pci', 'e1000e')])


@test
def nothing_new():
    """A reload that changes nothing tells of nothing"""
    with table.configuration():
        told()
        by_systemctl()
        equal(told(), {})


@cases([('a value that is none', '[Manager]\nOperationTimeoutSec=5\n\nDefaultBackend=qemu\n', ':4:'),
        ('a line that is none', 'nonsense\n[Manager]\nDefaultBackend=vfio\n', ':1:'),
        ('a setting that nobody knows', '[Manager]\nDefaultBackend=vfio\nBackend=kvm\n', ':3:')])
def malformed(text, line):
    """A malformed file is reported with its line, and what was in force stays in force, all of it"""
    with table.configuration():
        table.configure('[Manager]\nDefaultBackend=kvm\n')
        told()
        before, since = pid(), time.time()
        table.configure(text)
        equal((manager('DefaultBackend'), pid()), ('kvm', before))
        bus.wait_for(lambda: f'vfiobind.conf{line}' in journal(since), 'the line in the journal')
        equal(told(), {})


@test
def without_a_file():
    """Without the file, the defaults are in force"""
    with table.configuration():
        table.configure('[Manager]\nDefaultBackend=kvm\n')
        os.unlink(table.CONFIGURATION)
        by_systemctl()
        equal(manager('DefaultBackend'), 'auto')


@test
def blacklisted():
    """A backend that modprobe's configuration has taken away is told of with the next reload, in both directions"""
    with table.configuration():
        told()
        with table.arranged('VFIO blacklisted'):
            by_systemctl()
            shown = told()
            equal((shown.keys(), shown['SelectedBackend']), ({'Backends', 'SelectedBackend'}, 'kvm'))
            equal([row[:3] for row in shown['Backends']],
                  [('vfio', 'vfio-pci', False), ('kvm', 'pci-stub', True), ('xen', 'pciback', False)])
        by_systemctl()
        equal(told()['SelectedBackend'], 'vfio')


@test
def time_limit():
    """OperationTimeoutSec counts from the next request on"""
    # A node that udev is slow with is waited for during half of the time at most.
    rule = pathlib.Path('/run/udev/rules.d/99-policy.rules')
    rule.parent.mkdir(parents=True, exist_ok=True)
    rule.write_text('SUBSYSTEM=="vfio", KERNEL!="vfio", PROGRAM="/bin/sleep 5"\n', encoding='ascii')
    subprocess.run(['udevadm', 'control', '--reload'], check=True)
    try:
        with table.configuration():
            table.configure('[Manager]\nOperationTimeoutSec=6s\n')
            message = expect_error('MoveFailed', root.bind, NIC, 'vfio')
            assert NIC in message, message
            equal(kernel.driver(NIC), 'e1000e')
            table.configure('[Manager]\nOperationTimeoutSec=60s\n')
            table.goes('vfio', 'vfio')
    finally:
        rule.unlink()
        subprocess.run(['udevadm', 'control', '--reload'], check=True)
