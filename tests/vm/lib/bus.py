# SPDX-License-Identifier: GPL-2.0-or-later
"""Clients on the system bus, as any user, within one process.

A call runs the main loop until its answer is there, so that the signals that preceded the answer have been noted by then.
"""

import contextlib
import os
import pwd
import time

from gi.repository import Gio, GLib

NAME = 'org.vfiobind'
ROOT = '/org/vfiobind'
MANAGER = 'org.vfiobind.Manager'
DEVICE = 'org.vfiobind.Device'
GROUP = 'org.vfiobind.Group'
PROPERTIES = 'org.freedesktop.DBus.Properties'
OBJECTS = 'org.freedesktop.DBus.ObjectManager'

FORCE, GROUP_FLAG, PERSIST, ACCESS = 1, 2, 4, 8

PATIENCE = 30
ADDRESS = 'unix:path=/run/dbus/system_bus_socket'


class BusError(Exception):
    """An error reply: its name without the project's prefix, and its message."""

    def __init__(self, name, message):
        super().__init__(f'{name}: {message}')
        self.name = name.removeprefix('org.vfiobind.Error.').removeprefix('org.freedesktop.DBus.Error.')
        self.message = message


def wait_for(condition, what, seconds=PATIENCE):
    """Runs the main loop until condition() is true. It is asked after each event and every 20 ms."""
    context = GLib.MainContext.default()
    deadline = time.monotonic() + seconds
    ticks = GLib.timeout_add(20, lambda: True)
    try:
        while not (answer := condition()):
            if time.monotonic() > deadline:
                raise AssertionError(f'waited {seconds} s in vain for {what}')
            context.iteration(True)
        return answer
    finally:
        GLib.source_remove(ticks)


@contextlib.contextmanager
def effective_user(user):
    """What is done within is done with another user's uid: the bus looks at it when a connection is made."""
    entry = pwd.getpwnam(user)
    groups = os.getgroups()
    os.setgroups(os.getgrouplist(user, entry.pw_gid))
    os.setegid(entry.pw_gid)
    os.seteuid(entry.pw_uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)


class Pending:
    """A call that has been sent."""

    def __init__(self):
        self.reply = None
        self.signals = None  # those that had come when the reply came

    def result(self, seconds=PATIENCE):
        """The answer's values: one as it is, several as a tuple, none as None. Raises BusError."""
        wait_for(lambda: self.reply, 'a reply', seconds)
        body = self.reply.get_body()
        values = body.unpack() if body is not None else ()
        if self.reply.get_message_type() == Gio.DBusMessageType.ERROR:
            raise BusError(self.reply.get_error_name(), values[0] if values else '')
        return values[0] if len(values) == 1 else values or None

    def descriptor(self, seconds=PATIENCE):
        """The file descriptor that is the answer's first value, now the caller's. Raises BusError."""
        index, *_ = self.result(seconds)
        return self.reply.get_unix_fd_list().steal_fds()[index]


class Client:
    """A connection to the system bus. `signals` has each signal of the service as (path, interface, name, values)."""

    def __init__(self, user='root', listen=False):
        with effective_user(user):
            self.connection = Gio.DBusConnection.new_for_address_sync(
                ADDRESS, Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT |
                Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION, None, None)
        self.connection.set_exit_on_close(False)
        self.user = user
        self.signals = []
        if listen:
            self.listen(NAME, self.signals)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if not self.connection.is_closed():
            self.connection.close_sync(None)

    def listen(self, sender, signals):
        """Notes each signal of a name from now on."""
        self.connection.signal_subscribe(
            sender, None, None, None, None, Gio.DBusSignalFlags.NONE,
            lambda _connection, _sender, path, interface, name, values: signals.append(
                (path, interface, name, values.unpack())))
        # The subscription is on its way: the bus's answer to a later call says that it has arrived.
        self.call('org.freedesktop.DBus', 'GetId', name='org.freedesktop.DBus', path='/org/freedesktop/DBus')

    def send(self, interface, member, signature='()', *values, name=NAME, path=ROOT, interactive=False):
        """Sends a call and returns it as Pending. `values` are wrapped as `signature` says."""
        message = Gio.DBusMessage.new_method_call(name, path, interface, member)
        if values:
            message.set_body(GLib.Variant(signature, values))
        if interactive:
            message.set_flags(Gio.DBusMessageFlags.ALLOW_INTERACTIVE_AUTHORIZATION)
        pending = Pending()

        def on_reply(connection, result):
            try:
                reply = connection.send_message_with_reply_finish(result)
            except GLib.Error as error:
                reply = Gio.DBusMessage.new_method_error_literal(message, 'gone', error.message)
            pending.signals = list(self.signals)
            pending.reply = reply

        self.connection.send_message_with_reply(message, Gio.DBusSendMessageFlags.NONE, GLib.MAXINT32, None, on_reply)
        return pending

    def call(self, interface, member, signature='()', *values, seconds=PATIENCE, **options):
        return self.send(interface, member, signature, *values, **options).result(seconds)

    def get(self, path, interface, name):
        return self.call(PROPERTIES, 'Get', '(ss)', interface, name, path=path)

    def get_all(self, path, interface):
        return self.call(PROPERTIES, 'GetAll', '(s)', interface, path=path)

    def owner(self):
        """Whom the bus knows as the service, by the unique name; '' if nobody."""
        try:
            return self.call('org.freedesktop.DBus', 'GetNameOwner', '(s)', NAME, name='org.freedesktop.DBus',
                             path='/org/freedesktop/DBus')
        except BusError as error:
            if error.name != 'NameHasNoOwner':
                raise
            return ''

    # The service's own methods, as the manual writes them.
    def bind(self, device, driver, flags=0, **options):
        return self.call(MANAGER, 'Bind', '(sst)', device, driver, flags, **options)

    def bind_devices(self, devices, driver, flags=0, **options):
        return self.call(MANAGER, 'BindDevices', '(asst)', devices, driver, flags, **options)

    def bind_group(self, group, driver, flags=0, **options):
        return self.call(MANAGER, 'BindGroup', '(ust)', group, driver, flags, **options)

    def restore(self, device, flags=0, **options):
        return self.call(MANAGER, 'Restore', '(st)', device, flags, **options)

    def restore_devices(self, devices, flags=0, **options):
        return self.call(MANAGER, 'RestoreDevices', '(ast)', devices, flags, **options)

    def restore_group(self, group, flags=0, **options):
        return self.call(MANAGER, 'RestoreGroup', '(ut)', group, flags, **options)


def device_path(address):
    return f'{ROOT}/device/' + address.replace(':', '_').replace('.', '_')


def group_path(group):
    return f'{ROOT}/group/{group}'
