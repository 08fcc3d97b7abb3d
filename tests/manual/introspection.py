#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Holds a live introspection against the interface files, member by member, and prints TAP.

    introspection.py INTERFACE.xml… <INTROSPECTION

INTERFACE.xml are the files in dbus/; standard input is what an object answered to Introspect(). Each file's interface has
to be in the answer with the same members, argument names, types, directions and annotations, and the answer must have no
interface of ours that no file describes if --complete is given. Order does not matter, nor do comments.
"""

import argparse
import sys
import xml.etree.ElementTree as ElementTree

import tap

# Annotations that say what is true anyway if they are missing.
DEFAULTS = {
    'org.freedesktop.DBus.Property.EmitsChangedSignal': 'true',
    'org.freedesktop.DBus.Deprecated': 'false',
    'org.freedesktop.DBus.Method.NoReply': 'false',
    'org.freedesktop.systemd1.Explicit': 'false',
    'org.freedesktop.systemd1.Privileged': 'false',
}


def annotations(element, inherited=()):
    found = {a.get('name'): a.get('value') for a in element.findall('annotation')}
    return DEFAULTS | dict(inherited) | found


def describe(element, inherited):
    """A member as a line of text, in which all that matters to a client is written."""
    words = []
    if element.tag == 'property':
        words += [element.get('type'), element.get('access')]
    else:
        # A method's argument goes in and a signal's goes out where nothing is said.
        direction = {'method': 'in', 'signal': 'out'}[element.tag]
        words += ['{} {} {}'.format(a.get('direction', direction), a.get('type'), a.get('name', '(no name)'))
                  for a in element.findall('arg')]
    inherited = [i for i in inherited if 'Property' not in i[0] or element.tag == 'property']
    words += [f'{k}={v}' for k, v in sorted(annotations(element, inherited).items()) if DEFAULTS.get(k) != v]
    return f'{element.tag} {element.get("name")}: ' + ', '.join(words)


def interfaces(text):
    """{interface: {(kind, member): description}} of a document."""
    found = {}
    for interface in ElementTree.fromstring(text).iter('interface'):
        inherited = [(a.get('name'), a.get('value')) for a in interface.findall('annotation')]
        found[interface.get('name')] = {
            (e.tag, e.get('name')): describe(e, inherited)
            for e in interface if e.tag in ('method', 'signal', 'property')}
    return found


def compare(wanted, live):
    assert live is not None, 'the object does not have this interface'
    lines = [f'{"only in the file" if key not in live else "only on the bus"}: {(wanted | live)[key]}'
             for key in sorted(wanted.keys() ^ live.keys())]
    lines += [f'in the file: {wanted[key]}\n on the bus: {live[key]}'
              for key in sorted(wanted.keys() & live.keys()) if wanted[key] != live[key]]
    assert not lines, '\n'.join(lines)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--complete', action='store_true', help='refuse interfaces of ours that no file describes')
    parser.add_argument('files', nargs='+')
    arguments = parser.parse_args()

    live = interfaces(sys.stdin.read())
    wanted = {}
    for name in arguments.files:
        with open(name, encoding='utf-8') as file:
            wanted |= interfaces(file.read())

    def complete():
        surplus = {name for name in live if name.startswith('org.vfiobind.')} - wanted.keys()
        assert not surplus, 'described nowhere: ' + ', '.join(sorted(surplus))

    tests = [(f'{name} is on the bus as its file says', lambda name=name: compare(wanted[name], live.get(name)))
             for name in sorted(wanted)]
    if arguments.complete:
        tests.append(('the object has no other interface of ours', complete))
    return tap.run(tests)


if __name__ == '__main__':
    sys.exit(main())
