# SPDX-License-Identifier: GPL-2.0-or-later
"""--json: valid, complete, named as on the bus."""

import json
import os
import re
import xml.etree.ElementTree as ET

from cases import equal, lacks, test
from host import HOST
from stage import XML

VERBS = (["list"], ["groups"], ["show", "07:00.0"], ["backends"])


def snake(name):
    return re.sub("(?<=[a-z0-9])([A-Z])", r"_\1", name).lower()


def properties(interface):
    root = ET.parse(os.path.join(XML, f"{interface}.xml")).getroot()
    return {snake(p.get("name")) for p in root.find("interface").findall("property")}


def read(stage, *arguments):
    result = stage.run(*arguments, "--json=short")
    equal(result.status, 0, result)
    equal(result.out.count("\n"), 1)
    return json.loads(result.out)


@test("every inspecting verb answers with an array of objects, short on one line or pretty")
def _modes(stage):
    for verb in VERBS:
        short = read(stage, *verb)
        assert isinstance(short, list) and all(isinstance(element, dict) for element in short), short
        pretty = stage.run(*verb, "--json=pretty")
        equal(json.loads(pretty.out), short)
        assert pretty.out.count("\n") > 3, pretty
        equal(stage.run(*verb, "--json=off").out, stage.run(*verb).out)


@test("list --json has the fields of ListDevices")
def _list(stage):
    devices = {device["address"]: device for device in read(stage, "list")}
    equal(set(devices), {row[0] for row in HOST})
    equal(
        devices["0000:01:00.0"],
        {
            "address": "0000:01:00.0",
            "class_code": 0x030000,
            "id": "10de:2484",
            "class_name": "VGA compatible controller",
            "name": "NVIDIA Corporation GA104 [GeForce RTX 3070]",
            "group": 1,
            "driver": "nouveau",
            "object": "/org/vfiobind/device/0000_01_00_0",
        },
    )
    equal(devices["10000:e1:00.0"]["group"], -1)
    equal(devices["0000:00:00.0"]["driver"], "")


@test("show --json has every property of the interface, and what a later service adds")
def _show(stage):
    devices = read(stage, "show", "01:00.0", "03:00.0")
    equal([device["address"] for device in devices], ["0000:01:00.0", "0000:03:00.0"])
    equal(set(devices[0]), properties("org.vfiobind.Device") | {"object", "from_the_future"})
    equal(devices[0]["boot_vga"], True)
    equal(devices[0]["host_modules"], ["nouveau", "nvidiafb"])
    equal(devices[0]["group"], "/org/vfiobind/group/1")
    equal(devices[0]["numa_node"], -1)


@test("groups --json has every property of the interface, with addresses for members")
def _groups(stage):
    groups = {group["id"]: group for group in read(stage, "groups")}
    equal(set(groups[1]), properties("org.vfiobind.Group") | {"object"})
    equal(groups[1]["devices"], ["0000:00:01.0", "0000:01:00.0", "0000:01:00.1"])
    equal(groups[1]["blockers"], ["0000:01:00.0", "0000:01:00.1"])
    equal((groups[1]["viable"], groups[11]["viable"]), (False, True))


@test("backends --json names the reason and which one is selected")
def _backends(stage):
    backends = {backend["name"]: backend for backend in read(stage, "backends")}
    equal(
        backends["vfio"],
        {"name": "vfio", "driver": "vfio-pci", "available": True, "reason": "", "selected": True},
    )
    equal(backends["xen"]["reason"], "This host is no Xen dom0.")
    equal(backends["xen"]["selected"], False)


@test("JSON keeps names as they are and is harmless on a terminal all the same")
def _escape(stage):
    for verb in VERBS[:3]:
        result = stage.run(*verb, "--json=short")
        for character in "\x1b", "\x07", "\x9b":
            lacks(result.out, character)
    device = json.loads(stage.run("show", "07:00.0", "--json=short").out)[0]
    equal(device["device_name"], "Evil \x1b[31mred\x07\u202e name\nof two lines \u009b1m")
