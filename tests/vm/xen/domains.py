# SPDX-License-Identifier: GPL-2.0-or-later
"""A domain that has a device keeps it: nobody takes it away, not even by force, until the domain has gone."""

import contextlib

import bus
import kernel
from harness import equal, expect_error, test
from slots import TWINS, slots
from table import NIC
from toolstack import DOM0, QUARANTINE, owner, xl

root = bus.Client()

# A domain that is made and never runs: the kernel is any that Xen can build.
CONFIGURATION = f'''
name = "tiny"
type = "pv"
kernel = "/vmlinuz"
memory = 160
pci = ["{NIC}"]
'''


@contextlib.contextmanager
def domain():
    """A domain that has the NIC, which is on pciback; its id."""
    with open('/run/tiny.cfg', 'w', encoding='ascii') as file:
        file.write(CONFIGURATION)
    xl('create', '-p', '/run/tiny.cfg')
    try:
        yield xl('domid', 'tiny').strip()
    finally:
        xl('destroy', 'tiny')


def findings(user, *addresses):
    _, _, found, _ = user.call(bus.MANAGER, 'Plan', '(asst)', list(addresses), 'host', bus.FORCE)
    return [finding[:4] for finding in found]


@test
def kept():
    """A device that a domain has is a finding, whoever asks, and stays with it; its neighbours may go"""
    root.bind_devices([NIC, *TWINS], 'xen')
    with domain() as number, bus.Client('alice') as alice:
        for user in (root, alice):
            equal(findings(user, NIC, *TWINS), [(NIC, 'refuse', 'domain', number)])
        for call in (lambda: root.restore(NIC, bus.FORCE), lambda: root.bind(NIC, 'kvm', bus.FORCE),
                     lambda: root.restore_devices([NIC, *TWINS], bus.FORCE)):
            message = expect_error('InUse', call)
            assert NIC in message and f'domain {number}' in message, message
        equal([kernel.driver(address) for address in [NIC, *TWINS]], ['pciback'] * 3)
        equal(owner(NIC), f'd{number}')
        root.restore_devices(TWINS)
        equal(slots(), [NIC])
    equal((findings(root, NIC), owner(NIC)), ([], QUARANTINE))
    equal(root.restore(NIC), [(NIC, 'pciback', 'e1000e')])
    equal((slots(), owner(NIC)), ([], DOM0))
