# SPDX-License-Identifier: GPL-2.0-or-later
"""What others do to devices behind the service's back shows up by itself."""

import contextlib
import os
import subprocess
import time

import bus
import kernel
from harness import cases, equal, test
from topology import LEGACY, NIC, NIC_PORT

alice = bus.Client('alice', listen=True)
# It is there and knows the host: what happens from now on is news.
alice.call(bus.MANAGER, 'ListDevices')
PATH = bus.device_path(NIC)


def moves():
    return [values for _, _, name, values in alice.signals if name == 'DeviceMoved']


@contextlib.contextmanager
def seen(*expected):
    """What happens within is told by these DeviceMoved signals, in this order, and by nothing else."""
    alice.get(bus.ROOT, bus.MANAGER, 'Version')  # what was told before comes before the answer
    alice.signals.clear()
    yield
    with contextlib.suppress(AssertionError):
        bus.wait_for(lambda: len(moves()) >= len(expected), 'them')
    equal(sorted(moves()), sorted(expected))
    for address, _, driver, _ in expected[-1:]:
        equal(alice.get(bus.device_path(address), bus.DEVICE, 'Driver'), driver)


@test
def bare_writes():
    """Bare writes to unbind and bind are seen, with PropertiesChanged of device and group"""
    with seen((NIC, 'e1000e', '', 'kernel')):
        kernel.unbind(NIC)
    group = bus.group_path(kernel.group(NIC))
    equal(alice.get(group, bus.GROUP, 'Viable'), True)
    changed = {path: values[1] for path, interface, name, values in alice.signals if name == 'PropertiesChanged'}
    equal((changed[PATH]['Driver'], changed[PATH]['State']), ('', 'none'))
    equal(changed[group]['Viable'], True)
    with seen((NIC, '', 'e1000e', 'kernel')):
        kernel.bind(NIC, 'e1000e')
    equal(alice.get(group, bus.GROUP, 'Viable'), False)


@test
def driverctl():
    """driverctl's set-override and unset-override are seen"""
    with seen((NIC, 'e1000e', '', 'kernel'), (NIC, '', 'pci-stub', 'kernel')):
        subprocess.run(['modprobe', 'pci-stub'], check=True)
        subprocess.run(['driverctl', '--nosave', 'set-override', NIC, 'pci-stub'], check=True, capture_output=True)
    equal(alice.get(PATH, bus.DEVICE, 'State'), 'kvm')
    with seen((NIC, 'pci-stub', '', 'kernel'), (NIC, '', 'e1000e', 'kernel')):
        subprocess.run(['driverctl', '--nosave', 'unset-override', NIC], check=True, capture_output=True)


@test
def module_loads():
    """A module that is unloaded and loaded again moves its devices, and that is seen"""
    with seen(*((address, 'e1000', '', 'kernel') for address in LEGACY)):
        subprocess.run(['modprobe', '-r', 'e1000'], check=True)
    with seen(*((address, '', 'e1000', 'kernel') for address in LEGACY)):
        subprocess.run(['modprobe', 'e1000'], check=True)


@test
def removed_and_found_again():
    """A function that goes and comes is an object removed and an object added, and its group with it"""
    group = bus.group_path(kernel.group(NIC))
    alice.signals.clear()
    kernel.remove(NIC)

    def signalled(wanted):
        return {values[0]: values[1] for path, _, name, values in alice.signals if name == wanted and path == bus.ROOT}

    removed = bus.wait_for(lambda: len(signalled('InterfacesRemoved')) == 2 and signalled('InterfacesRemoved'),
                           'two InterfacesRemoved')
    assert bus.DEVICE in removed[PATH] and bus.GROUP in removed[group], removed
    assert PATH not in alice.call(bus.OBJECTS, 'GetManagedObjects')
    try:
        alice.call(bus.MANAGER, 'GetDevice', '(s)', NIC)
        raise AssertionError('the device is still there')
    except bus.BusError as error:
        equal(error.name, 'NoSuchDevice')

    kernel.rescan()
    added = bus.wait_for(lambda: len(signalled('InterfacesAdded')) == 2 and signalled('InterfacesAdded'),
                         'two InterfacesAdded')
    equal(added[PATH][bus.DEVICE]['Address'], NIC)
    bus.wait_for(lambda: alice.get(PATH, bus.DEVICE, 'Driver') == 'e1000e', 'the host driver')
    equal(alice.get(PATH, bus.DEVICE, 'Group'), bus.group_path(kernel.group(NIC)))


@test
def another_device_at_the_address():
    """What was recorded of a function is not carried over to one that comes back under its address"""
    root = bus.Client()
    root.bind(NIC, 'vfio')
    kernel.remove(NIC)
    kernel.rescan()

    def known():
        """As long as udev has not passed it on there is no such object."""
        return alice.call(bus.OBJECTS, 'GetManagedObjects').get(PATH, {}).get(bus.DEVICE, {}).get('Driver')

    bus.wait_for(lambda: kernel.driver(NIC) == 'e1000e' and known() == 'e1000e', 'the host driver')
    equal(alice.get(PATH, bus.DEVICE, 'HostDriver'), '')
    equal(root.restore(NIC), [])


@test
def a_whole_port():
    """A bridge that is removed takes what is behind it along, and a rescan brings both back"""
    objects = alice.call(bus.OBJECTS, 'GetManagedObjects')
    kernel.remove(NIC_PORT)
    bus.wait_for(lambda: not {PATH, bus.device_path(NIC_PORT)} & alice.call(bus.OBJECTS, 'GetManagedObjects').keys(),
                 'both to go')
    kernel.rescan()

    def back():
        return {path for path in alice.call(bus.OBJECTS, 'GetManagedObjects') if '/device/' in path}

    bus.wait_for(lambda: back() == {path for path in objects if '/device/' in path}, 'both to come back')
    bus.wait_for(lambda: kernel.driver(NIC) == 'e1000e', 'the host driver')


@cases([('another program takes it home', 'e1000e'), ('another program leaves it without a driver', '')])
def moved_away_from_us(driver):
    """A function that we moved and another program moved again stays there, and restore still brings it home"""
    root = bus.Client()
    root.bind(NIC, 'vfio')
    with seen(*([(NIC, 'vfio-pci', '', 'kernel')] + ([(NIC, '', driver, 'kernel')] if driver else []))):
        kernel.unbind(NIC)
        if driver:
            kernel.set_override(NIC, '')
            kernel.bind(NIC, driver)
    equal(root.restore(NIC), [] if driver else [(NIC, '', 'e1000e')])
    equal((kernel.driver(NIC), kernel.override(NIC)), ('e1000e', ''))


@test
def monitor():
    """vfiobindctl monitor tells of each move"""
    with subprocess.Popen(['vfiobindctl', 'monitor'], stdout=subprocess.PIPE, user='alice') as process:
        os.set_blocking(process.stdout.fileno(), False)
        shown = b''

        def told():
            nonlocal shown
            shown += process.stdout.read() or b''
            return any(NIC in line and 'e1000e' in line for line in shown.decode().splitlines())

        try:
            # It listens from some moment on that nobody outside can see: moves are made until it has told of one.
            deadline = time.monotonic() + bus.PATIENCE
            while not told():
                assert time.monotonic() < deadline, shown
                for move in (kernel.unbind, lambda address: kernel.bind(address, 'e1000e')):
                    alice.signals.clear()
                    move(NIC)
                    bus.wait_for(moves, 'the move to be seen')
        finally:
            process.terminate()
