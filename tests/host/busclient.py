#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A connection to the simulated host's system bus, as one user.

Run as a program it is the helper inside: it has the connection and speaks JSON lines on stdin and stdout. Client, outside,
starts it and makes calls through it. Values are Python's, with the signature where they are sent; descriptors stay in the
helper and are known by number.
"""

import collections
import itertools
import json
import os
import subprocess
import sys
import threading
import time

from gi.repository import Gio, GLib

NAME, PATH, MANAGER = 'org.vfiobind', '/org/vfiobind', 'org.vfiobind.Manager'
DEADLINE = 40


class Error(Exception):
    """A call was answered with an error."""

    def __init__(self, name, message):
        super().__init__(f'{name}: {message}')
        self.name = name
        self.message = message


class Client:
    def __init__(self, command, environment):
        self.helper = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
        self.numbers = itertools.count(1)
        self.changed = threading.Condition()
        self.answers = {}
        self.signals = collections.deque()
        self.ended = False
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        self.unique_name = self._result(0, DEADLINE)

    def _read(self):
        for line in self.helper.stdout:
            message = json.loads(line)
            with self.changed:
                if 'signal' in message:
                    signal = message['signal']
                    self.signals.append({**signal, 'args': _value(signal['args'])})
                else:
                    self.answers[message['id']] = message
                self.changed.notify_all()
        with self.changed:
            self.ended = True
            self.changed.notify_all()

    def _send(self, operation, **arguments):
        number = next(self.numbers)
        self.helper.stdin.write(json.dumps({'id': number, 'op': operation, **arguments}) + '\n')
        self.helper.stdin.flush()
        return number

    def _result(self, number, timeout):
        with self.changed:
            if not self.changed.wait_for(lambda: number in self.answers or self.ended, timeout):
                raise TimeoutError('no answer')
            if number not in self.answers:
                raise ConnectionError('the bus connection ended')
            answer = self.answers.pop(number)
        if 'error' in answer:
            raise Error(answer['error'], answer['message'])
        value = _value(answer['reply'])
        return (value, answer['fds']) if answer.get('fds') else value

    def start(self, member, signature='()', args=(), path=PATH, interface=MANAGER, destination=NAME, timeout=DEADLINE,
              interactive=False, autostart=True):
        """Begins a call; result() has its answer."""
        variant = GLib.Variant(signature, tuple(args)).print_(True)
        return self._send('call', destination=destination, path=path, interface=interface, member=member,
                          signature=signature, args=variant, timeout=timeout * 1000, interactive=interactive,
                          autostart=autostart)

    def result(self, call, timeout=DEADLINE):
        """The tuple of the answer, with a list of descriptor numbers beside it if there are any. Raises Error."""
        return self._result(call, timeout + 5)

    def call(self, *arguments, **more):
        return self.result(self.start(*arguments, **more), more.get('timeout', DEADLINE))

    def call_bus(self, member, signature='()', args=()):
        return self.call(member, signature, args, path='/org/freedesktop/DBus', interface='org.freedesktop.DBus',
                         destination='org.freedesktop.DBus')

    def get(self, path, interface, name):
        return self.call('Get', '(ss)', (interface, name), path=path, interface='org.freedesktop.DBus.Properties')[0]

    def get_all(self, path, interface):
        return self.call('GetAll', '(s)', (interface,), path=path, interface='org.freedesktop.DBus.Properties')[0]

    def managed_objects(self):
        return self.call('GetManagedObjects', interface='org.freedesktop.DBus.ObjectManager')[0]

    def subscribe(self, sender=NAME):
        """From now on all signals of this sender are kept for wait_signal()."""
        self._result(self._send('subscribe', sender=sender), DEADLINE)

    def watch_name(self, name):
        self._result(self._send('watch', name=name), DEADLINE)

    def wait_signal(self, accept, timeout=DEADLINE):
        """The first kept signal that accept() takes: a dictionary of path, interface, member, args. Those before it go."""
        deadline = time.monotonic() + timeout
        with self.changed:
            while True:
                while self.signals:
                    signal = self.signals.popleft()
                    if accept(signal):
                        return signal
                left = deadline - time.monotonic()
                if left <= 0 or self.ended or not self.changed.wait(left):
                    raise TimeoutError('no such signal')

    def drain(self):
        """All kept signals."""
        with self.changed:
            signals = list(self.signals)
            self.signals.clear()
        return signals

    def close_descriptor(self, number):
        self._result(self._send('close', fd=number), DEADLINE)

    def descriptor_path(self, number):
        """What the descriptor is open on, as the other side of the simulated host sees it."""
        return self._result(self._send('path', fd=number), DEADLINE)[0]

    def copy_descriptor(self, number):
        return self._result(self._send('copy', fd=number), DEADLINE)[0]

    def descriptor_ended(self, number, timeout=DEADLINE):
        """Waits until the other side has hung up or shows an error."""
        return self._result(self._send('poll', fd=number, timeout=timeout * 1000), timeout + 5)

    def close(self):
        """Leaves the bus."""
        if self.helper.poll() is None:
            self.helper.stdin.close()
            try:
                self.helper.wait(5)
            except subprocess.TimeoutExpired:
                self.helper.kill()
                self.helper.wait()
        self.reader.join(5)
        self.helper.stdout.close()


def _value(text):
    return GLib.Variant.parse(None, text, None, None).unpack()


class Helper:
    def __init__(self):
        self.loop = GLib.MainLoop()
        address = os.environ['DBUS_SYSTEM_BUS_ADDRESS']
        flags = Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION
        self.connection = Gio.DBusConnection.new_for_address_sync(address, flags, None, None)
        self.connection.set_exit_on_close(False)
        self.connection.connect('closed', lambda *_: self.loop.quit())
        self.fds = {}
        self.say({'id': 0, 'reply': GLib.Variant('s', self.connection.get_unique_name()).print_(True)})
        threading.Thread(target=self.read, daemon=True).start()

    def say(self, message):
        print(json.dumps(message), flush=True)

    def read(self):
        for line in sys.stdin:
            GLib.idle_add(self.handle, json.loads(line))
        GLib.idle_add(self.loop.quit)

    def handle(self, request):
        getattr(self, f'do_{request["op"]}')(request)
        return False

    def done(self, request, value='()'):
        self.say({'id': request['id'], 'reply': value})

    def do_call(self, request):
        flags = Gio.DBusCallFlags.NONE if request['autostart'] else Gio.DBusCallFlags.NO_AUTO_START
        if request['interactive']:
            flags |= Gio.DBusCallFlags.ALLOW_INTERACTIVE_AUTHORIZATION
        args = GLib.Variant.parse(GLib.VariantType.new(request['signature']), request['args'], None, None)
        self.connection.call_with_unix_fd_list(
            request['destination'], request['path'], request['interface'], request['member'], args, None, flags,
            int(request['timeout']), None, None, self.answered, request)

    def answered(self, connection, result, request):
        try:
            reply, fds = connection.call_with_unix_fd_list_finish(result)
        except GLib.Error as error:
            name = Gio.DBusError.get_remote_error(error) or error.domain
            # strip_remote_error() has no effect from Python
            message = error.message.removeprefix(f'GDBus.Error:{name}: ')
            self.say({'id': request['id'], 'error': name, 'message': message})
            return
        numbers = fds.steal_fds() if fds else []
        self.say({'id': request['id'], 'reply': reply.print_(True), 'fds': numbers})

    def do_subscribe(self, request):
        self.connection.signal_subscribe(request['sender'], None, None, None, None, Gio.DBusSignalFlags.NONE, self.signalled)
        # answered when the bus has the match rule, which this call is behind of
        self.connection.call('org.freedesktop.DBus', '/', 'org.freedesktop.DBus', 'GetId', None, None,
                             Gio.DBusCallFlags.NONE, -1, None, lambda *_: self.done(request))

    def do_watch(self, request):
        self.connection.signal_subscribe('org.freedesktop.DBus', None, 'NameOwnerChanged', None, request['name'],
                                         Gio.DBusSignalFlags.NONE, self.signalled)
        self.connection.call('org.freedesktop.DBus', '/', 'org.freedesktop.DBus', 'GetId', None, None,
                             Gio.DBusCallFlags.NONE, -1, None, lambda *_: self.done(request))

    def signalled(self, _connection, _sender, path, interface, member, args):
        self.say({'signal': {'path': path, 'interface': interface, 'member': member, 'args': args.print_(True)}})

    def do_close(self, request):
        os.close(request['fd'])
        self.done(request)

    def do_path(self, request):
        self.done(request, GLib.Variant('(s)', (os.readlink(f'/proc/self/fd/{request["fd"]}'),)).print_(True))

    def do_copy(self, request):
        self.done(request, f'({os.dup(request["fd"])},)')

    def do_poll(self, request):
        def ended(_fd, condition):
            GLib.source_remove(timer)
            self.done(request, f'({int(condition)},)')
            return False

        def late():
            GLib.source_remove(watch)
            self.say({'id': request['id'], 'error': 'timeout', 'message': 'the descriptor is as it was'})
            return False

        watch = GLib.unix_fd_add_full(GLib.PRIORITY_DEFAULT, request['fd'], GLib.IOCondition.HUP | GLib.IOCondition.ERR, ended)
        timer = GLib.timeout_add(int(request['timeout']), late)


if __name__ == '__main__':
    Helper().loop.run()
