#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""An ordinary user's program that never stops asking the service what there is, whatever becomes of it, until its input ends."""

import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, f'{os.path.dirname(os.path.abspath(__file__))}/../lib')

import bus  # pylint: disable=wrong-import-position

PAUSE_MSEC = 50
QUESTIONS = [(bus.MANAGER, 'ListDevices'), (bus.OBJECTS, 'GetManagedObjects'), (bus.MANAGER, 'ListGroups')]


class Asker:
    def __init__(self, client):
        self.client = client
        self.n = 0
        self.ask()

    def ask(self):
        pending = self.client.send(*QUESTIONS[self.n % len(QUESTIONS)])
        self.n += 1
        bus.GLib.timeout_add(PAUSE_MSEC, self.look, pending)

    def look(self, pending):
        if not pending.reply:
            return True
        self.ask()
        return False


loop = bus.GLib.MainLoop()
bus.GLib.io_add_watch(sys.stdin, bus.GLib.PRIORITY_DEFAULT, bus.GLib.IO_HUP, lambda *_: loop.quit())
asker = Asker(bus.Client('alice'))
loop.run()
