# SPDX-License-Identifier: GPL-2.0-or-later
"""A program on a terminal of its own, and somebody who types what it asks for."""

import contextlib
import fcntl
import os
import pathlib
import pty
import select
import shlex
import signal
import subprocess
import tempfile
import termios
import time


class Terminal:
    """Runs a command on a pseudo terminal. `text` is all that it has shown."""

    def __init__(self, *command):
        master, slave = pty.openpty()
        self.master = master
        self.text = ''

        self.process = subprocess.Popen(['setsid', '--ctty', '--wait', *command], stdin=slave, stdout=slave, stderr=slave,
                                        env={'PATH': os.environ['PATH'], 'LANG': 'C.UTF-8', 'TERM': 'dumb'})
        os.close(slave)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
        os.close(self.master)

    def read(self, seconds):
        """False at the program's end or when there is nothing for so long."""
        ready, _, _ = select.select([self.master], [], [], seconds)
        if not ready:
            return False
        try:
            data = os.read(self.master, 4096)
        except OSError:  # nobody has the other end any more
            return False
        self.text += data.decode(errors='replace')
        return bool(data)

    def expect(self, text, times=1, seconds=30):
        deadline = time.monotonic() + seconds
        while self.text.count(text) < times:
            if not self.read(max(0, deadline - time.monotonic())):
                raise AssertionError(f'no {text!r} on the terminal, but\n{self.text}')

    def type_secret(self, line):
        """Types a line as soon as the terminal does not show it any more: what is typed before that is thrown away."""
        deadline = time.monotonic() + 30
        while termios.tcgetattr(self.master)[3] & termios.ECHO:
            assert time.monotonic() < deadline, f'what is typed would be shown\n{self.text}'
            self.read(0.02)
        os.write(self.master, line.encode() + b'\n')

    def end(self, seconds=30):
        """Reads all that comes until the program ends, and returns its exit status."""
        deadline = time.monotonic() + seconds
        while self.process.poll() is None:
            self.read(0.1)
            if time.monotonic() > deadline:
                raise AssertionError(f'the program does not end, but says\n{self.text}')
        while self.read(0):
            pass
        return self.process.returncode


def with_agent(user, *command):
    """The command, run by a user with polkit's agent on the same terminal, which is there before the command starts."""
    script = 'read -r < <(exec pkttyagent --process $$ --notify-fd 3 3>&1 >/dev/tty); exec "$@"'
    return ['runuser', '-u', user, '--', 'bash', '-c', script, 'with-agent', *command]


@contextlib.contextmanager
def login():
    """Within, `session_of(user, command)` is a command in a login session of its own, as logind sees it."""
    # A user manager of its own would only cost time.
    subprocess.run(['systemctl', 'mask', '--runtime', 'user@.service'], check=True, capture_output=True)
    before = pathlib.Path('/etc/pam.d/runuser-l').read_text(encoding='ascii')
    pathlib.Path('/etc/pam.d/runuser-l').write_text(
        'auth sufficient pam_rootok.so\naccount required pam_permit.so\nsession required pam_systemd.so\n', encoding='ascii')
    try:
        yield
    finally:
        pathlib.Path('/etc/pam.d/runuser-l').write_text(before, encoding='ascii')
        subprocess.run(['systemctl', 'unmask', '--runtime', 'user@.service'], check=True, capture_output=True)


def session_of(user, *command):
    return ['runuser', '-l', user, '--session-command', shlex.join(command)]


def run_on_console(user, *command):
    """Runs a command in a session of the user on the virtual terminal that is in front. Returns its exit status and output."""
    number, activate, wait_active = 7, 0x5606, 0x5607  # the ioctls of linux/vt.h
    with open('/dev/tty0', 'rb', buffering=0) as console:
        fcntl.ioctl(console, activate, number)
        fcntl.ioctl(console, wait_active, number)
    with open(f'/dev/tty{number}', 'r+b', buffering=0) as terminal, tempfile.TemporaryFile('w+') as output:
        process = subprocess.run(['setsid', '--ctty', '--wait', *session_of(user, *command)], stdin=terminal,
                                 stdout=output, stderr=output, timeout=30, check=False)
        output.seek(0)
        return process.returncode, output.read()
