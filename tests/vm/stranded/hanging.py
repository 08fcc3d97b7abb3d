# SPDX-License-Identifier: GPL-2.0-or-later
"""A driver that sleeps in the real kernel: its caller gets Stuck, nobody else notices, and when it is let go all is settled."""

import contextlib
import dataclasses
import errno
import functools
import math
import os
import signal
import subprocess
import time

import balky
import bus
import kernel
import unit
from harness import cases, equal, expect_error, test
from topology import LEGACY, NIC, TWINS

root = bus.Client(listen=True)

STUCK, SIBLING = TWINS
GROUP = kernel.group(STUCK)

def measure_pace():
    """How long a move there and back and a restart of the service take here and now, in seconds: the machine may be an emulated one
    that others want as well."""
    start = time.monotonic()
    root.bind(LEGACY[0], 'vfio')
    root.restore(LEGACY[0])
    unit.systemctl('restart', unit.NAME)
    return time.monotonic() - start


PACE = measure_pace()
# In whole seconds: the service's limit, its watchdog, and how soon everything is done that has nothing to do with the stuck device.
LIMIT = max(2, math.ceil(PACE * 2))
WATCHDOG = LIMIT
PROMPT = LIMIT * 2 + 1


@dataclasses.dataclass
class Hang:
    name: str
    home: str        # the driver that has the function before all of it
    first: str       # the target that it is moved to beforehand; none: ''
    target: str      # the request that hangs
    parameter: str   # what the driver hangs in
    doing: str       # how the step is worded
    old: str         # the driver when the request comes
    new: str         # the driver when it has been carried out


HANGS = [
    Hang('a bind that hangs in remove', 'balky', '', 'vfio', 'remove_hang', f'unbinding {STUCK} from balky', 'balky', 'vfio-pci'),
    Hang('a bind that hangs in probe', 'e1000e', '', 'balky', 'probe_hang', f'binding {STUCK} to balky', 'e1000e', 'balky'),
    Hang('a restore that hangs in probe', 'balky', 'vfio', 'host', 'probe_hang', f'binding {STUCK} to balky', 'vfio-pci', 'balky'),
]


def ctl(*arguments):
    return subprocess.run(['vfiobindctl', *arguments], check=True, capture_output=True, text=True, timeout=PROMPT).stdout


def operations():
    """Path → properties of all operations that the service shows."""
    objects = root.call(bus.OBJECTS, 'GetManagedObjects', seconds=PROMPT)
    return {path: interfaces['org.vfiobind.Operation'] for path, interfaces in objects.items()
            if 'org.vfiobind.Operation' in interfaces}


def busy(address):
    return root.get(bus.device_path(address), bus.DEVICE, 'Busy')


def finished(path):
    """The signals that tell how an operation ended, each as uid, error, message and moves."""
    return [values[1:] for _, _, name, values in root.signals if name == 'OperationFinished' and values[0] == path]


def promptly(function, *arguments, **options):
    """Does it, and it takes no longer than it may."""
    start = time.monotonic()
    answer = function(*arguments, **options)
    seconds = time.monotonic() - start
    assert seconds < PROMPT, f'{getattr(function, "__name__", function)} {arguments} took {seconds:.1f} s'
    return answer


@functools.cache
def watch_closely():
    """The service has the watchdog of this file from now on."""
    unit.drop_in(f'[Service]\nWatchdogSec={WATCHDOG}\n')


def impatient():
    """The service has the limit and the watchdog of this file within. It begins to count its operations anew."""
    watch_closely()
    root.signals.clear()
    return unit.configuration(f'[Manager]\nOperationTimeoutSec={LIMIT}s\n')


@contextlib.contextmanager
def prepared(hang):
    """The function is where the request finds it; afterwards it is home."""
    with contextlib.ExitStack() as stack:
        if hang.home == balky.NAME:
            stack.enter_context(balky.host(root, STUCK))
        try:
            if hang.first:
                root.bind(STUCK, hang.first)
            yield
        finally:
            balky.calm()
            bus.wait_for(lambda: not unit.journal(), 'the operation to be settled')
            root.restore(STUCK)


@contextlib.contextmanager
def stuck(hang, **parameters):
    """The service is impatient, and one request was answered that the kernel does not answer. Yields its operation's path, and the
    message."""
    with impatient(), prepared(hang):
        balky.command(only=STUCK, **{hang.parameter: 'Y'}, **parameters)
        start = time.monotonic()
        pending = root.send(bus.MANAGER, 'Bind', '(sst)', STUCK, hang.target, 0)
        bus.wait_for(balky.held, 'the driver to sleep')
        message = expect_error('Stuck', pending.result)
        seconds = time.monotonic() - start
        assert LIMIT - 0.1 <= seconds < LIMIT + PROMPT, f'Stuck was answered after {seconds:.1f} s'
        [path] = operations()
        yield path, message


def shown_as_stuck(path, hang):
    """The operation is there for everybody to see, and holds its group."""
    bus.wait_for(lambda: operations()[path]['State'] == 'stuck', 'the operation to be shown as stuck', LIMIT + PROMPT)
    shown = operations()[path]
    equal((shown['Devices'], shown['Target'], shown['Uid']), ([STUCK], hang.target, 0))
    assert 'balky_hold' in shown['Message'], shown
    for address in TWINS:
        equal(promptly(busy, address), True, f'Busy of {address}')
        message = promptly(expect_error, 'Busy', root.bind, address, 'kvm')
        assert address in message, message
    promptly(expect_error, 'Busy', root.restore_group, GROUP)
    equal(finished(path), [])


def others_go_on():
    """Everything that has nothing to do with the stuck device is prompt, and so is looking at it."""
    assert STUCK in promptly(ctl, 'list')
    assert STUCK in promptly(ctl, 'show', STUCK)
    promptly(ctl, 'groups')
    for target, driver in [('vfio', 'vfio-pci'), ('host', 'e1000')]:
        promptly(root.bind, LEGACY[0], target)
        equal(kernel.driver(LEGACY[0]), driver)
    promptly(root.call, bus.MANAGER, 'BindDevices', '(asst)', [NIC, LEGACY[1]], 'kvm', 0)
    promptly(ctl, 'restore', NIC, LEGACY[1])


def watchdog_is_content():
    """It is fed twice by one and the same process."""
    for _ in range(2):
        before = unit.show('WatchdogTimestampMonotonic'), unit.pid()
        bus.wait_for(lambda before=before: unit.show('WatchdogTimestampMonotonic') != before[0], 'the watchdog to be fed',
                     WATCHDOG)
        equal(unit.pid(), before[1])


def restart():
    unit.systemctl('restart', unit.NAME, seconds=PROMPT)


def stop_and_start():
    unit.systemctl('stop', unit.NAME, seconds=PROMPT)
    equal(unit.show('ActiveState'), 'inactive')
    unit.systemctl('start', unit.NAME, seconds=PROMPT)


def crash():
    before = unit.pid()
    os.kill(before, signal.SIGKILL)
    bus.wait_for(lambda: unit.pid() not in (0, before) and unit.show('ActiveState') == 'active', 'the service to be back', PROMPT)


def settled(path, error, driver, override):
    """The operation has ended with this error, and has left nothing behind. Returns its message and moves."""
    bus.wait_for(lambda: finished(path), 'OperationFinished', PROMPT)
    [(uid, name, message, moves)] = finished(path)
    equal((uid, name.removeprefix('org.vfiobind.Error.')), (0, error), message)
    equal((kernel.driver(STUCK), kernel.override(STUCK)), (driver, override))
    equal((operations(), unit.journal()), ({}, []))
    for address in TWINS:
        equal(busy(address), False, f'Busy of {address}')
    equal(root.get(bus.device_path(STUCK), bus.DEVICE, 'Driver'), driver)
    bus.wait_for(lambda: not unit.workers(), 'the workers to end', PROMPT)
    return message, moves


def override_of(driver):
    return driver if driver == 'vfio-pci' else ''


@contextlib.contextmanager
def journald(stalled):
    """The system's log waits for the stuck device within, where that is wanted. To be entered once the device is stuck."""
    number = unit.pid('systemd-journald.service')
    if stalled:
        bus.wait_for(lambda: unit.process(number)[1] == 'D', 'journald to look at the stuck device')
    yield
    if stalled:
        equal((unit.pid('systemd-journald.service'), unit.process(number)[1]), (number, 'D'), 'journald at the end')


@cases([(f'{hang.name}, journald {"stalled" if stalled else "well"}', hang, stalled)
        for hang, stalled in [(HANGS[0], True), (HANGS[1], False)]])
def meanwhile(hang, stalled):
    """While the kernel does not answer, everything else is prompt, and the service may be restarted as often as one likes"""
    with stuck(hang, talkative='Y' if stalled else 'N') as (path, message):
        for word in (hang.doing, 'balky_hold', 'reboot', 'suspend'):
            assert word in message, f'no {word!r} in {message!r}'
        with journald(stalled):
            shown_as_stuck(path, hang)
            others_go_on()
            watchdog_is_content()
            for interrupt in (crash, restart, stop_and_start):
                promptly(interrupt)
                others_go_on()
                shown_as_stuck(path, hang)
            watchdog_is_content()
        balky.calm()
        message, _ = settled(path, 'MoveFailed', hang.old, override_of(hang.old))
        assert 'back where it was' in message, message


@cases([(hang.name, hang) for hang in HANGS])
def completed(hang):
    """An operation that was stuck is completed when the kernel answers, and says so to whoever still listens"""
    with stuck(hang) as (path, _):
        shown_as_stuck(path, hang)
        balky.calm()
        _, moves = settled(path, '', hang.new, override_of(hang.new))
        equal(moves, [(STUCK, hang.old, hang.new)])


@cases([(hang.name, hang) for hang in HANGS if hang.parameter == 'probe_hang'])
def undone(hang):
    """An operation that was stuck is undone when the kernel answers with an error at last"""
    with stuck(hang) as (path, _):
        balky.command(probe_error=errno.EIO)
        balky.command(probe_hang='N')
        message, _ = settled(path, 'MoveFailed', hang.old, override_of(hang.old))
        assert f'{hang.doing.capitalize()} failed' in message and 'back where it was' in message, message
        balky.calm()


@test
def one_of_several():
    """Of three functions in three groups one gets stuck; when it fails at last, the others come back with it"""
    three = [NIC, STUCK, LEGACY[0]]
    before = kernel.snapshot()
    with impatient(), balky.commanded(only=STUCK, probe_hang='Y'):
        message = expect_error('Stuck', root.bind_devices, three, 'balky')
        assert f'binding {STUCK} to balky' in message, message
        [path] = operations()
        for address in three:
            equal(busy(address), True, f'Busy of {address}')
        balky.command(probe_error=errno.EIO)
        balky.command(probe_hang='N')
        message, _ = settled(path, 'MoveFailed', 'e1000e', '')
        assert STUCK in message, message
        equal(kernel.snapshot(), before)


@cases([('to be removed', 'balky', 'vfio', 'remove_delay', 'vfio-pci'), ('to be probed', 'e1000e', 'balky', 'probe_delay', 'balky')])
def late(home, target, parameter, new):
    """A driver takes longer than the limit, and the operation is completed all the same"""
    hang = Hang('', home, '', target, parameter, '', home, new)
    with impatient(), prepared(hang):
        balky.command(only=STUCK, **{parameter: (LIMIT + 1) * 1000})
        pending = root.send(bus.MANAGER, 'Bind', '(sst)', STUCK, target, 0)
        [path] = bus.wait_for(operations, 'the operation to be shown')
        expect_error('Stuck', pending.result)
        _, moves = settled(path, '', new, override_of(new))
        equal(moves, [(STUCK, home, new)])


def seconds_of(verb):
    start = time.monotonic()
    unit.systemctl(verb, unit.NAME)
    return time.monotonic() - start


@test
def stop_at_once():
    """A service that waits for an earlier run's worker stops at once, whatever its limit, and by itself"""
    hang = HANGS[0]
    with stuck(hang) as (path, _):
        with unit.configuration('[Manager]\nOperationTimeoutSec=1h\n'):
            seconds = seconds_of('stop')
            equal((unit.show('Result'), unit.show('ExecMainCode'), unit.show('ExecMainStatus')), ('success', '1', '0'))
            equal(balky.held(), 1)
            seconds += seconds_of('start')
            assert seconds < PACE + 3, f'stopping and starting took {seconds:.1f} s'
        balky.calm()
        settled(path, 'MoveFailed', hang.old, override_of(hang.old))
