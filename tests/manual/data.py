#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests of what is installed and is no program: interface files, bus policy, units, polkit actions and rules. Prints TAP."""

import configparser
import glob
import json
import os
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree

import gi
gi.require_version('Gio', '2.0')
from gi.repository import Gio  # noqa: E402

import tap  # noqa: E402

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
INTERFACES = sorted(glob.glob(f'{TOP}/dbus/org.vfiobind.*.xml'))
POLICY = f'{TOP}/polkit/org.vfiobind.policy'
POLICY_DTD = '/usr/share/polkit-1/policyconfig-1.dtd'
RULES = f'{TOP}/polkit/rules'
HIGHEST_EXPOSURE = 30  # of systemd-analyze security, in tenths: the price of seeing who uses a device


def read(path):
    with open(path, encoding='utf-8') as file:
        return file.read()


def check(*command, **options):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, **options)
    assert done.returncode == 0, f'{" ".join(command)}: {done.stdout}'
    return done.stdout


# Interface files

def comments(path):
    """The comment before each element, by the element's (kind, name)."""
    parser = ElementTree.XMLParser(target=ElementTree.TreeBuilder(insert_comments=True))
    comment, found = '', {}
    for element in ElementTree.parse(path, parser).getroot().iter():
        if element.tag is ElementTree.Comment:
            comment = element.text
        elif element.tag in ('interface', 'method', 'signal', 'property'):
            found[element.tag, element.get('name')] = comment
            comment = ''
    return found


def interface_is_read_by_gio(path):
    node = Gio.DBusNodeInfo.new_for_xml(read(path))
    assert [i.name for i in node.interfaces] == [os.path.basename(path).removesuffix('.xml')], node.interfaces


def interface_is_documented(path):
    found = comments(path)
    for interface in Gio.DBusNodeInfo.new_for_xml(read(path)).interfaces:
        members = [('interface', interface.name, [])]
        members += [('method', m.name, m.in_args + m.out_args) for m in interface.methods]
        members += [('signal', s.name, s.args) for s in interface.signals]
        members += [('property', p.name, []) for p in interface.properties]
        for kind, name, args in members:
            text = found[kind, name]
            first, _, rest = text.strip().partition('\n')
            assert first == f'{name}:', f'{kind} {name} has a comment that begins with "{first}"'
            assert rest.strip(), f'{kind} {name} is not documented'
            told = re.findall(r'^ *@(\w+):', rest, re.MULTILINE)
            told = [] if kind == 'interface' else told
            assert told == [a.name for a in args], f'{kind} {name} has {[a.name for a in args]} and documents {told}'


# Bus

def bus_policy_is_taken_by_the_bus():
    with tempfile.TemporaryDirectory() as directory:
        config = f'{directory}/bus.conf'
        with open(config, 'w', encoding='utf-8') as file:
            file.write(f'<busconfig><type>session</type><listen>unix:dir={directory}</listen>'
                       f'<include>{TOP}/dbus/org.vfiobind.conf</include></busconfig>')
        with subprocess.Popen(['dbus-daemon', f'--config-file={config}', '--nofork', '--print-address'],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as bus:
            address = bus.stdout.readline()
            bus.terminate()
            assert address, bus.stderr.read()


def bus_policy_lets_root_own_and_everybody_call():
    policies = {(p.get('user') or p.get('context')): {tuple(a.attrib.items()) for a in p.findall('allow')}
                for p in ElementTree.parse(f'{TOP}/dbus/org.vfiobind.conf').getroot()}
    name = 'org.vfiobind'
    assert policies == {'root': {(('own', name),)},
                        'default': {(('send_destination', name),), (('receive_sender', name),)}}, policies


def activation_starts_the_unit():
    service = configparser.ConfigParser(interpolation=None)
    service.optionxform = str
    service.read_string(read(f'{TOP}/dbus/org.vfiobind.service.in'))
    assert dict(service['D-BUS Service']) == {
        'Name': 'org.vfiobind', 'Exec': '@libexecdir@/vfiobindd', 'User': 'root',
        'SystemdService': 'vfiobind.service'}, dict(service['D-BUS Service'])


# Unit

def with_unit(function):
    """Runs it with the path of the unit, its program being there."""
    with tempfile.TemporaryDirectory() as directory:
        os.symlink('/bin/true', f'{directory}/vfiobindd')
        path = f'{directory}/vfiobind.service'
        with open(path, 'w', encoding='utf-8') as file:
            file.write(read(f'{TOP}/service/vfiobind.service.in').replace('@libexecdir@', directory))
        function(path)


def unit_is_valid():
    def verify(path):
        said = check('systemd-analyze', 'verify', '--man=no', path)
        assert not said, said
    with_unit(verify)


def unit_is_confined():
    with_unit(lambda path: check('systemd-analyze', 'security', '--offline=true', '--no-pager',
                                 f'--threshold={HIGHEST_EXPOSURE}', path))


# Configuration

def example_configuration_shows_the_defaults():
    text = read(f'{TOP}/service/vfiobind.conf')
    assert not re.search(r'^[^#\[\n]', text, re.MULTILINE), 'a setting is not commented out'
    config = configparser.ConfigParser(interpolation=None)
    config.optionxform = str
    config.read_string(re.sub(r'^#(\w+=)', r'\1', text, flags=re.MULTILINE))
    assert dict(config['Manager']) == {'DefaultBackend': 'auto', 'OperationTimeoutSec': '20s', 'ResetAfterLease': 'no'}, \
        dict(config['Manager'])


def policy_is_tested():
    """Each kind of host in the manual's table is what some module of the guest's tests is about."""
    kinds = {line.split(' Ta ')[0].split(',')[0] for line in re.findall(r'^\.It (?!Em )(.* Ta .*)', read(f'{TOP}/service/vfiobind.conf.5'),
                                                                        re.MULTILINE)}
    tested = {kind for path in glob.glob(f'{TOP}/tests/vm/*/*.py') for kind in re.findall(r"table\.rows\('(.*?)'\)", read(path))}
    assert kinds and kinds == tested, (kinds, tested)


# polkit

def actions():
    return {a.get('id'): a for a in ElementTree.parse(POLICY).getroot().iter('action')}


def policy_is_valid():
    check('xmllint', '--noout', '--nonet', '--dtdvalid', POLICY_DTD, POLICY)


def policy_keeps_nothing():
    for name, action in actions().items():
        defaults = {d.tag: d.text for d in action.find('defaults')}
        assert defaults == dict.fromkeys(('allow_any', 'allow_inactive', 'allow_active'), 'auth_admin'), (name, defaults)
        assert '$(name)' in action.find('message').text, f'the message of {name} does not name the device'


def policy_words_every_action():
    """What the dialog about several things at once says of each."""
    source = read(f'{TOP}/polkit/checks.c')
    table = source[source.index('*action_in_words('):]
    worded = set(re.findall(r'^                { "([a-z-]+)", "', table[:table.index('};')], re.MULTILINE))
    asked = {name.removeprefix('org.vfiobind.') for name in actions()} - {'together'}
    assert worded == asked, worded ^ asked


# What a card in the guest looks like to a rule; each case changes some of it.
CARD = {
    'device': '0000:01:00.0', 'vendor-id': '8086', 'device-id': '10d3', 'subsystem-vendor-id': '8086',
    'subsystem-device-id': '0000', 'class': '020000', 'group': '14', 'group-devices': '0000:01:00.0',
    'driver': 'e1000e', 'target': 'vfio-pci', 'backend': 'vfio', 'boot-vga': 'false', 'findings': '',
    'name': 'Intel Corporation 82574L Gigabit Network Connection (0000:01:00.0)',
}
HOME = {'driver': 'vfio-pci', 'target': 'e1000e', 'backend': 'host'}
TOGETHER = {'devices': '0000:01:00.0 0000:02:00.0', 'actions': 'org.vfiobind.bind', 'findings': '', 'name': 'two cards'}
SITTING = {'user': 'bob', 'groups': ['sudo'], 'local': True, 'active': True}

# (rule, action, subject, details that differ from CARD or the only ones, allowed)
CASES = [
    ('one-user-one-device', 'bind', {'user': 'alice'}, {}, True),
    ('one-user-one-device', 'restore', {'user': 'alice'}, HOME, True),
    ('one-user-one-device', 'restore', {'user': 'alice'}, {'target': 'host'}, True),
    ('one-user-one-device', 'bind', {'user': 'bob'}, {}, False),
    ('one-user-one-device', 'restore', {'user': 'bob'}, HOME, False),
    ('one-user-one-device', 'bind', {'user': 'alice'}, {'device': '0000:01:00.1'}, False),
    ('one-user-one-device', 'bind', {'user': 'alice'}, {'device-id': '1533'}, False),
    ('one-user-one-device', 'restore', {'user': 'alice'}, {'vendor-id': '10ec'}, False),
    ('one-user-one-device', 'bind', {'user': 'alice'}, {'target': 'pci-stub', 'backend': 'kvm'}, False),
    ('one-user-one-device', 'bind', {'user': 'alice'}, {'target': 'none', 'backend': 'none'}, False),
    ('one-user-one-device', 'bind', {'user': 'alice'}, {'target': 'e1000e', 'backend': 'host'}, False),
    ('one-user-one-device', 'together', {'user': 'alice'}, TOGETHER, False),
    ('one-user-one-device', 'force', {'user': 'alice'}, {}, False),
    ('one-user-one-device', '', {'user': 'alice'}, {}, False),
    ('group-class', 'bind', {'user': 'bob', 'groups': ['netlab']}, {}, True),
    ('group-class', 'bind', {'user': 'bob', 'groups': ['netlab']}, {'device': '0000:02:00.0', 'class': '028000'}, True),
    ('group-class', 'restore', {'user': 'bob', 'groups': ['netlab']}, HOME, True),
    ('group-class', 'bind', {'user': 'bob', 'groups': ['sudo']}, {}, False),
    ('group-class', 'bind', {'user': 'bob', 'groups': ['netlab']}, {'class': '010802'}, False),
    ('group-class', 'restore', {'user': 'bob', 'groups': ['netlab']}, {'class': '030200'}, False),
    ('group-class', 'bind', {'user': 'bob', 'groups': ['netlab']}, {'target': 'none', 'backend': 'none'}, False),
    ('group-class', 'bind', {'user': 'bob', 'groups': ['netlab']}, {'target': 'pci-stub', 'backend': 'kvm'}, False),
    ('group-class', 'together', {'user': 'bob', 'groups': ['netlab']}, TOGETHER, False),
    ('group-class', 'access', {'user': 'bob', 'groups': ['netlab']}, {}, False),
    ('agent', 'bind', {'user': 'compute'}, {}, True),
    ('agent', 'restore', {'user': 'compute'}, HOME, True),
    ('agent', 'access', {'user': 'compute'}, {}, True),
    ('agent', 'access', {'user': 'compute'}, {'device': '0000:05:00.0', 'vendor-id': '1b36', 'device-id': '0010'}, True),
    ('agent', 'bind', {'user': 'alice'}, {}, False),
    ('agent', 'access', {'user': 'alice'}, {}, False),
    ('agent', 'bind', {'user': 'compute'}, {'device': '0000:02:00.0'}, False),
    ('agent', 'bind', {'user': 'compute'}, {'device': '0000:05:00.0'}, False),
    ('agent', 'access', {'user': 'compute'}, {'device-id': '1533'}, False),
    ('agent', 'bind', {'user': 'compute'}, {'target': 'pci-stub', 'backend': 'kvm'}, False),
    ('agent', 'bind', {'user': 'compute'}, {'target': 'none', 'backend': 'none'}, False),
    ('agent', 'force', {'user': 'compute'}, {}, False),
    ('agent', 'reset', {'user': 'compute'}, {}, False),
    ('agent', 'together', {'user': 'compute'}, TOGETHER, False),
    ('console-administrators', 'bind', SITTING, {'class': '030000'}, True),
    ('console-administrators', 'restore', SITTING | {'groups': ['wheel']}, HOME, True),
    ('console-administrators', 'bind', SITTING | {'groups': ['users']}, {}, False),
    ('console-administrators', 'bind', SITTING | {'local': False}, {}, False),
    ('console-administrators', 'restore', SITTING | {'active': False}, {}, False),
    ('console-administrators', 'force', SITTING, {}, False),
    ('console-administrators', 'other.program.bind', SITTING, {}, False),
]

# What polkitd gives to a rules file, as far as the examples use it, and the answers to all cases.
PRELUDE = '''
var added = [];
var polkit = {
    Result: { NO: "no", YES: "yes", AUTH_SELF: "auth_self", AUTH_SELF_KEEP: "auth_self_keep", AUTH_ADMIN: "auth_admin",
              AUTH_ADMIN_KEEP: "auth_admin_keep", NOT_HANDLED: null },
    addRule: function(f) { added.push(f); }
};
'''
EPILOGUE = '''
cases.forEach(function(c) {
    var action = { id: c.id, lookup: function(key) { return c.details[key]; } };
    var subject = { user: c.subject.user, local: !!c.subject.local, active: !!c.subject.active, groups: c.subject.groups || [],
                    isInGroup: function(g) { return this.groups.indexOf(g) >= 0; } };
    print(added.length, added[0](action, subject));
});
'''


def rules_files():
    return sorted(glob.glob(f'{RULES}/*.rules'))


def rule_answers(name):
    """The rules file is run by duktape, the interpreter that Debian's polkitd has in it."""
    cases = [c for c in CASES if c[0] == name]
    assert {c[4] for c in cases} == {True, False}, 'no cases for this file'
    table = []
    for _, action, subject, details, _ in cases:
        table.append({'id': action if '.' in action else f'org.vfiobind.{action}', 'subject': subject,
                      'details': details if details is TOGETHER else CARD | details})
    with tempfile.NamedTemporaryFile('w', suffix='.js', encoding='utf-8') as script:
        script.write(PRELUDE + read(f'{RULES}/{name}.rules') + f'var cases = {json.dumps(table)};' + EPILOGUE)
        script.flush()
        answers = check('duk', script.name).splitlines()
    for case, answer in zip(cases, answers, strict=True):
        assert answer == ('1 yes' if case[4] else '1 null'), f'{case}: {answer}'


def rule_knows_its_actions(path):
    text = read(path)
    code = re.sub(r'//.*', '', text)
    assert '_keep' not in code.lower(), 'an authorization is kept'
    named = set(re.findall(r'"(org\.vfiobind[^"]*)"', code))
    assert named and named <= actions().keys(), named - actions().keys()
    looked_up = set(re.findall(r'lookup\("([^"]*)"\)', code))
    assert looked_up <= CARD.keys(), looked_up - CARD.keys()


def main():
    tests = []
    for path in INTERFACES:
        name = os.path.basename(path)
        tests += [(f'{name} is read by GIO', lambda path=path: interface_is_read_by_gio(path)),
                  (f'{name} documents every member and argument', lambda path=path: interface_is_documented(path))]
    tests += [
        ('the bus policy is taken by dbus-daemon', bus_policy_is_taken_by_the_bus),
        ('the bus policy lets root own the name and everybody call', bus_policy_lets_root_own_and_everybody_call),
        ('D-Bus activation starts the unit', activation_starts_the_unit),
        ('the unit is valid', unit_is_valid),
        (f'systemd-analyze scores the unit {HIGHEST_EXPOSURE / 10} or better', unit_is_confined),
        ('the example configuration shows the defaults', example_configuration_shows_the_defaults),
        ('each kind of host in the table of vfiobind.conf(5) is tested', policy_is_tested),
        ('the polkit actions are valid', policy_is_valid),
        ('the polkit actions ask for a password every time', policy_keeps_nothing),
        ('each polkit action has its words in the dialog about several', policy_words_every_action),
    ]
    for path in rules_files():
        name = os.path.basename(path).removesuffix('.rules')
        tests += [(f'the rules {name} allow what they say and nothing else', lambda name=name: rule_answers(name)),
                  (f'the rules {name} name actions and details that exist', lambda path=path: rule_knows_its_actions(path))]
    return tap.run(tests)


if __name__ == '__main__':
    sys.exit(main())
