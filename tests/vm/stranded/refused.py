# SPDX-License-Identifier: GPL-2.0-or-later
"""A driver's probe fails in the real kernel: the caller is told, and everything is back."""

import errno

import balky
import bus
import kernel
import unit
from harness import cases, equal, expect_error, test
from topology import LEGACY, NIC, TWINS

root = bus.Client(listen=True)

THREE = [NIC, *TWINS]


def refused(addresses, culprit, before):
    """Everything is where it was, and the signal of the end says the same as the error."""
    message = expect_error('MoveFailed', root.bind_devices, addresses, 'balky')
    for word in (f'Binding {culprit} to balky failed', 'Input/output error', 'back where it was'):
        assert word in message, f'no {word!r} in {message!r}'
    equal(kernel.snapshot(), before)
    [(_, _, _, finished)] = [signal for signal in root.signals if signal[2] == 'OperationFinished']
    equal(finished[1:], (0, 'org.vfiobind.Error.MoveFailed', message, []))
    for address in addresses:
        properties = root.get_all(bus.device_path(address), bus.DEVICE)
        equal([properties[name] for name in ('Driver', 'DriverOverride', 'Busy', 'HostDriver')],
              [*before[address], False, '' if before[address][0] != 'vfio-pci' else 'e1000e'], address)
    equal(unit.journal(), [])


@cases([(f'{where}, and then {how}', target, culprit)
        for how, target in [('stay on the host', None), ('stay on VFIO', 'vfio')]
        for where, culprit in [('the one in a group of its own', NIC), ('the first of a group', TWINS[0]),
                               ('the last of a group', TWINS[1])]])
def one_of_three(target, culprit):
    """Of three functions one is refused with EIO, and all of them are back where they were"""
    if target:
        root.bind_devices(THREE, target)
    try:
        root.signals.clear()
        with balky.commanded(only=culprit, probe_error=errno.EIO):
            refused(THREE, culprit, kernel.snapshot())
    finally:
        root.restore_devices(THREE)


@test
def all_of_three():
    """All of three functions are refused, and all of them are back where they were"""
    root.signals.clear()
    with balky.commanded(probe_error=errno.EIO):
        refused([NIC], NIC, kernel.snapshot())
        message = expect_error('MoveFailed', root.bind_devices, THREE, 'balky')
    assert any(address in message for address in THREE), message


@test
def without_an_error():
    """A probe that neither takes the function nor fails outright (ENODEV) is no success"""
    before = kernel.snapshot()
    with balky.commanded(probe_error=errno.ENODEV):
        expect_error('NoSuchDriver', root.bind, NIC, 'balky')
    equal(kernel.snapshot(), before)


@test
def not_undone():
    """A driver that does not take its function back leaves it on another one, is told of, and one Restore brings it home"""
    with balky.host(root, NIC):
        root.signals.clear()
        with balky.commanded(only=NIC, probe_error=errno.EIO):
            message = expect_error('UndoFailed', root.bind_devices, [NIC, LEGACY[0]], 'e1000e')
        assert f'{NIC} is on e1000e' in message and LEGACY[0] in message, message
        equal((kernel.driver(NIC), kernel.override(NIC)), ('e1000e', ''))
        equal((kernel.driver(LEGACY[0]), kernel.override(LEGACY[0])), ('e1000', ''))
        equal(root.get(bus.device_path(NIC), bus.DEVICE, 'HostDriver'), 'balky')
        equal(unit.journal(), [])
        equal(root.restore(NIC), [(NIC, 'e1000e', 'balky')])
        equal(root.get(bus.device_path(NIC), bus.DEVICE, 'HostDriver'), '')


@test
def refused_at_home():
    """A host driver that refuses its function back fails the restore, which leaves it on VFIO until another restore"""
    with balky.host(root, NIC):
        root.bind(NIC, 'vfio')
        with balky.commanded(only=NIC, probe_error=errno.EIO):
            message = expect_error('MoveFailed', root.restore, NIC)
        assert NIC in message and 'balky' in message, message
        equal((kernel.driver(NIC), kernel.override(NIC)), ('vfio-pci', 'vfio-pci'))
        equal(root.restore(NIC), [(NIC, 'vfio-pci', 'balky')])
