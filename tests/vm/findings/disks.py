# SPDX-License-Identifier: GPL-2.0-or-later
"""File systems, swap and stacked devices on the NVMe disk, which with multipath is not below its function in sysfs."""

import contextlib
import fcntl
import os
import struct

import storage
import use
from harness import cases, equal, test
from topology import DISK, ROOT_DISK
from use import FORCED, REFUSE, run

PLACE = '/mnt/disk'
BLKRRPART = 0x125f  # linux/fs.h


def name_of(node):
    return os.path.basename(os.path.realpath(node))


@contextlib.contextmanager
def mount(node, place=PLACE):
    run('mount', '--mkdir', node, place)
    try:
        yield
    finally:
        run('umount', place)


@contextlib.contextmanager
def ext4(node):
    run('mke2fs', '-q', '-t', 'ext4', '-F', node)
    with mount(node):
        yield


@contextlib.contextmanager
def whole():
    """The whole disk."""
    with ext4(storage.node()):
        yield [('mounted', PLACE, FORCED)]


def write_table(node, sector):
    """Has the kernel read a new table of partitions, which it does not while somebody has one of them open: udev keeps out for
    as long as the disk is locked."""
    with open(node, 'r+b', buffering=0) as disk:
        fcntl.flock(disk, fcntl.LOCK_EX)
        disk.write(sector)
        fcntl.ioctl(disk, BLKRRPART)


@contextlib.contextmanager
def partition():
    """One partition from the first MiB on, as the table of a PC says it."""
    node = storage.node()
    entry = struct.pack('<B3sB3sII', 0, b'\0\0\0', 0x83, b'\0\0\0', 2048, 65536)
    write_table(node, bytes(446) + entry + bytes(48) + b'\x55\xaa')
    run('udevadm', 'settle')
    try:
        with ext4(f'{node}p1'):
            yield [('mounted', PLACE, FORCED)]
    finally:
        if os.path.exists(node):
            write_table(node, bytes(512))


@contextlib.contextmanager
def linear():
    """Device-mapper, and nothing on it."""
    run('dmsetup', 'create', 'linear', '--table', f'0 65536 linear {storage.node()} 0')
    try:
        yield [('stacked', name_of('/dev/mapper/linear'), FORCED)]
    finally:
        storage.settle()
        run('dmsetup', 'remove', '--retry', 'linear')


@contextlib.contextmanager
def mounted_linear():
    with linear() as [stacked], ext4('/dev/mapper/linear'):
        yield [stacked, ('mounted', PLACE, FORCED)]


@contextlib.contextmanager
def crypt():
    """Two layers, of which the upper one is named."""
    with linear():
        run('cryptsetup', 'open', '--batch-mode', '--type', 'plain', '--cipher', 'aes-xts-plain64', '--key-size', '256',
            '--key-file', '/dev/urandom', '/dev/mapper/linear', 'crypt')
        try:
            with ext4('/dev/mapper/crypt'):
                yield [('stacked', name_of('/dev/mapper/crypt'), FORCED), ('mounted', PLACE, FORCED)]
        finally:
            storage.settle()
            run('dmsetup', 'remove', '--retry', 'crypt')


@contextlib.contextmanager
def mirror():
    """Without a superblock, by which udev would start it again as soon as the disk is back."""
    run('mdadm', '--build', '/dev/md0', '--level=1', '--raid-devices=2', storage.node(), 'missing')
    try:
        yield [('stacked', 'md0', FORCED)]
    finally:
        storage.settle()
        run('mdadm', '--stop', '/dev/md0')


@contextlib.contextmanager
def loop(target):
    device = run('losetup', '--find', '--show', target).strip()
    try:
        yield device
    finally:
        # One that somebody still looks at would go later, and keep what it is on until then.
        storage.settle()
        run('losetup', '--detach', device)


@contextlib.contextmanager
def loop_on_disk():
    with loop(storage.node()) as device:
        yield [('stacked', name_of(device), FORCED)]


@contextlib.contextmanager
def image_file():
    """A file system in a file on the file system."""
    with whole() as [mounted]:
        with open(f'{PLACE}/image', 'wb') as file:
            file.truncate(8 << 20)
        with loop(f'{PLACE}/image') as device:
            run('mke2fs', '-q', '-t', 'ext4', '-F', device)
            with mount(device, '/mnt/image'):
                yield [mounted, ('mounted', '/mnt/image', FORCED)]


@contextlib.contextmanager
def other_disk(path='/run/other'):
    with open(path, 'wb') as file:
        file.truncate(128 << 20)
    try:
        with loop(path) as device:
            yield device
    finally:
        os.unlink(path)


@contextlib.contextmanager
def btrfs():
    """A file system over two disks, mounted by the name of the other one."""
    node = storage.node()
    try:
        with other_disk() as other:
            run('mkfs.btrfs', '-q', '-f', '--mixed', node, other)
            storage.settle()
            with mount(other):
                yield [('mounted', PLACE, FORCED)]
    finally:
        run('wipefs', '--all', storage.node())


@contextlib.contextmanager
def swap():
    node = storage.node()
    run('mkswap', node)
    run('swapon', node)
    try:
        yield [('swap', node, REFUSE)]
    finally:
        run('swapoff', node)


@contextlib.contextmanager
def swap_file():
    with whole() as [mounted]:
        path = f'{PLACE}/swap file'
        with open(path, 'wb') as file:
            file.write(bytes(1 << 20))
            os.fsync(file.fileno())
        os.chmod(path, 0o600)
        run('mkswap', path)
        run('swapon', path)
        try:
            yield [mounted, ('swap', path, REFUSE)]
        finally:
            run('swapoff', path)


@contextlib.contextmanager
def swap_on_stack():
    with linear() as [(kind, subject, _severity)]:
        node = os.path.realpath('/dev/mapper/linear')
        run('mkswap', node)
        run('swapon', node)
        try:
            yield [(kind, subject, REFUSE), ('swap', node, REFUSE)]
        finally:
            run('swapoff', node)


# A process in a mount namespace of its own.
ELSEWHERE = 'mkdir -p /run/elsewhere && mount -t ext4 "$0" /run/elsewhere && echo ready && read'


@contextlib.contextmanager
def elsewhere():
    with storage.area('ext4') as node:
        with use.Program('unshare', '--mount', '--propagation', 'private', 'bash', '-c', ELSEWHERE, node, ready='ready'):
            yield [('mounted', '/run/elsewhere', FORCED)]


@cases([('a mounted disk', whole), ('a mounted partition', partition), ('dm-linear', linear),
        ('a file system on dm-linear', mounted_linear), ('a file system on dm-crypt on dm-linear', crypt),
        ('half a mirror', mirror),
        ('a loop device on the disk', loop_on_disk), ('an image on the file system', image_file),
        ('a btrfs over two disks', btrfs), ('swap', swap), ('a swap file', swap_file), ('swap on dm-linear', swap_on_stack),
        ('a file system mounted in another mount namespace', elsewhere)])
def carried(made):
    """What the disk carries is in the way, and no longer when it is gone"""
    with made() as expected:
        os.sync()
        storage.settle()
        use.in_the_way(DISK, *expected)
    storage.node()
    use.idle(DISK)
    storage.node()


@test
def root_disk():
    """The root disk is never moved"""
    equal(use.look(ROOT_DISK), [('mounted', '/', REFUSE)])
    use.refused(ROOT_DISK, 1)
