# SPDX-License-Identifier: GPL-2.0-or-later
"""What the service does in the file system, seen by strace from its first moment on.

It runs outside of its unit for this: within, the unit's hardening would keep strace out as well.
"""

import os
import re
import signal
import subprocess
import tempfile

import bus
import kernel
from harness import equal, test
from topology import NIC, TWINS

DAEMON = '/usr/libexec/vfiobindd'
# Reading one of these sleeps while the device's lock is held.
SLEEPY = {'driver_override', 'uevent', 'sriov_numvfs'}
# "PID call(…"; a path that is relative to a directory has the directory's own path, in angle brackets, before it.
LINE = re.compile(r'(?P<pid>\d+) +(?P<call>\w+)\((?:(?:AT_FDCWD|\d+)(?:<(?P<directory>[^>]*)>)?, )?(?:"(?P<path>[^"]*)")?')


class Trace:
    """The calls that the service and its workers have made so far, as (whether by the service itself, call, path, text)."""

    def __init__(self, path):
        self.path = path
        self.daemon = None

    def calls(self):
        found = []
        with open(self.path, encoding='utf-8', errors='replace') as file:
            for text in file:
                if (line := LINE.match(text)) is None:
                    continue
                self.daemon = self.daemon or line['pid']
                path = os.path.join(line['directory'] or '', line['path'] or '')
                found.append((line['pid'] == self.daemon, line['call'], path, text))
        return found

    def own(self):
        """The service's own calls."""
        return [call for call in self.calls() if call[0]]


def traced(play):
    """Runs the service under strace while play(trace) calls it."""
    subprocess.run(['systemctl', 'stop', 'vfiobind.service'], check=True)
    # What was done before is no news to whoever listens from here on.
    subprocess.run(['udevadm', 'settle'], check=True)
    root = bus.Client()

    def owned():
        return root.call('org.freedesktop.DBus', 'NameHasOwner', '(s)', bus.NAME, name='org.freedesktop.DBus',
                         path='/org/freedesktop/DBus')

    with tempfile.NamedTemporaryFile(dir='/run') as file:
        with subprocess.Popen(['strace', '--follow-forks', '--seccomp-bpf', '--quiet=all', '--decode-fds=path', '--string-limit=512',
                               '--trace=%file,getdents64', f'--output={file.name}', DAEMON],
                              start_new_session=True, stderr=subprocess.PIPE, text=True) as process:
            try:
                bus.wait_for(lambda: owned() or process.poll() is not None, 'the service to be there')
                equal(process.poll(), None)
                trace = Trace(file.name)
                trace.calls()
                play(root, trace)
                os.kill(int(trace.daemon), signal.SIGTERM)
                process.wait(bus.PATIENCE)
                equal((process.returncode, process.stderr.read()), (0, ''))
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)


def sleepy(calls):
    return [text for _, _, path, text in calls if os.path.basename(path) in SLEEPY]


@test
def no_sleepy_attribute():
    """From its start on the service itself never touches an attribute that can sleep, only its workers do"""
    def play(root, trace):
        root.bind_devices([NIC, TWINS[0]], 'vfio')
        kernel.unbind(TWINS[0])
        bus.wait_for(lambda: root.get(bus.device_path(TWINS[0]), bus.DEVICE, 'Driver') == '', 'the unbind to be known')
        root.restore_devices([NIC, TWINS[0]])
        kernel.remove(NIC)
        kernel.rescan()
        bus.wait_for(lambda: kernel.driver(NIC) == 'e1000e', 'the host driver')
        for name in ('PowerState', 'DriverOverride'):
            bus.wait_for(lambda: bus.device_path(NIC) in root.call(bus.OBJECTS, 'GetManagedObjects'), 'the NIC to be known')
            root.get(bus.device_path(NIC), bus.DEVICE, name)
        equal(sleepy(trace.own()), [])
        assert len(sleepy(trace.calls())) >= len(kernel.addresses()), 'the workers have not been seen'
        equal([text for _, _, path, text in trace.own() if path.startswith('/dev/vfio')], [], 'it opens no node of VFIO')

    traced(play)


@test
def inspecting_reads_nothing():
    """Inspecting reads nothing of sysfs: all answers are in memory"""
    def play(root, trace):
        before = len(trace.calls())
        for _ in range(3):
            root.call(bus.MANAGER, 'ListDevices')
            root.call(bus.MANAGER, 'ListGroups')
            root.call(bus.OBJECTS, 'GetManagedObjects')
        for address in kernel.addresses():
            root.call(bus.MANAGER, 'GetDevice', '(s)', address)
            root.get_all(bus.device_path(address), bus.DEVICE)
        for group in kernel.groups():
            root.get_all(bus.group_path(group), bus.GROUP)
        equal([text for _, _, _, text in trace.calls()[before:]], [])

    traced(play)


@test
def recorded_before_written():
    """What a function was is on disk before the first write to it"""
    def play(root, trace):
        before = len(trace.calls())
        root.bind(NIC, 'vfio')
        calls = trace.calls()[before:]
        writes = [number for number, (_, call, path, text) in enumerate(calls)
                  if path.endswith('/driver_override') and 'O_WRONLY' in text]
        records = [number for number, (own, call, path, text) in enumerate(calls)
                   if own and call.startswith('rename') and NIC in text]
        assert records and writes and records[0] < writes[0], calls
        root.restore(NIC)

    traced(play)
