# SPDX-License-Identifier: GPL-2.0-or-later
"""Functions that are lent to virtual machines of ordinary users, and how that shows: to the service, the kernel and others."""

import contextlib
import errno
import json
import os
import pwd
import signal
import subprocess

import bus
import kernel
import polkit
from harness import equal
from program import Program

root = bus.Client()

# Stopped before its first instruction; its monitor answers once it has its devices.
QEMU = ['qemu-system-x86_64', '-nodefaults', '-no-user-config', '-display', 'none', '-machine', 'q35', '-accel', 'tcg',
        '-m', '16', '-S', '-qmp', 'stdio']

UNLIMITED = ['prlimit', '--memlock=unlimited:unlimited']


def as_user(user, *command):
    """The command as one that becomes itself, so that the process that is started is the one that is meant."""
    entry = pwd.getpwnam(user)
    return ['setpriv', f'--reuid={entry.pw_uid}', f'--regid={entry.pw_gid}', '--init-groups', '--', *command]


def allowed(user, *devices, actions=('bind', 'restore', 'access')):
    """Within, a rule allows the user these actions on these devices."""
    return polkit.rule(allowing(user, *devices, actions=actions))


def allowing(user, *devices, actions=('bind', 'restore', 'access')):
    names = ', '.join(f'"{device}"' for device in devices)
    words = ', '.join(f'"org.vfiobind.{action}"' for action in actions)
    return f'''
        if (subject.user == "{user}" && [{names}].indexOf(action.lookup("device")) >= 0 &&
            [{words}].indexOf(action.id) >= 0)
            return polkit.Result.YES;'''


def functions_of(monitor):
    """The functions of the host that a machine has, as its monitor shows them."""
    found = []
    for path in '/machine/peripheral', '/machine/peripheral-anon':
        for child in monitor('qom-list', path=path):
            if child['type'] == 'child<vfio-pci>':
                found.append(monitor('qom-get', path=f'{path}/{child["name"]}', property='host'))
    return sorted(found)


class Machine(Program):
    """A virtual machine that `vfiobindctl run` has lent functions to. `pid` is the launcher's, `qemu` the machine's."""

    def __init__(self, user, *devices, options=('--access',)):
        self.qemu = None
        words = [word for device in devices for word in ('--device', device)]
        super().__init__(*UNLIMITED, *as_user(user, 'vfiobindctl', 'run', '-q', '--no-ask-password', *options, *words, '--',
                                              *QEMU, '{vfio-args}'), ready='QMP')

    def begin(self, ready):
        super().begin(ready)
        self.qemu = self.child()
        self.ask('{"execute": "qmp_capabilities"}', 'return')

    def monitor(self, command, **arguments):
        """What the machine's monitor answers."""
        self.process.stdin.write(json.dumps({'execute': command, 'arguments': arguments}) + '\n')
        self.process.stdin.flush()
        while 'event' in (answer := json.loads(self.process.stdout.readline())):
            pass
        return answer['return']

    def has(self, *functions):
        """The machine has these functions of the host, and no others."""
        equal(functions_of(self.monitor), sorted(functions))

    def end(self):
        if self.qemu is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.qemu, signal.SIGKILL)
        super().end()

    def exit_status(self):
        return self.process.wait(bus.PATIENCE)


def leases():
    """Addresses → (user, pid, state)."""
    return {tuple(addresses): (pwd.getpwuid(uid).pw_name, pid, state)
            for _name, uid, pid, addresses, state in root.call(bus.MANAGER, 'ListLeases')}


def readers_by_list(address):
    """The users that an access control list lets into the node of the function's group."""
    try:
        value = os.getxattr(f'/dev/vfio/{kernel.group(address)}', 'system.posix_acl_access')
    except OSError as error:
        if error.errno in (errno.ENODATA, errno.ENOENT):
            return []
        raise
    entries = [value[start:start + 8] for start in range(4, len(value), 8)]
    return [pwd.getpwuid(int.from_bytes(entry[4:], 'little')).pw_name for entry in entries
            if int.from_bytes(entry[:2], 'little') == 2]  # ACL_USER of linux/posix_acl.h


def may_open(user, address):
    """Whether the user may open the node of the function's group; that it is in use already is no refusal."""
    script = 'import os, sys\ntry:\n    os.open(sys.argv[1], os.O_RDWR)\nexcept PermissionError:\n    sys.exit(13)\nexcept OSError as e:\n    sys.exit(e.errno)'
    node = f'/dev/vfio/{kernel.group(address)}'
    status = subprocess.run([*as_user(user, '/usr/bin/python3', '-c', script, node)], check=False).returncode
    assert status in (0, errno.EACCES, errno.EBUSY), f'opening {node} ended with {os.strerror(status)}'
    return status != errno.EACCES


def is_true(address):
    """What the service shows of the function comes to what the kernel says. Of overrides no event tells, so it looks at them later."""
    def shown():
        values = root.get_all(bus.device_path(address), bus.DEVICE)
        return values['Driver'], values['State'], values['DriverOverride']

    truth = kernel.driver(address), kernel.state(address), kernel.override(address)
    bus.wait_for(lambda: shown() == truth, f'{address} to be shown as {truth}, not as {shown()}')


def home(*addresses):
    """All are back on the host drivers of this guest, and nothing of the loan is left."""
    def is_back():
        return not leases() and all(kernel.driver(address) not in kernel.PASSTHROUGH for address in addresses)

    bus.wait_for(is_back, f'{addresses} to be back; there is {leases()}')
    for address in addresses:
        equal((kernel.driver(address), kernel.override(address)), (HOST_DRIVERS[address], ''), address)
        equal(readers_by_list(address), [])
        equal(root.get(bus.device_path(address), bus.DEVICE, 'Lease'), '')
        is_true(address)
    equal(os.listdir('/run/vfiobind/leases'), [])


# What the command line gives to VFIO goes there as soon as the module is loaded, which is before any test, for all of them.
subprocess.run(['modprobe', 'vfio-pci'], check=True)

HOST_DRIVERS = {address: kernel.driver(address) for address in kernel.addresses()}


@contextlib.contextmanager
def lease(client, *devices, flags=0, driver='vfio'):
    """A lease of a program's own: within, its descriptor is open."""
    descriptor = acquire(client, *devices, flags=flags, driver=driver)
    try:
        yield descriptor
    finally:
        with contextlib.suppress(OSError):
            os.close(descriptor)


def acquire(client, *devices, flags=0, driver='vfio'):
    """The lease's descriptor."""
    return client.send(bus.MANAGER, 'Acquire', '(asst)', list(devices), driver, flags).descriptor()
