# SPDX-License-Identifier: GPL-2.0-or-later
"""File systems and swap on the empty NVMe disk."""

import contextlib
import subprocess

import bus
import kernel
import topology

MAKE = {'swap': ['mkswap'], 'ext4': ['mke2fs', '-q', '-t', 'ext4', '-F']}


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def node():
    """The disk's block device. Its number may be another one each time the driver binds."""
    def find():
        return [name for name in kernel.names('/sys/block')
                if kernel.link(f'/sys/block/{name}/device/device') == topology.DISK]

    bus.wait_for(find, 'the NVMe disk')
    run('udevadm', 'settle')
    return f'/dev/{find()[0]}'


@contextlib.contextmanager
def area(kind):
    """The disk's node, made a swap area or a file system that nothing uses yet."""
    path = node()
    run(*MAKE[kind], path)
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
