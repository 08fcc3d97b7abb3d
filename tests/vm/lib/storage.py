# SPDX-License-Identifier: GPL-2.0-or-later
"""File systems and swap on the empty NVMe disk."""

import contextlib
import os
import subprocess

import bus

BY_ID = '/dev/disk/by-id/nvme-QEMU_NVMe_Ctrl_empty'
MAKE = {'swap': ['mkswap'], 'ext4': ['mke2fs', '-q', '-t', 'ext4', '-F']}


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def settle():
    """udev opens what appears, and what somebody has written to, for a moment: it has done so when this returns."""
    run('udevadm', 'settle')


def node():
    """The disk's block device. Its number may be another one each time the driver binds."""
    bus.wait_for(lambda: os.path.exists(BY_ID), 'the NVMe disk')
    settle()
    return os.path.realpath(BY_ID)


@contextlib.contextmanager
def area(kind):
    """The disk's node, made a swap area or a file system that nothing uses yet."""
    path = node()
    run(*MAKE[kind], path)
    settle()
    yield path


@contextlib.contextmanager
def mounted(directory):
    """A file system on the disk is mounted there within."""
    with area('ext4') as path:
        run('mount', '--mkdir', path, directory)
        try:
            yield
        finally:
            run('umount', directory)
