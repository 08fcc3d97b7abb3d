# SPDX-License-Identifier: GPL-2.0-or-later
"""What the mock has: functions, their groups, and where a request would move them."""

import re

from host import HARMLESS, HOST, STATES

ROOT = "/org/vfiobind"


def device_path(address):
    return f"{ROOT}/device/{re.sub('[:.]', '_', address)}" if address else "/"


def group_path(number):
    return f"{ROOT}/group/{number}" if number >= 0 else "/"


class Error(Exception):
    def __init__(self, name, message):
        super().__init__(message)
        self.name = name if "." in name else f"org.vfiobind.Error.{name}"


def make_device(address, code, ids, class_name, vendor, device, driver, modules, group, more):
    vendor_id, device_id = (int(i, 16) for i in ids.split(":"))
    values = {
        "Address": address,
        "VendorId": vendor_id,
        "DeviceId": device_id,
        "SubsystemVendorId": 0x1043,
        "SubsystemDeviceId": 0x8694,
        "ClassCode": code,
        "Revision": 0xA1,
        "VendorName": vendor,
        "DeviceName": device,
        "ClassName": class_name,
        "Driver": driver,
        "DriverOverride": "",
        "State": STATES.get(driver, "host"),
        "HostDriver": "",
        "VfioDriver": "vfio-pci",
        "HostModules": modules,
        "Group": group_path(group),
        "VfioNode": "",
        "Parent": "/",
        "IsBridge": False,
        "BootVga": False,
        "NumaNode": -1,
        "PhysicalFunction": "",
        "VirtualFunctions": [],
        "MaxVirtualFunctions": 0,
        "ResetMethods": [],
        "Lease": "",
        "LeaseState": "",
        "Busy": False,
        "PowerState": "D0",
        "LinkSpeed": "",
        "LinkWidth": 0,
        "MaxLinkSpeed": "",
        "MaxLinkWidth": 0,
        "FromTheFuture": "unheard of",
    }
    values.update(more)
    values["PhysicalFunction"] = device_path(values["PhysicalFunction"])
    values["VirtualFunctions"] = [device_path(a) for a in values["VirtualFunctions"]]
    return values


class Model:
    """The invented host. Devices are dictionaries of the properties on the bus, by address."""

    def __init__(self):
        self.devices = {row[0]: make_device(*row) for row in HOST}

    def groups(self):
        numbers = {int(d["Group"].rsplit("/")[-1]) for d in self.devices.values() if d["Group"] != "/"}
        return {
            n: [a for a, d in self.devices.items() if d["Group"] == group_path(n)] for n in sorted(numbers)
        }

    def group_values(self, number):
        members = self.groups()[number]
        blockers = [a for a in members if self.devices[a]["Driver"] not in HARMLESS]
        return {
            "Id": number,
            "Type": "DMA-FQ",
            "Devices": [device_path(a) for a in members],
            "Viable": not blockers,
            "Blockers": [device_path(a) for a in blockers],
            "VfioNode": f"/dev/vfio/{number}",
        }

    def find(self, text):
        address = text.lower()
        if re.fullmatch("[0-9a-f]{2}:[0-9a-f]{2}[.][0-7]", address):
            address = "0000:" + address
        if not re.fullmatch("[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}[.][0-7]", address):
            raise Error("org.freedesktop.DBus.Error.InvalidArgs", f"'{text}' is no PCI address.")
        if address not in self.devices:
            raise Error("NoSuchDevice", f"There is no PCI function {address}.")
        return address

    def named(self, addresses, flags):
        """The functions that a request is about."""
        found = [self.find(a) for a in addresses]
        if flags & 2:
            groups = [self.devices[a]["Group"] for a in found]
            found = [a for a, d in self.devices.items() if d["Group"] in groups and not d["IsBridge"]]
        return found

    def moves(self, addresses, target, flags):
        """What would move: address, old driver, new driver."""
        names = {"": "vfio-pci", "auto": "vfio-pci", "vfio": "vfio-pci", "kvm": "pci-stub", "none": ""}
        moves = []
        for address in self.named(addresses, flags):
            device = self.devices[address]
            old = device["Driver"]
            if target == "host":
                new = device["HostDriver"] or old
                new = "" if new == "none" else new
            else:
                new = names.get(target, target)
            if old != new:
                moves.append((address, old, new))
        return moves

    def steps(self, moves, target):
        """The steps of these moves: address, action, argument."""
        steps = []
        for address, old, new in moves:
            steps.append((address, "override", "" if target == "host" else new or "none"))
            if old:
                steps.append((address, "unbind", old))
            if new:
                steps.append((address, "bind", new))
            if STATES.get(new) == "vfio":
                steps.append((address, "wait-node", self.devices[address]["Group"].rsplit("/")[-1]))
        return steps
