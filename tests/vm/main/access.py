# SPDX-License-Identifier: GPL-2.0-or-later
"""ACCESS: an ordinary user opens the real node of a group, and nobody else does."""

import contextlib
import fcntl
import os
import struct
import subprocess

import bus
import kernel
import polkit
from harness import cases, equal, expect_error, test
from topology import LEGACY, NIC, TWINS

VFIO_GROUP_GET_STATUS = 0x3b67  # <linux/vfio.h>: flag 1 of the second number says that the group is viable
UDEV_RULE = '/run/udev/rules.d/99-test.rules'
UNIT = 'vfiobind.service'

root = bus.Client()
alice = bus.Client('alice')
bob = bus.Client('bob')


def node(address):
    return f'/dev/vfio/{kernel.group(address)}'


def allowed(*users):
    names = ', '.join(f'"{user}"' for user in users)
    return polkit.rule(f'''
        if ([{names}].indexOf(subject.user) >= 0 && action.id.indexOf("org.vfiobind.") == 0)
            return polkit.Result.YES;''')


@contextlib.contextmanager
def opened(user, address):
    """The user has the group open within; what it gives is the answer to whether the group is viable."""
    with bus.effective_user(user):
        fd = os.open(node(address), os.O_RDWR)
    try:
        yield struct.unpack('II', fcntl.ioctl(fd, VFIO_GROUP_GET_STATUS, struct.pack('II', 8, 0)))[1] & 1
    finally:
        os.close(fd)


def may_open(user, address):
    try:
        with opened(user, address) as viable:
            equal(viable, 1)
            return True
    except PermissionError:
        return False


def who(address):
    return [user for user in ('alice', 'bob', 'carol') if may_open(user, address)]


@contextlib.contextmanager
def udev_rule(text):
    os.makedirs(os.path.dirname(UDEV_RULE), exist_ok=True)
    with open(UDEV_RULE, 'w', encoding='ascii') as file:
        file.write(f'SUBSYSTEM=="vfio", KERNEL!="vfio", {text}\n')
    subprocess.run(['udevadm', 'control', '--reload'], check=True)
    try:
        yield
    finally:
        os.unlink(UDEV_RULE)
        subprocess.run(['udevadm', 'control', '--reload'], check=True)


@cases([('one function', [NIC]), ('a slot with two', TWINS), ('a group of three', LEGACY)])
def there_and_back(devices):
    """Whoever a rule allows may open the node when the answer comes, nobody else, and nobody after Restore"""
    with allowed('alice'):
        equal(len(alice.bind_devices(devices, 'vfio', bus.ACCESS)), len(devices))
        equal(who(devices[0]), ['alice'])
        alice.restore_devices(devices)
        assert not os.path.exists(node(devices[0]))
        root.bind_devices(devices, 'vfio')
        equal(who(devices[0]), [])
        equal(alice.bind_devices(devices, 'vfio', bus.ACCESS), [])
        equal(who(devices[0]), ['alice'])
        alice.restore_devices(devices)
    equal(os.listdir('/run/vfiobind/access'), [])


@cases([('a mode', 'MODE="0600"', ['alice']), ('a mode and a group', 'MODE="0660", GROUP="netlab"', ['alice', 'bob']),
        ('another owner', 'OWNER="bob", MODE="0600"', ['alice', 'bob'])])
def with_a_rule_of_udev(text, users):
    """An administrator's rule for the node takes nothing away, before the answer and after it, and means what it says"""
    with allowed('alice'), udev_rule(text):
        alice.bind(NIC, 'vfio', bus.ACCESS)
        equal(who(NIC), users, kernel.settled(node(NIC)))
        subprocess.run(['udevadm', 'trigger', '--settle', f'/sys/class/vfio/{kernel.group(NIC)}'], check=True)
        bus.wait_for(lambda: who(NIC) == users, 'access to be given again')
        alice.restore(NIC)


@test
def set_by_hand():
    """What somebody sets by hand, or udev without a rule, takes nothing away either"""
    with allowed('alice'):
        alice.bind(NIC, 'vfio', bus.ACCESS)
        os.chmod(node(NIC), 0o600)
        bus.wait_for(lambda: who(NIC) == ['alice'], 'access to be given again')
        os.removexattr(node(NIC), 'system.posix_acl_access')
        bus.wait_for(lambda: who(NIC) == ['alice'], 'access to be given again')
        alice.restore(NIC)


@test
def in_use():
    """A group that is open stays with whoever has it: the refusal takes no access away"""
    with allowed('alice'):
        alice.bind(NIC, 'vfio', bus.ACCESS)
        with opened('alice', NIC):
            for call in (lambda: alice.restore(NIC)), (lambda: root.restore(NIC, bus.FORCE)):
                expect_error('InUse', call)
        equal(who(NIC), ['alice'])
        equal(alice.restore(NIC), [(NIC, 'vfio-pci', 'e1000e')])


@test
def one_user():
    """A group serves one user: for others it is a finding, and with FORCE they take it"""
    with allowed('alice', 'bob'):
        alice.bind(NIC, 'vfio', bus.ACCESS)
        expect_error('InUse', bob.bind, NIC, 'vfio', bus.ACCESS)
        expect_error('InUse', root.restore, NIC)
        equal(who(NIC), ['alice'])
        equal(bob.bind(NIC, 'vfio', bus.ACCESS | bus.FORCE), [])
        equal(who(NIC), ['bob'])
        root.restore(NIC, bus.FORCE)


@test
def every_endpoint():
    """Without the permission for every endpoint of the group, and in a group that is not viable, nobody gets access"""
    rule = f'''if (subject.user == "alice" && (action.id == "org.vfiobind.bind" ||
                   action.id == "org.vfiobind.access" && action.lookup("device") == "{TWINS[0]}")) return polkit.Result.YES;'''
    with polkit.rule(rule):
        expect_error('NotViable', alice.bind, TWINS[0], 'vfio', bus.ACCESS)
        root.bind(TWINS[1], 'kvm')
        assert TWINS[1] in expect_error('InteractiveAuthorizationRequired', alice.bind, TWINS[0], 'vfio', bus.ACCESS)
        equal(kernel.driver(TWINS[0]), 'e1000e')
        root.restore(TWINS[1])


@test
def snatched():
    """Access ends when somebody else takes a member off VFIO"""
    with allowed('alice'):
        alice.bind_devices(TWINS, 'vfio', bus.ACCESS)
        kernel.unbind(TWINS[1])
        bus.wait_for(lambda: who(TWINS[0]) == [], 'access to be withdrawn')
        root.restore_devices(TWINS)


@cases([('killed', ['systemctl', 'kill', '--kill-whom=main', '--signal=KILL', UNIT]), ('stopped', ['systemctl', 'stop', UNIT]),
        ('restarted', ['systemctl', 'restart', UNIT])])
def service_gone(command):
    """Access outlives the service, which knows at its next start what still fits"""
    with allowed('alice'):
        alice.bind(NIC, 'vfio', bus.ACCESS)
        alice.bind_devices(TWINS, 'vfio', bus.ACCESS)
        before = root.owner()
        with opened('alice', NIC) as viable:
            subprocess.run(command, check=True)
            equal(viable, 1)
        bus.wait_for(lambda: root.owner() != before, 'the bus to know that the service has gone')
        equal((who(NIC), who(TWINS[0])), (['alice'], ['alice']))
        root.get(bus.device_path(NIC), bus.DEVICE, 'Driver')
        equal((who(NIC), who(TWINS[0])), (['alice'], ['alice']))
        subprocess.run(['systemctl', 'stop', UNIT], check=True)
        kernel.unbind(TWINS[1])
        os.chmod(node(NIC), 0o600)
        root.get(bus.device_path(NIC), bus.DEVICE, 'Driver')
        equal((who(NIC), who(TWINS[0])), (['alice'], []))
        expect_error('InUse', root.restore, NIC)
        alice.restore(NIC)
        root.restore_devices(TWINS)
    equal(os.listdir('/run/vfiobind/access'), [])


def open_device(client, address):
    """The descriptor and the path that OpenDevice answers with."""
    pending = client.send(bus.MANAGER, 'OpenDevice', '(s)', address)
    index, path = pending.result()
    return pending.reply.get_unix_fd_list().get(index), path


@test
def descriptor():
    """OpenDevice gives the real descriptor, and no access; until it is closed it is a finding"""
    with allowed('alice'):
        expect_error('NotViable', open_device, alice, NIC)
        root.bind(NIC, 'vfio')
        expect_error('InteractiveAuthorizationRequired', open_device, bob, NIC)
        fd, path = open_device(alice, NIC)
        equal((path, os.readlink(f'/proc/self/fd/{fd}')), (node(NIC), node(NIC)))
        equal(struct.unpack('II', fcntl.ioctl(fd, VFIO_GROUP_GET_STATUS, struct.pack('II', 8, 0)))[1] & 1, 1)
        expect_error('InUse', open_device, alice, NIC)
        expect_error('InUse', root.restore, NIC, bus.FORCE)
        os.close(fd)
        equal(who(NIC), [])
        equal(root.restore(NIC), [(NIC, 'vfio-pci', 'e1000e')])
