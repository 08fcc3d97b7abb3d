# SPDX-License-Identifier: GPL-2.0-or-later
"""reset and vfs: what is asked of the service, what is said of the answer, and the exit status."""

import json

from cases import contains, equal, lacks, test


@test("reset tells the method that has worked, and asks for the one that is named")
def _reset(stage):
    result = stage.run("reset", "01:00.0")
    equal((result.status, result.out, result.err), (0, "01:00.0: reset by flr\n", ""))
    equal(stage.bus.steer("LastCall")[:2], ("Reset", "('01:00.0', '', 0)"))
    equal(stage.run("reset", "--method=bus", "--force", "0000:01:00.0").out, "0000:01:00.0: reset by bus\n")
    equal(stage.bus.steer("LastCall")[1], "('0000:01:00.0', 'bus', 1)")
    equal(stage.run("reset", "-q", "01:00.0").out, "")
    equal(json.loads(stage.run("reset", "--json=short", "01:00.0").out), {"used": "flr"})


@test("reset fails as the service says, with the action that a rule can allow")
def _reset_fails(stage):
    result = stage.run("reset", "--method=acpi", "01:00.0")
    equal((result.status, result.out, result.err), (1, "", "vfiobindctl: 01:00.0 cannot be reset.\n"))
    stage.bus.steer("Fail", "(ss)", "InUse", "0000:01:00.0 drives the boot display.")
    equal(stage.run("reset", "01:00.0").status, 4)
    equal(stage.run("reset", "77:00.0").status, 5)
    for flags, actions in ((), "org.vfiobind.reset."), (("--force",), "org.vfiobind.reset and org.vfiobind.force."):
        stage.bus.steer("Fail", "(ss)", "org.freedesktop.DBus.Error.AccessDenied", "")
        result = stage.run("reset", *flags, "01:00.0")
        equal(result.status, 3)
        contains(result.err, "You are not authorized to reset 01:00.0.")
        contains(result.err, actions)
    for arguments in (), ("01:00.0", "02:00.0"), ("--group", "01:00.0"), ("--driver=vfio", "01:00.0"):
        equal(stage.run("reset", *arguments).status, 2, arguments)


@test("vfs with an address shows what there is")
def _vfs(stage):
    out = stage.run("vfs", "04:00.0").out
    equal(out.split("\n")[1].split(), ["0000:04:00.1", "13", "mlx5_vfio_pci"])
    equal(out.split("\n")[2].split(), ["0000:04:00.2", "14", "mlx5_core"])
    contains(out, "0000:04:00.0 has 2 of 8 virtual functions.")
    equal(stage.run("vfs", "02:00.0").out, "0000:02:00.0 has 0 of 0 virtual functions.\n")
    equal(stage.run("vfs", "08:00.0").out, "0000:08:00.0 has 0 of 1 virtual function.\n")
    equal(
        json.loads(stage.run("vfs", "--json=short", "04:00.0").out),
        [
            {
                "address": "0000:04:00.0",
                "max_virtual_functions": 8,
                "virtual_functions": ["0000:04:00.1", "0000:04:00.2"],
            }
        ],
    )
    equal(stage.run("vfs", "77:00.0").status, 5)


@test("vfs with a count sets it, and prints the addresses")
def _vfs_set(stage):
    result = stage.run("vfs", "04:00.0", "3")
    equal((result.status, result.out, result.err), (0, "0000:04:00.1\n0000:04:00.2\n0000:04:00.3\n", ""))
    equal(stage.bus.steer("LastCall")[:2], ("SetVirtualFunctions", "('04:00.0', 3, '', 0)"))
    result = stage.run("vfs", "--driver=host", "--force", "04:00.0", "0")
    equal((result.status, result.out), (0, ""))
    equal(stage.bus.steer("LastCall")[1], "('04:00.0', 0, 'host', 1)")
    equal(stage.run("vfs", "-q", "04:00.0", "1").out, "")
    equal(json.loads(stage.run("vfs", "--json=short", "04:00.0", "1").out), {"addresses": ["0000:04:00.1"]})


@test("vfs fails as the service says, and knows what is no number")
def _vfs_fails(stage):
    for count in "", "x", "-1", "+1", " 1", "1.5", "0x4", "4294967296", "99999999999999999999":
        result = stage.run("vfs", "--", "04:00.0", count)
        equal((result.status, result.out), (2, ""), count)
        contains(result.err, "no number of virtual functions")
    stage.bus.steer("Fail", "(ss)", "NotSupported", "0000:04:00.0 cannot have virtual functions.")
    equal(stage.run("vfs", "04:00.0", "1").status, 1)
    stage.bus.steer("Fail", "(ss)", "org.freedesktop.DBus.Error.AccessDenied", "")
    result = stage.run("vfs", "04:00.0", "1")
    equal(result.status, 3)
    contains(result.err, "org.vfiobind.virtual-functions and org.vfiobind.bind.")
    stage.bus.steer("Fail", "(ss)", "org.freedesktop.DBus.Error.AccessDenied", "")
    lacks(stage.run("vfs", "--driver=host", "04:00.0", "1").err, "org.vfiobind.bind")
    stage.bus.steer("Fail", "(ss)", "org.freedesktop.DBus.Error.AccessDenied", "")
    contains(
        stage.run("vfs", "--force", "04:00.0", "1").err,
        "org.vfiobind.virtual-functions and org.vfiobind.bind and org.vfiobind.force.",
    )
    for arguments in (), ("04:00.0", "1", "2"), ("--group", "04:00.0", "1"), ("--method=flr", "04:00.0"):
        equal(stage.run("vfs", *arguments).status, 2, arguments)
