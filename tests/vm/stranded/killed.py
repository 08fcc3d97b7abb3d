# SPDX-License-Identifier: GPL-2.0-or-later
"""The service is killed at 200 moments of bind and restore, and each time nothing is stranded.

Functions go to VFIO or the stub and back, over and over, while somebody asks what there is all the time. Each time the service is killed
at another moment, from the call to a little after the answer: a function that it had to bring back sets out again, one that had arrived
turns round.
"""

import collections
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time

import bus
import kernel
import unit
from harness import cases, equal
from topology import LEGACY, NIC, TWINS

root = bus.Client(listen=True)

DBUS = {'name': 'org.freedesktop.DBus', 'path': '/org/freedesktop/DBus'}
# How far beyond the end of the moves the last moments are, as a share of them, and how soon all must be settled, in seconds.
BEYOND = 1.1
DEADLINE = 60
# After so many moments the time that the moves take is measured anew.
STRETCH = 25

PASSTHROUGH = {'vfio': 'vfio-pci', 'kvm': 'pci-stub'}


class Move:
    """Some functions' way from home to another driver, or back: whichever is ahead of them."""

    def __init__(self, devices, target):
        self.devices = devices
        self.target = target
        self.home = self.now()
        self.away = {address: (PASSTHROUGH[target],) * 2 for address in devices}
        self.old = self.new = None
        self.seconds = {}  # that a way takes, by whether it begins at home

    def now(self):
        return {address: (kernel.driver(address), kernel.override(address)) for address in self.devices}

    def request(self):
        """Sets out from wherever the functions are: all of them in one place."""
        self.old, self.new = (self.home, self.away) if self.now() == self.home else (self.away, self.home)
        equal(self.now(), self.old, 'before the move')
        if self.old == self.home:
            return root.send(bus.MANAGER, 'BindDevices', '(asst)', self.devices, self.target, 0)
        return root.send(bus.MANAGER, 'RestoreDevices', '(ast)', self.devices, 0)

    def expected(self):
        """How long the way that is ahead takes, in seconds."""
        return self.seconds[self.now() == self.home]

    def go_home(self):
        root.restore_devices(self.devices)
        equal(self.now(), self.home, 'after Restore')

    def written(self):
        """What the journal on disk says of the move: how many steps are done; None if it does not know it."""
        for name in unit.journal():
            try:
                with open(f'{unit.OPERATIONS}/{name}', encoding='utf-8') as file:
                    entry = json.load(file)
            except (FileNotFoundError, ValueError):
                continue
            if sorted(movement['address'] for movement in entry['movements']) == sorted(self.devices):
                return len(entry['done'])
        return None

    def check(self, interrupted, reply):
        """Each function is where it was or where it should go, all of them in the same place; the service knows it, and so does the
        caller."""
        now = self.now()
        assert now == self.old or (now == self.new and not interrupted), \
            f'found {now}, where {self.old} or {self.new} was expected (in the journal: {interrupted})'
        for address, (driver, override) in now.items():
            properties = root.get_all(bus.device_path(address), bus.DEVICE)
            equal([properties[name] for name in ('Driver', 'DriverOverride', 'HostDriver', 'Busy')],
                  [driver, override, '' if now == self.home else self.home[address][0], False], address)
        if now == self.old:
            assert reply.get_message_type() == bus.Gio.DBusMessageType.ERROR, f'a success that is none: {reply}'

    def moment(self, done):
        """What to count it as."""
        way = 'bind' if self.old == self.home else 'restore'
        if done is not None:
            return f'{way} at step {done + 1}'
        return f'{way}, {"after" if self.now() == self.new else "before"}'


def kill_after(seconds):
    """Kills the service when that time is over, and returns once the bus knows that it is dead."""
    owner = root.call('org.freedesktop.DBus', 'GetNameOwner', '(s)', bus.NAME, **DBUS)
    number = root.call('org.freedesktop.DBus', 'GetConnectionUnixProcessID', '(s)', owner, **DBUS)
    descriptor = os.pidfd_open(number)
    changes = []
    subscription = root.connection.signal_subscribe(
        'org.freedesktop.DBus', None, 'NameOwnerChanged', None, owner, bus.Gio.DBusSignalFlags.NONE, lambda *_: changes.append(True))

    def strike():
        signal.pidfd_send_signal(descriptor, signal.SIGKILL)
        os.close(descriptor)
        return False

    def wait():
        bus.GLib.timeout_add(round(seconds * 1000), strike)
        bus.wait_for(lambda: changes, 'the service to be dead')
        root.connection.signal_unsubscribe(subscription)

    return wait


def settle():
    """Waits until the journal is empty and no worker lives."""
    try:
        bus.wait_for(lambda: not unit.journal() and not unit.workers(), 'everything to be settled', DEADLINE)
    except AssertionError as error:
        left = {name: unit.read(f'{unit.OPERATIONS}/{name}') for name in unit.journal()}
        asleep = {number: (unit.process(number), unit.read(f'/proc/{number}/stack')) for number in unit.workers()}
        raise AssertionError(f'{error}: journal {left}, workers {asleep}') from error


def strike(moves, seconds):
    """One moment. Returns for each move when it came: before it, at which of its steps, or after it."""
    wait = kill_after(seconds)
    root.signals.clear()
    pending = [move.request() for move in moves]
    wait()
    written = [move.written() for move in moves]

    # The first call starts the service, unless it has been started again already.
    root.call(bus.MANAGER, 'ListDevices', seconds=DEADLINE)
    settle()
    bus.wait_for(lambda: all(reply.reply for reply in pending), 'the callers to know')
    shown = root.call(bus.OBJECTS, 'GetManagedObjects', seconds=DEADLINE)
    equal([path for path, interfaces in shown.items() if 'org.vfiobind.Operation' in interfaces], [])
    for move, done, reply in zip(moves, written, pending):
        move.check(done is not None, reply.reply)
    return [move.moment(done) for move, done in zip(moves, written)]


def measure(moves):
    """How long each move takes beside the others, there and back, from wherever it is."""
    for _ in range(2):
        start = time.monotonic()
        for move, pending in [(move, move.request()) for move in moves]:
            pending.result()
            move.seconds[move.old == move.home] = time.monotonic() - start


@contextlib.contextmanager
def load():
    """Somebody asks all the time, within."""
    program = f'{os.path.dirname(os.path.abspath(__file__))}/load.py'
    with subprocess.Popen([sys.executable, program], stdin=subprocess.PIPE) as process:
        yield
        process.stdin.close()


@contextlib.contextmanager
def own_override(address, name):
    """An administrator's own override, which has to survive everything."""
    kernel.set_override(address, name)
    try:
        yield
    finally:
        kernel.set_override(address, '')


@cases([('one function and a group, to VFIO and back', 75, [([NIC], 'vfio'), (TWINS, 'vfio')]),
        ('one function to VFIO, a group to the stub, and back', 75, [([NIC], 'vfio'), (TWINS, 'kvm')]),
        ('three functions of three groups in one, to VFIO and back', 50, [([NIC, TWINS[0], LEGACY[0]], 'vfio')])])
def moments(number, rows):
    """Killed at any moment, the service brings every function back"""
    counts = collections.Counter()
    # Spread evenly, in an order that has nothing to do with where the functions are.
    shares = [BEYOND * (i + random.random()) / number for i in range(number)]
    random.shuffle(shares)
    with own_override(TWINS[0], 'e1000e'), load():
        moves = [Move(*row) for row in rows]
        try:
            for i, share in enumerate(shares):
                if i % STRETCH == 0:
                    measure(moves)
                # Some end earlier than others: each in turn has its moments.
                counts.update(strike(moves, share * moves[i % len(moves)].expected()))
        finally:
            print(f'# moves, by when the service was killed: {", ".join(f"{name}: {counts[name]}" for name in sorted(counts))}', flush=True)
            settle()
            for move in moves:
                move.go_home()
