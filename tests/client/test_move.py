# SPDX-License-Identifier: GPL-2.0-or-later
"""bind and restore: what is asked of the service, what is said of the answer, and the exit status."""

import json
import os
import re
import signal

from cases import contains, equal, lacks, test
from stage import NOBODY, terminated, wait_until

MOVED = "0000:02:00.0: nvme -> vfio-pci\n"

# What the service answers, the exit status, and what the line on standard error must have
ERRORS = [
    ("NoSuchDevice", 5, "'vfiobindctl list'"),
    ("NoSuchGroup", 5, "'vfiobindctl groups'"),
    ("NoSuchDriver", 1, ""),
    ("BackendUnavailable", 1, "'vfiobindctl backends'"),
    ("ModuleUnavailable", 1, ""),
    ("InUse", 4, ""),
    ("NotViable", 4, "'vfiobindctl groups'"),
    ("Busy", 4, "Try again"),
    ("StateChanged", 4, "Look again"),
    ("MoveFailed", 1, "dmesg"),
    ("UndoFailed", 1, "journalctl"),
    ("Stuck", 1, "dmesg"),
    ("NoSuchPlan", 1, ""),
    ("NotSupported", 1, ""),
    ("LimitExceeded", 1, ""),
    ("FromTheFuture", 1, ""),
    ("org.freedesktop.DBus.Error.InvalidArgs", 2, ""),
    ("org.freedesktop.DBus.Error.AccessDenied", 3, "polkit rule for org.vfiobind.bind."),
    ("org.freedesktop.DBus.Error.InteractiveAuthorizationRequired", 3, "--no-ask-password"),
    ("org.freedesktop.DBus.Error.UnknownMethod", 1, "another release"),
    ("org.freedesktop.DBus.Error.NoReply", 1, "has not answered"),
]


@test("bind prints a line for each move and passes the target on")
def _bind(stage):
    result = stage.run("bind", "02:00.0")
    equal((result.status, result.out, result.err), (0, MOVED, ""))
    equal(stage.bus.steer("LastCall")[:2], ("BindDevices", "(['02:00.0'], '', 0)"))
    result = stage.run("bind", "--driver=none", "0000:02:00.0")
    equal(result.out, "0000:02:00.0: vfio-pci -> none\n")
    equal(stage.bus.steer("LastCall")[1], "(['0000:02:00.0'], 'none', 0)")


@test("several addresses are one call")
def _several(stage):
    result = stage.run("bind", "02:00.0", "--driver", "kvm", "01:00.0")
    equal(result.out, "0000:02:00.0: nvme -> pci-stub\n0000:01:00.0: nouveau -> pci-stub\n")
    equal(stage.bus.steer("LastCall")[:2], ("BindDevices", "(['02:00.0', '01:00.0'], 'kvm', 0)"))


@test("--group is the flag of the service")
def _group(stage):
    result = stage.run("bind", "--group", "01:00.1")
    equal(result.out, "0000:01:00.0: nouveau -> vfio-pci\n0000:01:00.1: snd_hda_intel -> vfio-pci\n")
    equal(stage.bus.steer("LastCall")[1], "(['01:00.1'], '', 2)")


@test("--force is the flag of the service, and the permission that it takes is named")
def _force(stage):
    equal(stage.run("bind", "--force", "02:00.0").out, MOVED)
    equal(stage.bus.steer("LastCall")[1], "(['02:00.0'], '', 1)")
    equal(stage.run("restore", "--force", "--group", "02:00.0").status, 0)
    equal(stage.bus.steer("LastCall")[1], "(['02:00.0'], 3)")
    stage.bus.steer("Fail", "(ss)", "org.freedesktop.DBus.Error.AccessDenied", "")
    result = stage.run("bind", "--force", "02:00.0")
    equal(result.status, 3, result)
    contains(result.err, "by a polkit rule for org.vfiobind.bind and org.vfiobind.force.")


@test("--json is for the moves, too")
def _json(stage):
    result = stage.run("bind", "--json=short", "02:00.0")
    equal(result.status, 0, result)
    equal(json.loads(result.out), [{"address": "0000:02:00.0", "from": "nvme", "to": "vfio-pci"}])
    equal(json.loads(stage.run("bind", "--json=pretty", "-q", "02:00.0").out), [])


@test("restore is one call, too")
def _restore(stage):
    result = stage.run("restore", "--group", "03:00.0", "06:02.0")
    equal(result.status, 0, result)
    contains(result.out, "0000:03:00.0: vfio-pci -> e1000e\n")
    contains(result.out, "0000:06:02.0: pci-stub -> none\n")
    equal(stage.bus.steer("LastCall")[:2], ("RestoreDevices", "(['03:00.0', '06:02.0'], 2)"))


@test("it says when nothing had to move")
def _nothing(stage):
    result = stage.run("bind", "03:00.0")
    equal(result.status, 0, result)
    contains(result.out, "Nothing had to move")


@test("-q says nothing where nothing failed")
def _quiet(stage):
    for arguments in ["bind", "-q", "02:00.0"], ["bind", "-q", "02:00.0"], ["restore", "--quiet", "02:00.0"]:
        result = stage.run(*arguments)
        equal((result.status, result.out, result.err), (0, "", ""))
    equal(stage.run("bind", "-q", "99:00.0").status, 5)


@test("every error has its exit status, one line, and what to do next")
def _errors(stage):
    for name, status, hint in ERRORS:
        stage.bus.steer("Fail", "(ss)", name, "Device 0000:02:00.0 is in a mood")
        result = stage.run("bind", "02:00.0")
        equal(result.status, status, f"{name}: {result}")
        equal((result.out, result.err.count("\n")), ("", 1), f"{name}: {result}")
        contains(result.err, hint)
        if not name.endswith("NoReply"):
            contains(result.err, "Device 0000:02:00.0 is in a mood")


@test("not being authorized is worded even where the bus says nothing")
def _not_authorized(stage):
    for message in "", "Access denied", "Permission denied":
        stage.bus.steer("Fail", "(ss)", "org.freedesktop.DBus.Error.AccessDenied", message)
        result = stage.run("restore", "03:00.0", "08:00.0")
        equal(result.status, 3, result)
        equal(
            result.err,
            "vfiobindctl: You are not authorized to restore 03:00.0 and 1 more. An administrator can allow "
            "it by a polkit rule for org.vfiobind.restore.\n",
        )
    stage.bus.steer("Fail", "(ss)", "org.freedesktop.DBus.Error.AccessDenied", "")
    contains(stage.run("bind", "--driver=host", "03:00.0").err, "org.vfiobind.restore.")


@test("a service that ends while it works is told")
def _service_dies(stage):
    stage.bus.steer("Hold")
    session = stage.open_terminal("bind", "02:00.0")
    with terminated(session):
        wait_until(lambda: stage.bus.steer("LastCall")[0] == "BindDevices", "the call")
        stage.bus.stop_mock()
        result = session.end()
    equal(result.status, 1, result)
    contains(result.out, "The vfiobind service has not answered.")


@test("interaction is allowed unless --no-ask-password is given")
def _interaction(stage):
    for arguments, expected in ([], True), (["--no-ask-password"], False):
        stage.run("bind", "02:00.0", *arguments)
        equal(stage.bus.steer("LastCall")[2], expected)


AGENT = """echo "agent $*" >>"$NOTES"
trap 'kill $!; echo ended >>"$NOTES"; exit' TERM
eval "exec $2>&-"
while :; do sleep 100 & wait; done"""


@test("an ordinary user at a terminal gets polkit's agent for bind and restore, until they end")
def _agent(stage):
    stage.stub("pkttyagent", AGENT)
    for verb in "bind", "restore":
        with open(stage.notes, "w", encoding="utf-8"):
            pass
        result = stage.terminal(verb, "02:00.0", user=NOBODY)
        equal(result.status, 0, result)
        assert re.fullmatch(
            "agent --notify-fd [0-9]+ --fallback\nended\n", stage.read_notes()
        ), stage.read_notes()
        equal(stage.bus.steer("LastCall")[2], True)


@test("nobody else gets an agent: not root, not without a terminal, not with --no-ask-password, not to look")
def _no_agent(stage):
    stage.stub("pkttyagent", AGENT)
    for arguments, more in [
        (["bind", "02:00.0"], {"user": None}),
        (["bind", "02:00.0"], {"user": NOBODY, "stdin": False}),
        (["bind", "--no-ask-password", "02:00.0"], {"user": NOBODY}),
        (["list", "--no-pager"], {"user": NOBODY}),
    ]:
        result = stage.terminal(*arguments, **more)
        equal((result.status, stage.read_notes()), (0, ""), f"{arguments} {more} {result}")


@test("without pkttyagent bind goes on")
def _agent_missing(stage):
    stage.stub("pkttyagent", "exit 127")
    equal(stage.terminal("bind", "02:00.0", user=NOBODY).out, MOVED)


@test("a move that takes longer than half a second says what is happening, once")
def _progress(stage):
    stage.bus.steer("Hold")
    session = stage.open_terminal("bind", "02:00.0")
    with terminated(session):
        session.expect("^Waiting for the service to bind 02:00.0 ...$")
        stage.bus.steer("Release")
        result = session.end()
    equal((result.status, result.out), (0, "Waiting for the service to bind 02:00.0 ...\n" + MOVED))


@test("a quick move says nothing beside, and neither does a slow one with -q or without a terminal")
def _no_progress(stage):
    equal(stage.terminal("bind", "02:00.0").out, MOVED)
    stage.bus.steer("Reset")

    # The last one to start says it: by then the others would have said it as well.
    stage.bus.steer("Hold")
    quiet = stage.open_terminal("bind", "-q", "02:00.0")
    with terminated(quiet):
        wait_until(lambda: "02:00.0" in stage.bus.steer("LastCall")[1], "the call")
        piped = stage.start("bind", "01:00.0")
        with terminated(piped):
            wait_until(lambda: "01:00.0" in stage.bus.steer("LastCall")[1], "the call")
            talkative = stage.open_terminal("bind", "00:14.0")
            with terminated(talkative):
                talkative.expect("Waiting")
                stage.bus.steer("Release")
                talkative.end()
            equal(piped.end().out, "0000:01:00.0: nouveau -> vfio-pci\n")
        equal(quiet.end().out, "")


@test("while a password is being typed the line keeps quiet, and comes when that is over")
def _password(stage):
    # The agent turns the echo off as the real one does, until it is told that the password is there.
    stage.stub(
        "pkttyagent",
        'stty -echo; echo Password: >/dev/tty; eval "exec $2>&-"\n'
        'read -r line </dev/tty; stty echo; echo "got it" >/dev/tty; exec sleep 100',
    )
    stage.bus.steer("Hold")
    session = stage.open_terminal("bind", "02:00.0", user=NOBODY)
    with terminated(session):
        session.expect("Password:")
        wait_until(lambda: stage.bus.steer("LastCall")[0] == "BindDevices", "the call")
        reference = stage.open_terminal("bind", "01:00.0")
        with terminated(reference):
            reference.expect("Waiting")
            session.output.read_once(0)
            lacks(session.output.text, "Waiting")
            session.send("secret\n")
            session.expect("got it")
            session.expect("Waiting for the service to bind 02:00.0")
            stage.bus.steer("Release")
            contains(session.end().out, MOVED)
            reference.end()


@test("Ctrl+C ends a bind that waits")
def _interrupt(stage):
    stage.bus.steer("Hold")
    session = stage.open_terminal("bind", "02:00.0")
    with terminated(session):
        session.expect("Waiting")
        session.send("\x03")
        equal(session.end().status, -signal.SIGINT)
    assert not os.path.exists(f"/proc/{session.process.pid}")
