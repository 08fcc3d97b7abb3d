# SPDX-License-Identifier: GPL-2.0-or-later
"""Resets by the kernel's own methods, on devices that have some of them."""

import errno

import bus
import kernel
import polkit
from harness import cases, equal, expect_error, test
from host import DISK, NIC, TWINS, opened

root = bus.Client()
alice = bus.Client('alice')

# A method that every kernel knows and no device of this host has.
NOT_OFFERED = 'acpi'


def attribute(address, name):
    return f'{kernel.DEVICES}/{address}/{name}'


def methods(address):
    return kernel.attribute(address, 'reset_method').split()


def works(address, method):
    """By bare writes: whether the kernel can reset the function by this method alone. None: it would not take the list back."""
    before = kernel.attribute(address, 'reset_method')
    try:
        kernel.write(attribute(address, 'reset_method'), before)
    except OSError as error:
        equal(error.errno, errno.EINVAL)
        return None
    kernel.write(attribute(address, 'reset_method'), method)
    try:
        kernel.write(attribute(address, 'reset'), '1')
    except OSError as error:
        equal(error.errno, errno.ENOTTY)
        return False
    finally:
        kernel.write(attribute(address, 'reset_method'), before)
    return True


def reset(client, address, method='', flags=0):
    return client.call(bus.MANAGER, 'Reset', '(sst)', address, method, flags)


@cases([('a NIC', NIC), ('the first of two functions', TWINS[0]), ('the second', TWINS[1]), ('an NVMe disk', DISK)])
def every_method(address):
    """Each method that the kernel lists works or does not as it does by a bare write, and the list stays as it is"""
    before = methods(address)
    assert before, address
    for method in before:
        expected = works(address, method)
        if expected is None:  # one of several functions of a bus: all but a reset of the bus, which is listed
            expected = method != 'bus'
        if expected:
            equal(reset(root, address, method), method)
        else:
            expect_error('NotSupported', reset, root, address, method)
        equal((methods(address), root.get(bus.device_path(address), bus.DEVICE, 'ResetMethods')), (before, before))
    equal(reset(root, address), [method for method in before if method != 'bus'][0])
    equal(methods(address), before)


@test
def outdated():
    """The kernel lists a reset of the bus for the first of two functions, and would not take that list back"""
    equal(methods(TWINS[0])[-1], 'bus')
    equal(works(TWINS[0], 'bus'), None)
    expect_error('NotSupported', reset, root, TWINS[0], 'bus')


@test
def not_offered():
    """A method that the device does not have is refused, and so is what is none"""
    assert NOT_OFFERED not in methods(NIC)
    message = expect_error('NotSupported', reset, root, NIC, NOT_OFFERED)
    assert all(method in message for method in methods(NIC)), message
    expect_error('InvalidArgs', reset, root, NIC, 'flr bus')
    expect_error('NotSupported', reset, root, '0000:00:00.0')


@test
def in_use():
    """What is open through VFIO is not reset, with FORCE or without"""
    root.bind(NIC, 'vfio')
    equal(reset(root, NIC), 'pm')
    with opened(NIC):
        for flags in 0, bus.FORCE:
            expect_error('InUse', reset, root, NIC, '', flags)
    equal(reset(root, NIC), 'pm')
    root.restore(NIC)


@test
def permission():
    """It takes the permission of its own, for this device"""
    expect_error('InteractiveAuthorizationRequired', reset, alice, NIC)
    with polkit.rule(f'''if (action.id == "org.vfiobind.reset" && action.lookup("device") == "{NIC}")
                             return polkit.Result.YES;'''):
        equal(reset(alice, NIC), 'pm')
        expect_error('InteractiveAuthorizationRequired', reset, alice, TWINS[1])
