# SPDX-License-Identifier: GPL-2.0-or-later
"""Help, wrong usage, and services or buses that are not there."""

import re

from cases import contains, equal, test
from stage import Bus

VERBS = (
    "list",
    "groups",
    "show",
    "backends",
    "leases",
    "monitor",
    "plan",
    "bind",
    "restore",
    "reset",
    "vfs",
    "run",
)

WRONG = [
    ["nonsense"],
    ["show"],
    ["bind"],
    ["restore"],
    ["bind", "--group"],
    ["list", "02:00.0"],
    ["groups", "1"],
    ["backends", "vfio"],
    ["monitor", "02:00.0"],
    ["--nonsense"],
    ["-x"],
    ["list", "--json"],
    ["list", "--json=xml"],
    ["list", "--json="],
    ["list", "--no-legend=yes"],
    ["bind", "--driver"],
    ["-H"],
    ["list", "--group"],
    ["--driver=vfio"],
    ["show", "--driver=vfio", "02:00.0"],
    ["restore", "--driver=vfio", "02:00.0"],
    ["plan"],
    ["plan", "--dry-run", "02:00.0"],
    ["plan", "--no-legend", "02:00.0"],
    ["plan", "--driver"],
    ["list", "--force"],
    ["show", "--dry-run", "02:00.0"],
    ["leases", "02:00.0"],
    ["restore", "--access", "02:00.0"],
    ["bind", "--device", "02:00.0"],
    ["bind", "--json=xml", "02:00.0"],
    ["bind", "--no-legend", "02:00.0"],
    ["show", "--no-legend", "02:00.0"],
    ["show", "nonsense"],
    ["show", ""],
    ["bind", "nonsense"],
    [""],
    ["bind", "\udcff"],
    ["bind", "--driver=\udcc0\udcaf", "02:00.0"],
    ["reset", "--method=\udced\udca0\udc80", "02:00.0"],
    ["show", "02:00.0", "\udce2\udc82"],
]


@test("wrong usage is exit status 2 and one line that says what is wrong")
def _wrong(stage):
    for arguments in WRONG:
        result = stage.run(*arguments)
        equal((result.status, result.out, result.err.count("\n")), (2, "", 1), f"{arguments}: {result}")
        assert re.match("vfiobindctl: .*[.]\n", result.err), result
    equal(stage.bus.steer("PropertiesGot"), ([],))


@test("options may stand anywhere, short or long")
def _anywhere(stage):
    equal(stage.run("bind", "02:00.0", "--driver", "kvm").out, "0000:02:00.0: nvme -> pci-stub\n")
    equal(stage.run("-q", "--driver=vfio", "bind", "--", "02:00.0").status, 0)


@test("the help fits a screen of 24 lines and 80 columns, with room for the prompt, and names every verb")
def _help(stage):
    for option in "--help", "-h":
        result = stage.run(option)
        equal(result.status, 0, result)
        assert len(result.out.splitlines()) <= 23, result.out
        assert all(len(line) <= 79 for line in result.out.splitlines()), result.out
        for verb in VERBS:
            contains(result.out, f"\n  {verb} ")


@test("every verb has a help of its own that fits, too")
def _verb_help(stage):
    for verb in VERBS:
        result = stage.run(verb, "--help")
        equal(result.status, 0, result)
        contains(result.out, f"vfiobindctl {verb} ")
        assert len(result.out.splitlines()) <= 23, result.out
        assert all(len(line) <= 79 for line in result.out.splitlines()), result.out
    contains(stage.run("bind", "--help").out, "--driver=TARGET")


@test("--version needs no bus")
def _version(stage):
    result = stage.run("--version", environment={"DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nonexistent"})
    equal(result.status, 0, result)
    assert re.fullmatch(r"vfiobindctl [0-9]+\.[0-9]+.*\n", result.out), result


@test("no bus, and no service, are told in a sentence")
def _absent(stage):
    result = stage.run("list", environment={"DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nonexistent"})
    equal(result.status, 1, result)
    contains(result.err, "Cannot reach the system bus")
    empty = Bus(stage.directory, "empty")
    try:
        for arguments in (
            ["list"],
            ["groups"],
            ["show", "02:00.0"],
            ["backends"],
            ["leases"],
            ["plan", "02:00.0"],
            ["bind", "02:00.0"],
            ["monitor"],
        ):
            result = stage.run(*arguments, environment={"DBUS_SYSTEM_BUS_ADDRESS": empty.address})
            equal((result.status, result.err.count("\n")), (1, 1), f"{arguments}: {result}")
            contains(result.err, "not installed")
    finally:
        empty.stop()


@test("output that cannot be written is a failure")
def _full(stage):
    with open("/dev/full", "wb") as full:
        for arguments in ["list"], ["list", "--json=short"], ["--help"], ["bind", "02:00.0"]:
            result = stage.run(*arguments, stdout=full)
            equal(result.status, 1, f"{arguments}: {result}")
            contains(result.err, "Cannot write")
