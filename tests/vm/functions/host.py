# SPDX-License-Identifier: GPL-2.0-or-later
"""Names for the functions of tests/vm/topology/conformance, found by the slots that are fixed there."""

import contextlib
import os

import kernel

[NIC] = kernel.below('0000:00:10.0')
TWINS = kernel.below('0000:00:11.0')
[DISK] = kernel.below('0000:00:12.0')


def node(address):
    return f'/dev/vfio/{kernel.group(address)}'


@contextlib.contextmanager
def opened(address):
    """The function's group is open through VFIO within."""
    fd = os.open(node(address), os.O_RDWR)
    try:
        yield
    finally:
        os.close(fd)
