# SPDX-License-Identifier: GPL-2.0-or-later
"""libvirt beside vfiobind: domains on leased functions, and nodedev-detach and -reattach in both orders."""

import contextlib
import json
import subprocess
import tempfile

import bus
import kernel
import lending
from harness import cases, equal, expect_error, test
from lending import home, is_true, leases, root
from others import known
from topology import NIC

DOMAIN = '''<domain type='qemu'>
  <name>guest</name>
  <memory unit='MiB'>16</memory>
  <os><type arch='x86_64' machine='q35'>hvm</type></os>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <controller type='usb' model='none'/>
    <memballoon model='none'/>
    <hostdev mode='subsystem' type='pci' managed='{managed}'>
      <source><address domain='0x{0}' bus='0x{1}' slot='0x{2}' function='0x{3}'/></source>
    </hostdev>
  </devices>
</domain>'''

NODE_DEVICE = 'pci_' + NIC.replace(':', '_').replace('.', '_')


def virsh(*arguments):
    run = subprocess.run(['virsh', '--quiet', '-c', 'qemu:///system', *arguments], capture_output=True, text=True, timeout=60,
                         check=False)
    assert run.returncode == 0, f'virsh {arguments}: {run.stderr}'
    return run.stdout


def definition(address, managed='no'):
    domain, number, rest = address.split(':')
    return DOMAIN.format(domain, number, *rest.split('.'), managed=managed)


@contextlib.contextmanager
def defined(address, managed='no'):
    """The domain is known to libvirt within, and does not run afterwards. libvirt has forgotten which functions it had before."""
    subprocess.run(['systemctl', 'restart', 'libvirtd.service'], check=True)
    with tempfile.NamedTemporaryFile('w', suffix='.xml') as file:
        file.write(definition(address, managed))
        file.flush()
        virsh('define', file.name)
    try:
        yield
    finally:
        if virsh('domstate', 'guest').strip() != 'shut off':
            virsh('destroy', 'guest')
        virsh('undefine', 'guest')


def monitor(command, **arguments):
    """What the domain's monitor answers."""
    return json.loads(virsh('qemu-monitor-command', 'guest', json.dumps({'execute': command, 'arguments': arguments})))['return']


def machine_has(*addresses):
    equal(lending.functions_of(monitor), sorted(addresses))


def in_use():
    """Nobody moves it, forced or not, and what is shown of it is true."""
    for flags in 0, bus.FORCE:
        expect_error('InUse', root.restore, NIC, flags)
    is_true(NIC)
    equal(kernel.driver(NIC), 'vfio-pci')


@test
def on_a_lease():
    """A domain with managed='no' runs on a leased function, which goes back when both have ended"""
    with defined(NIC), lending.lease(root, NIC):
        virsh('start', 'guest', '--paused')
        machine_has(NIC)
        in_use()
        virsh('destroy', 'guest')
        equal([state for *_, state in leases().values()], ['held'])
        equal(kernel.driver(NIC), 'vfio-pci')
    home(NIC)


@test
def by_run():
    """As the manual shows it: run lends the function until virsh has started the domain, and it goes back when the domain ends"""
    with defined(NIC):
        subprocess.run(['vfiobindctl', 'run', '--device', NIC, '--', 'virsh', '-c', 'qemu:///system', 'start', 'guest'], check=True,
                       capture_output=True, timeout=60)
        machine_has(NIC)
        equal([state for *_, state in leases().values()], ['returning'])
        in_use()
        virsh('destroy', 'guest')
        home(NIC)


@test
def managed():
    """A domain with managed='yes' moves the function itself; it is shown where it is, and not taken from the domain"""
    with defined(NIC, managed='yes'):
        virsh('start', 'guest', '--paused')
        known(NIC, 'vfio-pci')
        in_use()
        virsh('destroy', 'guest')
    bus.wait_for(lambda: kernel.driver(NIC) == 'e1000e', 'libvirt to give the NIC back')
    known(NIC, 'e1000e')


def bind():
    root.bind(NIC, 'vfio')


def restore():
    root.restore(NIC)


def detach():
    virsh('nodedev-detach', NODE_DEVICE)


def reattach():
    virsh('nodedev-reattach', NODE_DEVICE)


@cases([('libvirt detaches and reattaches', (detach, reattach)),
        ('vfiobind binds, libvirt detaches and reattaches', (bind, detach, reattach)),
        ('vfiobind binds, libvirt detaches and reattaches, vfiobind restores', (bind, detach, reattach, restore)),
        ('libvirt detaches, vfiobind binds and restores, libvirt reattaches', (detach, bind, restore, reattach)),
        ('libvirt detaches, vfiobind binds, libvirt reattaches, vfiobind restores', (detach, bind, reattach, restore)),
        ('vfiobind binds, libvirt detaches, vfiobind restores, libvirt reattaches', (bind, detach, restore, reattach))])
def both(steps):
    """In whatever order, every state shown is true, and in the end the NIC is where it was"""
    for step in steps:
        step()
        known(NIC, kernel.driver(NIC))
        assert kernel.driver(NIC) in ('e1000e', 'vfio-pci'), kernel.driver(NIC)
    home(NIC)


@test
def lease_after_detach():
    """What libvirt has detached can be leased, stays detached when the lease ends, and goes home by libvirt"""
    detach()
    known(NIC, 'vfio-pci')
    with lending.lease(root, NIC):
        is_true(NIC)
    bus.wait_for(lambda: not leases(), 'the lease to end')
    equal(kernel.driver(NIC), 'vfio-pci')
    is_true(NIC)
    reattach()
    known(NIC, 'e1000e')
    home(NIC)


@test
def reattach_of_a_lease():
    """What libvirt reattaches is out of the lease's hands, and stays with the host when the lease ends"""
    with lending.lease(root, NIC):
        detach()
        reattach()
        known(NIC, 'e1000e')
    home(NIC)
