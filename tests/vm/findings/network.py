# SPDX-License-Identifier: GPL-2.0-or-later
"""Network interfaces that somebody needs."""

import contextlib
import os
import subprocess

import use
from harness import cases, equal, test
from topology import NIC
from use import FORCED, run

VIRTIO = '0000:00:19.0'


def interfaces(address):
    """Those below the function, or below its virtio device."""
    return [name for name in os.listdir('/sys/class/net') if f'/{address}/' in os.path.realpath(f'/sys/class/net/{name}')]


def wait_for(address):
    """It may be on its way, as from another namespace, and udev gives it its own name."""
    use.bus.wait_for(lambda: interfaces(address), 'the interface')
    run('udevadm', 'settle')


def interface(address):
    wait_for(address)
    [name] = interfaces(address)
    return name


@contextlib.contextmanager
def up(address):
    """Nothing but up: no address comes by itself. What has been moved meanwhile is another interface, which is down."""
    name = interface(address)
    run('ip', 'link', 'set', name, 'addrgenmode', 'none')
    run('ip', 'link', 'set', name, 'up')
    try:
        yield name
    finally:
        subprocess.run(['ip', 'link', 'set', name, 'down'], check=False, stderr=subprocess.DEVNULL)


def found(name):
    return [('network', name, FORCED)]


@contextlib.contextmanager
def address_of(address):
    with up(address) as name:
        run('ip', 'address', 'add', '192.0.2.1/24', 'dev', name)
        try:
            yield found(name)
        finally:
            subprocess.run(['ip', 'address', 'flush', 'dev', name], check=False, stderr=subprocess.DEVNULL)


@contextlib.contextmanager
def route_of(address):
    with up(address) as name:
        run('ip', 'route', 'add', '192.0.2.0/24', 'dev', name, 'table', '1234')
        yield found(name)


@contextlib.contextmanager
def bridge(address):
    with up(address) as name:
        run('ip', 'link', 'add', 'bridge0', 'type', 'bridge')
        try:
            run('ip', 'link', 'set', name, 'master', 'bridge0')
            yield found(name)
        finally:
            run('ip', 'link', 'delete', 'bridge0')


@contextlib.contextmanager
def vlan(address):
    """Which goes when the interface below it goes."""
    with up(address) as name:
        run('ip', 'link', 'add', 'link', name, 'vlan5', 'type', 'vlan', 'id', '5')
        try:
            yield found(name)
        finally:
            subprocess.run(['ip', 'link', 'delete', 'vlan5'], check=False, stderr=subprocess.DEVNULL)


@contextlib.contextmanager
def namespace(address):
    """It lives in another network namespace, which is gone afterwards, and gives it back."""
    name = interface(address)
    run('ip', 'netns', 'add', 'other')
    try:
        run('ip', 'link', 'set', name, 'netns', 'other')
        yield [('network', '', FORCED)]
    finally:
        run('ip', 'netns', 'delete', 'other')


USES = {'an address': address_of, 'nothing but a route': route_of, 'a bridge': bridge, 'a VLAN': vlan,
        'another network namespace': namespace}


@cases([(f'{what} of {kind}', make, address) for what, make in USES.items()
        for kind, address in (('a NIC', NIC), ('a virtio NIC', VIRTIO))])
def needed(make, address):
    """An interface that is needed is in the way, and no longer when it is not"""
    with make(address) as expected:
        use.in_the_way(address, *expected)
    wait_for(address)
    use.idle(address)
    wait_for(address)


@test
def nothing_but_up():
    """An interface that is up, and nothing else, is in nobody's way"""
    with up(NIC):
        equal(use.look(NIC), [])
