# SPDX-License-Identifier: GPL-2.0-or-later
"""The leases of the mock: FIFOs below a directory, which a mock that is started anew opens again."""

import json
import os

from gi.repository import GLib


class Lease:
    """Who holds what, and where it was before and is now: address → driver."""

    def __init__(self, name, uid, pid, before, now):
        self.name, self.uid, self.pid = name, uid, pid
        self.before, self.now = before, now
        self.state = "held"
        self.path = ""
        self.read_end = None
        self.watch = 0


class Leases:
    def __init__(self, directory, on_ended):
        self.directory, self.on_ended = directory, on_ended
        self.leases = []

    def reopen(self):
        """Those of the mock before this one. The ones that nobody holds any more have ended."""
        for name in sorted(os.listdir(self.directory)):
            if name.endswith(".json"):
                with open(f"{self.directory}/{name}", encoding="utf-8") as file:
                    lease = Lease(**json.load(file))
                lease.path = f"{self.directory}/{name.removesuffix('.json')}"
                self.leases.append(lease)
                self.listen(lease)
                try:
                    ended = os.read(lease.read_end, 1) == b""
                except BlockingIOError:
                    ended = False
                if ended:
                    self.end(lease)

    def make(self, name, uid, pid, before, now):
        """A lease, and the holder's end of its FIFO."""
        lease = Lease(name, uid, pid, before, now)
        lease.path = f"{self.directory}/{name.strip(':')}"
        os.mkfifo(lease.path)
        with open(f"{lease.path}.json", "w", encoding="utf-8") as file:
            json.dump({"name": name, "uid": uid, "pid": pid, "before": before, "now": now}, file)
        self.listen(lease)
        self.leases.append(lease)
        return os.open(lease.path, os.O_WRONLY | os.O_CLOEXEC)

    def listen(self, lease):
        lease.read_end = os.open(lease.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        lease.watch = GLib.unix_fd_add_full(
            GLib.PRIORITY_DEFAULT, lease.read_end, GLib.IOCondition.HUP, lambda *_: self.end(lease)
        )

    def end(self, lease):
        """Nobody holds it any more. It is still there, as `returning`, until it is removed."""
        self.close(lease)
        lease.state = "returning"
        self.on_ended(lease)
        return False

    def close(self, lease):
        if lease.watch:
            GLib.source_remove(lease.watch)
            os.close(lease.read_end)
            lease.watch = 0

    def remove(self, lease):
        self.close(lease)
        os.unlink(lease.path)
        os.unlink(f"{lease.path}.json")
        self.leases.remove(lease)

    def clear(self):
        for lease in list(self.leases):
            self.remove(lease)

    def rows(self):
        return [(lease.name, lease.uid, lease.pid, list(lease.now), lease.state) for lease in self.leases]

    def of(self, address):
        """The lease that has the function."""
        return next((lease for lease in self.leases if address in lease.now), None)
