#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A stand-in for the service, for tests of the client alone.

It serves the interfaces that dbus/*.xml describe, on whatever DBUS_SYSTEM_BUS_ADDRESS names, with an invented
host behind them. Tests steer it through the interface org.vfiobind.Mock at /mock. Prints "ready" once it
owns the name.
"""

import argparse
import os
import sys

import gi

sys.dont_write_bytecode = True
gi.require_version("Gio", "2.0")
from gi.repository import Gio, GLib  # noqa: E402

from host import BACKENDS, STATES, TOKEN  # noqa: E402
from leases import Leases  # noqa: E402
from model import ROOT, Error, Model, device_path, group_path, make_device  # noqa: E402

NAME = "org.vfiobind"
PROPERTIES = "org.freedesktop.DBus.Properties"
MANAGER = "org.freedesktop.DBus.ObjectManager"
EXPLICIT = "org.freedesktop.systemd1.Explicit"
OPERATION = "org.vfiobind.Operation"

STANDARD_XML = """
<node>
  <interface name="org.freedesktop.DBus.Properties">
    <method name="Get">
      <arg type="s" direction="in"/><arg type="s" direction="in"/><arg type="v" direction="out"/>
    </method>
    <method name="GetAll"><arg type="s" direction="in"/><arg type="a{sv}" direction="out"/></method>
  </interface>
  <interface name="org.freedesktop.DBus.ObjectManager">
    <method name="GetManagedObjects"><arg type="a{oa{sa{sv}}}" direction="out"/></method>
  </interface>
  <interface name="org.vfiobind.Mock">
    <method name="Fail"><arg type="s" direction="in"/><arg type="s" direction="in"/></method>
    <method name="Find"><arg name="findings" type="a(sssss)" direction="in"/></method>
    <method name="AddSteps"><arg name="steps" type="a(sss)" direction="in"/></method>
    <method name="Reset"/>
    <method name="Name">
      <arg type="s" direction="in"/><arg type="s" direction="in"/><arg type="s" direction="in"/>
    </method>
    <method name="Hold"/>
    <method name="Release"/>
    <method name="KernelMoves"><arg type="s" direction="in"/><arg type="s" direction="in"/></method>
    <method name="Remove"><arg type="s" direction="in"/></method>
    <method name="Add"><arg type="s" direction="in"/></method>
    <method name="Grow"><arg name="functions" type="u" direction="in"/></method>
    <method name="LastCall">
      <arg type="s" direction="out"/><arg type="s" direction="out"/><arg type="b" direction="out"/>
    </method>
    <method name="Operate"/>
    <method name="Settle">
      <arg name="error" type="s" direction="in"/><arg name="message" type="s" direction="in"/>
    </method>
    <method name="Break"><arg name="device" type="s" direction="in"/></method>
    <method name="Acquired"><arg type="s" direction="out"/><arg type="b" direction="out"/></method>
    <method name="TimesListed"><arg type="u" direction="out"/></method>
    <method name="PropertiesGot"><arg type="as" direction="out"/></method>
  </interface>
</node>
"""


class Mock:
    def __init__(self, connection, xml_directory, leases_directory):
        self.connection = connection
        self.registrations = {}
        self.interfaces = {}
        self.caller = ""  # whose call is being answered
        sources = [STANDARD_XML]
        for name in sorted(os.listdir(xml_directory)):
            if name.endswith(".xml"):
                with open(os.path.join(xml_directory, name), encoding="utf-8") as file:
                    sources.append(file.read())
        for source in sources:
            for interface in Gio.DBusNodeInfo.new_for_xml(source).interfaces:
                self.interfaces[interface.name] = interface

        self.leases = Leases(leases_directory, self.return_home)
        self.reset()
        self.leases.reopen()
        for lease in self.leases.leases:
            for address, driver in lease.now.items():
                self.model.devices[address] |= {
                    "Driver": driver,
                    "Lease": lease.name,
                    "LeaseState": lease.state,
                }

    def reset(self):
        for path in list(self.registrations):
            self.unregister(path)
        self.model = Model()
        self.failure = None
        self.findings = []
        self.steps = []
        self.held = []
        self.hold = False
        self.last = ("", "", False)
        self.acquired = ("", False)
        self.times_listed = 0
        self.got = []
        self.register(ROOT, "org.vfiobind.Manager", PROPERTIES, MANAGER)
        self.register("/mock", "org.vfiobind.Mock")
        for address in self.model.devices:
            self.register(device_path(address), "org.vfiobind.Device", PROPERTIES)
        for number in self.model.groups():
            self.register(group_path(number), "org.vfiobind.Group", PROPERTIES)

    def register(self, path, *interfaces):
        self.registrations[path] = [
            self.connection.register_object(path, self.interfaces[name], self.on_call, None, None)
            for name in interfaces
        ]

    def unregister(self, path):
        for registration in self.registrations.pop(path):
            self.connection.unregister_object(registration)

    def remove(self, path, interface):
        self.unregister(path)
        self.emit(ROOT, MANAGER, "InterfacesRemoved", GLib.Variant("(oas)", (path, [interface])))

    # what is there

    def values(self, path, interface):
        if interface == "org.vfiobind.Manager":
            return {
                "Version": "0.1.0",
                "DefaultBackend": "auto",
                "SelectedBackend": "vfio",
                "IommuPresent": True,
                "Backends": BACKENDS,
            }
        if interface == OPERATION:
            return {
                "Devices": ["0000:02:00.0"],
                "Target": "vfio",
                "State": "running",
                "Step": 1,
                "Steps": 4,
                "Message": "unbinding 0000:02:00.0 from nvme",
                "Uid": 1000,
                "Caller": ":1.99",
            }
        if interface == "org.vfiobind.Group":
            return self.model.group_values(int(path.rsplit("/")[-1]))
        for address, device in self.model.devices.items():
            if device_path(address) == path:
                return device
        raise Error("org.freedesktop.DBus.Error.UnknownObject", f"There is no object {path}.")

    def variants(self, path, interface, wanted=None):
        """The properties as the interface's XML types them: here tests fail where mock and XML disagree."""
        values = self.values(path, interface)
        variants = {}
        for info in self.interfaces[interface].properties:
            explicit = any(a.key == EXPLICIT and a.value == "true" for a in info.annotations)
            if info.name == wanted or (wanted is None and not explicit):
                variants[info.name] = GLib.Variant(info.signature, values[info.name])
        if wanted is None and "FromTheFuture" in values:
            variants["FromTheFuture"] = GLib.Variant("s", values["FromTheFuture"])
        return variants

    # moving

    def fail(self):
        if self.failure:
            error, self.failure = self.failure, None
            raise error

    def move(self, addresses, target, flags):
        self.fail()
        moves = self.model.moves(addresses, target, flags)
        over = {"warn", "force"} if flags & 1 else {"warn"}
        standing = [message for _, severity, _, _, message in self.findings if severity not in over]
        if standing:
            more = f" (and {len(standing) - 1} more)" if len(standing) > 1 else ""
            raise Error("InUse", standing[0] + more)
        for address, old, new in moves:
            device = self.model.devices[address]
            self.set_driver(address, new, "vfiobind")
            device["HostDriver"] = "" if target == "host" else device["HostDriver"] or old or "none"
        return GLib.Variant("(a(sss))", (moves,))

    def plan(self, addresses, target, flags):
        self.fail()
        moves = self.model.moves(addresses, target, flags)
        steps = self.model.steps(moves, target) + self.steps
        actions = ["restore" if target == "host" else "bind"] if moves else []
        actions += ["force"] if flags & 1 else []
        return GLib.Variant(
            "(sa(sss)a(sssss)as)",
            (TOKEN, steps, self.findings, [f"org.vfiobind.{a}" for a in actions]),
        )

    # leasing

    def who(self, sender):
        """uid and pid of a connection."""
        return [
            self.connection.call_sync(
                "org.freedesktop.DBus",
                "/org/freedesktop/DBus",
                "org.freedesktop.DBus",
                f"GetConnectionUnix{what}",
                GLib.Variant("(s)", (sender,)),
                None,
                Gio.DBusCallFlags.NONE,
                -1,
                None,
            ).unpack()[0]
            for what in ("User", "ProcessID")
        ]

    def acquire(self, addresses, target, flags):
        before = {a: self.model.devices[a]["Driver"] for a in self.model.named(addresses, flags)}
        self.move(addresses, target, flags)
        now = {a: self.model.devices[a]["Driver"] for a in before}
        descriptors = Gio.UnixFDList()
        descriptor = self.leases.make(self.caller, *self.who(self.caller), before, now)
        index = descriptors.append(descriptor)
        os.close(descriptor)
        self.set_lease(now, self.caller, "held")
        moves = [(a, before[a], now[a]) for a in before]
        return GLib.Variant("(ha(sss))", (index, moves)), descriptors

    def set_lease(self, addresses, name, state):
        for address in addresses:
            self.model.devices[address] |= {"Lease": name, "LeaseState": state}
            self.tell_change(
                address, {"Lease": GLib.Variant("s", name), "LeaseState": GLib.Variant("s", state)}
            )

    def return_home(self, lease):
        """What has ended waits while a finding says that something of it is open."""
        if any(kind == "vfio" for _, _, kind, _, _ in self.findings):
            self.set_lease(lease.before, lease.name, lease.state)
            return
        for address, driver in lease.before.items():
            if self.model.devices[address]["Driver"] != driver:
                self.set_driver(address, driver, "vfiobind")
        self.leases.remove(lease)
        self.set_lease(lease.before, "", "")

    def set_driver(self, address, driver, who):
        device = self.model.devices[address]
        old, device["Driver"] = device["Driver"], driver
        device["State"] = STATES.get(driver, "host")
        self.tell_change(
            address, {"Driver": GLib.Variant("s", driver), "State": GLib.Variant("s", device["State"])}
        )
        self.emit(
            ROOT, "org.vfiobind.Manager", "DeviceMoved", GLib.Variant("(ssss)", (address, old, driver, who))
        )

    def tell_change(self, address, changed):
        self.emit(
            device_path(address),
            PROPERTIES,
            "PropertiesChanged",
            GLib.Variant("(sa{sv}as)", ("org.vfiobind.Device", changed, [])),
        )

    def emit(self, path, interface, member, arguments):
        self.connection.emit_signal(None, path, interface, member, arguments)

    # calls

    def on_call(self, _connection, _sender, path, interface, member, arguments, invocation):
        interactive = bool(
            invocation.get_message().get_flags() & Gio.DBusMessageFlags.ALLOW_INTERACTIVE_AUTHORIZATION
        )
        if interface == "org.vfiobind.Manager":
            self.last = (member, arguments.print_(False), interactive)
            if member == "Acquire":
                self.acquired = self.last[1:]
            if self.hold and member.startswith(("Acquire", "Bind", "Restore", "Plan", "Reset", "SetVirtual")):
                self.held.append((path, interface, member, arguments, invocation))
                return
        self.answer(path, interface, member, arguments, invocation)

    def answer(self, path, interface, member, arguments, invocation):
        handler = getattr(self, f"on_{interface.rsplit('.')[-1]}_{member}", None)
        try:
            if not handler:
                raise Error("org.freedesktop.DBus.Error.UnknownMethod", f"The mock has no {member}.")
            self.caller = invocation.get_sender()
            answer = handler(path, *arguments.unpack())
            if isinstance(answer, tuple):
                invocation.return_value_with_unix_fd_list(*answer)
            else:
                invocation.return_value(answer)
        except Error as error:
            invocation.return_dbus_error(error.name, str(error))

    def on_Manager_ListDevices(self, _path):
        rows = []
        for a, d in self.model.devices.items():
            group = int(d["Group"].rsplit("/")[-1]) if d["Group"] != "/" else -1
            rows.append(
                (
                    a,
                    d["ClassCode"],
                    f"{d['VendorId']:04x}:{d['DeviceId']:04x}",
                    d["ClassName"],
                    f"{d['VendorName']} {d['DeviceName']}".strip(),
                    group,
                    d["Driver"],
                    device_path(a),
                )
            )
        return GLib.Variant("(a(susssiso))", (rows,))

    def on_Manager_GetDevice(self, _path, device):
        return GLib.Variant("(o)", (device_path(self.model.find(device)),))

    def on_Manager_BindDevices(self, _path, devices, driver, flags):
        return self.move(devices, driver, flags)

    def on_Manager_RestoreDevices(self, _path, devices, flags):
        return self.move(devices, "host", flags)

    def on_Manager_Acquire(self, _path, devices, driver, flags):
        return self.acquire(devices, driver, flags)

    def on_Manager_ListLeases(self, _path):
        self.times_listed += 1
        return GLib.Variant("(a(suuass))", (self.leases.rows(),))

    def on_Manager_Plan(self, _path, devices, driver, flags):
        return self.plan(devices, driver, flags)

    def on_Manager_Reset(self, _path, device, method, _flags):
        self.fail()
        methods = self.model.devices[self.model.find(device)]["ResetMethods"]
        if not methods or method and method not in methods:
            raise Error("NotSupported", f"{device} cannot be reset.")
        return GLib.Variant("(s)", (method or methods[0],))

    def on_Manager_SetVirtualFunctions(self, _path, device, count, _driver, _flags):
        self.fail()
        address = self.model.find(device)
        return GLib.Variant("(as)", ([f"{address[:-1]}{i + 1}" for i in range(count)],))

    def on_Properties_Get(self, path, interface, name):
        self.got.append(name)
        return GLib.Variant("(v)", (self.variants(path, interface, name)[name],))

    def on_Properties_GetAll(self, path, interface):
        return GLib.Variant("(a{sv})", (self.variants(path, interface),))

    def on_ObjectManager_GetManagedObjects(self, _path):
        objects = {}
        for path in self.registrations:
            for kind in "Device", "Group":
                if f"/{kind.lower()}/" in path:
                    interface = f"org.vfiobind.{kind}"
                    objects[path] = {interface: self.variants(path, interface)}
        return GLib.Variant("(a{oa{sa{sv}}})", (objects,))

    # steering

    def on_Mock_Reset(self, _path):
        self.leases.clear()
        self.reset()

    def on_Mock_PropertiesGot(self, _path):
        return GLib.Variant("(as)", (self.got,))

    def on_Mock_Fail(self, _path, error, message):
        self.failure = Error(error, message)

    def on_Mock_Find(self, _path, findings):
        self.findings = findings
        for lease in list(self.leases.leases):
            if lease.state == "returning":
                self.return_home(lease)

    def on_Mock_Break(self, _path, device):
        """As if somebody else had taken it, forced."""
        lease = self.leases.of(self.model.find(device))
        self.leases.remove(lease)
        self.set_lease(lease.now, "", "")

    def on_Mock_Acquired(self, _path):
        return GLib.Variant("(sb)", self.acquired)

    def on_Mock_TimesListed(self, _path):
        return GLib.Variant("(u)", (self.times_listed,))

    def on_Mock_AddSteps(self, _path, steps):
        self.steps = steps

    def on_Mock_Name(self, _path, address, vendor, name):
        self.model.devices[address] |= {"VendorName": vendor, "DeviceName": name}

    def on_Mock_Hold(self, _path):
        """From now on calls that move devices, or plan to, wait for Release."""
        self.hold = True

    def on_Mock_Release(self, _path):
        held, self.held, self.hold = self.held, [], False
        for call in held:
            self.answer(*call)

    def on_Mock_KernelMoves(self, _path, address, driver):
        self.set_driver(address, driver, "kernel")

    def on_Mock_Remove(self, _path, address):
        group = self.model.devices.pop(address)["Group"]
        if group in self.registrations and all(d["Group"] != group for d in self.model.devices.values()):
            self.remove(group, "org.vfiobind.Group")
        self.remove(device_path(address), "org.vfiobind.Device")

    def on_Mock_Add(self, _path, address):
        path = device_path(address)
        self.model.devices[address] = make_device(
            address,
            0x020000,
            "8086:10d3",
            "Ethernet controller",
            "Intel Corporation",
            "82574L",
            "",
            ["e1000e"],
            -1,
            {},
        )
        self.register(path, "org.vfiobind.Device", PROPERTIES)
        self.emit(
            ROOT,
            MANAGER,
            "InterfacesAdded",
            GLib.Variant(
                "(oa{sa{sv}})", (path, {"org.vfiobind.Device": self.variants(path, "org.vfiobind.Device")})
            ),
        )

    def on_Mock_Operate(self, _path):
        """The signals of an operation from its beginning on; they come of no move."""
        path, properties = f"{ROOT}/operation/7", self.variants("", OPERATION)
        begun = properties | {"State": GLib.Variant("s", "authorizing")}
        self.emit(
            ROOT, MANAGER, "InterfacesAdded", GLib.Variant("(oa{sa{sv}})", (path, {OPERATION: begun}))
        )
        changed = {name: properties[name] for name in ("State", "Step", "Message")}
        self.emit(
            path, PROPERTIES, "PropertiesChanged", GLib.Variant("(sa{sv}as)", (OPERATION, changed, []))
        )

    def on_Mock_Settle(self, _path, error, message):
        """And its end."""
        path, moves = f"{ROOT}/operation/7", [] if error else [("0000:02:00.0", "nvme", "vfio-pci")]
        self.emit(ROOT, MANAGER, "InterfacesRemoved", GLib.Variant("(oas)", (path, [OPERATION])))
        self.emit(
            ROOT,
            "org.vfiobind.Manager",
            "OperationFinished",
            GLib.Variant("(oussa(sss))", (path, 1000, error, message, moves)),
        )

    def on_Mock_Grow(self, _path, functions):
        """Makes ListDevices long; the additional functions are not objects."""
        for i in range(functions):
            address = f"0001:{i // 256:02x}:{i // 8 % 32:02x}.{i % 8}"
            self.model.devices[address] = make_device(
                address,
                0x020000,
                "8086:10d3",
                "Ethernet controller",
                "Intel Corporation",
                "82574L Gigabit Network Connection",
                "vfio-pci",
                ["e1000e"],
                1000 + i,
                {},
            )

    def on_Mock_LastCall(self, _path):
        return GLib.Variant("(ssb)", self.last)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("xml", help="directory of the interface XML")
    parser.add_argument("leases", help="directory of the leases")
    arguments = parser.parse_args()

    loop = GLib.MainLoop()

    def on_name(_connection, _name):
        print("ready", flush=True)

    def on_lost(_connection, _name):
        sys.exit("the name is taken, or the bus is gone")

    connection = Gio.bus_get_sync(Gio.BusType.SYSTEM)
    mock = Mock(connection, arguments.xml, arguments.leases)  # noqa: F841: lives as long as the loop
    Gio.bus_own_name_on_connection(connection, NAME, Gio.BusNameOwnerFlags.NONE, on_name, on_lost)
    loop.run()


if __name__ == "__main__":
    main()
