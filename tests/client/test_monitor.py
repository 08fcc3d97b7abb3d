# SPDX-License-Identifier: GPL-2.0-or-later
"""monitor: a line an event, as it comes."""

import json
import signal

from cases import contains, equal, lacks, test
from stage import terminated, wait_until


def start(stage, *arguments):
    """Once its first call is there, it is subscribed."""
    session = stage.start("monitor", *arguments)
    wait_until(lambda: "Version" in stage.bus.steer("PropertiesGot")[0], "monitor's call")
    return session


@test("monitor tells of moves, whoever makes them, and of devices that come and go")
def _text(stage):
    session = start(stage)
    with terminated(session):
        stage.run("bind", "02:00.0")
        session.expect("^[0-9:]{8} 0000:02:00.0 moved nvme -> vfio-pci$")
        session.expect("^[0-9:]{8} 0000:02:00.0 now has driver vfio-pci, state vfio$")
        stage.bus.steer("KernelMoves", "(ss)", "0000:02:00.0", "")
        session.expect('^[0-9:]{8} 0000:02:00.0 now has driver "", state none$')
        session.expect("^[0-9:]{8} 0000:02:00.0 moved vfio-pci -> none, not by vfiobind$")
        stage.bus.steer("Remove", "(s)", "0000:03:00.0")
        session.expect("^[0-9:]{8} 0000:03:00.0 is gone$")
        stage.bus.steer("Add", "(s)", "0000:03:00.0")
        session.expect("^[0-9:]{8} 0000:03:00.0 appeared: Intel Corporation 82574L$")
        session.kill(signal.SIGTERM)
        equal(session.end().status, 0)


@test("monitor tells of operations: who asked, what is being done, and how it ended")
def _operations(stage):
    session = start(stage)
    with terminated(session):
        stage.bus.steer("Operate")
        stage.bus.steer("Settle", "(ss)", "", "")
        session.expect("^[0-9:]{8} operation 7 appeared, for the user 1000: 0000:02:00.0, authorizing$")
        session.expect(" operation 7 now has state running, step 1, message unbinding 0000:02:00.0 from nvme$")
        session.expect(" operation 7 is done$")
        stage.bus.steer("Settle", "(ss)", "org.vfiobind.Error.MoveFailed", "The kernel\nrefused.")
        session.expect(r" operation 7 has failed: The kernel\\x0arefused\.$")
        session.kill(signal.SIGTERM)
        result = session.end()
    lacks(result.out, "the service")
    lacks(result.out, "gone")


@test("monitor --json=short has the moves of an operation as bind has them")
def _operations_json(stage):
    session = start(stage, "--json=short")
    with terminated(session):
        stage.bus.steer("Settle", "(ss)", "", "")
        session.expect("OperationFinished.*\n")
        session.kill(signal.SIGINT)
        result = session.end()
    equal(
        [json.loads(line) for line in result.out.splitlines()],
        [
            {
                "signal": "InterfacesRemoved",
                "object_path": "/org/vfiobind/operation/7",
                "interfaces": ["org.vfiobind.Operation"],
            },
            {
                "signal": "OperationFinished",
                "operation": "/org/vfiobind/operation/7",
                "uid": 1000,
                "error": "",
                "message": "",
                "moves": [{"address": "0000:02:00.0", "from": "nvme", "to": "vfio-pci"}],
            },
        ],
    )


@test("monitor --json=short is an object a line, with the names of the bus")
def _json(stage):
    session = start(stage, "--json=short")
    with terminated(session):
        stage.run("bind", "02:00.0")
        stage.bus.steer("Remove", "(s)", "0000:03:00.0")
        stage.bus.steer("Add", "(s)", "0000:03:00.0")
        session.expect("InterfacesAdded.*\n")
        session.kill(signal.SIGINT)
        result = session.end()
    equal(result.status, 0, result)
    events = {event["signal"]: event for event in map(json.loads, result.out.splitlines())}
    equal(
        events["DeviceMoved"],
        {
            "signal": "DeviceMoved",
            "address": "0000:02:00.0",
            "from": "nvme",
            "to": "vfio-pci",
            "by": "vfiobind",
        },
    )
    equal(
        events["PropertiesChanged"],
        {
            "signal": "PropertiesChanged",
            "object_path": "/org/vfiobind/device/0000_02_00_0",
            "interface_name": "org.vfiobind.Device",
            "changed_properties": {"driver": "vfio-pci", "state": "vfio"},
            "invalidated_properties": [],
        },
    )
    equal(events["InterfacesRemoved"]["interfaces"], ["org.vfiobind.Device"])
    added = events["InterfacesAdded"]["interfaces_and_properties"]["org.vfiobind.Device"]
    equal((added["address"], added["vendor_id"]), ("0000:03:00.0", 0x8086))


@test("monitor goes on when the service restarts")
def _restart(stage):
    session = start(stage)
    with terminated(session):
        stage.bus.stop_mock()
        session.expect("the service has stopped$")
        stage.bus.start_mock()
        session.expect("the service has started$")
        stage.run("bind", "02:00.0")
        session.expect("0000:02:00.0 moved nvme -> vfio-pci$")
        session.kill(signal.SIGINT)
        equal(session.end().status, 0)


@test("Ctrl+C ends monitor at a terminal")
def _interrupt(stage):
    session = stage.open_terminal("monitor")
    with terminated(session):
        wait_until(lambda: "Version" in stage.bus.steer("PropertiesGot")[0], "monitor's call")
        stage.run("bind", "02:00.0")
        session.expect("moved nvme")
        session.send("\x03")
        equal(session.end().status, 0)


@test("a signal ends monitor also while it waits for the service")
def _interrupt_early(stage):
    stage.bus.mock.send_signal(signal.SIGSTOP)
    try:
        session = stage.start("monitor")
        with terminated(session):
            wait_until(lambda: "NameOwnerChanged" in stage.bus.rules(), "monitor to subscribe")
            session.kill(signal.SIGINT)
            equal(session.end().status, -signal.SIGINT)
    finally:
        stage.bus.mock.send_signal(signal.SIGCONT)


@test("monitor ends when the bus does, and says so")
def _bus_ends(stage):
    session = stage.open_terminal("monitor")
    with terminated(session):
        wait_until(lambda: "Version" in stage.bus.steer("PropertiesGot")[0], "monitor's call")
        stage.bus.stop()
        result = session.end()
    equal(result.status, 1, result)
    contains(result.out, "The connection to the bus is lost.")
    stage.bus = type(stage.bus)(stage.directory, "bus2")
