# SPDX-License-Identifier: GPL-2.0-or-later
"""The table of vfiobind.conf(5), and bringing a host to what a row of it is about: what the manual says is what is tested."""

import contextlib
import glob
import os
import re
import subprocess
import tempfile

import bus
import kernel
from harness import equal, expect_error

MANUAL = '/usr/share/man/man5/vfiobind.conf.5'
CONFIGURATION = '/etc/vfiobind/vfiobind.conf'
UNIT = 'vfiobind.service'
NOTHING = r'\(en'

DRIVERS = {'vfio': 'vfio-pci', 'kvm': 'pci-stub', 'xen': 'pciback'}
MODULES = {'vfio': 'vfio-pci', 'kvm': 'pci-stub', 'xen': 'xen-pciback'}
NIC = kernel.below('0000:00:10.0')[0]

root = bus.Client()


def columns(line):
    return re.sub(r'\b(It|Em|Li)\b ?', '', line).lstrip('. ').split(' Ta ')


def read():
    """Host → configured backend → what `auto` comes to there, '' for nothing."""
    with open(MANUAL, encoding='utf-8') as file:
        lines = [columns(line.rstrip()) for line in file if ' Ta ' in line]
    (_, *configured), *rows = lines
    return {host: {name: '' if cell == NOTHING else cell for name, cell in zip(configured, cells, strict=True)}
            for host, *cells in rows}


def modprobe_says(*lines):
    """Within, modprobe's configuration has these lines."""
    @contextlib.contextmanager
    def arrange():
        path = '/etc/modprobe.d/policy.conf'
        with open(path, 'w', encoding='ascii') as file:
            file.writelines(f'{line}\n' for line in lines)
        try:
            yield
        finally:
            os.unlink(path)
    return arrange


def blacklisted(*names):
    return modprobe_says(*(f'blacklist {MODULES[name]}' for name in names))


@contextlib.contextmanager
def only_pci_stub():
    """Within, the kernel has this one module to load."""
    modules = f'/lib/modules/{os.uname().release}'
    with tempfile.TemporaryDirectory(dir='/run') as tree:
        subprocess.run(['cp', '--parents', f'{modules}/kernel/drivers/pci/pci-stub.ko', f'{modules}/modules.order',
                        *glob.glob(f'{modules}/modules.builtin*'), tree], check=True)
        subprocess.run(['depmod', '-b', tree], check=True)
        subprocess.run(['mount', '--bind', tree + modules, modules], check=True)
        try:
            yield
        finally:
            # Whoever has looked into its index may still have that mapped.
            subprocess.run(['umount', '--lazy', modules], check=True)


# What the words after a host's comma mean.
ARRANGEMENTS = {
    '': contextlib.nullcontext,
    'VFIO blacklisted': blacklisted('vfio'),
    'VFIO banned': modprobe_says('install vfio-pci /bin/false'),
    'only pci-stub there': only_pci_stub,
    'pci-stub blacklisted': blacklisted('kvm'),
    'pciback blacklisted': blacklisted('xen'),
    'all blacklisted': blacklisted(*MODULES),
}


@contextlib.contextmanager
def arranged(words):
    """No backend's module is loaded at the beginning: one that is serves whatever modprobe's configuration says."""
    subprocess.run(['modprobe', '-r', *MODULES.values()], check=True)
    with ARRANGEMENTS[words]():
        yield


def configure(text):
    with open(CONFIGURATION, 'w', encoding='utf-8') as file:
        file.write(text)
    subprocess.run(['systemctl', 'reload', UNIT], check=True)


@contextlib.contextmanager
def configuration():
    """The configuration may be changed within."""
    with open(CONFIGURATION, encoding='utf-8') as file:
        before = file.read()
    subprocess.run(['systemctl', 'start', UNIT], check=True)
    try:
        yield
    finally:
        configure(before)


def manager(name):
    return root.get(bus.ROOT, bus.MANAGER, name)


def refused(target, backend, words):
    """A target that comes to this backend, or to none, is an error that names the device and the cause."""
    banned = words == f'{str(backend).upper()} banned'
    message = expect_error('ModuleUnavailable' if banned else 'BackendUnavailable', root.bind, NIC, target)
    assert NIC in message and len(message) > len(NIC) + 20, message


def goes(target, backend):
    """A target leads to the driver of the backend, and from there back."""
    home = kernel.driver(NIC)
    equal(root.bind(NIC, target), [(NIC, home, DRIVERS[backend])])
    equal((kernel.driver(NIC), kernel.state(NIC)), (DRIVERS[backend], backend))
    equal(root.restore(NIC), [(NIC, DRIVERS[backend], home)])


def would_go(target, backend):
    _, steps, _, _ = root.call(bus.MANAGER, 'Plan', '(asst)', [NIC], target, 0)
    assert (NIC, 'bind', DRIVERS[backend]) in steps, steps


def hold(words, cells):
    """With each DefaultBackend, `auto` and the empty target go where the table says, a target that names a backend goes there
    or nowhere, and the properties say the same."""
    with configuration(), arranged(words):
        for configured, backend in cells.items():
            configure(f'[Manager]\nDefaultBackend={configured}\n')
            equal((manager('DefaultBackend'), manager('SelectedBackend')), (configured, backend))
            equal({name: available for name, _, available, _ in manager('Backends')},
                  {name: cells[name] != '' for name in MODULES})
            if backend:
                goes('', backend)
            for target, wanted in {'auto': backend, **{name: cells[name] for name in MODULES}}.items():
                if wanted:
                    would_go(target, wanted)
                else:
                    refused(target, configured if target == 'auto' else target, words)


def rows(kind):
    """The rows about this kind of host: name, what its modules are like, cells."""
    return [(host, host.partition(', ')[2], cells) for host, cells in read().items() if host.partition(', ')[0] == kind]
