# SPDX-License-Identifier: GPL-2.0-or-later
"""plan and --dry-run, and what a refused move says."""

import json
import re

from cases import contains, equal, lacks, test
from host import TOKEN
from stage import NOBODY

ROOT = ("0000:02:00.0", "refuse", "mounted", "/", "0000:02:00.0 carries the file system mounted on /")
OPEN = ("0000:02:00.0", "force", "open", "1234", "0000:02:00.0 is open in process 1234: stop it first")
GROUP = ("0000:02:00.0", "warn", "group", "0000:02:00.1", "0000:02:00.1 of its group stays on e1000e")
ANYWAY = "To go on anyway, which takes the permission org.vfiobind.force as well:\n"
APPLY = (
    "Exactly this or nothing, within five minutes:\n"
    "  busctl call org.vfiobind /org/vfiobind \\\n"
    f"    org.vfiobind.Manager Apply s {TOKEN}\n"
)
PLAN = f"""\
1. Set the driver override of 0000:02:00.0 to vfio-pci
2. Unbind 0000:02:00.0 from nvme
3. Bind 0000:02:00.0 to vfio-pci
4. Wait for the device node /dev/vfio/10 of 0000:02:00.0

It takes polkit's permission, which root has: org.vfiobind.bind

To carry it out:
  vfiobindctl bind 02:00.0
{APPLY}"""


def find(stage, *findings):
    stage.bus.steer("Find", "(a(sssss))", findings)


@test("plan shows the steps as sentences, the permissions it takes and how to carry it out")
def _plan(stage):
    for arguments in ["plan"], ["bind", "--dry-run"], ["plan", "-q"]:
        result = stage.run(*arguments, "02:00.0")
        equal((result.status, result.out, result.err), (0, PLAN, ""))
        equal(stage.bus.steer("LastCall"), ("Plan", "(['02:00.0'], '', 0)", False))
    contains(stage.run("list").out, "0000:02:00.0   10     nvme ")


@test("only root is told that root has the permission, and only of its own machine")
def _permission(stage):
    contains(stage.terminal("plan", "02:00.0", user=NOBODY).out, "\nIt takes polkit's permission: org.")
    stage.stub(
        "ssh", f'while [ "$1" != -- ]; do shift; done; shift 2; exec "$@" --bus-path={stage.bus.address}'
    )
    out = stage.run("plan", "--force", "-H", "there", "02:00.0").out
    contains(out, "\nIt takes polkit's permission: org.vfiobind.bind, org.vfiobind.force\n")
    contains(out, "\n  vfiobindctl -H there bind --force 02:00.0\n")
    contains(out, "\n  busctl -H there call org.vfiobind ")


@test("the command that carries it out says again what was asked for")
def _command(stage):
    for arguments, call, command in [
        (
            ["plan", "--driver=kvm", "--group", "01:00.0"],
            "(['01:00.0'], 'kvm', 2)",
            "bind --driver=kvm --group 01:00.0",
        ),
        (["plan", "--driver", "host", "03:00.0"], "(['03:00.0'], 'host', 0)", "restore 03:00.0"),
        (
            ["restore", "--dry-run", "03:00.0", "06:02.0"],
            "(['03:00.0', '06:02.0'], 'host', 0)",
            "restore 03:00.0 06:02.0",
        ),
        (
            ["restore", "--dry-run", "--force", "03:00.0"],
            "(['03:00.0'], 'host', 1)",
            "restore --force 03:00.0",
        ),
        (["bind", "--dry-run", "--driver=host", "03:00.0"], "(['03:00.0'], 'host', 0)", "restore 03:00.0"),
        (["bind", "--dry-run", "--force", "02:00.0"], "(['02:00.0'], '', 1)", "bind --force 02:00.0"),
    ]:
        result = stage.run(*arguments)
        equal(result.status, 0, result)
        equal(stage.bus.steer("LastCall")[:2], ("Plan", call))
        contains(result.out, f"\nTo carry it out:\n  vfiobindctl {command}\n")


@test("it says when there is nothing to do, and then nothing of carrying it out")
def _nothing(stage):
    equal(stage.run("plan", "03:00.0").out, "Nothing has to move: it is where it should be.\n")
    equal(
        stage.run("plan", "--force", "03:00.0", "08:00.0").out,
        "Nothing has to move: they are where they should be.\n\n"
        "It takes polkit's permission, which root has: org.vfiobind.force\n",
    )


@test("every step has a sentence, numbers are aligned, and an unknown step is shown as it is")
def _steps(stage):
    steps = [
        ("load-module", "vfio-pci", "Load the kernel module vfio-pci"),
        ("load-module", "pci:v0000144Dd0000A808sv*", "Load the kernel module that claims 0000:02:00.0"),
        ("override", "", "Clear the driver override of 0000:02:00.0"),
        ("probe", "nvme", "Let the kernel pick a driver for 0000:02:00.0 (nvme)"),
        ("virtual-functions", "0", "Remove the virtual functions of 0000:02:00.0"),
        ("virtual-functions", "1", "Give 0000:02:00.0 1 virtual function"),
        ("virtual-functions", "12", "Give 0000:02:00.0 12 virtual functions"),
        ("release-console", "firmware", "Release the firmware's framebuffer on 0000:02:00.0"),
        ("release-console", "fbcon", "Take the kernel's console off 0000:02:00.0"),
        ("return-console", "fbcon", "Give the kernel's console back to 0000:02:00.0"),
        ("remove-slot", "pciback", "Make pciback forget 0000:02:00.0"),
        ("autoprobe", "0", "Have new virtual functions of 0000:02:00.0 left alone by the host's drivers"),
        ("autoprobe", "1", "Have new virtual functions of 0000:02:00.0 probed"),
        ("reset", "", "Reset 0000:02:00.0"),
        ("reset", "flr", "Reset 0000:02:00.0 by the method flr"),
        ("reset-methods", "flr pm", "Give 0000:02:00.0 its list of reset methods back (flr pm)"),
        ("exorcise", "by bell", "exorcise 0000:02:00.0 by bell"),
        ("sing", "", "sing 0000:02:00.0"),
        ("exorcise", "\x1b[2J", "exorcise 0000:02:00.0 \\x1b[2J"),
    ]
    stage.bus.steer(
        "AddSteps", "(a(sss))", [("0000:02:00.0", action, argument) for action, argument, _ in steps]
    )
    out = stage.run("plan", "03:00.0").out
    equal(out.split("\n")[:len(steps)], [f"{i:2}. {sentence}" for i, (_, _, sentence) in enumerate(steps, 1)])


@test("findings are marked by severity, and the command that goes on over them has --force")
def _findings(stage):
    find(stage, OPEN, GROUP)
    result = stage.run("plan", "02:00.0")
    equal(result.status, 0, result)
    contains(
        result.out,
        f"\n\nIn the way, unless --force is given:\n  ! {OPEN[4]}\n\nWorth knowing:\n  • {GROUP[4]}\n\nIt takes",
    )
    assert result.out.endswith(f"\n\n{ANYWAY}  vfiobindctl bind --force 02:00.0\n"), result

    out = stage.run("plan", "--force", "02:00.0").out
    contains(out, f"\nCut off, since --force is given:\n  ! {OPEN[4]}\n")
    contains(out, "\nTo carry it out:\n  vfiobindctl bind --force 02:00.0\n")

    find(stage, GROUP)
    contains(stage.run("plan", "02:00.0").out, "\nTo carry it out:\n  vfiobindctl bind 02:00.0\n")


@test("what refuses is told first, and then no command")
def _refused(stage):
    find(stage, OPEN, ROOT)
    for arguments in ["plan"], ["plan", "--force"], ["restore", "--dry-run"]:
        out = stage.run(*arguments, "02:00.0").out
        contains(out, f"In the way, with --force or without:\n  ✗ {ROOT[4]}\n")
        assert out.index(ROOT[4]) < out.index(OPEN[4]), out
        assert out.endswith("\nIt cannot be carried out while anything is marked ✗.\n"), out
        lacks(out, "vfiobindctl ")
        lacks(out, "permission")


@test("an unknown severity refuses, an unknown kind is shown, and one without words by its kind")
def _unknown(stage):
    find(stage, ("0000:02:00.0", "bless", "haunted", "gremlin", ""))
    contains(stage.run("plan", "02:00.0").out, "or without:\n  ✗ 0000:02:00.0: haunted gremlin\n")
    find(stage, ("0000:02:00.0", "warn", "haunted", "gremlin", "0000:02:00.0 is haunted\x1b[2J\x07"))
    contains(stage.run("plan", "02:00.0").out, "Worth knowing:\n  • 0000:02:00.0 is haunted\\x1b[2J\\x07\n")


@test("on a terminal it is coloured unless NO_COLOR is set, folded, and goes through the pager")
def _terminal(stage):
    find(
        stage, ROOT[:4] + (ROOT[4] + ": the running system stands on it, and would fall over",), OPEN, GROUP
    )
    stage.stub("pager", "cat; echo paged")
    coloured = stage.terminal("plan", "02:00.0")
    for mark in "\x1b[31m✗\x1b[0m 0000", "\x1b[33m!\x1b[0m 0000", "paged":
        contains(coloured.out, mark)
    for columns in 40, 80, 200:
        out = stage.terminal("plan", "02:00.0", columns=columns, environment={"NO_COLOR": "1"}).out
        lacks(out, "\x1b")
        plain = out.split("\nIt takes")[0].splitlines()
        assert all(len(line) <= columns for line in plain if " " in line.strip()), out
        equal(any(line.startswith("    ") for line in plain), columns < 200, out)


@test("in a locale that is not UTF-8 all is ASCII")
def _ascii(stage):
    find(stage, ROOT, OPEN, GROUP)
    out = stage.run("plan", "02:00.0", environment={"LC_ALL": "C"}).out
    assert out.isascii(), out
    contains(out, f"\n  x {ROOT[4]}\n")
    contains(out, f"\n  * {GROUP[4]}\n")


@test("--json has the names of the bus, for plan and for --dry-run")
def _json(stage):
    find(stage, OPEN)
    for arguments in ["plan"], ["bind", "--dry-run"]:
        short = stage.run(*arguments, "--json=short", "02:00.0")
        equal((short.status, short.out.count("\n")), (0, 1), short)
        plan = json.loads(short.out)
        equal(list(plan), ["token", "steps", "findings", "actions"])
        equal(plan["token"], TOKEN)
        equal(plan["steps"][1], {"address": "0000:02:00.0", "action": "unbind", "argument": "nvme"})
        equal(plan["findings"], [dict(zip(("address", "severity", "kind", "subject", "message"), OPEN))])
        equal(plan["actions"], ["org.vfiobind.bind"])
    equal(json.loads(stage.run("plan", "--json=pretty", "02:00.0").out), plan)


@test("a refused move says what is in the way and the one command that goes on anyway")
def _refusal(stage):
    find(stage, OPEN, GROUP)
    result = stage.run("bind", "--driver=vfio", "02:00.0")
    equal((result.status, result.out), (4, ""))
    equal(
        result.err,
        f"vfiobindctl: {OPEN[4]}.\n"
        f"In the way, unless --force is given:\n  ! {OPEN[4]}\n\nWorth knowing:\n  • {GROUP[4]}\n\n"
        f"{ANYWAY}  vfiobindctl bind --driver=vfio --force 02:00.0\n",
    )
    equal(stage.bus.steer("LastCall"), ("Plan", "(['02:00.0'], 'vfio', 0)", False))
    result = stage.run("restore", "--group", "03:00.0")
    contains(result.err, f"\n{ANYWAY}  vfiobindctl restore --group --force 03:00.0\n")
    equal(stage.bus.steer("LastCall")[:2], ("Plan", "(['03:00.0'], 'host', 2)"))

    result = stage.run("bind", "--force", "02:00.0")
    equal((result.status, result.out), (0, "0000:02:00.0: nvme -> vfio-pci\n"), result)


@test("what the error line has told already is not told twice")
def _once(stage):
    find(stage, OPEN)
    equal(
        stage.run("bind", "02:00.0").err,
        f"vfiobindctl: {OPEN[4]}.\n{ANYWAY}  vfiobindctl bind --force 02:00.0\n",
    )
    find(stage, ROOT)
    equal(stage.run("bind", "--force", "02:00.0").err, f"vfiobindctl: {ROOT[4]}.\n")


@test("where something refuses, no command is offered; with -q there is the error line alone")
def _refusal_for_good(stage):
    find(stage, OPEN, ROOT)
    for arguments in ["bind"], ["bind", "--force"], ["restore"]:
        result = stage.run(*arguments, "02:00.0")
        equal((result.status, result.out), (4, ""))
        contains(result.err, f"\nIn the way, with --force or without:\n  ✗ {ROOT[4]}\n")
        lacks(result.err, "anyway")
    equal(stage.run("bind", "-q", "02:00.0").err.count("\n"), 1)


@test("findings on standard error are coloured and folded for the terminal that it is")
def _refusal_terminal(stage):
    find(stage, OPEN[:4] + (OPEN[4] + ", or tell the one who knows why it runs",), GROUP)
    out = stage.terminal("bind", "02:00.0").out
    contains(out, "\x1b[33m!\x1b[0m 0000:02:00.0 is open")
    contains(out, "\n    ")
    with open("/dev/null", "wb") as nowhere:
        result = stage.run("bind", "02:00.0", stdout=nowhere)
    lacks(result.err, "\x1b")
    assert not re.search("^    ", result.err, re.MULTILINE), result


@test("a plan that cannot be made is an error like any other")
def _error(stage):
    for address, status in ("99:00.0", 5), ("1:0.0", 2):
        result = stage.run("plan", address)
        equal((result.status, result.out, result.err.count("\n")), (status, "", 1), result)
    stage.bus.steer("Fail", "(ss)", "org.freedesktop.DBus.Error.UnknownMethod", "Unknown method 'Plan'.")
    result = stage.run("bind", "--dry-run", "02:00.0")
    equal(result.status, 1, result)
    contains(result.err, "another release")
