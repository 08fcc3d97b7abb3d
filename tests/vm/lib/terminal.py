# SPDX-License-Identifier: GPL-2.0-or-later
"""A program on a terminal of its own, and somebody who types what it asks for."""

import os
import pty
import select
import signal
import subprocess
import termios
import time


class Terminal:
    """Runs a command as a user on a pseudo terminal. `text` is all that it has shown."""

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


def with_agent(*command):
    """The command, with polkit's agent on the same terminal: registered first, for the process that the command becomes."""
    script = 'read -r < <(exec pkttyagent --process $$ --notify-fd 3 3>&1 >/dev/tty); exec "$@"'
    return ['bash', '-c', script, 'with-agent', *command]
