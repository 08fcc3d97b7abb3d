#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Clients that do whatever comes into their heads. Run inside by tests/host/load, for one user:

    loadclients.py SEED CLIENTS

Each line "SECONDS" on stdin is a phase: answered, once no call is left without its answer, by a line of JSON with how often
each kind of call was made, how each answer was called, one example of each message, and the functions that UndoFailed named.
"""

import collections
import json
import os
import random
import re
import sys

from gi.repository import Gio, GLib

NAME, PATH = 'org.vfiobind', '/org/vfiobind'
MANAGER, DEVICE, GROUP = f'{NAME}.Manager', f'{NAME}.Device', f'{NAME}.Group'
PROPERTIES, OBJECTS = 'org.freedesktop.DBus.Properties', 'org.freedesktop.DBus.ObjectManager'
TARGETS = ('vfio', 'vfio', 'vfio', 'auto', 'kvm', 'none', 'host', 'slownic', 'xen', 'nonesuch')
FLAGS = (0, 0, 0, 0, 2, 1 << 40)
CALL_TIMEOUT = 30
CONNECTION = Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION


def device_path(address):
    return f'{PATH}/device/{address.replace(":", "_").replace(".", "_")}'


class Crowd:
    """What the clients of this process share: the random numbers, what there is to be moved, and the counts."""

    def __init__(self, seed, clients):
        self.random = random.Random(seed)
        self.loop = GLib.MainLoop()
        self.open = False
        self.reset()
        bus = Gio.DBusConnection.new_for_address_sync(os.environ['DBUS_SYSTEM_BUS_ADDRESS'], CONNECTION, None, None)
        groups, = bus.call_sync(NAME, PATH, MANAGER, 'ListGroups', None, None, 0, CALL_TIMEOUT * 1000, None).unpack()
        self.groups = {number: members for number, _, members, _ in groups if number >= 100}
        self.devices = [member for members in self.groups.values() for member in members]
        self.clients = [Client(self) for _ in range(clients)]
        self.busy = 0

    def reset(self):
        self.calls, self.answers, self.examples, self.undo_failed = collections.Counter(), collections.Counter(), {}, set()

    def phase(self, seconds):
        self.reset()
        self.open = True
        GLib.timeout_add(int(seconds * 1000), self.shut)
        self.busy = len(self.clients)
        for client in self.clients:
            client.go_on()
        self.loop.run()
        print(json.dumps({'calls': self.calls, 'answers': self.answers, 'examples': self.examples,
                          'undo_failed': sorted(self.undo_failed)}), flush=True)

    def shut(self):
        self.open = False
        return False

    def rest(self):
        self.busy -= 1
        if self.busy == 0:
            self.loop.quit()


class Client:
    def __init__(self, crowd):
        self.crowd = crowd
        self.connection = None

    def go_on(self):
        if not self.crowd.open:
            self.crowd.rest()
        elif self.connection is None:
            Gio.DBusConnection.new_for_address(os.environ['DBUS_SYSTEM_BUS_ADDRESS'], CONNECTION, None, None, self.connected)
        else:
            GLib.timeout_add(self.crowd.random.randrange(150), self.act)

    def connected(self, _source, result):
        self.connection = Gio.DBusConnection.new_for_address_finish(result)
        self.connection.set_exit_on_close(False)
        self.go_on()

    def act(self):
        pick = self.crowd.random
        kind = pick.choices(list(ACTIONS), [weight for _, weight in ACTIONS.values()])[0]
        path, interface, member, args = ACTIONS[kind][0](self.crowd)
        self.crowd.calls[kind] += 1
        self.connection.call(NAME, path, interface, member, args, None, Gio.DBusCallFlags.NO_AUTO_START, CALL_TIMEOUT * 1000,
                             None, self.answered)
        # some do not wait for the answer
        if pick.random() < 0.05:
            GLib.timeout_add(pick.randrange(100), self.leave)
        return False

    def leave(self):
        if self.connection is not None and not self.connection.is_closed():
            self.connection.close(None, lambda connection, result: connection.close_finish(result))
        return False

    def answered(self, connection, result):
        name, message = 'done', ''
        try:
            connection.call_finish(result)
        except GLib.Error as error:
            name = Gio.DBusError.get_remote_error(error) or f'{error.domain} {error.code}'
            message = error.message
            if error.matches(Gio.io_error_quark(), Gio.IOErrorEnum.CLOSED):
                name = 'left'
        self.crowd.answers[name] += 1
        self.crowd.examples.setdefault(name, message)
        if name == f'{NAME}.Error.UndoFailed':
            self.crowd.undo_failed.update(re.findall(r'[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]', message))
        if connection.is_closed():
            self.crowd.calls['disconnect'] += 1
            self.connection = None
        self.go_on()


def one(crowd):
    return crowd.random.choice(crowd.devices)


def several(crowd):
    return crowd.random.sample(crowd.devices, crowd.random.randrange(1, 6))


def target(crowd):
    return crowd.random.choice(TARGETS)


def flags(crowd):
    return crowd.random.choice(FLAGS)


def group(crowd):
    return crowd.random.choice(list(crowd.groups))


ACTIONS = {
    'ListDevices': (lambda c: (PATH, MANAGER, 'ListDevices', None), 6),
    'ListGroups': (lambda c: (PATH, MANAGER, 'ListGroups', None), 6),
    'GetManagedObjects': (lambda c: (PATH, OBJECTS, 'GetManagedObjects', None), 1),
    'GetAll': (lambda c: (device_path(one(c)), PROPERTIES, 'GetAll', GLib.Variant('(s)', (DEVICE,))), 8),
    'PowerState': (lambda c: (device_path(one(c)), PROPERTIES, 'Get', GLib.Variant('(ss)', (DEVICE, 'PowerState'))), 2),
    'Bind': (lambda c: (PATH, MANAGER, 'Bind', GLib.Variant('(sst)', (one(c), target(c), flags(c)))), 20),
    'BindDevices': (lambda c: (PATH, MANAGER, 'BindDevices', GLib.Variant('(asst)', (several(c), target(c), flags(c)))), 6),
    'BindGroup': (lambda c: (PATH, MANAGER, 'BindGroup', GLib.Variant('(ust)', (group(c), target(c), flags(c)))), 6),
    'Device.Bind': (lambda c: (device_path(one(c)), DEVICE, 'Bind', GLib.Variant('(st)', (target(c), flags(c)))), 6),
    'Restore': (lambda c: (PATH, MANAGER, 'Restore', GLib.Variant('(st)', (one(c), flags(c)))), 14),
    'RestoreDevices': (lambda c: (PATH, MANAGER, 'RestoreDevices', GLib.Variant('(ast)', (several(c), flags(c)))), 5),
    'Group.Restore': (lambda c: (f'{PATH}/group/{group(c)}', GROUP, 'Restore', GLib.Variant('(t)', (flags(c),))), 5),
}


def main():
    crowd = Crowd(sys.argv[1], int(sys.argv[2]))
    for line in sys.stdin:
        crowd.phase(float(line))


if __name__ == '__main__':
    main()
