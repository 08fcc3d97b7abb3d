#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Holds README.md and the manuals against what they describe, and prints TAP.

    manuals.py VFIOBINDCTL

VFIOBINDCTL is the client that was built: its help says which verbs and options there are.
"""

import glob
import os
import re
import stat
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree

import commands
import tap

TOP = commands.TOP
MANUALS = [name for name in commands.DOCUMENTS if not name.endswith('.md')]
INTERFACE_MANUAL = 'dbus/org.vfiobind.Manager.5'
CLIENT_MANUAL = 'client/vfiobindctl.1'
COLUMNS = 80

# The objects that the interface manual shows as examples of each interface.
OBJECTS = {'Manager': '/org/vfiobind', 'Device': '/org/vfiobind/device/0000_65_00_0', 'Group': '/org/vfiobind/group/14',
           'Operation': '/org/vfiobind/operation/7'}

# What the worker does that is no step of a plan.
ERRANDS = {'open', 'look', 'read', 'note', 'survey'}

# What mandoc says about a machine on which not everything is installed.
NOT_ABOUT_THE_PAGE = re.compile(r'referenced manual not found|outdated mandoc\.db')


def read(name):
    with open(os.path.join(TOP, name), encoding='utf-8') as file:
        return file.read()


def run(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return done.stdout


# Every manual

def is_clean(name):
    said = [line for line in run('mandoc', '-Tlint', os.path.join(TOP, name)).splitlines()
            if line and not NOT_ABOUT_THE_PAGE.search(line)]
    assert not said, '\n'.join(said)


def fits_a_terminal(name):
    page = run('mandoc', '-Tascii', '-Owidth=78', os.path.join(TOP, name))
    lines = [line for line in re.sub('.\b', '', page).splitlines() if len(line) > COLUMNS]
    assert not lines, '\n'.join(lines)


def refers_to_manuals_that_exist(name):
    own = {os.path.basename(manual) for manual in MANUALS}
    ours = [f'{page}.{section}' for page, section in re.findall(r'^\.Xr (\S+) (\d)', read(name), re.MULTILINE)
            if 'vfiobind' in page]
    assert set(ours) <= own, set(ours) - own


# The interface manual

def listing(interface):
    """The interface file as the manual shows it."""
    lines = [f'node {OBJECTS[interface]} {{']
    for element in ElementTree.parse(f'{TOP}/dbus/org.vfiobind.{interface}.xml').getroot().iter('interface'):
        lines.append(f'  interface {element.get("name")} {{')
        for kind, title in (('method', 'methods'), ('signal', 'signals'), ('property', 'properties')):
            members = element.findall(kind)
            lines += [f'    {title}:'] if members else []
            for member in members:
                lines += property_lines(member) if kind == 'property' else call_lines(member)
        lines.append('  };')
    return '\n'.join(lines + ['};'])


def property_lines(member):
    emits = [a.get('value') for a in member.findall('annotation') if a.get('name').endswith('.EmitsChangedSignal')]
    return [f'      @EmitsChangedSignal("{value}")' for value in emits] + \
        [f'      readonly {member.get("type")} {member.get("name")};']


def call_lines(member):
    head = f'      {member.get("name")}('
    args = [' '.join(filter(None, (a.get('direction'), a.get('type'), a.get('name')))) for a in member.findall('arg')]
    return ((',\n' + ' ' * len(head)).join(args).join((head, ');'))).split('\n')


def shows_the_interface(interface):
    assert listing(interface) in read(INTERFACE_MANUAL), f'should be:\n{listing(interface)}'


def explains_the_interface(interface):
    text = read(INTERFACE_MANUAL)
    for element in ElementTree.parse(f'{TOP}/dbus/org.vfiobind.{interface}.xml').getroot().iter('interface'):
        for member in element:
            macro = 'Va' if member.tag == 'property' else 'Fn'
            assert re.search(rf'^\.It ([^\n]*, )?{macro} {member.get("name")}\b', text, re.MULTILINE), member.get('name')


def explains_actions_and_errors():
    text = read(INTERFACE_MANUAL)
    actions = {a.get('id') for a in ElementTree.parse(f'{TOP}/polkit/org.vfiobind.policy').getroot().iter('action')}
    told = set(re.findall(r'org\.vfiobind\.[a-z-]+\b', text))
    assert told == actions, told ^ actions
    errors = set(re.findall(r'VFIOBIND_ERROR_PREFIX "(\w+)"', read('dbus/names.h')))
    section = text[text.index('.Sh ERROR NAMES'):text.index('.Sh VERSIONING')]
    told = set(re.findall(r'Li ([A-Z]\w+)', ''.join(re.findall(r'^\.It .*\n', section, re.MULTILINE))))
    assert told == errors, told ^ errors


def explains_details():
    """What a rule can look up."""
    text = read(INTERFACE_MANUAL)
    section = text[text.index('A rule can look up'):text.index('.Sh ERROR NAMES')]
    told = {word for line in re.findall(r'^\.It Li (.*)', section, re.MULTILINE) for word in line.split(' , ')}
    source = read('polkit/checks.c')
    given = set(re.findall(r'add_detail\(check, "([a-z-]+)"', source)) - {'what'}
    assert told == given, told ^ given
    combined = set(re.findall(r'^                { "([a-z]+)", (?:NULL|"[a-z]+"), "', source, re.MULTILINE)) | {'what', 'warning'}
    told = set(re.findall(r'[a-z]+', ' '.join(re.findall(r'^\.Li (.*)', section[section.rindex('.El'):], re.MULTILINE))))
    assert combined <= told, combined - told


def words_in_table(name, prefix):
    """The names in a table of the source that is indexed by an enumeration."""
    return set(re.findall(rf'\[{prefix}_\w+\] = {{ "([a-z-]+)"', read(name)))


def words_told(title):
    """What a subsection of the interface manual lists, and the bullets under the same title in the interface file."""
    text = read(INTERFACE_MANUAL)
    section = text[text.index(f'.Ss {title}\n'):]
    section = section[:section.index('.El\n')]
    xml = read('dbus/org.vfiobind.Manager.xml')
    paragraphs = xml[xml.index(f'**{title}.**'):]
    bullets = paragraphs[:paragraphs.index('\n\n', paragraphs.index('\n        - '))]
    return (set(re.findall(r'^\.It Li ([a-z-]+)', section, re.MULTILINE)),
            set(re.findall(r'^        - `([a-z-]+)`', bullets, re.MULTILINE)))


def explains_steps():
    steps = words_in_table('service/move/steps/step.c', 'STEP') - ERRANDS
    assert steps and words_told('Steps') == (steps, steps), f'{steps} and {words_told("Steps")}'
    sentences = set(re.findall(r'^        { "([a-z-]+)", "[^"]*", "', read('client/outline.c'), re.MULTILINE))
    assert sentences == steps, f'the client has other sentences: {sentences ^ steps}'


def explains_findings():
    kinds = words_in_table('service/usage/finding.c', 'FINDING')
    assert kinds and words_told('Findings') == (kinds, kinds), f'{kinds} and {words_told("Findings")}'


# The client's manual

def help_words(client):
    """The verbs and the long options of the client, as its help shows them."""
    general = run(client, '--help')
    verbs = set(re.findall(r'^  ([a-z][a-z-]*) ', general, re.MULTILINE))
    texts = [general] + [run(client, verb, '--help') for verb in verbs]
    return verbs, set(re.findall(r'^  (?:-\w, )?--([a-z-]+)', '\n'.join(texts), re.MULTILINE))


def explains_the_client(client):
    verbs, options = help_words(client)
    assert verbs and options, 'the client shows no help'
    text = read(CLIENT_MANUAL)
    section = text[text.index('.Sh VERBS'):text.index('.Sh OPTIONS')]
    told = set(re.findall(r'^\.It Cm ([a-z-]+)', section, re.MULTILINE))
    assert told == verbs, f'verbs: {told ^ verbs}'
    section = text[text.index('.Sh OPTIONS'):text.index('.Sh TARGETS')]
    told = {option for line in re.findall(r'^\.It Fl .*', section, re.MULTILINE) for option in re.findall(r'Fl Fl ([a-z-]+)', line)}
    assert told == options, f'options: {told ^ options}'


# README.md

def readme_shows_the_rules():
    shown = re.findall(r'^```js\n(.*?)^```$', read('README.md'), re.MULTILINE | re.DOTALL)
    rules = [read(path) for path in sorted(glob.glob(f'{TOP}/polkit/rules/*.rules'))]
    for rule in rules:
        code = rule[rule.index('polkit.addRule'):]
        assert code in shown, f'not in README.md:\n{code}'
    assert len(shown) == len(rules), 'README.md shows a rule that is not installed'


def readme_shows_the_agent():
    shown = re.findall(r'^```python\n(.*?)^```$', read('README.md'), re.MULTILINE | re.DOTALL)
    assert shown == [read('dbus/agent.py')], 'not the program that is installed'


def readme_links_lead_somewhere():
    links = [link for link in re.findall(r'\]\(([^)#]+)\)', read('README.md')) if '://' not in link]
    missing = [link for link in links if not os.path.exists(os.path.join(TOP, link))]
    assert not missing, missing


# What meson installs

def configuration_outlives_an_upgrade(build):
    with tempfile.TemporaryDirectory() as tree:
        path = f'{tree}/etc/vfiobind/vfiobind.conf'

        def install():
            subprocess.run(['meson', 'install', '-C', build, '--no-rebuild', '--quiet'], check=True,
                           stdout=subprocess.DEVNULL, env=os.environ | {'DESTDIR': tree})

        install()
        with open(path, encoding='utf-8') as file:
            assert file.read() == read('service/vfiobind.conf'), 'the first installation brings another file'
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o644, 'not everybody can read it'
        with open(path, 'w', encoding='utf-8') as file:
            file.write('[Manager]\nDefaultBackend=kvm\n')
        install()
        with open(path, encoding='utf-8') as file:
            assert 'kvm' in file.read(), 'the second installation has overwritten it'


def commands_are_found():
    for name in commands.DOCUMENTS:
        assert commands.blocks(name), f'{name} shows no command'
        assert not commands.strays(name), f'{name}: {commands.strays(name)}'


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    build = os.path.dirname(os.path.dirname(os.path.abspath(sys.argv[1])))
    tests = []
    for name in MANUALS:
        tests += [(f'{name} is free of mandoc\'s complaints', lambda name=name: is_clean(name)),
                  (f'{name} fits {COLUMNS} columns', lambda name=name: fits_a_terminal(name)),
                  (f'{name} refers to manuals that exist', lambda name=name: refers_to_manuals_that_exist(name))]
    for name in OBJECTS:
        tests += [(f'the interface manual shows {name} as its file says', lambda name=name: shows_the_interface(name)),
                  (f'the interface manual explains every member of {name}', lambda name=name: explains_the_interface(name))]
    tests += [
        ('the interface manual explains every polkit action and known errors', explains_actions_and_errors),
        ('the interface manual explains every detail for rules', explains_details),
        ('manual, interface file and client have the steps of a plan', explains_steps),
        ('manual and interface file have the kinds of findings', explains_findings),
        ('the client\'s manual has the verbs and options of its help', lambda: explains_the_client(sys.argv[1])),
        ('README.md shows the rules that are installed', readme_shows_the_rules),
        ('README.md shows the agent that is installed', readme_shows_the_agent),
        ('README.md has links that lead somewhere', readme_links_lead_somewhere),
        ('the configuration outlives an upgrade', lambda: configuration_outlives_an_upgrade(build)),
        ('every command line is found', commands_are_found),
    ]
    return tap.run(tests)


if __name__ == '__main__':
    sys.exit(main())
