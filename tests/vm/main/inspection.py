# SPDX-License-Identifier: GPL-2.0-or-later
"""What the service and its client tell, held field by field against sysfs and lspci."""

import json
import subprocess

import bus
import kernel
import topology
from harness import cases, equal, test

alice = bus.Client('alice')


def number(address, name):
    return int(kernel.attribute(address, name, '0'), 16)


def name_and_id(field):
    """lspci's 'Name [id]' taken apart. For an id without a name it puts a general word in its place."""
    name, _, identifier = field.rpartition(' [')
    return '' if name in ('', 'Device', 'Vendor', 'Class', 'Unknown vendor', 'Unknown device') else name, identifier[:-1]


def path_or_root(address):
    return bus.device_path(address) if address else '/'


def device_properties(address):
    """What every property that GetAll tells has to be, from sysfs and, for names and modules, from lspci."""
    lspci = kernel.lspci()[address]
    sysfs = f'{kernel.DEVICES}/{address}'
    group = kernel.group(address)
    return {
        'Address': address,
        'VendorId': number(address, 'vendor'),
        'DeviceId': number(address, 'device'),
        'SubsystemVendorId': number(address, 'subsystem_vendor'),
        'SubsystemDeviceId': number(address, 'subsystem_device'),
        'ClassCode': number(address, 'class'),
        'Revision': number(address, 'revision'),
        'VendorName': name_and_id(lspci['Vendor'][0])[0],
        'DeviceName': name_and_id(lspci['Device'][0])[0],
        'ClassName': name_and_id(lspci['Class'][0])[0],
        'Driver': kernel.driver(address),
        'DriverOverride': kernel.override(address),
        'State': kernel.state(address),
        'HostDriver': '',
        'VfioDriver': 'vfio-pci',
        'HostModules': sorted(lspci.get('Module', [])),
        'Group': bus.group_path(group) if group >= 0 else '/',
        'VfioNode': '',
        'Parent': path_or_root(kernel.parent(address)),
        'IsBridge': kernel.is_bridge(address),
        'BootVga': kernel.attribute(address, 'boot_vga') == '1',
        'NumaNode': int(kernel.attribute(address, 'numa_node', '-1')),
        'PhysicalFunction': path_or_root(kernel.link(f'{sysfs}/physfn')),
        'VirtualFunctions': [],
        'MaxVirtualFunctions': int(kernel.attribute(address, 'sriov_totalvfs', '0')),
        'ResetMethods': kernel.attribute(address, 'reset_method').split(),
        'Busy': False,
        'Lease': '',
        'LeaseState': '',
    }


def group_properties(group, members):
    blockers = [bus.device_path(address) for address in members if kernel.blocks(address)]
    return {
        'Id': group,
        'Type': kernel.attribute(f'../../../..{kernel.GROUPS}/{group}', 'type'),
        'Devices': [bus.device_path(address) for address in members],
        'Viable': not blockers,
        'Blockers': blockers,
        'VfioNode': f'/dev/vfio/{group}',
    }


def in_order(properties):
    """Modules have no order."""
    return properties | {name: sorted(properties[name]) for name in ['HostModules'] if name in properties}


@test
def every_property():
    """Each property of each function is what sysfs and lspci say"""
    for address in kernel.addresses():
        found = in_order(alice.get_all(bus.device_path(address), bus.DEVICE))
        expected = device_properties(address)
        equal({name: found[name] for name in found if found[name] != expected.get(name)},
              {name: expected.get(name) for name in found if found[name] != expected.get(name)}, address)
        equal(sorted(found), sorted(expected), address)


@test
def costly_properties():
    """What may wake a device is told when it is asked for by name, and as sysfs says it"""
    words = {'PowerState': 'power_state', 'LinkSpeed': 'current_link_speed', 'MaxLinkSpeed': 'max_link_speed'}
    numbers = {'LinkWidth': 'current_link_width', 'MaxLinkWidth': 'max_link_width'}
    for address in kernel.addresses():
        expected = {name: kernel.attribute(address, attribute) for name, attribute in words.items()}
        expected |= {name: int(kernel.attribute(address, attribute, '0')) for name, attribute in numbers.items()}
        pending = {name: alice.send(bus.PROPERTIES, 'Get', '(ss)', bus.DEVICE, name, path=bus.device_path(address))
                   for name in expected}
        equal({name: call.result() for name, call in pending.items()}, expected, address)


@test
def list_devices():
    """ListDevices is lspci's list, in its order"""
    expected = []
    for address, fields in sorted(kernel.lspci().items()):
        class_name, _ = name_and_id(fields['Class'][0])
        vendor, vendor_id = name_and_id(fields['Vendor'][0])
        device, device_id = name_and_id(fields['Device'][0])
        expected.append((address, number(address, 'class'), f'{vendor_id}:{device_id}', class_name,
                         f'{vendor} {device}'.strip(), int(fields.get('IOMMUGroup', ['-1'])[0]),
                         fields.get('Driver', [''])[0], bus.device_path(address)))
    found = [(address, class_code if isinstance(class_code, int) else int(class_code, 16), *rest)
             for address, class_code, *rest in alice.call(bus.MANAGER, 'ListDevices')]
    equal(found, expected)


@test
def groups():
    """Groups have the kernel's members, type, viability and blockers"""
    listed = alice.call(bus.MANAGER, 'ListGroups')
    equal([(group, members) for group, _, members, _ in listed], sorted(kernel.groups().items()))
    for group, members in kernel.groups().items():
        found = alice.get_all(bus.group_path(group), bus.GROUP)
        expected = group_properties(group, members)
        equal(found, expected, f'group {group}')
        [viable] = [row[1] for row in listed if row[0] == group]
        equal(viable, expected['Viable'], f'group {group} in the list')


@test
def object_manager():
    """GetManagedObjects has each function and each group once, with the same properties"""
    objects = alice.call(bus.OBJECTS, 'GetManagedObjects')
    expected = {bus.device_path(address): bus.DEVICE for address in kernel.addresses()}
    expected |= {bus.group_path(group): bus.GROUP for group in kernel.groups()}
    equal({path: [name for name in interfaces if name.startswith('org.vfiobind.')][0]
           for path, interfaces in objects.items() if path != bus.ROOT}, expected)
    for path, interface in expected.items():
        equal(objects[path][interface], alice.get_all(path, interface), path)


@test
def manager_properties():
    """The manager tells release, policy, IOMMU and backends"""
    equal(alice.get(bus.ROOT, bus.MANAGER, 'DefaultBackend'), 'auto')
    equal(alice.get(bus.ROOT, bus.MANAGER, 'SelectedBackend'), 'vfio')
    equal(alice.get(bus.ROOT, bus.MANAGER, 'IommuPresent'), True)
    version = alice.get(bus.ROOT, bus.MANAGER, 'Version')
    shown = subprocess.run(['vfiobindctl', '--version'], check=True, capture_output=True, text=True).stdout
    assert version and version in shown, (version, shown)
    backends = {name: (driver, available, why) for name, driver, available, why in
                alice.get(bus.ROOT, bus.MANAGER, 'Backends')}
    equal(backends['vfio'], ('vfio-pci', True, ''))
    equal(backends['kvm'], ('pci-stub', True, ''))
    driver, available, why = backends['xen']
    equal((driver, available), ('pciback', False))
    assert 'xen' in why.lower() and ' ' in why, why
    equal(sorted(backends), ['kvm', 'vfio', 'xen'])


@cases([('in full', topology.NIC), ('without its domain', topology.NIC[5:]), ('in capitals', '0000:00:1F.0'),
        ('in capitals, without its domain', '00:1F.0')])
def get_device(address):
    """GetDevice takes an address"""
    full = address.lower() if address.count(':') == 2 else f'0000:{address.lower()}'
    equal(alice.call(bus.MANAGER, 'GetDevice', '(s)', address), bus.device_path(full))


@test
def get_group():
    """GetGroup finds a group's object"""
    group = kernel.group(topology.NIC)
    equal(alice.call(bus.MANAGER, 'GetGroup', '(u)', group), bus.group_path(group))


@test
def tree():
    """Every object is found by walking the introspection data"""
    shown = subprocess.run(['busctl', '--list', 'tree', bus.NAME], check=True, capture_output=True, text=True).stdout
    expected = {bus.device_path(address) for address in kernel.addresses()}
    expected |= {bus.group_path(group) for group in kernel.groups()}
    equal({path for path in shown.split() if path.count('/') == 4}, expected)


@cases([(interface, interface, path) for interface, path in
        [(bus.MANAGER, bus.ROOT), (bus.DEVICE, bus.device_path(topology.NIC)),
         (bus.GROUP, bus.group_path(kernel.group(topology.NIC)))]])
def introspection(interface, path):
    """An object has every member that the installed interface file documents, and no other"""
    shown = alice.call('org.freedesktop.DBus.Introspectable', 'Introspect', path=path)
    run = subprocess.run(['/srv/tests/manual/introspection.py', '--complete', f'/usr/share/dbus-1/interfaces/{interface}.xml'],
                         input=shown, capture_output=True, text=True, check=False)
    equal(run.returncode, 0, run.stdout + run.stderr)
    shown = subprocess.run(['gdbus', 'introspect', '--system', '--dest', bus.NAME, '--object-path', path],
                           check=True, capture_output=True, text=True).stdout
    assert f'interface {interface} {{' in shown, shown


def client(*arguments, user='alice'):
    return subprocess.run(['vfiobindctl', *arguments], check=True, capture_output=True, text=True, user=user).stdout


@test
def client_list():
    """vfiobindctl list shows each function once, with its driver and group"""
    lines = client('list', '--no-legend').splitlines()
    equal([line.split()[0] for line in lines], kernel.addresses())
    for line in lines:
        address = line.split()[0]
        for word in filter(None, [kernel.driver(address), str(kernel.group(address))]):
            assert word in line.split(), (word, line)


@test
def client_json():
    """vfiobindctl --json has the properties under their names in lower case"""
    [shown] = [device for device in json.loads(client('list', '--json=short')) if device['address'] == topology.NIC]
    equal(shown['driver'], 'e1000e')
    shown = json.loads(client('show', '--json=pretty', topology.NIC))
    shown = shown[0] if isinstance(shown, list) else shown
    expected = device_properties(topology.NIC)
    for name in ['VendorId', 'HostModules', 'NumaNode', 'IsBridge']:
        snake = ''.join(f'_{letter.lower()}' if letter.isupper() else letter for letter in name).lstrip('_')
        equal(shown[snake], expected[name], name)
    numbers = {group['id']: group['viable'] for group in json.loads(client('groups', '--json=short'))}
    equal(sorted(numbers), sorted(kernel.groups()))
    equal({backend['name']: backend['available'] for backend in json.loads(client('backends', '--json=short'))},
          {'vfio': True, 'kvm': True, 'xen': False})
