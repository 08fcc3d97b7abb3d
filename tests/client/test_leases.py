# SPDX-License-Identifier: GPL-2.0-or-later
"""Who holds what: leases, and what show has of it. The leases are those of commands that run asks for."""

import contextlib
import json
import os
import re

from cases import contains, equal, lacks, test
from stage import terminated, wait_until

FOUND = ("0000:02:00.0", "refuse", "vfio", "77", "0000:02:00.0 is open through VFIO by process 77")


@contextlib.contextmanager
def leased(stage, *devices):
    """A command that runs until standard input ends; `run` is killed with it."""
    options = [word for device in devices for word in ("--device", device)]
    session = stage.open_terminal("run", "-q", *options, "--", "sh", "-c", "echo ready; read -r line")
    with terminated(session):
        session.expect("ready")
        yield session


@test("leases shows who holds what, as a table or JSON")
def _leases(stage):
    result = stage.run("leases")
    equal((result.status, result.err), (0, ""), result)
    contains(result.out, "Nothing is leased.")
    equal(json.loads(stage.run("leases", "--json=short").out), [])
    equal(stage.run("leases", "--no-legend").out, "")
    with leased(stage, "02:00.0"), leased(stage, "01:00.0", "01:00.1") as second:
        header, first, other, _, legend = stage.run("leases").out.splitlines()
        equal(header.split(), ["HOLDER", "USER", "PID", "STATE", "DEVICES"])
        assert re.fullmatch(r":1\.\d+ +root +\d+ +held +0000:02:00.0", first), first
        assert other.endswith("held   0000:01:00.0 0000:01:00.1"), other
        equal(legend, "2 leases.")
        rows = json.loads(stage.run("leases", "--json=short").out)
        name = rows[1].pop("unique_name")
        equal(
            rows[1],
            {
                "uid": 0,
                "pid": second.process.pid,
                "addresses": ["0000:01:00.0", "0000:01:00.1"],
                "state": "held",
            },
        )
        contains(stage.run("show", "01:00.1").out, f"Leased: to {name}: 'vfiobindctl leases' tells more\n")
        equal(json.loads(stage.run("show", "--json=short", "01:00.1").out)[0]["lease"], name)
    lacks(stage.run("show", "03:00.0").out, "Leased")


@test("leases tells of what waits to go back")
def _returning(stage):
    with leased(stage, "02:00.0") as session:
        stage.bus.steer("Find", "(a(sssss))", [FOUND])
        session.send("\n")
        session.end()
    out = stage.run("leases").out
    contains(out, "returning")
    contains(out, "1 lease. What is returning has no holder any more")
    contains(stage.run("show", "02:00.0").out, "Leased: not any more: it waits to go back\n")
    stage.bus.steer("Find", "(a(sssss))", [])
    contains(stage.run("leases").out, "Nothing is leased.")


@test("leases has numbers for users that have no name")
def _nameless(stage):
    # Another machine's users have names of their own, and over ssh the client does not look.
    stage.stub("ssh", 'exec systemd-stdio-bridge "-punix:path=${DBUS_SYSTEM_BUS_ADDRESS#unix:path=}"')
    with leased(stage, "02:00.0"):
        first = stage.run("-H", "elsewhere", "leases", "--no-legend").out.splitlines()[0]
        assert re.fullmatch(r":1\.\d+ +0 +\d+ +held +0000:02:00.0", first), first


@test("a lease ends with the process that holds it, however that ends")
def _killed(stage):
    with leased(stage, "02:00.0"):
        equal(json.loads(stage.run("list", "--json=short").out)[9]["driver"], "vfio-pci")
    wait_until(lambda: "Nothing" in stage.run("leases").out, "the lease to end")
    equal(json.loads(stage.run("list", "--json=short").out)[9]["driver"], "nvme")
    assert not os.listdir(stage.bus.leases)
