#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Plays a scenario of bare writes on this machine's /sys and prints what the kernel made of each: the same on the simulated
host and on a real kernel, so that the two transcripts can be compared. Needs nothing but Python; must run as root.

    play.py SCENARIO NAME=ADDRESS…

A scenario has one step a line:
    needs NAME…                     the functions it is about; they are what a transcript shows
    write FILE TEXT                 one write(2); \\n, \\0 and \\xNN in TEXT mean what they do in C; no newline is added
    read FILE
    modprobe MODULE
    remake NAME                     the same address again, perhaps another device: its inode and group are taken anew
    modes NAME ATTRIBUTE…           permissions of attributes, and which are not there
FILE is $NAME/ATTRIBUTE, drivers/DRIVER/bind, or a file of /sys/bus/pci. $NAME is the address, $NAME.driver the driver that it
had at first, $NAME.group its group. Each step is followed by its outcome, by the uevents of these functions, and by what
sysfs shows of them: driver, override, VFIO node, members of the group, and whether the inode is still that of the beginning.
"""

import errno
import os
import re
import socket
import subprocess
import sys

BUS = '/sys/bus/pci'
NETLINK_KOBJECT_UEVENT = 15
SUBSYSTEMS = ('pci', 'vfio')


def link_name(path):
    try:
        return os.path.basename(os.readlink(path))
    except OSError:
        return None


class Player:
    def __init__(self, addresses):
        self.addresses = addresses
        self.shown = []
        self.names = {}
        self.inodes = {}
        for name, address in addresses.items():
            self.names[f'${name}'] = address
            self.names[f'${name}.driver'] = link_name(f'{BUS}/devices/{address}/driver') or 'none'
        self.events = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_KOBJECT_UEVENT)
        self.events.setsockopt(socket.SOL_SOCKET, 33, 16 << 20)         # SO_RCVBUFFORCE
        self.events.bind((0, 1))

    # ---- names for what differs between machines ----

    def resolve(self, text):
        for name in sorted(self.names, key=len, reverse=True):
            text = text.replace(name, self.names[name])
        return text

    def file(self, word):
        path = self.resolve(word)
        return f'{BUS}/devices/{path}' if word.startswith('$') else f'{BUS}/{path}'

    def anonymous(self, path):
        """A DEVPATH with names for addresses and groups; without what is above the function."""
        for name in self.shown:
            address = self.addresses[name]
            path = re.sub(f'.*/{address}', f'${name}', path)
            path = re.sub(f'/virtual/vfio/{self.names[f"${name}.group"]}$', f'/virtual/vfio/${name}.group', path)
        return path

    # ---- steps ----

    def do_needs(self, *names):
        self.shown = list(names)
        for name in names:
            self.remember(name)
        return None

    def remember(self, name):
        self.inodes[name] = self.inode(name)
        self.names[f'${name}.group'] = link_name(f'{BUS}/devices/{self.addresses[name]}/iommu_group') or 'none'

    def do_remake(self, name):
        self.remember(name)
        return None

    def do_write(self, file, text=''):
        data = self.resolve(text).encode().decode('unicode_escape').encode('latin-1')
        try:
            fd = os.open(self.file(file), os.O_WRONLY)
            try:
                os.write(fd, data)
            finally:
                os.close(fd)
        except OSError as error:
            return errno.errorcode[error.errno]
        return 'ok'

    def do_read(self, file):
        try:
            with open(self.file(file), 'rb', buffering=0) as stream:
                text = stream.read(4096).decode('latin-1')
        except OSError as error:
            return errno.errorcode[error.errno]
        return self.anonymous(repr(text))

    def do_modes(self, name, *attributes):
        def mode(attribute):
            try:
                return f'{os.stat(self.file(f"{name}/{attribute}")).st_mode & 0o777:04o}'
            except FileNotFoundError:
                return 'none'
        return ' '.join(f'{attribute}:{mode(attribute)}' for attribute in attributes)

    def do_modprobe(self, module):
        return 'ok' if subprocess.run(['/sbin/modprobe', module], check=False).returncode == 0 else 'failed'

    # ---- what is there afterwards ----

    def inode(self, name):
        try:
            return os.stat(f'{BUS}/devices/{self.addresses[name]}/').st_ino
        except OSError:
            return None

    def state(self, name):
        path = f'{BUS}/devices/{self.addresses[name]}'
        if not os.path.exists(path):
            return 'gone'
        driver = link_name(f'{path}/driver') or 'none'
        with open(f'{path}/driver_override', encoding='latin-1') as file:
            override = file.read().rstrip('\n')
        group = link_name(f'{path}/iommu_group')
        node = 'yes' if group and os.path.exists(f'/dev/vfio/{group}') else 'no'
        listed = os.path.exists(f'{BUS}/drivers/{driver}/{self.addresses[name]}')
        same = 'same' if self.inode(name) == self.inodes[name] else 'new'
        vfs = sum(entry.startswith('virtfn') for entry in os.listdir(path))
        return (f'driver={driver}{"" if listed or driver == "none" else " (not listed)"} override={override!r} node={node} '
                f'vfs={vfs} inode={same}')

    def uevents(self):
        while True:
            try:
                message = self.events.recv(65536, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return
            fields = dict(word.split('=', 1) for word in message.decode('latin-1').split('\0') if '=' in word)
            if fields.get('SUBSYSTEM') not in SUBSYSTEMS:
                continue
            path = self.anonymous(fields['DEVPATH'])
            if '$' in path:
                driver = f' DRIVER={fields["DRIVER"]}' if 'DRIVER' in fields else ''
                yield f'{fields["ACTION"]} {fields["SUBSYSTEM"]} {path}{driver}'

    def play(self, line):
        verb, *words = line.split(' ', 2)
        print(f'> {line}')
        outcome = getattr(self, f'do_{verb}')(*words if verb == 'write' else line.split()[1:])
        if outcome is not None:
            print(f'= {outcome}')
        for event in self.uevents():
            print(f'! {event}')
        for name in self.shown:
            print(f'  ${name} {self.state(name)}')


def main():
    player = Player(dict(word.split('=', 1) for word in sys.argv[2:]))
    with open(sys.argv[1], encoding='utf-8') as file:
        for line in file:
            if line.strip() and not line.startswith('#'):
                player.play(line.rstrip('\n'))


if __name__ == '__main__':
    main()
