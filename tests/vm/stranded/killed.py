# SPDX-License-Identifier: GPL-2.0-or-later
"""The service is killed at 200 moments of bind and restore, and each time nothing is stranded.

Two moves are under way at each, and somebody asks what there is all the time. The moments are spread evenly over the time that the
moves take, from the call to a little after the answer.
"""

import collections
import contextlib
import json
import os
import random
import select
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

# How far beyond the end of a move the last moments are, as a share of it, and how soon all must be settled, in seconds.
BEYOND = 1.15
DEADLINE = 60
# After so many moments the time that the moves take is measured anew, and everything goes home once.
STRETCH = 10

PASSTHROUGH = {'vfio': 'vfio-pci', 'kvm': 'pci-stub'}


class Move:
    """A request that goes from one known state of some functions to another."""

    def __init__(self, devices, target, restore):
        self.devices = devices
        home = {address: (kernel.driver(address), kernel.override(address)) for address in devices}
        away = {address: (PASSTHROUGH[target],) * 2 for address in devices}
        self.target = target
        self.restore = restore
        self.home = home
        self.old, self.new = (away, home) if restore else (home, away)

    def now(self):
        return {address: (kernel.driver(address), kernel.override(address)) for address in self.devices}

    def request(self):
        if self.restore:
            return root.send(bus.MANAGER, 'RestoreDevices', '(ast)', self.devices, 0)
        return root.send(bus.MANAGER, 'BindDevices', '(asst)', self.devices, self.target, 0)

    def prepare(self):
        """Brings the functions, which a moment has left in any state that is allowed, to the one that the move begins with."""
        if self.restore:
            root.bind_devices(self.devices, self.target)
        else:
            self.go_home()
        equal(self.now(), self.old, 'before the move')

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
                return sum(step['done'] for step in entry['steps'])
        return None

    def check(self, interrupted):
        """Each function is where it was or where it should go, all of them are in the same place, and the service knows it."""
        now = self.now()
        assert now == self.old or (now == self.new and not interrupted), \
            f'found {now}, where {self.old} or {self.new} was expected (in the journal: {interrupted})'
        for address, (driver, override) in now.items():
            properties = root.get_all(bus.device_path(address), bus.DEVICE)
            equal([properties[name] for name in ('Driver', 'DriverOverride', 'HostDriver', 'Busy')],
                  [driver, override, '' if now == self.home else self.home[address][0], False], address)


def kill_after(seconds):
    """Kills the service when that time is over, and returns when it is dead."""
    number = root.call('org.freedesktop.DBus', 'GetConnectionUnixProcessID', '(s)', bus.NAME, name='org.freedesktop.DBus',
                       path='/org/freedesktop/DBus')
    descriptor = os.pidfd_open(number)
    sent = []

    def strike():
        signal.pidfd_send_signal(descriptor, signal.SIGKILL)
        sent.append(True)
        return False

    def wait():
        bus.GLib.timeout_add(round(seconds * 1000), strike)
        bus.wait_for(lambda: sent and select.select([descriptor], [], [], 0)[0], 'the service to be dead')
        os.close(descriptor)

    return wait


def is_settled():
    return not unit.journal() and not unit.workers()


def strike(moves, seconds):
    """One moment. Returns for each move when it came: before it, at which of its steps, or after it."""
    wait = kill_after(seconds)
    root.signals.clear()
    pending = [move.request() for move in moves]
    wait()
    written = [move.written() for move in moves]

    # The first call starts the service, unless it has been started again already.
    root.call(bus.MANAGER, 'ListDevices', seconds=DEADLINE)
    bus.wait_for(is_settled, 'everything to be settled', DEADLINE)
    bus.wait_for(lambda: all(reply.reply for reply in pending), 'the callers to know')
    moments = []
    for move, done, reply in zip(moves, written, pending):
        move.check(done is not None)
        if done is not None:
            moments.append(f'step {done + 1}')
        else:
            moments.append('after' if move.now() == move.new else 'before')
        if not move.now() == move.new:
            assert reply.reply.get_message_type() == bus.Gio.DBusMessageType.ERROR, f'a success that is none: {reply.reply}'
    return moments


def measure(moves):
    """How long the moves take side by side, in seconds."""
    for move in moves:
        move.prepare()
    start = time.monotonic()
    for pending in [move.request() for move in moves]:
        pending.result()
    return time.monotonic() - start


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


def report(counts):
    steps = sorted(name for name in counts if name.startswith('step'))
    inside = sum(counts[name] for name in steps)
    print(f'# moves that the service was killed before: {counts["before"]}, in: {inside}, after: {counts["after"]}; '
          f'{", ".join(f"{name}: {counts[name]}" for name in steps)}', flush=True)


THREE = [NIC, TWINS[0], LEGACY[0]]


@cases([('one function is bound, a group restored', 70, [([NIC], 'vfio', False), (TWINS, 'vfio', True)]),
        ('one function is restored, a group bound', 70, [([NIC], 'vfio', True), (TWINS, 'kvm', False)]),
        ('three functions of three groups are bound in one', 30, [(THREE, 'vfio', False)]),
        ('three functions of three groups are restored in one', 30, [(THREE, 'vfio', True)])])
def moments(number, rows):
    """Killed at any moment, the service brings every function back"""
    counts = collections.Counter()
    shares = [BEYOND * (i + random.random()) / number for i in range(number)]
    random.shuffle(shares)
    with own_override(TWINS[0], 'e1000e'), load():
        moves = [Move(*row) for row in rows]
        try:
            for i, share in enumerate(shares):
                if i % STRETCH == 0:
                    seconds = measure(moves)
                    for move in moves:
                        move.go_home()
                for move in moves:
                    move.prepare()
                counts.update(strike(moves, share * seconds))
        finally:
            report(counts)
            bus.wait_for(is_settled, 'everything to be settled', DEADLINE)
            for move in moves:
                move.go_home()
