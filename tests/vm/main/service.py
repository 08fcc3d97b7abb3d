# SPDX-License-Identifier: GPL-2.0-or-later
"""How the service runs: it starts when it is called, keeps what it knows when it stops, and stays locked in."""

import os
import signal
import subprocess

import bus
import kernel
from harness import cases, equal, test
from topology import NIC, TWINS

UNIT = 'vfiobind.service'

root = bus.Client()


def systemctl(*arguments):
    return subprocess.run(['systemctl', *arguments], check=True, capture_output=True, text=True).stdout.strip()


def show(name):
    return systemctl('show', '-P', name, UNIT)


def wait_until(state):
    bus.wait_for(lambda: show('ActiveState') == state, f'the unit to be {state}, which is {show("ActiveState")}')


def stop():
    systemctl('stop', UNIT)
    equal(show('ActiveState'), 'inactive')


def pid():
    return int(show('MainPID'))


@test
def activation():
    """The first call starts the service, whoever makes it"""
    stop()
    answer = subprocess.run(['vfiobindctl', 'list', '--no-legend'], check=True, capture_output=True, text=True,
                            user='alice').stdout
    equal(len(answer.splitlines()), len(kernel.addresses()))
    equal(show('ActiveState'), 'active')


@test
def not_started_before():
    """The service did not start by itself with the machine: it is not wanted by a target"""
    equal(systemctl('show', '-P', 'WantedBy', UNIT), '')
    equal(show('UnitFileState'), 'static')


@test
def unit():
    """The unit is in force as it should be"""
    expected = {'Type': 'notify', 'BusName': bus.NAME, 'KillMode': 'process', 'Restart': 'on-failure',
                'StartLimitIntervalUSec': '0', 'RuntimeDirectoryPreserve': 'yes', 'RuntimeDirectoryMode': '0700'}
    shown = systemctl('show', UNIT, *(f'--property={name}' for name in expected)).splitlines()
    equal(dict(line.split('=', 1) for line in shown), expected)


def drop_in(text):
    path = f'/run/systemd/system/{UNIT}.d/test.conf'
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if text is None:
        os.unlink(path)
    else:
        with open(path, 'w', encoding='ascii') as file:
            file.write(text)
    systemctl('daemon-reload')
    systemctl('restart', UNIT)


@test
def watchdog():
    """The watchdog is on and fed, and a service that hangs is started again"""
    root.call(bus.MANAGER, 'ListDevices')
    assert show('WatchdogUSec') not in ('', '0', 'infinity')
    # More than a busy machine lets the service wait for the processor, and soon enough for whoever waits here.
    drop_in('[Service]\nWatchdogSec=5\n')
    try:
        before = pid()
        fed = show('WatchdogTimestampMonotonic')
        bus.wait_for(lambda: show('WatchdogTimestampMonotonic') != fed, 'the watchdog to be fed')
        equal((pid(), show('NRestarts')), (before, '0'))
        os.kill(before, signal.SIGSTOP)
        bus.wait_for(lambda: pid() not in (0, before) and show('ActiveState') == 'active', 'the service to be back')
        equal(show('NRestarts'), '1')
    finally:
        drop_in(None)


@test
def hardened():
    """systemd-analyze scores the unit in force at 3.0 or better"""
    shown = subprocess.run(['systemd-analyze', 'security', '--no-pager', '--threshold=30', UNIT], capture_output=True,
                           text=True, check=False)
    equal(shown.returncode, 0, shown.stdout)


@test
def hardening_in_force():
    """The running service has no capability but those of its unit, and no new privileges"""
    root.call(bus.MANAGER, 'ListDevices')
    with open(f'/proc/{pid()}/status', encoding='ascii') as file:
        status = dict(line.rstrip('\n').split(':\t', 1) for line in file if ':\t' in line)
    equal(status['NoNewPrivs'], '1')
    equal(status['Seccomp'], '2')
    # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER, CAP_SYS_MODULE, CAP_SYS_PTRACE
    allowed = {1, 2, 3, 16, 19}
    granted = {bit for bit in range(64) if int(status['CapBnd'], 16) >> bit & 1}
    assert granted <= allowed, granted


@test
def terminated():
    """SIGTERM ends the service cleanly"""
    root.call(bus.MANAGER, 'ListDevices')
    os.kill(pid(), signal.SIGTERM)
    wait_until('inactive')
    equal((show('Result'), show('ExecMainStatus')), ('success', '0'))


@test
def killed():
    """A service that was killed is started again, every time"""
    root.call(bus.MANAGER, 'ListDevices')
    for _ in range(8):
        before = pid()
        os.kill(before, signal.SIGKILL)
        bus.wait_for(lambda before=before: pid() not in (0, before) and show('ActiveState') == 'active',
                     'the service to be back')
    equal(root.get(bus.device_path(NIC), bus.DEVICE, 'Driver'), kernel.driver(NIC))
    systemctl('reset-failed', UNIT)


def restarted():
    systemctl('restart', UNIT)


def stopped():
    stop()


def crashed():
    before = pid()
    os.kill(before, signal.SIGKILL)
    bus.wait_for(lambda: pid() not in (0, before), 'the service to be back')


@cases([('restarted', restarted), ('stopped, and started by the next call', stopped), ('killed', crashed)])
def remembers(interrupt):
    """Between bind and restore the service may be interrupted: drivers and overrides come back all the same"""
    kernel.set_override(TWINS[0], 'e1000e')
    kernel.unbind(TWINS[1])
    try:
        bus.wait_for(lambda: root.get(bus.device_path(TWINS[1]), bus.DEVICE, 'Driver') == '', 'the unbind to be known')
        root.bind_devices([NIC, *TWINS], 'vfio')
        interrupt()
        equal([root.get(bus.device_path(address), bus.DEVICE, 'HostDriver') for address in [NIC, *TWINS]],
              ['e1000e', 'e1000e', 'none'])
        equal(sorted(root.restore_devices([NIC, *TWINS])),
              [(NIC, 'vfio-pci', 'e1000e'), (TWINS[0], 'vfio-pci', 'e1000e'), (TWINS[1], 'vfio-pci', '')])
        equal([kernel.override(address) for address in [NIC, *TWINS]], ['', 'e1000e', ''])
    finally:
        kernel.set_override(TWINS[0], '')
        if not kernel.driver(TWINS[1]):
            kernel.bind(TWINS[1], 'e1000e')


@test
def journal_is_private():
    """Nobody but root looks into the journal of what was moved"""
    equal(os.stat('/run/vfiobind').st_mode & 0o777, 0o700)


@test
def missed_while_away():
    """What happened while the service was away is known when it is back"""
    stop()
    kernel.unbind(NIC)
    try:
        equal(root.get(bus.device_path(NIC), bus.DEVICE, 'Driver'), '')
    finally:
        kernel.bind(NIC, 'e1000e')
    bus.wait_for(lambda: root.get(bus.device_path(NIC), bus.DEVICE, 'Driver') == 'e1000e', 'the bind to be known')
