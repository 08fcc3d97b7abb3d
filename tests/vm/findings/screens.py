# SPDX-License-Identifier: GPL-2.0-or-later
"""What a person sees and touches."""

import contextlib
import glob
import os

import kernel
import use
from harness import cases, equal, test
from topology import BOOT_DISPLAY, DISPLAY, USB
from use import FORCED


def card(address):
    return f'/dev/dri/{os.path.basename(glob.glob(f"{kernel.DEVICES}/{address}/drm/card*")[0])}'


def lit(address):
    """The connectors that show a picture."""
    return [os.path.basename(os.path.dirname(path)) for path in glob.glob(f'{kernel.DEVICES}/{address}/drm/card*/card*-*/enabled')
            if kernel.attribute(address, os.path.relpath(path, f'{kernel.DEVICES}/{address}')) == 'enabled']


@test
def boot_display():
    """The boot display with the console is in the way, and is given back to both after it was forced"""
    expected = [('display', 'boot display', FORCED), ('display', 'console', FORCED),
                *(('display', name, FORCED) for name in lit(BOOT_DISPLAY))]
    use.in_the_way(BOOT_DISPLAY, *expected)
    equal(('display', 'console', FORCED) in use.look(BOOT_DISPLAY), True)


@test
def drm_client():
    """A program that has a card open is in the way, by its process id and as a client"""
    with use.holder(card(DISPLAY)) as program:
        use.in_the_way(DISPLAY, ('open', str(program.pid), FORCED), ('display', 'DRM client', FORCED))
    use.idle(DISPLAY)


@contextlib.contextmanager
def unplugged(port):
    """The USB device has no driver within, as if it were not there."""
    path = os.path.dirname(glob.glob(f'{kernel.DEVICES}/{USB}/usb*/*-{port}/authorized')[0])
    kernel.write(f'{path}/authorized', '0')
    try:
        yield
    finally:
        kernel.write(f'{path}/authorized', '1')


def inputs():
    """What is found of input devices; logind may have keyboards open besides."""
    return sorted(subject for kind, subject, _severity in use.look(USB) if kind == 'input')


@test
def keyboard_and_pointer():
    """A USB controller takes the keyboard and the pointer along that are behind it"""
    keyboard, tablet = 'QEMU QEMU USB Keyboard', 'QEMU QEMU USB Tablet'
    equal(inputs(), [keyboard, tablet])
    use.refused(USB)
    use.round_trip(USB, use.bus.FORCE)
    use.bus.wait_for(lambda: inputs() == [keyboard, tablet], 'both to be back')
    with unplugged(1):
        equal(inputs(), [tablet])
        with unplugged(2):
            use.idle(USB)
            use.bus.wait_for(lambda: inputs() == [keyboard, tablet], 'both to be back')
