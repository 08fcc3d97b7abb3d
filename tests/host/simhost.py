# SPDX-License-Identifier: GPL-2.0-or-later
"""The simulated host, for tests.

    with simhost.Host('desk', tree=DESTDIR) as host:
        host.start_udev()
        host.start_bus()
        host.rule('polkit.addRule(…)')
        alice = host.client('alice')
        alice.call('Bind', '(sst)', ('0000:01:00.0', 'vfio', 0))
        fault = host.fault('probe vfio-pci errno=EIO')

Everything that is started lives in namespaces of its own and is gone when the block ends. What the processes print is kept
in host.directory until then, host.log(NAME) reads it.
"""

import contextlib
import os
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time

import busclient

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
DEADLINE = 20
SERVICE_FILE = '/usr/share/dbus-1/system-services/org.vfiobind.service'
POLKIT_FILE = '/usr/share/dbus-1/system-services/org.freedesktop.PolicyKit1.service'
DAEMON = 'SYSTEMD_DEVICE_VERIFY_SYSFS=0 /usr/libexec/vfiobindd'
ENVIRONMENT = {
    'PATH': '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    'LC_ALL': 'C.UTF-8',
    'SYSTEMD_DEVICE_VERIFY_SYSFS': '0',
    'SYSTEMD_COLORS': '0',
    'DBUS_SYSTEM_BUS_ADDRESS': 'unix:path=/run/dbus/system_bus_socket',
}


class Failed(Exception):
    """A command of the control socket was answered with an error."""


def build_directory():
    """Where simhost and simexec are: told by meson's tests, else the newest build in the checkout."""
    if found := os.environ.get('SIMHOST_BUILD'):
        return found
    builds = [directory for directory, _, files in os.walk(f'{TOP}/build') if {'simhost', 'simexec'} <= set(files)]
    if not builds:
        raise Failed('no build of simhost: run ninja first, or set SIMHOST_BUILD')
    return max(builds, key=lambda directory: os.stat(f'{directory}/simhost').st_mtime)


@contextlib.contextmanager
def installation():
    """What a whole build installs, as a tree for Host: of the build directory that $VFIOBIND_BUILD names."""
    with tempfile.TemporaryDirectory(prefix='vfiobind-tree-') as tree:
        os.chmod(tree, 0o755)
        subprocess.run(['meson', 'install', '-C', os.environ['VFIOBIND_BUILD'], '--no-rebuild', '--quiet'], check=True,
                       stdout=subprocess.DEVNULL, env={**os.environ, 'DESTDIR': tree})
        yield tree


def topology_path(name):
    return name if '/' in name else f'{HERE}/topologies/{name}'


class Control:
    """One connection to the server. Each waiting thread needs its own."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        self.socket.connect(path)
        self.file = self.socket.makefile('rw', encoding='utf-8', errors='replace')

    def peer(self):
        """The server's pid as seen from here."""
        return struct.unpack('3i', self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]

    def ask(self, line):
        self.file.write(f'{line}\n')
        self.file.flush()
        lines = []
        while answer := self.file.readline():
            answer = answer.rstrip('\n')
            if answer == 'ok':
                return lines
            if answer.startswith('error '):
                raise Failed(f'{line}: {answer[6:]}')
            lines.append(answer)
        raise Failed(f'{line}: the simulated host is gone')

    def close(self):
        self.file.close()
        self.socket.close()


class Host:
    """A simulated host. topology: a name below topologies/, or a path, or text if it has several lines."""

    def __init__(self, topology, tree=None, build=None):
        self.build = build or build_directory()
        self.directory = tempfile.mkdtemp(prefix='simhost-')
        os.chmod(self.directory, 0o755)
        self.processes = []
        self.clients = []
        self.daemon_command = DAEMON
        if '\n' in topology:
            path = f'{self.directory}/topology'
            with open(path, 'w', encoding='utf-8') as file:
                file.write(topology)
        else:
            path = topology_path(topology)
        try:
            self._start(path, tree)
        except BaseException:
            self.close()
            raise

    def _start(self, topology, tree):
        with open(self.file('server.log'), 'wb') as log:
            self.unshare = subprocess.Popen(
                ['unshare', '--mount', '--net', '--pid', '--fork', '--mount-proc', '--kill-child=KILL',
                 f'{HERE}/namespace', self.directory, self.build, topology, *([tree] if tree else [])],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, cwd='/',
                env={**os.environ, 'LSAN_OPTIONS': 'detect_leaks=0'})
        if self.unshare.stdout.readline() != b'ready\n':
            self.unshare.wait()
            raise Failed(f'the simulated host did not start:\n{self.log("server")}')
        self.control = Control(self.file('control'))
        self.init = self.control.peer()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        for client in self.clients:
            client.close()
        if hasattr(self, 'control'):
            self.control.close()
        if hasattr(self, 'unshare'):
            # its child is the namespace's first process, and takes all others with it
            self.unshare.kill()
            self.unshare.stdout.close()
            self.unshare.wait()
        for process in self.processes:
            process.wait()
        if hasattr(self, 'init'):
            self._wait_for_end()
        shutil.rmtree(self.directory)

    def _wait_for_end(self):
        """Of the first process: only then are the mounts gone."""
        with contextlib.suppress(ProcessLookupError):
            fd = os.pidfd_open(self.init)
            try:
                select.select([fd], [], [], DEADLINE)
            finally:
                os.close(fd)

    def file(self, name):
        return f'{self.directory}/{name}'

    def program(self, path):
        """A copy of a script that every user may read, which a checkout below /root is not."""
        copy = self.file(os.path.basename(path))
        if not os.path.exists(copy):
            shutil.copy(path, copy)
            os.chmod(copy, 0o755)
        return copy

    def log(self, name):
        """What a process has printed: server, udevd, dbus, vfiobindd, or as given to spawn()."""
        with contextlib.suppress(FileNotFoundError), \
                open(self.file(f'{name}.log'), encoding='utf-8', errors='replace') as file:
            return file.read()
        return ''

    def path(self, path):
        """A path of the simulated host, for processes outside. Absolute links lead astray; sysfs has none."""
        return f'/proc/{self.init}/root{path}'

    def read(self, path):
        with open(self.path(path), encoding='utf-8', errors='replace') as file:
            return file.read()

    def write(self, path, text):
        """One write(2). Raises OSError."""
        fd = os.open(self.path(path), os.O_WRONLY)
        try:
            os.write(fd, text.encode())
        finally:
            os.close(fd)

    def driver(self, address):
        try:
            return os.path.basename(os.readlink(self.path(f'/sys/bus/pci/devices/{address}/driver')))
        except FileNotFoundError:
            return None

    # ---- processes ----

    def command(self, words, user=None):
        """What to execute outside so that words run inside, below simexec, as a user."""
        drop = ['setpriv', f'--reuid={user}', f'--regid={user}', '--init-groups'] if user not in (None, 'root') else []
        return ['nsenter', f'--target={self.init}', '--mount', '--net', '--pid', f'--wd={self.path("/")}',
                f'{self.build}/simexec', self.file('control'), *drop, *words]

    def run(self, words, user=None, check=True, timeout=DEADLINE, **more):
        """Runs to its end; the answer has stdout, stderr, returncode."""
        return subprocess.run(self.command(words, user), check=check, timeout=timeout, text=True, capture_output=True,
                              stdin=subprocess.DEVNULL, env={**ENVIRONMENT, 'SIMHOST': self.file('control')}, **more)

    def spawn(self, name, words, user=None, environment=None, **more):
        """Starts in the background, output into its log."""
        with open(self.file(f'{name}.log'), 'ab') as log:
            more = {'stdout': log, 'stderr': log, **more}
            process = subprocess.Popen(self.command(words, user), stdin=subprocess.DEVNULL,
                                       env={**ENVIRONMENT, **(environment or {})}, **more)
        self.processes.append(process)
        return process

    def _spawn_notifying(self, name, words):
        """Starts what tells by sd_notify that it is ready, and waits for that."""
        path = self.file(f'{name}.notify')
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.bind(path)
            notify.settimeout(DEADLINE)
            process = self.spawn(name, words, environment={'NOTIFY_SOCKET': path})
            while b'READY=1' not in notify.recv(4096):
                pass
        return process

    def start_udev(self, coldplug=True):
        self.udevd = self._spawn_notifying('udevd', ['/lib/systemd/systemd-udevd'])
        if coldplug:
            self.run(['udevadm', 'trigger', '--type=subsystems', '--action=add'])
            self.run(['udevadm', 'trigger', '--type=devices', '--action=add'])
            self.settle()

    def settle(self):
        self.run(['udevadm', 'settle', f'--timeout={DEADLINE}'], timeout=2 * DEADLINE)

    def start_bus(self, polkit=True):
        """dbus-daemon; polkitd and the service are started by it when they are asked for."""
        if polkit:
            # See tests/polkit/polkitd-awake.c.
            awake = os.path.realpath(f'{self.build}/../polkit/polkitd-awake.so')
            self._set_command(POLKIT_FILE, f'/usr/bin/env LD_PRELOAD={awake} /usr/lib/polkit-1/polkitd --no-debug')
        else:
            os.unlink(self.path(POLKIT_FILE))
        if os.path.exists(self.path(SERVICE_FILE)):
            # The launch helper clears the environment, so the command sets it; its own log file.
            self._set_command(SERVICE_FILE,
                              f"/bin/sh -c 'exec env {self.daemon_command} >>{self.file('vfiobindd.log')} 2>&1'")
        for rules in '/etc/polkit-1/rules.d', '/usr/share/polkit-1/rules.d':
            if os.path.isdir(self.path(rules)):
                os.chmod(self.path(rules), 0o755)
        self.bus = self.spawn('dbus', ['dbus-daemon', '--system', '--nofork', '--nopidfile', '--print-address=1'],
                              stdout=subprocess.PIPE)
        if not self.bus.stdout.readline():
            raise Failed(f'dbus-daemon: {self.log("dbus")}')

    def _set_command(self, path, command):
        """What dbus-daemon starts for the name that this file is about."""
        with open(self.path(path), encoding='utf-8') as file:
            text = file.read()
        text = re.sub(r'^Exec=.*$', lambda _: f'Exec={command}', text, flags=re.MULTILINE)
        with open(self.path(path), 'w', encoding='utf-8') as file:
            file.write(text)

    def rule(self, text, name='50-test.rules'):
        """Sets the polkit rules; polkitd is watching the directory."""
        directory = self.path('/etc/polkit-1/rules.d')
        with open(f'{directory}/.{name}', 'w', encoding='utf-8') as file:
            file.write(text)
        os.rename(f'{directory}/.{name}', f'{directory}/{name}')

    def client(self, user='root'):
        """A bus connection of its own, as this user: see busclient.Client."""
        client = busclient.Client(self.command(['/usr/bin/python3', self.program(busclient.__file__)], user), ENVIRONMENT)
        self.clients.append(client)
        return client

    def daemon_pid(self, root):
        """The service's pid as seen inside; None if it does not run. root: a client."""
        try:
            return root.call_bus('GetConnectionUnixProcessID', '(s)', ('org.vfiobind',))[0]
        except busclient.Error:
            return None

    def pids_of(self, name):
        """The host's processes with this name, as pids out here."""
        here, found = os.readlink(f'/proc/{self.init}/ns/pid'), []
        for pid in filter(str.isdigit, os.listdir('/proc')):
            with contextlib.suppress(OSError), open(f'/proc/{pid}/comm', encoding='utf-8', errors='replace') as file:
                if file.read().rstrip('\n') == name[:15] and os.readlink(f'/proc/{pid}/ns/pid') == here:
                    found.append(int(pid))
        return found

    def workers(self):
        return self.pids_of('vfiobind-worker')

    def await_workers(self, seconds=DEADLINE):
        """Waits for the end of those that there are now. One that is idle stays a moment."""
        deadline = time.monotonic() + seconds
        for pid in self.workers():
            with contextlib.suppress(ProcessLookupError):
                process = os.pidfd_open(pid)
                ended, _, _ = select.select([process], [], [], max(0, deadline - time.monotonic()))
                os.close(process)
                assert ended, f'worker {pid} is still there: {where(pid)}'

    def kill_daemon(self, root, number=signal.SIGKILL):
        """And waits until the bus knows that it is gone."""
        pid = self.daemon_pid(root)
        if pid is None:
            return
        root.watch_name('org.vfiobind')
        self.run(['kill', f'-{int(number)}', str(pid)])
        root.wait_signal(lambda s: s['member'] == 'NameOwnerChanged' and s['args'][0] == 'org.vfiobind' and not s['args'][2])

    # ---- the simulation ----

    def ask(self, line):
        return self.control.ask(line)

    def fault(self, line):
        """Sets a fault, answers its number."""
        return int(self.ask(f'fault {line}')[0])

    def release(self, fault, error=''):
        self.ask(f'release {fault} {error}')

    def clear(self, fault='all'):
        self.ask(f'clear {fault}')

    def wait(self, condition, seconds=DEADLINE):
        """Waits for a condition of "simctl wait", on a connection of its own."""
        control = Control(self.file('control'))
        try:
            return control.ask(f'wait {int(seconds * 1000)} {condition}')
        finally:
            control.close()

    def mark(self):
        return int(self.ask('mark')[0])

    def writes(self, after=0):
        """What was written since: (subject, data, result)."""
        found = []
        for line in self.ask(f'log {after}'):
            match = re.match(r'(\d+) (.*)\((-?\d+)\) uid=(\d+) (\S+) "(.*)" (\S+)', line)
            found.append((match[5], match[6], match[7]))
        return found

    def state(self, pattern='*'):
        """address → {driver, override, group, locked, vfs, open, ino}, without touching anything that could hang."""
        answer = {}
        for line in self.ask(f'state {pattern}'):
            address, *words = line.split()
            answer[address] = dict(word.split('=', 1) for word in words)
        return answer


def where(pid):
    """What a process is at: its state, the kernel function that it sleeps in, the system call."""
    found = []
    for name in 'stat', 'wchan', 'syscall', 'stack':
        with contextlib.suppress(OSError), open(f'/proc/{pid}/{name}', encoding='ascii') as file:
            found.append(file.read().strip())
    return ' | '.join(found)
