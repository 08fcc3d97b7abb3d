#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A user who calls whatever the service's live introspection shows, with arguments that make sense, nearly make sense, or none.
Run inside by tests/fuzz/bus:

    busfuzzer.py SEED

Each line "CALLS" on stdin is a phase: answered, once every call has its answer, by a line of JSON: how often each member was
called, how each answer was called, one example of each kind of answer, and whatever should not have been answered.
"""

import collections
import json
import os
import random
import re
import sys
import xml.etree.ElementTree

from gi.repository import Gio, GLib

NAME, PATH = 'org.vfiobind', '/org/vfiobind'
PROPERTIES = 'org.freedesktop.DBus.Properties'
CONNECTION = Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION
CONNECTIONS = 4
# dbus-daemon allows 128 calls without an answer for each connection.
WINDOW = 40
# A connection that has made this many calls leaves, without waiting for what it has asked.
LIFE = 1500
CALL_TIMEOUT = 60

# What has no place in a sentence: control characters, and what turns a line around or ends it.
HARMFUL = re.compile('[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]')

# How often an argument makes sense: a call of which all do costs the service a worker, and the test its time.
SENSE = 0.4
# The flag that every release knows.
GROUP = 2
# Methods that may change something: nobody has allowed this user any.
MOVING = ('Apply', 'Bind', 'OpenDevice', 'Restore', 'Reset', 'SetVirtualFunctions')
# Of so many plans the tokens are kept, to be carried out perhaps.
TOKENS = 16

WORDS = ('', 'auto', 'vfio', 'kvm', 'xen', 'host', 'none', 'vfio-pci', 'pci-stub', 'pciback', 'e1000e', 'nvme', 'mlx5_vfio_pci',
         'nonesuch', '../e1000e', 'vfio-pci/bind', 'x' * 255, 'x' * 256, 'x' * 70000, 'a\nb', 'Café', '\x1b[31m', '%s%n', '-', '.')
METHODS = ('', 'flr', 'pm', 'bus', 'acpi', 'default', 'FLR', 'flr pm')
ADDRESSES = ('00:1f.2', '0000:01:00.0 ', '0000:01:00', '0000:01:00.8', '0000:01:20.0', 'FFFFFFFF:FF:1F.7', '10000:e1:00.0', '',
             '0000:ff:1f.7', '0000_01_00_0', '0x00:01:00.0', 'é:01:00.0', '0000:01:00.0\n', '1' * 1000)
NUMBERS = (0, 1, 2, 3, 7, 9, 12, 14, 15, 16, 255, 256, 32767, 65535, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 63, 2 ** 64 - 1)
BITS = {'y': 8, 'n': 15, 'q': 16, 'i': 31, 'u': 32, 'x': 63, 't': 64}
SIGNATURES = ('', 's', 'ss', 'sst', 'asst', 'ust', 'st', 't', 'u', 'o', 'v', 'as', 'a{sv}', '(sst)', 'aas', 'b', 'd', 'y', 'h', 'ssv',
              'a(sss)', 'ay', 'g', 'sstt', 'a{sa{sv}}', 'aau', 'vvv')


class Random(random.Random):
    """Values of D-Bus types."""

    def __init__(self, seed, host):
        super().__init__(seed)
        self.host = host

    def text(self):
        dice = self.random()
        if dice < 0.45:
            return self.choice(self.host.addresses)
        if dice < 0.75:
            return self.choice(WORDS)
        if dice < 0.85:
            return self.choice(ADDRESSES)
        if dice < 0.92:
            return self.choice(self.host.names)
        return self.mangled(self.choice(self.host.addresses + list(WORDS[:12])))

    def argument(self, kind, name):
        """A value of this type, most often one that an argument of this name may have."""
        dice = self.random()
        if dice < SENSE and kind == 's' and name in ('device', 'driver'):
            return GLib.Variant('s', self.choice(self.host.addresses if name == 'device' else WORDS[:12]))
        if dice < SENSE and name == 'count':
            return GLib.Variant('u', self.choice((0, 1, 2, 4, 5, 256, 257, 65536, 2 ** 32 - 1)))
        if dice < SENSE and kind == 's' and name == 'method':
            return GLib.Variant('s', self.choice(METHODS))
        if dice < SENSE and kind == 'as' and name == 'devices':
            return GLib.Variant('as', self.sample(self.host.addresses, self.choice((1, 1, 2, 3))))
        if dice < SENSE and name == 'flags':
            return GLib.Variant('t', self.choice((0, GROUP)))
        if dice < SENSE and name == 'token' and self.host.tokens:
            return GLib.Variant('s', self.choice(self.host.tokens))
        return self.value(kind)

    def mangled(self, text):
        place = self.randrange(len(text) + 1)
        letter = chr(self.choice((self.randrange(1, 128), self.randrange(0xa0, 0xd7ff), 0x1f4a9)))
        return text[:place] + letter + text[place + self.randrange(2):]

    def path(self):
        dice = self.random()
        if dice < 0.5:
            return self.choice(self.host.paths)
        if dice < 0.8:
            return self.choice(self.host.paths) + self.choice(('/x', '_', '0', '1'))
        return self.choice(('/', '/org', PATH, f'{PATH}/device', f'{PATH}/group', f'{PATH}/operation', f'{PATH}/group/007',
                            f'{PATH}/group/4294967295', f'{PATH}/device/ffffffff_ff_1f_7', f'{PATH}/operation/0'))

    def number(self, bits):
        return self.choice(NUMBERS) % 2 ** bits if self.random() < 0.8 else self.getrandbits(bits)

    def count(self):
        return self.choice((0, 1, 1, 2, 2, 3, 5)) if self.random() < 0.99 else self.choice((256, 257, 1000))

    def value(self, signature, depth=0):
        """Of one complete type."""
        kind = signature[0]
        if kind == 's':
            return GLib.Variant('s', self.text())
        if kind == 'o':
            return GLib.Variant('o', self.path())
        if kind == 'g':
            return GLib.Variant('g', self.choice(SIGNATURES))
        if kind == 'b':
            return GLib.Variant('b', self.random() < 0.5)
        if kind == 'd':
            return GLib.Variant('d', self.choice((0.0, -1.5, 1e308, float('inf'))))
        if kind == 'h':
            return GLib.Variant('h', self.randrange(3))
        if kind == 'v':
            return GLib.Variant('v', self.value('s' if depth > 8 else self.choice(('s', 'u', 't', 'b', 'as', 'v', 'o', '(ss)')), depth + 1))
        if kind == 'a':
            children = [self.value(signature[1:], depth + 1) for _ in range(self.count() if depth == 0 else self.randrange(3))]
            return GLib.Variant.new_array(GLib.VariantType(signature[1:]), children)
        if kind == '(':
            return GLib.Variant.new_tuple(*(self.value(part, depth + 1) for part in split(signature[1:-1])))
        if kind == '{':
            key, value = split(signature[1:-1])
            return GLib.Variant.new_dict_entry(self.value(key, depth + 1), self.value(value, depth + 1))
        return GLib.Variant(kind, self.number(BITS[kind]))

    def body(self, signature):
        return GLib.Variant.new_tuple(*(self.value(part) for part in split(signature)))


def split(signature):
    """Into complete types."""
    parts, start, depth = [], 0, 0
    for i, letter in enumerate(signature):
        depth += (letter in '({') - (letter in ')}')
        if depth == 0 and letter != 'a':
            parts.append(signature[start:i + 1])
            start = i + 1
    return parts


class Host:
    """What the introspection shows: each kind of object, by the interfaces it has, with its paths."""

    def __init__(self, bus):
        self.bus = bus
        self.members = collections.defaultdict(dict)  # interface → method → its arguments: type, name
        self.properties = collections.defaultdict(list)
        self.kinds = collections.defaultdict(list)
        self.read(PATH)
        self.paths = [path for paths in self.kinds.values() for path in paths]
        devices = self.call(PATH, 'org.vfiobind.Manager', 'ListDevices').unpack()[0]
        self.addresses = [device[0] for device in devices]
        self.names = [*self.members, *(name for names in self.properties.values() for name in names)]
        self.tokens = collections.deque(maxlen=TOKENS)

    def call(self, path, interface, member):
        return self.bus.call_sync(NAME, path, interface, member, None, None, Gio.DBusCallFlags.NONE, CALL_TIMEOUT * 1000, None)

    def read(self, path):
        text, = self.call(path, 'org.freedesktop.DBus.Introspectable', 'Introspect').unpack()
        node = xml.etree.ElementTree.fromstring(text)
        interfaces = []
        for interface in node.findall('interface'):
            name = interface.get('name')
            interfaces.append(name)
            self.properties[name] = [found.get('name') for found in interface.findall('property')]
            for method in interface.findall('method'):
                self.members[name][method.get('name')] = [(arg.get('type'), arg.get('name')) for arg in method.findall('arg')
                                                          if arg.get('direction') != 'out']
        self.kinds[tuple(interfaces)].append(path)
        for child in node.findall('node'):
            self.read(f'{path}/{child.get("name")}')


class Connection:
    def __init__(self, fuzzer):
        self.fuzzer = fuzzer
        self.made = 0
        self.pending = 0
        self.bus = connect()

    def fill(self):
        while self.pending < WINDOW and self.fuzzer.left > 0 and self.made < LIFE:
            self.fuzzer.left -= 1
            self.made += 1
            self.call()
        if self.made >= LIFE:
            self.fuzzer.replace(self)

    def call(self):
        message, member = self.fuzzer.message()
        self.pending += 1
        self.bus.send_message_with_reply(message, Gio.DBusSendMessageFlags.NONE, CALL_TIMEOUT * 1000, None, self.answered, member)

    def answered(self, bus, result, member):
        self.pending -= 1
        try:
            reply = bus.send_message_with_reply_finish(result)
        except GLib.Error as error:
            self.fuzzer.answer(member, 'left' if self.made >= LIFE else f'{error.message}', None)
        else:
            self.fuzzer.answer(member, reply.get_error_name() or 'done', reply)
        if self.made < LIFE:
            self.fill()
        self.fuzzer.look()

    def leave(self):
        """Without a word to those that are still to be answered."""
        self.bus.close(None, None)


def connect():
    bus = Gio.DBusConnection.new_for_address_sync(os.environ['DBUS_SYSTEM_BUS_ADDRESS'], CONNECTION, None, None)
    bus.set_exit_on_close(False)
    return bus


class Fuzzer:
    def __init__(self, seed):
        self.host = Host(connect())
        self.random = Random(seed, self.host)
        self.loop = GLib.MainLoop()
        self.connections = [Connection(self) for _ in range(CONNECTIONS)]
        self.left = self.waiting = 0

    def phase(self, calls):
        self.members, self.answers, self.examples, self.wrong = collections.Counter(), collections.Counter(), {}, []
        self.left = self.waiting = calls
        # Everything once as it is meant, in case there are too few calls for chance to come by.
        self.queue = list(self.every_member())
        for connection in list(self.connections):
            connection.fill()
        self.loop.run()
        return {'members': self.members, 'answers': self.answers, 'examples': self.examples, 'wrong': self.wrong[:10],
                'known': [f'{interface}.{member}' for interface, members in self.host.members.items() for member in members] +
                         [f'{interface}.{name}' for interface, names in self.host.properties.items() for name in names]}

    def replace(self, connection):
        connection.leave()
        self.connections.remove(connection)
        self.connections.append(Connection(self))
        self.connections[-1].fill()

    def any_member(self):
        """Kind of object, interface and method; and what the method is asked about, if it is one for properties."""
        pick = self.random
        interfaces = pick.choice(list(self.host.kinds))
        ours = [interface for interface in interfaces if interface.startswith(NAME)]
        interface = pick.choice(ours) if ours and pick.random() < 0.5 else pick.choice(interfaces)
        if not self.host.members[interface]:
            interface = PROPERTIES
        member = pick.choice(list(self.host.members[interface]))
        if interface != PROPERTIES or not ours:
            return interfaces, interface, member, None, None
        of = pick.choice(ours)
        return interfaces, interface, member, of, pick.choice(self.host.properties[of]) if member != 'GetAll' else None

    def every_member(self):
        """The same for each that there is."""
        for interfaces in self.host.kinds:
            for interface in interfaces:
                for member in self.host.members[interface]:
                    yield interfaces, interface, member, None, None
                for name in self.host.properties[interface]:
                    yield interfaces, PROPERTIES, 'Get', interface, name

    def message(self):
        """A call, and what it is called in the counts."""
        pick = self.random
        sound = bool(self.queue)
        interfaces, interface, member, of, name = self.queue.pop() if sound else self.any_member()
        path = pick.choice(self.host.kinds[interfaces])
        arguments = self.host.members[interface][member]
        values = [pick.argument(*argument) for argument in arguments]
        if of:
            values[0] = GLib.Variant('s', of)
        if name:
            values[1] = GLib.Variant('s', name)
        called = f'{of}.{name}' if name else f'{interface}.{member}'
        body = GLib.Variant.new_tuple(*values)

        dice = 1 if sound else pick.random()
        if dice < 0.06:
            body = pick.body(pick.choice(SIGNATURES))
        elif dice < 0.09:
            path = pick.path()
        elif dice < 0.11:
            interface = pick.choice(list(self.host.members))
        elif dice < 0.13:
            member = pick.choice(('Nonesuch', 'bind', 'Bind', 'Get', 'x' * 255))
        elif dice < 0.15:
            interface = None
        elif dice < 0.17:
            body = GLib.Variant.new_tuple(*(pick.value(kind) for kind, _ in arguments))

        message = Gio.DBusMessage.new_method_call(NAME, path, interface, member)
        message.set_body(body)
        if body.get_type_string().find('h') >= 0:
            message.set_unix_fd_list(Gio.UnixFDList.new_from_array([os.open('/dev/null', os.O_RDONLY) for _ in range(3)]))
        if pick.random() < 0.3:
            message.set_flags(Gio.DBusMessageFlags.ALLOW_INTERACTIVE_AUTHORIZATION)
        return message, (called, member)

    def answer(self, what, name, reply):
        called, member = what
        self.members[called] += 1
        self.answers[name] += 1
        self.waiting -= 1
        body = reply.get_body() if reply else None
        if name != 'done' and body and body.n_children() > 0 and body.get_child_value(0).is_of_type(GLib.VariantType('s')):
            text = body.get_child_value(0).get_string()
            self.examples.setdefault(name, f'{called}: {text}')
            if name.startswith(f'{NAME}.') and (HARMFUL.search(text) or not text.endswith('.')):
                self.wrong.append(f'{called}: {name}: {text!r}')
        elif name == 'done' and (member == 'Set' or member.startswith(MOVING) and body and body.unpack()[0]):
            self.wrong.append(f'{called} was done: {body}')
        elif name == 'done' and member == 'Plan':
            self.host.tokens.append(body.unpack()[0])

    def look(self):
        if self.waiting == 0:
            self.loop.quit()


def main():
    fuzzer = Fuzzer(int(sys.argv[1]))
    for line in sys.stdin:
        print(json.dumps(fuzzer.phase(int(line))), flush=True)


if __name__ == '__main__':
    main()
