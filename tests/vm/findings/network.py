# SPDX-License-Identifier: GPL-2.0-or-later
"""Network interfaces that somebody needs."""

import contextlib
import os

import kernel
import use
from harness import cases, equal, test
from topology import NIC
from use import FORCED, run

VIRTIO = '0000:00:19.0'


def interface(address):
    """Its name; below the function, or below its virtio device."""
    for path in f'{kernel.DEVICES}/{address}/net', f'{kernel.DEVICES}/{address}/virtio{0}/net':
        if os.path.isdir(path):
            [name] = os.listdir(path)
            return name
    [name] = [name for name in os.listdir('/sys/class/net') if f'/{address}/' in os.path.realpath(f'/sys/class/net/{name}')]
    return name


@contextlib.contextmanager
def up(address):
    """Nothing but up: no address comes by itself."""
    name = interface(address)
    run('ip', 'link', 'set', name, 'addrgenmode', 'none')
    run('ip', 'link', 'set', name, 'up')
    yield name
    if os.path.isdir(f'/sys/class/net/{name}'):
        run('ip', 'link', 'set', name, 'down')


def found(name):
    return [('network', name, FORCED)]


@contextlib.contextmanager
def address_of(address):
    with up(address) as name:
        run('ip', 'address', 'add', '192.0.2.1/24', 'dev', name)
        yield found(name)
        run('ip', 'address', 'flush', 'dev', name)


@contextlib.contextmanager
def route_of(address):
    with up(address) as name:
        run('ip', 'route', 'add', '192.0.2.0/24', 'dev', name, 'table', '1234')
        yield found(name)


@contextlib.contextmanager
def link_on(address, *words):
    """Another interface stands above it."""
    with up(address) as name:
        run('ip', 'link', 'add', *[word.format(name) for word in words])
        if words[-1] == 'bridge':
            run('ip', 'link', 'set', name, 'master', words[0])
        yield found(name)
        if words[-1] == 'bridge':
            run('ip', 'link', 'delete', words[0])
        elif os.path.isdir(f'/sys/class/net/{words[2]}'):
            run('ip', 'link', 'delete', words[2])


@contextlib.contextmanager
def namespace(address):
    """It lives in another network namespace, which is gone afterwards, and gives it back."""
    name = interface(address)
    run('ip', 'netns', 'add', 'other')
    run('ip', 'link', 'set', name, 'netns', 'other')
    yield [('network', '', FORCED)]
    run('ip', 'netns', 'delete', 'other')
    run('udevadm', 'settle')


USES = {
    'an address': address_of,
    'nothing but a route': route_of,
    'a bridge': lambda address: link_on(address, 'bridge0', 'type', 'bridge'),
    'a VLAN': lambda address: link_on(address, 'link', '{0}', 'vlan5', 'type', 'vlan', 'id', '5'),
    'another network namespace': namespace,
}


def is_back(address):
    return any(f'/{address}/' in os.path.realpath(f'/sys/class/net/{name}') for name in os.listdir('/sys/class/net'))


@cases([(f'{what} of {kind}', make, address) for what, make in USES.items()
        for kind, address in (('a NIC', NIC), ('a virtio NIC', VIRTIO))])
def needed(make, address):
    """An interface that is needed is in the way, and no longer when it is not"""
    with make(address) as expected:
        use.in_the_way(address, *expected)
    use.bus.wait_for(lambda: is_back(address), 'the interface')
    use.idle(address)
    use.bus.wait_for(lambda: is_back(address), 'the interface')


@test
def nothing_but_up():
    """An interface that is up, and nothing else, is in nobody's way"""
    with up(NIC):
        equal(use.look(NIC), [])
