# SPDX-License-Identifier: GPL-2.0-or-later
"""Programs that a test talks to while they run."""

import subprocess


class Program:
    """A process that says something when it is ready, and ends when it is told to."""

    def __init__(self, *command, ready=None, **options):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **options)
        self.pid = self.process.pid
        try:
            self.begin(ready)
        except BaseException:
            self.end()
            raise

    def begin(self, ready):
        """Until it is ready."""
        if ready is not None:
            self.expect(ready)

    def expect(self, words):
        line = self.process.stdout.readline()
        assert words in line, f'{self.process.args} says {line!r}, not {words!r}'

    def ask(self, line, answer):
        self.process.stdin.write(f'{line}\n')
        self.process.stdin.flush()
        self.expect(answer)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    def child(self):
        """The pid of the one process that it has started and not waited for."""
        with open(f'/proc/{self.pid}/task/{self.pid}/children', encoding='ascii') as file:
            [number] = file.read().split()
        return int(number)

    def end(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()
