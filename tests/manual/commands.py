#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Finds every command line that README.md and the manuals show, so that a test can run them.

    commands.py [--where guest|host] [FILE…]

prints one JSON object a line, in the order of the text:

    {"file": "README.md", "line": 12, "where": "guest", "user": "alice", "commands": ["vfiobindctl list"]}

A command line stands in a fenced block of Markdown whose language is `console`, or in a literal display (.Bd -literal) of a
manual. It begins with `$ ` (typed by an ordinary user, alice) or with `# ` (by root); a backslash at its end continues it.
Everything else in such a block is what was answered. The commands of one object are typed into one shell, one after the
other. A block is meant for a machine that vfiobind is installed on, such as the test guest, unless the fence says `console
host`: then for the machine that it is built on, in the checkout.
"""

import argparse
import json
import os
import re
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DOCUMENTS = ['README.md', 'client/vfiobindctl.1', 'service/vfiobindd.8', 'service/vfiobind.conf.5',
             'dbus/org.vfiobind.Manager.5']
USERS = {'$ ': 'alice', '# ': 'root'}


def markdown_lines(text):
    """(line number, where or None outside of a block, text) of each line."""
    where = None
    fence = None
    for number, line in enumerate(text.split('\n'), 1):
        if fence is None and (opening := re.match(r'```(\w*) *(\w*)', line)):
            fence = opening[0]
            where = (opening[2] or 'guest') if opening[1] == 'console' else None
        elif fence is not None and line == '```':
            fence = where = None
        else:
            yield number, where, line


def mdoc_lines(text):
    where = None
    for number, line in enumerate(text.split('\n'), 1):
        if line.startswith('.Bd -literal'):
            where = 'guest'
        elif line.startswith('.Ed'):
            where = None
        else:
            yield number, where, re.sub(r'\\([e\-&])', lambda m: {'e': '\\', '-': '-', '&': ''}[m[1]], line)


def blocks(name):
    """The blocks of one document, as in the description above."""
    with open(os.path.join(TOP, name), encoding='utf-8') as file:
        text = file.read()
    found = []
    last = None  # the line number and block that the line before belongs to
    continued = False
    for number, where, line in (markdown_lines if name.endswith('.md') else mdoc_lines)(text):
        if where is None:
            last, continued = None, False
            continue
        if continued:
            found[-1]['commands'][-1] += ' ' + line.removesuffix('\\').strip()
        elif user := USERS.get(line[:2]):
            if last != (where, user):
                found.append({'file': name, 'line': number, 'where': where, 'user': user, 'commands': []})
            found[-1]['commands'].append(line[2:].removesuffix('\\').strip())
            last = (where, user)
        continued = line.endswith('\\') and (continued or line[:2] in USERS)
    return found


def strays(name):
    """Lines that look like a command line and stand outside of every block, as (line number, text)."""
    with open(os.path.join(TOP, name), encoding='utf-8') as file:
        text = file.read()
    if name.endswith('.md'):
        return [(number, line) for number, where, line in markdown_lines(text) if where is None and line.startswith('$ ')]
    return [(number, line) for number, where, line in mdoc_lines(text)
            if where is None and re.match(r'(\.(Dl|D1|Li|Ql) +)?[$#] +\w', line)]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--where', choices=['guest', 'host'])
    parser.add_argument('files', nargs='*', default=DOCUMENTS)
    arguments = parser.parse_args()
    for name in arguments.files:
        for block in blocks(name):
            if arguments.where in (None, block['where']):
                print(json.dumps(block))


if __name__ == '__main__':
    sys.exit(main())
