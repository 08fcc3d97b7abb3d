# SPDX-License-Identifier: GPL-2.0-or-later
"""Moving functions and groups to every target and back, looked at with the kernel's eyes."""

import contextlib
import os
import subprocess

import bus
import kernel
import topology
from harness import cases, equal, expect_error, test
from topology import DISK, LEGACY, LEGACY_BRIDGE, NIC, TWINS

root = bus.Client(listen=True)

NIC_GROUP = kernel.group(NIC)
TWIN_GROUP = kernel.group(TWINS[0])
LEGACY_GROUP = kernel.group(LEGACY[0])


def on(address, driver):
    """The function is on this driver: the kernel says so, and so do all properties that tell of it."""
    path = bus.device_path(address)
    equal(kernel.driver(address), driver, f'driver of {address} in sysfs')
    equal(root.get(path, bus.DEVICE, 'Driver'), driver, f'Driver of {address}')
    equal(root.get(path, bus.DEVICE, 'State'), kernel.state(address), f'State of {address}')
    equal(root.get(path, bus.DEVICE, 'DriverOverride'), kernel.override(address), f'DriverOverride of {address}')
    if driver == 'vfio-pci':
        assert os.path.exists(f'/dev/vfio/{kernel.group(address)}'), f'no node for {address}'


def moved_signals(signals):
    return [values for _, _, name, values in signals if name == 'DeviceMoved']


@cases([('vfio', 'vfio', 'vfio-pci'), ('kvm', 'kvm', 'pci-stub'), ('none', 'none', ''), ('auto', 'auto', 'vfio-pci'),
        ('the empty string', '', 'vfio-pci'), ('vfio-pci by its name', 'vfio-pci', 'vfio-pci'),
        ('pci-stub by its name', 'pci-stub', 'pci-stub')])
def target(name, driver):
    """A NIC goes to a target and comes back"""
    host = kernel.driver(NIC)
    equal(root.bind(NIC, name), [(NIC, host, driver)])
    on(NIC, driver)
    equal(root.get(bus.device_path(NIC), bus.DEVICE, 'HostDriver'), host)
    equal(root.bind(NIC, name), [], 'bound again')
    equal(root.restore(NIC), [(NIC, driver, host)])
    on(NIC, host)
    equal(root.get(bus.device_path(NIC), bus.DEVICE, 'HostDriver'), '')


@test
def override_none_holds():
    """A function without a driver is taken by no later probe"""
    root.bind(NIC, 'none')
    kernel.probe(NIC)
    equal(kernel.driver(NIC), '')
    equal(kernel.override(NIC), 'none')
    root.restore(NIC)


@test
def exact_host_driver():
    """An exact host driver takes a function that its id table names, by the function's own override"""
    root.bind(NIC, 'vfio')
    equal(root.bind(NIC, 'e1000e'), [(NIC, 'vfio-pci', 'e1000e')])
    on(NIC, 'e1000e')
    equal(kernel.override(NIC), '')
    equal(root.restore(NIC), [])


@cases([*topology.IDLE.items()])
def every_kind(address):
    """Every kind of endpoint goes to VFIO and comes back"""
    host = kernel.driver(address)
    # There is a keyboard behind the USB controller; the others are idle.
    equal(root.bind(address, 'vfio', bus.FORCE if address == topology.USB else 0), [(address, host, 'vfio-pci')])
    on(address, 'vfio-pci')
    equal(root.call(bus.DEVICE, 'Restore', '(t)', 0, path=bus.device_path(address)), [(address, 'vfio-pci', host)])
    on(address, host)


@test
def from_stub_to_stub():
    """A function goes from one passthrough driver to the next, and home to where it came from first"""
    root.bind(NIC, 'vfio')
    equal(root.bind(NIC, 'kvm'), [(NIC, 'vfio-pci', 'pci-stub')])
    on(NIC, 'pci-stub')
    equal(root.bind(NIC, 'none'), [(NIC, 'pci-stub', '')])
    equal(root.restore(NIC), [(NIC, '', 'e1000e')])


@cases([('BindGroup', lambda: root.bind_group(TWIN_GROUP, 'vfio')),
        ('Bind with GROUP', lambda: root.bind(TWINS[1], 'vfio', bus.GROUP_FLAG)),
        ('BindDevices', lambda: root.bind_devices(TWINS, 'vfio')),
        ('BindDevices of one with GROUP', lambda: root.bind_devices(TWINS[:1], 'vfio', bus.GROUP_FLAG)),
        ('the group\'s own Bind',
         lambda: root.call(bus.GROUP, 'Bind', '(st)', 'vfio', 0, path=bus.group_path(TWIN_GROUP))),
        ('a function\'s own Bind with GROUP',
         lambda: root.call(bus.DEVICE, 'Bind', '(st)', 'vfio', bus.GROUP_FLAG, path=bus.device_path(TWINS[0])))])
def both_of_a_slot(bind):
    """Both functions of one slot go to VFIO"""
    equal(sorted(bind()), [(address, 'e1000e', 'vfio-pci') for address in TWINS])
    for address in TWINS:
        on(address, 'vfio-pci')
    equal(root.get(bus.group_path(TWIN_GROUP), bus.GROUP, 'Viable'), True)
    equal(sorted(root.restore_group(TWIN_GROUP)), [(address, 'vfio-pci', 'e1000e') for address in TWINS])


@cases([('RestoreGroup', lambda: root.restore_group(LEGACY_GROUP)),
        ('Restore with GROUP', lambda: root.restore(LEGACY[0], bus.GROUP_FLAG)),
        ('RestoreDevices', lambda: root.restore_devices(LEGACY)),
        ('BindGroup to host', lambda: root.bind_group(LEGACY_GROUP, 'host')),
        ('the group\'s own Restore',
         lambda: root.call(bus.GROUP, 'Restore', '(t)', 0, path=bus.group_path(LEGACY_GROUP)))])
def group_with_bridge(restore):
    """Of a group with a bridge both endpoints are moved, and the bridge stays"""
    bridge = kernel.driver(LEGACY_BRIDGE)
    equal(sorted(root.bind_group(LEGACY_GROUP, 'vfio')), [(address, 'e1000', 'vfio-pci') for address in LEGACY])
    equal(kernel.driver(LEGACY_BRIDGE), bridge)
    equal(root.get(bus.group_path(LEGACY_GROUP), bus.GROUP, 'Viable'), True)
    equal(sorted(restore()), [(address, 'vfio-pci', 'e1000') for address in LEGACY])


@test
def viability():
    """A group is viable when its last member has left the host, and says until then who is in the way"""
    def told():
        properties = root.get_all(bus.group_path(TWIN_GROUP), bus.GROUP)
        return properties['Viable'], properties['Blockers']

    equal(told(), (False, [bus.device_path(address) for address in TWINS]))
    root.bind(TWINS[0], 'vfio')
    equal(told(), (False, [bus.device_path(TWINS[1])]))
    root.bind(TWINS[1], 'kvm')
    equal(told(), (True, []))
    root.bind(TWINS[1], 'none')
    equal(told(), (True, []))
    root.restore_devices(TWINS)
    equal(told()[0], False)


@test
def three_undone():
    """Of three functions the last is refused by its driver, and the first two are back where they were"""
    three = [NIC, TWINS[0], LEGACY[0]]
    root.bind_devices(three, 'vfio')
    before = kernel.snapshot()
    root.signals.clear()
    message = expect_error('NoSuchDriver', root.bind_devices, three, 'e1000e')
    assert LEGACY[0] in message, message
    equal(kernel.snapshot(), before)
    for address in three:
        on(address, 'vfio-pci')
        equal(root.get(bus.device_path(address), bus.DEVICE, 'Busy'), False)
    root.restore_devices(three)
    equal([kernel.driver(address) for address in three], ['e1000e', 'e1000e', 'e1000'])


def changes(signals):
    """What the signals say of devices and groups, in order: (object, property, value) and ('DeviceMoved', …)."""
    told = []
    for path, interface, name, values in signals:
        if name == 'DeviceMoved':
            told.append((name, *values))
        elif interface == bus.PROPERTIES and not path.startswith(f'{bus.ROOT}/operation/'):
            equal(values[2], [], f'{path} tells of changes without telling the new values')
            told.extend((path, *change) for change in values[1].items())
    return told


@test
def signals_precede_the_reply():
    """The signals that a call causes come before its answer, in order, and there are no others"""
    device, group = bus.device_path(NIC), bus.group_path(NIC_GROUP)

    def told(member, *arguments):
        root.get(bus.ROOT, bus.MANAGER, 'Version')  # what was told before comes before the answer
        root.signals.clear()
        pending = root.send(bus.MANAGER, member, *arguments)
        pending.result()
        root.get(bus.ROOT, bus.MANAGER, 'Version')
        equal(root.signals[len(pending.signals):], [], 'there is more after the answer')
        return changes(pending.signals)

    try:
        found = told('Bind', '(sst)', NIC, 'vfio', 0)
        equal(sorted(found, key=str), sorted([
            (device, 'Busy', True), (device, 'HostDriver', 'e1000e'), (device, 'DriverOverride', 'vfio-pci'),
            (device, 'Driver', 'vfio-pci'), (device, 'State', 'vfio'),
            (group, 'Viable', True), (group, 'Blockers', []), ('DeviceMoved', NIC, 'e1000e', 'vfio-pci', 'vfiobind'),
            (device, 'Busy', False)], key=str))
        order = [(device, 'Busy', True), (device, 'Driver', 'vfio-pci'), ('DeviceMoved', NIC, 'e1000e', 'vfio-pci', 'vfiobind'),
                 (device, 'Busy', False)]
        equal([change for change in found if change in order], order)
        equal((found[0], found[-1]), (order[0], order[-1]))
        equal(told('Bind', '(sst)', NIC, 'vfio', 0), [])
    finally:
        found = told('Restore', '(st)', NIC, 0)
    equal([change for change in found if change[0] == 'DeviceMoved'], [('DeviceMoved', NIC, 'vfio-pci', 'e1000e', 'vfiobind')])


@test
def never_moved():
    """Restoring a function that was never moved does nothing"""
    root.signals.clear()
    equal(root.restore(NIC), [])
    equal(root.restore_devices([NIC, *TWINS]), [])
    equal(moved_signals(root.signals), [])


@test
def found_without_driver():
    """A function that had no driver has none again after the round trip, and by itself goes to its own module's"""
    kernel.unbind(NIC)
    try:
        bus.wait_for(lambda: root.get(bus.device_path(NIC), bus.DEVICE, 'Driver') == '', 'the unbind to be known')
        root.bind(NIC, 'vfio')
        equal(root.get(bus.device_path(NIC), bus.DEVICE, 'HostDriver'), 'none')
        equal(root.restore(NIC), [(NIC, 'vfio-pci', '')])
        on(NIC, '')
    finally:
        kernel.bind(NIC, 'e1000e')
        bus.wait_for(lambda: root.get(bus.device_path(NIC), bus.DEVICE, 'Driver') == 'e1000e', 'the bind to be known')


@test
def home_without_record():
    """A function on a passthrough driver that somebody else chose goes to the driver of its own module"""
    kernel.unbind(NIC)
    kernel.set_override(NIC, 'vfio-pci')
    subprocess.run(['modprobe', 'vfio-pci'], check=True)
    kernel.probe(NIC)
    bus.wait_for(lambda: root.get(bus.device_path(NIC), bus.DEVICE, 'Driver') == 'vfio-pci', 'the bind to be known')
    equal(root.restore(NIC), [(NIC, 'vfio-pci', 'e1000e')])
    on(NIC, 'e1000e')
    equal(kernel.override(NIC), '')


@test
def foreign_override():
    """An override that somebody else had set is there again after the round trip"""
    kernel.set_override(NIC, 'e1000e')
    try:
        root.bind(NIC, 'vfio')
        equal(kernel.override(NIC), 'vfio-pci')
        root.restore(NIC)
        equal(kernel.override(NIC), 'e1000e')
        on(NIC, 'e1000e')
    finally:
        kernel.set_override(NIC, '')


@contextlib.contextmanager
def without_module(name, *also):
    """The module is not loaded within, and again afterwards."""
    subprocess.run(['modprobe', '-r', name, *also], check=True)
    try:
        yield
    finally:
        subprocess.run(['modprobe', name], check=True)


def loaded(module):
    return os.path.isdir(f'/sys/module/{module.replace("-", "_")}')


@cases([('vfio-pci', 'vfio', 'vfio-pci'), ('pci-stub', 'kvm', 'pci-stub')])
def module_is_loaded(name, module):
    """A backend's module is loaded where it is needed"""
    subprocess.run(['modprobe', '-r', module], check=True)
    assert not loaded(module)
    root.bind(NIC, name)
    assert loaded(module)
    root.restore(NIC)


@test
def host_module_is_loaded():
    """The host driver's module is loaded again where somebody has unloaded it meanwhile"""
    root.bind_devices(LEGACY, 'vfio')
    with without_module('e1000'):
        equal(sorted(root.restore_devices(LEGACY)), [(address, 'vfio-pci', 'e1000') for address in LEGACY])


@contextlib.contextmanager
def modprobe_says(line):
    path = '/etc/modprobe.d/test.conf'
    with open(path, 'w', encoding='ascii') as file:
        file.write(line + '\n')
    try:
        yield
    finally:
        os.unlink(path)


@test
def banned_module():
    """A module that an administrator has banned by an install line is not loaded, and its command is not run"""
    subprocess.run(['modprobe', '-r', 'pci-stub'], check=True)
    with modprobe_says('install pci-stub /usr/bin/touch /run/install-line-was-run'):
        message = expect_error('ModuleUnavailable', root.bind, NIC, 'kvm')
    assert 'pci-stub' in message, message
    assert not os.path.exists('/run/install-line-was-run')
    assert not loaded('pci-stub')
    on(NIC, 'e1000e')


@test
def blacklisted_module():
    """A module that modprobe's configuration blacklists is not loaded"""
    subprocess.run(['modprobe', '-r', 'pci-stub'], check=True)
    with modprobe_says('blacklist pci-stub'):
        message = expect_error('BackendUnavailable', root.bind, NIC, 'kvm')
        assert 'blacklist' in message, message
        [why] = [row[3] for row in root.get(bus.ROOT, bus.MANAGER, 'Backends') if row[0] == 'kvm']
        assert 'blacklist' in why, why
    assert not loaded('pci-stub')
    on(NIC, 'e1000e')


@test
def softdeps():
    """What a module's softdep names is loaded with it"""
    subprocess.run(['modprobe', '-r', 'pci-stub'], check=True)
    subprocess.run(['modprobe', '-r', 'dummy'], check=True)
    with modprobe_says('softdep pci-stub pre: dummy'):
        root.bind(NIC, 'kvm')
    assert loaded('dummy')
    root.restore(NIC)


@cases([('kvm', 'pci-stub'), ('vfio', 'vfio-pci')])
def default_backend(driver):
    """The configured default backend is what the empty target means"""
    name = {'pci-stub': 'kvm', 'vfio-pci': 'vfio'}[driver]
    with configuration(f'[Manager]\nDefaultBackend={name}\n'):
        equal(root.get(bus.ROOT, bus.MANAGER, 'DefaultBackend'), name)
        equal(root.bind(NIC, ''), [(NIC, 'e1000e', driver)])
        equal(root.restore(NIC), [(NIC, driver, 'e1000e')])


@contextlib.contextmanager
def configuration(text):
    """The service runs with this configuration within."""
    path = '/etc/vfiobind/vfiobind.conf'
    with open(path, encoding='utf-8') as file:
        before = file.read()
    try:
        with open(path, 'w', encoding='utf-8') as file:
            file.write(text)
        subprocess.run(['systemctl', 'restart', 'vfiobind.service'], check=True)
        yield
    finally:
        with open(path, 'w', encoding='utf-8') as file:
            file.write(before)
        subprocess.run(['systemctl', 'restart', 'vfiobind.service'], check=True)


@test
def malformed_configuration():
    """A malformed configuration is reported with its line and does not stop the service"""
    with configuration('[Manager]\n\nDefaultBackend=nonsense\n'):
        equal(root.get(bus.ROOT, bus.MANAGER, 'DefaultBackend'), 'auto')
        subprocess.run(['journalctl', '--sync'], check=True)
        shown = subprocess.run(['journalctl', '-b', '-u', 'vfiobind.service', '-o', 'cat'], check=True,
                               capture_output=True, text=True).stdout
        assert 'vfiobind.conf:3' in shown, shown


@test
def udev_has_settled():
    """When the answer comes, the group's node is as udev's rules want it"""
    rules, node = '/run/udev/rules.d/99-test.rules', f'/dev/vfio/{NIC_GROUP}'
    os.makedirs(os.path.dirname(rules), exist_ok=True)
    with open(rules, 'w', encoding='ascii') as file:
        file.write('SUBSYSTEM=="vfio", KERNEL!="vfio", MODE="0640", GROUP="netlab"\n')
    subprocess.run(['udevadm', 'control', '--reload'], check=True)
    try:
        for _ in range(5):
            root.bind(NIC, 'vfio')
            equal(os.stat(node).st_mode & 0o777, 0o640, kernel.settled(node))
            root.restore(NIC)
    finally:
        os.unlink(rules)
        subprocess.run(['udevadm', 'control', '--reload'], check=True)


@test
def groups_side_by_side():
    """Moves in different groups run side by side, a second one in the same group is answered with Busy or in turn"""
    root.signals.clear()
    first = root.send(bus.MANAGER, 'Bind', '(sst)', NIC, 'vfio', 0)
    second = root.send(bus.MANAGER, 'Bind', '(sst)', DISK, 'vfio', 0)
    # Before it begins, both would only be looked at, and whichever is known first would go first.
    bus.wait_for(lambda: (bus.device_path(NIC), 'Busy', True) in changes(root.signals), 'the first to begin')
    third = root.send(bus.MANAGER, 'Bind', '(sst)', NIC, 'kvm', 0)
    first.result()
    second.result()
    expect_error('Busy', third.result)
    root.restore_devices([NIC, DISK])


@cases([('busctl', ['busctl', 'call', bus.NAME, bus.ROOT, bus.MANAGER, 'Bind', 'sst', NIC, 'vfio', '0'],
         f'a(sss) 1 "{NIC}" "e1000e" "vfio-pci"'),
        ('gdbus', ['gdbus', 'call', '--system', '--dest', bus.NAME, '--object-path', bus.ROOT, '--method',
                   f'{bus.MANAGER}.Bind', NIC, 'vfio', '0'], f"([('{NIC}', 'e1000e', 'vfio-pci')],)"),
        ('vfiobindctl', ['vfiobindctl', 'bind', NIC], NIC)])
def other_clients(command, answer):
    """A NIC is moved by the program"""
    shown = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert answer in shown, shown
    on(NIC, 'vfio-pci')
    subprocess.run(['vfiobindctl', 'restore', NIC], check=True, capture_output=True)
    on(NIC, 'e1000e')
