# SPDX-License-Identifier: GPL-2.0-or-later
"""list, groups, show and backends as a person reads them."""

import re
import unicodedata

from cases import contains, equal, lacks, test
from host import HARMLESS, HOST

ADDRESSES = sorted((row[0] for row in HOST), key=lambda a: (len(a), a))
UNPRINTABLE = re.compile("[\x00-\x09\x0b-\x1f\x7f\x80-\x9f\u202e]")


def width(text):
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def rows(text):
    """The lines between header and closing words, by address."""
    lines = [line for line in text.split("\n") if re.match("[0-9a-f]{4,}:", line)]
    return {line.split()[0]: re.split("  +", line) for line in lines}


@test("list shows every function once, by address, in aligned columns")
def _list(stage):
    result = stage.run("list")
    equal(result.status, 0, result)
    equal(list(rows(result.out)), ADDRESSES)
    equal(result.out.split("\n")[0].split(), ["ADDRESS", "GROUP", "DRIVER", "ID", "CLASS", "NAME"])
    equal(
        rows(result.out)["0000:04:00.1"],
        [
            "0000:04:00.1",
            "13",
            "mlx5_vfio_pci",
            "15b3:101e",
            "Ethernet controller",
            "Mellanox Technologies ConnectX Family mlx5Gen Virtual Function",
        ],
    )
    equal(rows(result.out)["10000:e1:00.0"][1:3], ["-", "nvme"])
    contains(result.out, "20 functions, 4 of them handed over.")
    for title in "GROUP", "DRIVER", "ID", "CLASS", "NAME":
        column = result.out.index(title)
        assert all(line[column - 1] == " " != line[column] for line in result.out.split("\n")[:21]), title


@test("without a verb it lists")
def _default(stage):
    equal(stage.run().out, stage.run("list").out)


@test("list asks the service once")
def _one_call(stage):
    stage.run("list")
    equal(stage.bus.steer("LastCall")[0], "ListDevices")
    equal(stage.bus.steer("PropertiesGot"), ([],))


@test("through a pipe nothing is cut and nothing coloured, at whatever width")
def _pipe(stage):
    for verb in "list", "groups":
        result = stage.run(verb, environment={"COLUMNS": "40"})
        equal(result.out, stage.run(verb).out)
        lacks(result.out, "\x1b")
        lacks(result.out, "…")


@test("list fits terminals of 30 to 250 columns and never cuts an address")
def _columns(stage):
    for columns in 30, 36, 50, 60, 80, 100, 120, 160, 200, 250:
        result = stage.terminal("list", "--no-pager", columns=columns, environment={"NO_COLOR": "1"})
        equal(result.status, 0, result)
        equal(list(rows(result.out)), ADDRESSES, f"at {columns} columns")
        if columns >= 36:
            lines = result.out.split("\n")[:21]
            assert all(width(line) <= columns for line in lines), f"at {columns} columns:\n{result.out}"
    contains(result.out, "82G33/G31/P35/P31 Express DRAM Controller")


@test("at 80 columns list leaves out class and ids for the sake of the names")
def _narrow(stage):
    result = stage.terminal("list", "--no-pager", environment={"NO_COLOR": "1"})
    equal(result.out.split("\n")[0].split(), ["ADDRESS", "GROUP", "DRIVER", "NAME"])
    contains(result.out, "NVIDIA Corporation GA104 [GeForce RTX 3070]\n")
    contains(result.out, "…\n")


@test("colour is for terminals, and not where NO_COLOR is set or the terminal is dumb")
def _colour(stage):
    for verb in ["list"], ["groups"], ["show", "01:00.0"], ["backends"]:
        contains(stage.terminal(*verb, "--no-pager").out, "\x1b[")
        lacks(stage.terminal(*verb, "--no-pager", environment={"NO_COLOR": "1"}).out, "\x1b")
        lacks(stage.terminal(*verb, "--no-pager", environment={"TERM": "dumb"}).out, "\x1b")
        contains(stage.terminal(*verb, "--no-pager", environment={"NO_COLOR": ""}).out, "\x1b[")


@test("names cannot command the terminal or break lines")
def _escape(stage):
    for verb in ["list"], ["groups"], ["show", "07:00.0"]:
        for result in stage.run(*verb), stage.terminal(
            *verb, "--no-pager", environment={"NO_COLOR": "1"}, columns=250
        ):
            equal(result.status, 0, result)
            assert not UNPRINTABLE.search(result.out), repr(result.out)
            contains(
                result.out,
                r"Café 会社 Ltd Evil \x1b[31mred\x07\xe2\x80\xae name\x0aof two lines \xc2\x9b1m",
            )


@test("errors cannot command the terminal either")
def _escape_errors(stage):
    result = stage.run("show", "\x1b[2J\x9b1m")
    equal(result.status, 2, result)
    assert not UNPRINTABLE.search(result.err), repr(result.err)


@test("in a locale that is not UTF-8 all is ASCII")
def _ascii(stage):
    for verb in "list", "groups":
        result = stage.run(verb, environment={"LC_ALL": "C"})
        assert result.out.isascii(), repr(result.out)
    contains(result.out, "`-0000:08:00.0")


@test("a name that the database does not have leaves no blanks at the end of a line")
def _nameless(stage):
    stage.bus.steer("Name", "(sss)", "0000:00:00.0", "", "")
    stage.bus.steer("Name", "(sss)", "0000:01:00.0", "NVIDIA Corporation", "")
    stage.bus.steer("Name", "(sss)", "0000:01:00.1", "", "Audio")
    for verb in ["groups"], ["list"], ["show", "00:00.0", "01:00.0", "01:00.1"]:
        out = stage.run(*verb).out
        assert not re.search(" $", out, re.MULTILINE), out
    contains(out, "\n0000:01:00.0 NVIDIA Corporation\n")
    contains(out, "\n0000:01:00.1 Audio\n")


@test("--no-legend leaves the bare lines")
def _legend(stage):
    equal(len(stage.run("list", "--no-legend").out.splitlines()), len(HOST))
    equal(len(stage.run("backends", "--no-legend").out.splitlines()), 3)
    lacks(stage.run("groups", "--no-legend").out, "groups,")


@test("groups is a tree of groups by number and members by address, with what spoils each")
def _groups(stage):
    result = stage.run("groups")
    equal(result.status, 0, result)
    contains(
        result.out,
        "\nGroup 20, not viable\n"
        "├─0000:05:00.0  -                         Intel Corporation 82801 PCI Bridge\n"
        "├─0000:06:01.0  8139too        spoils it  Realtek",
    )
    contains(result.out, "\n└─0000:06:02.0  pci-stub ")
    numbers = [int(n) for n in re.findall("^Group ([0-9]+), ", result.out, re.MULTILINE)]
    equal(numbers, sorted({row[8] for row in HOST} - {-1}))
    spoilt = set(re.findall("^.─([^ ]+) .*  spoils it  ", result.out, re.MULTILINE))
    equal(spoilt, {row[0] for row in HOST if row[8] >= 0 and row[6] not in HARMLESS})
    contains(result.out, "12 groups, 5 of them viable")
    contains(result.out, "Functions in no group, which VFIO cannot take: 1.")


@test("one function, and one group, are no plural")
def _one(stage):
    for row in HOST:
        if row[0] != "0000:03:00.0":
            stage.bus.steer("Remove", "(s)", row[0])
    contains(stage.run("list").out, "\n1 function, 1 of them handed over.")
    contains(stage.run("groups").out, "\n1 group, 1 of them viable: ")


@test("a group becomes viable as soon as nothing spoils it")
def _viable(stage):
    contains(stage.run("groups").out, "Group 10, not viable\n")
    stage.run("bind", "02:00.0")
    contains(stage.run("groups").out, "Group 10, viable\n")


FACTS = {  # what show must say, and must not
    "01:00.0": (
        [
            "0000:01:00.0 NVIDIA Corporation GA104 [GeForce RTX 3070]\n",
            "Class: VGA compatible controller (030000, revision a1)\n",
            "Device ID: 10de:2484, subsystem 1043:8694\n",
            "Driver: nouveau (the host uses it)\n",
            "Host modules: nouveau, nvidiafb\n",
            "VFIO driver: vfio-pci\n",
            "IOMMU group: 1, not viable, spoiled by 0000:01:00.0, 0000:01:00.1\n",
            "Group members: 0000:00:01.0, 0000:01:00.0, 0000:01:00.1\n",
            "Remarks: the display that the firmware booted with\n",
            "Reset methods: flr, pm, bus\n",
            "Power: D0 (on)\n",
            "Link: 2.5 GT/s PCIe x8 (capable of 16.0 GT/s PCIe x16)\n",
        ],
        ["NUMA", "Override", "Host driver", "VFIO node", "Virtual", "Part of", "unheard"],
    ),
    "0000:03:00.0": (
        [
            "Driver: vfio-pci (handed over through VFIO)\n",
            "Host driver: e1000e: 'restore' goes back to it\n",
            "Override: vfio-pci\n",
            "IOMMU group: 11, viable\n",
            "VFIO node: /dev/vfio/11\n",
        ],
        ["Group members", "Link", "Remarks"],
    ),
    "0000:00:01.0": (["Remarks: a bridge, which always stays with the host\n"], ["VFIO driver"]),
    "06:02.0": (
        ["Driver: pci-stub (handed over through the legacy stub)\n", "Host driver: none: it had no driver"],
        [],
    ),
    "04:00.0": (
        [
            "Virtual functions: 2 of at most 8: 0000:04:00.1, 0000:04:00.2\n",
            "NUMA node: 1\n",
            "VFIO driver: mlx5_vfio_pci\n",
            "Link: 16.0 GT/s PCIe x16\n",
        ],
        [],
    ),
    "04:00.1": (["Part of: 0000:04:00.0\n"], ["Virtual functions"]),
    "10000:E1:00.0": (["IOMMU group: none"], []),
    "00:00.0": (["Driver: none\n"], ["Host modules"]),
    "08:00.0": (["Remarks: being moved right now\n"], []),
}


@test("show tells what is meaningful for a device, in words, and nothing else")
def _show(stage):
    for address, (there, absent) in FACTS.items():
        result = stage.run("show", address)
        equal(result.status, 0, result)
        for part in there:
            contains(result.out, part)
        for part in absent:
            lacks(result.out, part)


@test("show aligns its keys and folds long values to the terminal")
def _show_aligned(stage):
    out = stage.run("show", "01:00.0").out
    equal({line.index(": ") for line in out.splitlines()[1:]}, {17})
    out = stage.terminal("show", "01:00.0", "--no-pager", columns=50, environment={"NO_COLOR": "1"}).out
    assert all(len(line) <= 50 for line in out.splitlines()[1:]), out
    contains(out, "\n" + " " * 19 + "0000:01:00.0")


@test("show takes several, complains of each that is not there and shows the others")
def _show_several(stage):
    result = stage.run("show", "99:00.0", "02:00.0", "nonsense", "03:00.0")
    equal(result.status, 5, result)
    equal(len(result.err.splitlines()), 2, result)
    contains(result.out, "0000:02:00.0 Samsung")
    contains(result.out, "\n\n0000:03:00.0 Intel")


@test("show does not wake a device that is without power")
def _asleep(stage):
    result = stage.run("show", "01:00.1")
    contains(result.out, "Power: D3cold (without power)\n")
    equal(stage.bus.steer("PropertiesGot"), (["PowerState"],))


@test("backends shows each with the reason why it is not available, and the default")
def _backends(stage):
    out = stage.run("backends").out
    contains(out, "vfio  vfio-pci  yes\n")
    contains(out, "xen   pciback   no         This host is no Xen dom0.\n")
    contains(out, "'bind' takes vfio unless told otherwise (configured: auto).\n")
