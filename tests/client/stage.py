# SPDX-License-Identifier: GPL-2.0-or-later
"""A private bus with the mock on it, and the client run there: through pipes, or in a pseudo terminal."""

import contextlib
import fcntl
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import tempfile
import termios
import time

import gi

gi.require_version("Gio", "2.0")
from gi.repository import Gio, GLib  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
XML = os.path.join(os.path.dirname(os.path.dirname(HERE)), "dbus")
COMPLETION = os.path.join(os.path.dirname(os.path.dirname(HERE)), "client", "completion")
DEADLINE = 20  # seconds: for what takes a fraction of one
NOBODY = 65534

BUS_CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path={socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/><allow own="*"/><allow send_type="method_call"/><allow send_destination="*"/>
    <allow receive_type="method_call"/><allow receive_sender="*"/>
  </policy>
</busconfig>
"""


class Result:
    """What a program that has ended leaves."""

    def __init__(self, status, out, err):
        self.status, self.out, self.err = status, out, err

    def __repr__(self):
        return f"exit status {self.status}\nstdout: {self.out!r}\nstderr: {self.err!r}"


def wait_until(condition, what):
    """Looks again whenever a moment has passed; the only way to wait for what announces itself to nobody."""
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain: {what}"
        select.select([], [], [], 0.01)


class Output:
    """A descriptor read as it comes, until something appears in it."""

    def __init__(self, descriptor):
        self.descriptor = descriptor
        self.text = ""
        self.closed = False

    def read_once(self, timeout):
        if self.closed or not select.select([self.descriptor], [], [], max(timeout, 0))[0]:
            return False
        try:
            data = os.read(self.descriptor, 65536)
        except OSError:  # a pseudo terminal without anybody at the other end
            data = b""
        self.closed = not data
        self.text += data.decode("utf-8", errors="surrogateescape").replace("\r\n", "\n")
        return True

    def expect(self, pattern):
        """Reads on until the pattern is in what was read, and answers with the match."""
        deadline = time.monotonic() + DEADLINE
        while not (match := re.search(pattern, self.text, re.MULTILINE)):
            assert not self.closed, f"ended without {pattern!r}:\n{self.text}"
            assert time.monotonic() < deadline, f"waited in vain for {pattern!r}:\n{self.text}"
            self.read_once(deadline - time.monotonic())
        return match

    def drain(self):
        deadline = time.monotonic() + DEADLINE
        while not self.closed:
            assert time.monotonic() < deadline, f"does not end:\n{self.text}"
            self.read_once(deadline - time.monotonic())
        return self.text


class Session:
    """The client while it runs."""

    def __init__(self, process, output):
        self.process, self.output = process, output

    def expect(self, pattern):
        return self.output.expect(pattern)

    def send(self, text):
        os.write(self.output.descriptor, text.encode())

    def kill(self, number):
        os.kill(self.process.pid, number)

    def end(self):
        """Waits for the end; a terminal's output is all in `out`."""
        out = self.output.drain()
        status = self.process.wait(DEADLINE)
        os.close(self.output.descriptor)
        return Result(status, out, "")


class Bus:
    """A dbus-daemon, with or without the mock."""

    def __init__(self, directory, name):
        self.socket = f"{directory}/{name}"
        self.address = f"unix:path={self.socket}"
        config = f"{directory}/{name}.conf"
        with open(config, "w", encoding="utf-8") as file:
            file.write(BUS_CONFIG.format(socket=self.socket))
        self.daemon = subprocess.Popen(
            ["dbus-daemon", f"--config-file={config}", "--nofork", "--print-address"],
            stdout=subprocess.PIPE,
            text=True,
        )
        self.daemon.stdout.readline()
        self.leases = f"{directory}/{name}.leases"
        os.mkdir(self.leases)
        self.mock = None
        self.connection = None

    def start_mock(self):
        self.mock = subprocess.Popen(
            [f"{HERE}/mock.py", XML, self.leases],
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"DBUS_SYSTEM_BUS_ADDRESS": self.address},
        )
        assert self.mock.stdout.readline() == "ready\n", "the mock does not start"

    def stop_mock(self):
        self.mock.kill()
        self.mock.wait()
        self.mock.stdout.close()
        self.mock = None

    def call(self, name, path, interface, member, arguments=None):
        if not self.connection:
            flags = (
                Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT
                | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION
            )
            self.connection = Gio.DBusConnection.new_for_address_sync(self.address, flags, None, None)
        return self.connection.call_sync(
            name, path, interface, member, arguments, None, Gio.DBusCallFlags.NONE, DEADLINE * 1000, None
        ).unpack()

    def steer(self, member, signature=None, *arguments):
        """Calls a method of org.vfiobind.Mock."""
        return self.call(
            "org.vfiobind",
            "/mock",
            "org.vfiobind.Mock",
            member,
            GLib.Variant(signature, arguments) if signature else None,
        )

    def rules(self):
        """What everybody on the bus has subscribed to that the service does, in one string."""
        bus = "org.freedesktop.DBus"
        (rules,) = self.call(bus, "/org/freedesktop/DBus", f"{bus}.Debug.Stats", "GetAllMatchRules")
        return "\n".join(rule for of_one in rules.values() for rule in of_one if "org.vfiobind" in rule)

    def stop(self):
        if self.mock:
            self.stop_mock()
        self.daemon.kill()
        self.daemon.wait()
        self.daemon.stdout.close()


class Stage:
    """What tests work on. The client is copied, so that an ordinary user can run it."""

    def __init__(self, build):
        self.directory = tempfile.mkdtemp(prefix="vfiobind-client.")
        os.chmod(self.directory, 0o755)
        self.bin = f"{self.directory}/bin"
        os.mkdir(self.bin)
        shutil.copy(f"{build}/client/vfiobindctl", self.bin)
        self.client = f"{self.bin}/vfiobindctl"
        self.bus = Bus(self.directory, "bus")
        self.bus.start_mock()
        self.notes = f"{self.directory}/notes"

    def reset(self):
        """Makes the stage as it was at the start, for the next test."""
        if not self.bus.mock:
            self.bus.start_mock()
        self.bus.steer("Reset")
        for name in os.listdir(self.bin):
            if name != "vfiobindctl":
                os.unlink(f"{self.bin}/{name}")
        with open(self.notes, "w", encoding="utf-8"):
            pass
        os.chmod(self.notes, 0o666)

    def stop(self):
        self.bus.stop()
        shutil.rmtree(self.directory)

    def environment(self, more):
        """Nothing of the caller's but what sanitizers read."""
        environment = {name: value for name, value in os.environ.items() if name.endswith("SAN_OPTIONS")}
        environment |= {
            "PATH": f"{self.bin}:/usr/sbin:/usr/bin:/sbin:/bin",
            "LC_ALL": "C.UTF-8",
            "TERM": "xterm-256color",
            "DBUS_SYSTEM_BUS_ADDRESS": self.bus.address,
            "NOTES": self.notes,
            "SYSTEMD_PAGERSECURE": "0",
        }
        environment |= more
        return {name: value for name, value in environment.items() if value is not None}

    def stub(self, name, script):
        """Puts a shell script before every other program of its name. It leaves what it sees in $NOTES."""
        path = f"{self.bin}/{name}"
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"#!/bin/sh\n{script}\n")
        os.chmod(path, 0o755)

    def read_notes(self):
        with open(self.notes, encoding="utf-8") as file:
            return file.read()

    def run(self, *arguments, environment=None, stdout=subprocess.PIPE):
        """Through pipes."""
        done = subprocess.run(
            [self.client, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            check=False,
            stderr=subprocess.PIPE,
            env=self.environment(environment or {}),
            timeout=DEADLINE * 3,
        )
        return Result(
            done.returncode,
            (done.stdout or b"").decode("utf-8", "surrogateescape"),
            done.stderr.decode("utf-8", "surrogateescape"),
        )

    def start(self, *arguments):
        """Through a pipe, while it runs."""
        process = subprocess.Popen(
            [self.client, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            env=self.environment({}),
        )
        return Session(process, Output(os.dup(process.stdout.fileno())))

    def open_terminal(
        self, *arguments, columns=80, lines=24, user=None, environment=None, stdin=True, program=None
    ):
        """The client, or another program, in a pseudo terminal of its own, as its controlling terminal."""
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        if user is not None:
            os.fchown(slave, user, -1)

        def take_terminal():
            fcntl.ioctl(slave, termios.TIOCSCTTY, 0)

        process = subprocess.Popen(
            [program or self.client, *arguments],
            stdin=slave if stdin else subprocess.DEVNULL,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            preexec_fn=take_terminal,
            user=user,
            group=user,
            extra_groups=[] if user is not None else None,
            env=self.environment(environment or {}),
        )
        os.close(slave)
        return Session(process, Output(master))

    def terminal(self, *arguments, **more):
        return self.open_terminal(*arguments, **more).end()


@contextlib.contextmanager
def terminated(session):
    """Whatever happens, the client does not outlive the test."""
    try:
        yield session
    finally:
        if session.process.poll() is None:
            session.kill(signal.SIGKILL)
            session.process.wait()
