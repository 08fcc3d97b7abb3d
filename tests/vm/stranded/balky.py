# SPDX-License-Identifier: GPL-2.0-or-later
"""The driver that balks on command (driver/balky.c), and functions that have it as their host driver."""

import contextlib
import os
import subprocess

import bus
import kernel

NAME = 'balky'
MODULE = f'{os.path.dirname(os.path.abspath(__file__))}/driver/{NAME}.ko'
PARAMETERS = f'/sys/module/{NAME}/parameters'
# Whoever is held is let go before anything else.
CALM = {'probe_hang': 'N', 'remove_hang': 'N', 'probe_error': 0, 'probe_delay': 0, 'remove_delay': 0, 'talkative': 'N',
        'only': '\n'}

if not os.path.isdir(PARAMETERS):
    subprocess.run(['insmod', MODULE], check=True)


def command(**parameters):
    for name, value in parameters.items():
        kernel.write(f'{PARAMETERS}/{name}', str(value))


def calm():
    command(**CALM)


@contextlib.contextmanager
def commanded(**parameters):
    """Balks like this within."""
    command(**parameters)
    try:
        yield
    finally:
        calm()


def held():
    """How many functions sleep in the kernel until they are let go."""
    with open(f'{PARAMETERS}/held', encoding='ascii') as file:
        return int(file.read())


@contextlib.contextmanager
def host(root, address):
    """The driver has the function within, as if it were made for it."""
    def put(name):
        if kernel.driver(address) != name:
            kernel.unbind(address)
            kernel.bind(address, name)
        bus.wait_for(lambda: root.get(bus.device_path(address), bus.DEVICE, 'Driver') == name, f'{name} to be known')

    before = kernel.driver(address)
    put(NAME)
    try:
        yield
    finally:
        put(before)
