# SPDX-License-Identifier: GPL-2.0-or-later
"""Programs that have a node open, and who is told which."""

import os
import pwd

import bus
import kernel
import storage
import use
from harness import cases, equal, test
from topology import DISK
from use import FORCED

SERIAL = '0000:00:18.0'

alice = bus.Client('alice')
bob = bus.Client('bob')


def controller():
    """The character device of the disk's controller, which is no disk."""
    return f'/dev/{os.path.basename(storage.node()).split("n1")[0]}'


def serial_port():
    return f'/dev/{os.listdir(f"{kernel.DEVICES}/{SERIAL}/tty")[0]}'


@cases([('the disk', DISK, storage.node), ('the controller\'s node', DISK, controller), ('a serial port', SERIAL, serial_port)])
def open_node(address, node):
    """A process that has a node open is in the way"""
    with use.holder(node()) as program:
        use.in_the_way(address, ('open', str(program.pid), FORCED))
    storage.node()
    use.idle(address)
    storage.node()


@test
def by_number():
    """The node is told by its number, whatever it is called"""
    other = '/srv/other-node'
    os.mknod(other, 0o600 | 0o060000, os.stat(storage.node()).st_rdev)
    try:
        with use.holder(other) as program:
            os.unlink(other)
            equal(use.look(DISK), [('open', str(program.pid), FORCED)])
    finally:
        if os.path.exists(other):
            os.unlink(other)


# A crowd in a PID namespace, with which it ends.
CROWD = ['unshare', '--pid', '--fork', '--kill-child', 'bash', '-c',
         'for i in {1..600}; do sleep infinity & done; echo ready; read']


@test
def among_many():
    """Among so many processes that several threads look, the one that has a node open is found"""
    with use.Program(*CROWD, ready='ready'), use.holder(storage.node()) as program:
        equal(use.look(DISK), [('open', str(program.pid), FORCED)])
    equal(use.look(DISK), [])


def told(client):
    """What a client is told of the one finding: subject and message."""
    [(kind, subject, severity)] = use.look(DISK, client=client)
    equal((kind, severity), ('open', FORCED))
    return subject, use.messages(DISK, 'open', client)[0]


@test
def privacy_of_processes():
    """Whose process it is, only its user and root are told"""
    node = storage.node()
    os.chmod(node, 0o666)
    with use.holder(node, user='alice') as program:
        equal(os.stat(f'/proc/{program.pid}').st_uid, pwd.getpwnam('alice').pw_uid)
        for client in use.root, alice:
            subject, message = told(client)
            equal(subject, str(program.pid))
            assert subject in message and 'python3' in message, message
        subject, message = told(bob)
        equal(subject, '')
        assert str(program.pid) not in message and 'python3' not in message, message
    os.chmod(node, 0o660)


@test
def privacy_of_mounts():
    """A mount that the caller's own namespace does not show is told to root alone"""
    with storage.area('ext4') as node, \
            use.Program('unshare', '--mount', '--propagation', 'private', 'bash', '-c',
                        'mount --mkdir -t ext4 "$0" /run/secret && echo ready && read', node, ready='ready'):
        equal(use.look(DISK), [('mounted', '/run/secret', FORCED)])
        equal(use.look(DISK, client=alice), [('mounted', '', FORCED)])
        [message] = use.messages(DISK, 'mounted', alice)
        assert 'secret' not in message, message
    with storage.mounted('/mnt/known'):
        equal(use.look(DISK, client=alice), [('mounted', '/mnt/known', FORCED)])
