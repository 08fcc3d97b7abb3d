#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Rules for polkit that are in force when a test goes on, and a polkit that is absent or silent.

As a program: `polkit.py settle` returns when polkitd has read every rule that is in /etc/polkit-1/rules.d now.
"""

import contextlib
import os
import signal
import subprocess
import sys
import typing
import uuid

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import bus  # pylint: disable=wrong-import-position

RULES = '/etc/polkit-1/rules.d'
NAME = 'org.freedesktop.PolicyKit1'
PATH = '/org/freedesktop/PolicyKit1/Authority'
AUTHORITY = 'org.freedesktop.PolicyKit1.Authority'
# Any action that comes with polkit will do.
PROBE = 'org.freedesktop.policykit.exec'


def write_rule(path, text):
    """Under its name at once and whole, so that polkitd reads it once."""
    with open(f'{RULES}/.new', 'w', encoding='utf-8') as file:
        file.write(text)
    os.chmod(f'{RULES}/.new', 0o644)
    os.rename(f'{RULES}/.new', path)


def settle():
    """Waits until polkitd knows the rules that there are: it does when it knows one that was made after them."""
    token = uuid.uuid4().hex
    path = f'{RULES}/00-settle.rules'
    with bus.Client() as root, bus.Client('nobody') as nobody:
        signals = []
        root.listen(NAME, signals)
        subject = ('system-bus-name', {'name': bus.GLib.Variant('s', nobody.connection.get_unique_name())})

        def known():
            authorized, _challenge, _details = root.call(
                AUTHORITY, 'CheckAuthorization', '((sa{sv})sa{ss}us)', subject, PROBE, {'token': token}, 0, '',
                name=NAME, path=PATH)
            return authorized

        write_rule(path, f'''polkit.addRule(function(action, subject) {{
            return action.lookup("token") == "{token}" ? polkit.Result.YES : polkit.Result.NOT_HANDLED;
        }});''')
        try:
            while not known():
                bus.wait_for(lambda: signals, 'polkitd to read its rules')
                signals.clear()
        finally:
            os.unlink(path)


@contextlib.contextmanager
def rules(name, text):
    """A file of rules, with this name and content, is in force within."""
    path = f'{RULES}/{name}'
    write_rule(path, text)
    try:
        settle()
        yield
    finally:
        os.unlink(path)
        settle()


def rule(body):
    """A rule with this JavaScript as the body of its function is in force within."""
    return rules('10-test.rules', f'polkit.addRule(function(action, subject) {{\n{body}\n}});\n')


def allow(user, *devices):
    """The rule that lets a user move these devices and no others."""
    names = ', '.join(f'"{device}"' for device in devices)
    return rule(f'''
        if (subject.user == "{user}" && [{names}].indexOf(action.lookup("device")) >= 0 &&
            (action.id == "org.vfiobind.bind" || action.id == "org.vfiobind.restore"))
            return polkit.Result.YES;''')


def pid():
    output = subprocess.run(['systemctl', 'show', '-P', 'MainPID', 'polkit.service'], check=True, capture_output=True)
    return int(output.stdout)


@contextlib.contextmanager
def silent():
    """polkitd owns its name and never answers within; afterwards it answers what it was asked."""
    settle()
    process = pid()
    os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process, signal.SIGCONT)


@contextlib.contextmanager
def absent():
    """There is no polkitd within, and none can be started."""
    try:
        subprocess.run(['systemctl', 'mask', '--runtime', '--now', 'polkit.service'], check=True, capture_output=True)
        yield
    finally:
        subprocess.run(['systemctl', 'unmask', '--runtime', 'polkit.service'], check=True, capture_output=True)
        subprocess.run(['systemctl', 'start', 'polkit.service'], check=True, capture_output=True)


INTERFACE = '''<node><interface name="org.freedesktop.PolicyKit1.Authority">
    <method name="CheckAuthorization">
        <arg type="(sa{sv})" direction="in"/><arg type="s" direction="in"/><arg type="a{ss}" direction="in"/>
        <arg type="u" direction="in"/><arg type="s" direction="in"/><arg type="(bba{ss})" direction="out"/>
    </method>
    <method name="CancelCheckAuthorization"><arg type="s" direction="in"/></method>
</interface></node>'''

YES, NO, ASK = (True, False), (False, False), (False, True)


class Question(typing.NamedTuple):
    """What CheckAuthorization was called with."""
    subject: str  # a unique bus name
    action: str
    details: dict
    interactive: bool
    cancellation_id: str


AGENT = '''<node><interface name="org.freedesktop.PolicyKit1.AuthenticationAgent">
    <method name="BeginAuthentication">
        <arg type="s" direction="in"/><arg type="s" direction="in"/><arg type="s" direction="in"/>
        <arg type="a{ss}" direction="in"/><arg type="s" direction="in"/><arg type="a(sa{sv})" direction="in"/>
    </method>
    <method name="CancelAuthentication"><arg type="s" direction="in"/></method>
</interface></node>'''


@contextlib.contextmanager
def agent():
    """An agent of the real polkit's for all that this process's connections ask, whose dialogs nobody answers.

    Gives a list of (action, message, cookie) of the dialogs that open, and one of the cookies of those that close.
    """
    opened, closed = [], []
    path = '/agent'

    def on_call(_connection, _sender, _path, _interface, method, values, invocation):
        if method == 'BeginAuthentication':
            action, message, _icon, _details, cookie, _identities = values.unpack()
            opened.append((action, message, cookie))
        else:
            closed.extend(values.unpack())
            invocation.return_value(None)

    with open('/proc/self/stat', encoding='ascii') as file:
        start_time = int(file.read().rpartition(')')[2].split()[19])
    subject = ('unix-process', {'pid': bus.GLib.Variant('u', os.getpid()), 'start-time': bus.GLib.Variant('t', start_time),
                                'uid': bus.GLib.Variant('i', 0)})
    with bus.Client() as owner:
        [interface] = bus.Gio.DBusNodeInfo.new_for_xml(AGENT).interfaces
        owner.connection.register_object(path, interface, on_call, None, None)
        owner.call(AUTHORITY, 'RegisterAuthenticationAgent', '((sa{sv})ss)', subject, 'C', path, name=NAME, path=PATH)
        yield opened, closed


@contextlib.contextmanager
def stub(answer):
    """In place of polkitd, within: answer(question) is YES, NO, ASK, the name of an error, or None for no answer ever.

    Gives a list that each Question is added to as it comes, and one of the cancellation ids that come.
    """
    questions, cancelled, unanswered = [], [], {}

    def on_call(_connection, _sender, _path, _interface, method, values, invocation):
        if method == 'CancelCheckAuthorization':
            cancelled.append(values.unpack()[0])
            unanswered.pop(cancelled[-1]).return_dbus_error(f'{NAME}.Error.Cancelled', 'This question was taken back.')
            invocation.return_value(None)
            return
        (kind, subject), action, details, flags, cancellation_id = values.unpack()
        assert kind == 'system-bus-name', kind
        questions.append(Question(subject['name'], action, details, flags == 1, cancellation_id))
        given = answer(questions[-1])
        if isinstance(given, str):
            invocation.return_dbus_error(given, 'This polkit is a stub.')
        elif given:
            invocation.return_value(bus.GLib.Variant('((bba{ss}))', ((*given, {}),)))
        elif cancellation_id:
            unanswered[cancellation_id] = invocation

    with absent(), bus.Client('polkitd') as owner:
        [interface] = bus.Gio.DBusNodeInfo.new_for_xml(INTERFACE).interfaces
        owner.connection.register_object(PATH, interface, on_call, None, None)
        owner.call('org.freedesktop.DBus', 'RequestName', '(su)', NAME, 4, name='org.freedesktop.DBus',
                   path='/org/freedesktop/DBus')
        yield questions, cancelled


if __name__ == '__main__':
    if sys.argv[1:] != ['settle']:
        sys.exit('usage: polkit.py settle')
    settle()
