# SPDX-License-Identifier: GPL-2.0-or-later
"""The firmware's framebuffer, on the host of tests/vm/topology/framebuffer, which has it once: this test is the last."""

import kernel
import use
from harness import equal, test
from use import FORCED, WARN, root

BOOT_DISPLAY = '0000:00:01.0'
DISPLAY = '0000:00:02.0'


@test
def framebuffer():
    """The firmware's framebuffer is told of before it goes, with the console on it, and is gone until the next boot"""
    equal(kernel.driver(BOOT_DISPLAY), '')
    equal(sorted(use.look(BOOT_DISPLAY)), [('display', 'console', FORCED), ('framebuffer', 'vesafb', WARN)])
    equal(use.look(DISPLAY), [])
    use.refused(BOOT_DISPLAY)

    root.bind(BOOT_DISPLAY, 'vfio', use.bus.FORCE)
    root.restore(BOOT_DISPLAY)
    equal(kernel.driver(BOOT_DISPLAY), '')
    equal(use.look(BOOT_DISPLAY), [])
