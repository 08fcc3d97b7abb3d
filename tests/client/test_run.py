# SPDX-License-Identifier: GPL-2.0-or-later
"""run: devices for one command. What is asked of the service, what the command gets, and how both end."""

import os
import re
import signal
import subprocess

from cases import contains, equal, lacks, test
from stage import NOBODY, terminated, wait_until

DISK = "0000:02:00.0"
LEASED = f"vfiobindctl: {DISK} is leased, and moved from nvme to vfio-pci.\n"
BACK = "vfiobindctl: What sh was lent is back.\n"
OPEN = (DISK, "refuse", "vfio", "77", f"{DISK} is open through VFIO by process 77")

# Says each signal that it gets, and ends with the number of the last one when it is asked to.
LISTENER = """
import os, signal, sys
got = []
def note(number, _frame):
    got.append(number)
    os.write(1, b"got %s\\n" % signal.Signals(number).name.encode())
for number in (1, 2, 3, 10, 12, 15):
    signal.signal(number, note)
print("ready", os.getpid(), os.getpgrp() == os.tcgetpgrp(0) if os.isatty(0) else "", flush=True)
sys.stdin.readline()
sys.exit(len(got))
"""


def run(stage, device, *command, **more):
    return stage.run("run", "--device", device, "--", *command, **more)


def driver(stage, address=DISK):
    shown = stage.run("show", address).out
    return re.search("Driver: (\\S+)", shown)[1]


def acquired(stage):
    return stage.bus.steer("Acquired")


@test("run leases, runs, gives back, and ends as the command does")
def _run(stage):
    result = run(stage, "02:00.0", "sh", "-c", "vfiobindctl show 02:00.0; echo said >&2; exit 7")
    equal((result.status, result.err), (7, f"{LEASED}said\n{BACK}"), result)
    contains(result.out, "Driver: vfio-pci")
    equal(acquired(stage), ("(['02:00.0'], '', 0)", True))
    equal(driver(stage), "nvme")
    equal(run(stage, "02:00.0", "true").status, 0)


@test("what is there already is leased, too, and stays there")
def _there(stage):
    result = run(stage, "03:00.0", "true")
    equal(result.status, 0, result)
    contains(result.err, "0000:03:00.0 is leased, and on vfio-pci already.\n")
    equal(driver(stage, "0000:03:00.0"), "vfio-pci")


@test("the flags, the target and --no-ask-password are passed on")
def _flags(stage):
    options = ["--force", "--group", "--access", "--driver=vfio", "--no-ask-password"]
    result = stage.run("run", *options, "--device=01:00.1", "--", "true")
    equal(result.status, 0, result)
    equal(acquired(stage), ("(['01:00.1'], 'vfio', 11)", False))


@test("a slot is all its functions, and several devices are one lease")
def _slot(stage):
    equal(run(stage, "01:00", "true").status, 0)
    equal(acquired(stage)[0], "(['0000:01:00.0', '0000:01:00.1'], '', 0)")
    for words in ["--device", "04:00", "02:00.0"], ["--device=0000:04:00", "--device=02:00.0"]:
        equal(stage.run("run", *words, "--", "true").status, 0)
        equal(
            acquired(stage)[0], "(['0000:04:00.0', '0000:04:00.1', '0000:04:00.2', '02:00.0'], '', 0)", words
        )
    equal(stage.run("run", "--device=10000:E1:00", "--", "true").status, 0)
    equal(acquired(stage)[0], "(['10000:e1:00.0'], '', 0)")


@test("where the command cannot be started, run ends with 125 and a line that says why")
def _never_started(stage):
    marker = f"touch {stage.notes}.started"
    for arguments, said in [
        (
            ["--device", "77:00", "--", "sh", "-c", marker],
            "no PCI function in the slot 77:00. 'vfiobindctl list'",
        ),
        (["--device", "77:00.0", "--", "sh", "-c", marker], "no PCI function 0000:77:00.0"),
        (["--device", "nonsense", "--", "sh", "-c", marker], "is no PCI address"),
        (["--device", "02:00.0"], "'run' needs a command, behind '--'"),
        (["--device", "02:00.0", "sh", "-c", marker], "There is no option '-c'"),
        (["--", "sh", "-c", marker], "'run' needs an address"),
        (["--device"], "takes an argument"),
        (["--persist", "--device", "02:00.0", "--", "sh"], "There is no option"),
        (["--json=short", "--device", "02:00.0", "--", "sh"], "does not go with 'run'"),
        (["--dry-run", "--device", "02:00.0", "--", "sh"], "does not go with 'run'"),
        (["-H", "elsewhere", "--device", "02:00.0", "--", "sh"], "'--host' does not go with 'run'"),
    ]:
        result = stage.run("run", *arguments)
        equal((result.status, result.out, result.err.count("\n")), (125, "", 1), f"{arguments}: {result}")
        contains(result.err, said)
    for error, message in ("AccessDenied", "org.vfiobind.bind."), ("NoReply", "has not answered"):
        stage.bus.steer("Fail", "(ss)", f"org.freedesktop.DBus.Error.{error}", "")
        result = run(stage, "02:00.0", "sh", "-c", marker)
        equal((result.status, result.out), (125, ""), result)
        contains(result.err, message)
    assert not os.path.exists(f"{stage.notes}.started")
    gone = {"DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nonexistent"}
    equal(run(stage, "02:00.0", "true", environment=gone).status, 125)


@test("the permissions that it takes are named, and what is in the way is told")
def _refused(stage):
    stage.bus.steer("Fail", "(ss)", "org.freedesktop.DBus.Error.AccessDenied", "")
    result = stage.run("run", "--force", "--access", "--device", "02:00.0", "--", "true")
    contains(result.err, "for org.vfiobind.bind and org.vfiobind.force and org.vfiobind.access.\n")
    found = (DISK, "force", "mounted", "/data", f"{DISK} carries the file system mounted on /data")
    stage.bus.steer("Find", "(a(sssss))", [found])
    result = run(stage, "02:00.0", "true")
    equal(result.status, 125, result)
    contains(result.err, "mounted on /data")
    contains(result.err, "To go on anyway, give --force")
    lacks(result.err, "vfiobindctl bind")
    equal(stage.run("run", "--force", "--device", "02:00.0", "--", "true").status, 0)


@test("a command that is not there ends with 127, one that cannot be run with 126, and all is given back")
def _not_run(stage):
    for command, status in ("no-such-command", 127), ("/etc/passwd", 126), (f"{stage.directory}", 126):
        result = run(stage, "02:00.0", command)
        equal((result.status, result.out), (status, ""), result)
        contains(result.err, f"vfiobindctl: Cannot run '{command}': ")
        contains(result.err, f"vfiobindctl: What {command} was lent is back.\n")
        equal(driver(stage), "nvme")


@test("a command that a signal ends is 128 and the signal's number")
def _signalled(stage):
    for number in signal.SIGTERM, signal.SIGKILL, signal.SIGINT:
        equal(run(stage, "02:00.0", "sh", "-c", f"kill -{int(number)} $$").status, 128 + number)


@test("how the command has ended is known, too, where run was started with SIGCHLD ignored, as the command is then")
def _orphans(stage):
    script = "import signal; exit(7 if signal.getsignal(signal.SIGCHLD) == signal.SIG_IGN else 1)"
    done = subprocess.run(
        [stage.client, "run", "-q", "--device", "02:00.0", "--", "/usr/bin/python3", "-c", script],
        env=stage.environment({}),
        preexec_fn=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN),
        check=False,
    )
    equal(done.returncode, 7)


@test("whatever run has too few descriptors for, the command has been started or it has not, and its end says which")
def _few_descriptors(stage):
    seen = set()
    for limit in range(5, 24):
        marker = f"{stage.notes}.{limit}"
        words = [stage.client, "run", "-q", "--device", "02:00.0", "--", "touch", marker]
        done = subprocess.run(
            ["prlimit", f"--nofile={limit}:{limit}", *words],
            env=stage.environment({}),
            capture_output=True,
            check=False,
            timeout=60,
        )
        equal((done.returncode == 0), os.path.exists(marker), f"{limit}: {done}")
        seen.add(done.returncode)
    assert {0, 125} <= seen, seen


@test("-q says nothing that the command does not say")
def _quiet(stage):
    result = stage.run("run", "-q", "--device", "02:00.0", "--", "sh", "-c", "echo said")
    equal((result.status, result.out, result.err), (0, "said\n", ""))


@test("the command inherits the standard descriptors, and nothing that keeps the lease")
def _descriptors(stage):
    script = "import os; print(sorted(os.listdir('/proc/self/fd')))"
    listed = run(stage, "02:00.0", "/usr/bin/python3", "-c", script)
    equal(listed.out, "['0', '1', '2', '3']\n")  # the last is that of the directory itself


def placeholders(stage, devices, *words):
    options = [word for device in devices for word in ("--device", device)]
    result = stage.run("run", "-q", *options, "--", "printf", "%s|", *words)
    equal((result.status, result.err), (0, ""), result)
    return result.out.removesuffix("|").split("|")


@test("placeholders become what was leased")
def _placeholders(stage):
    one = ["02:00.0"]
    equal(placeholders(stage, one, "{address}", "{group}"), [DISK, "10"])
    equal(placeholders(stage, one, "{vfio-args}"), ["-device", f"vfio-pci,host={DISK}"])
    equal(placeholders(stage, one, "a{vfio-args}b"), [f"a-device vfio-pci,host={DISK}b"])
    equal(
        placeholders(stage, one, "/dev/vfio/{group}", "x{address}y{address}"),
        ["/dev/vfio/10", f"x{DISK}y{DISK}"],
    )
    equal(
        placeholders(stage, one, "{}", "{address", "{other}", "{}{address}"),
        ["{}", "{address", "{other}", f"{{}}{DISK}"],
    )


@test("for several functions, a word with a placeholder comes for each of them, or each of their groups")
def _several_places(stage):
    devices = ["01:00", "02:00.0"]
    addresses = ["0000:01:00.0", "0000:01:00.1", DISK]
    expected = [word for address in addresses for word in ("-device", f"vfio-pci,host={address}")]
    equal(placeholders(stage, devices, "{vfio-args}"), expected)
    equal(placeholders(stage, devices, "exec {vfio-args}"), [f"exec {' '.join(expected)}"])
    equal(placeholders(stage, devices, "path={address}"), [f"path={address}" for address in addresses])
    equal(placeholders(stage, devices, "first", "{group}", "last"), ["first", "1", "10", "last"])
    equal(
        placeholders(stage, devices, "{address}:{group}"), ["0000:01:00.0:1", "0000:01:00.1:1", f"{DISK}:10"]
    )


def listener(stage):
    return stage.open_terminal("run", "--device", "02:00.0", "--", "/usr/bin/python3", "-c", LISTENER)


@test("the command has the terminal, and Ctrl+C and Ctrl+\\ reach it once")
def _terminal(stage):
    session = listener(stage)
    with terminated(session):
        equal(session.expect("^ready [0-9]+ (.*)$")[1], "True")
        session.send("\x03")
        session.expect("got SIGINT")
        session.send("\x1c")
        session.expect("got SIGQUIT")
        session.send("\n")
        result = session.end()
    equal(result.status, 2, result)
    contains(result.out, " was lent is back.")


@test("signals that are sent to run go to the command")
def _forwarded(stage):
    session = listener(stage)
    with terminated(session):
        session.expect("^ready")
        names = ["SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM", "SIGUSR1", "SIGUSR2"]
        for name in names:
            session.kill(getattr(signal, name))
            session.expect(f"got {name}")
        session.send("\n")
        equal(session.end().status, len(names))


@test("run that is killed gives back, and the command lives on")
def _killed(stage):
    session = listener(stage)
    with terminated(session):
        pid = int(session.expect("^ready ([0-9]+)")[1])
        session.kill(signal.SIGKILL)
        wait_until(lambda: driver(stage) == "nvme", "the disk to be back")
        os.kill(pid, signal.SIGTERM)
        session.expect("got SIGTERM")
        session.send("\n")
        session.end()


@test("Ctrl+C ends a run that still waits for the service, and nothing is leased")
def _interrupted(stage):
    stage.bus.steer("Hold")
    session = stage.open_terminal("run", "--device", "02:00.0", "--", "true")
    with terminated(session):
        session.expect("Waiting for the service to lease 02:00.0")
        session.send("\x03")
        equal(session.end().status, -signal.SIGINT)


@test("an ordinary user at a terminal gets polkit's agent while the lease is asked for, and not longer")
def _agent(stage):
    stage.stub(
        "pkttyagent",
        'echo "agent" >>"$NOTES"; trap \'kill $!; echo ended >>"$NOTES"; exit\' TERM\n'
        'eval "exec $2>&-"\nwhile :; do sleep 100 & wait; done',
    )
    result = stage.terminal(
        "run", "--device", "02:00.0", "--", "sh", "-c", f"cat {stage.notes}", user=NOBODY
    )
    contains(result.out, "agent\nended\n")
    equal((result.status, acquired(stage)[1]), (0, True), result)


def restart(stage, between=None):
    stage.bus.stop_mock()
    if between:
        between()
    stage.bus.start_mock()
    wait_until(lambda: stage.bus.steer("TimesListed")[0] > 0, "run to ask for the lease")


@test("a service that restarts is no end of the lease")
def _restart(stage):
    session = listener(stage)
    with terminated(session):
        session.expect("^ready")
        for _ in range(2):
            restart(stage)
        session.send("\n")
        result = session.end()
    equal(result.status, 0, result)
    lacks(result.out, "The lease has ended")
    contains(result.out, " was lent is back.")
    equal(driver(stage), "nvme")


@test("a lease that is gone when the service is back has ended, and the command lives on")
def _gone(stage):
    session = listener(stage)
    with terminated(session):
        session.expect("^ready")

        def forget():
            for name in os.listdir(stage.bus.leases):
                os.unlink(f"{stage.bus.leases}/{name}")

        restart(stage, forget)
        session.expect(
            "The lease has ended: somebody has taken or given back what /usr/bin/python3 was lent"
        )
        session.send("\n")
        equal(session.end().status, 0)


@test("a lease that somebody breaks is told, once, and the command lives on")
def _broken(stage):
    session = listener(stage)
    with terminated(session):
        session.expect("^ready")
        stage.bus.steer("Break", "(s)", "02:00.0")
        session.expect("The lease has ended")
        equal(stage.bus.steer("TimesListed"), (1,))
        session.send("\n")
        result = session.end()
    equal((result.status, result.out.count("The lease has ended")), (0, 1), result)
    lacks(result.out, "is back")


@test("a service that is stopped meanwhile stays stopped, and the command does not notice")
def _stopped(stage):
    session = listener(stage)
    with terminated(session):
        session.expect("^ready")
        stage.bus.stop_mock()
        session.send("\n")
        result = session.end()
    equal(result.status, 0, result)
    contains(result.out, "goes back when nothing has it open any more: see 'vfiobindctl leases'")
    stage.bus.start_mock()
    equal(driver(stage), "nvme")


@test("what something has open when the command ends is told to come back later, and not waited for")
def _still_open(stage):
    stage.bus.steer("Find", "(a(sssss))", [])
    session = listener(stage)
    with terminated(session):
        session.expect("^ready")
        stage.bus.steer("Find", "(a(sssss))", [OPEN])
        session.send("\n")
        result = session.end()
    equal(result.status, 0, result)
    contains(result.out, "goes back when nothing has it open any more")
    equal(driver(stage), "vfio-pci")
    stage.bus.steer("Find", "(a(sssss))", [])
    wait_until(lambda: driver(stage) == "nvme", "the disk to be back")


MEBIBYTE = 1024 * 1024


def limited(stage, limit, *arguments, user=NOBODY):
    """In a terminal, with this limit on locked memory."""
    result = stage.terminal(
        f"--memlock={limit}:{limit}",
        stage.client,
        *arguments,
        user=user,
        program="/usr/bin/prlimit",
        columns=300,
    )
    equal(result.status, 0, result)
    return " ".join(line for line in result.out.splitlines() if "Locked memory" in line)


@test(
    "with --access, a limit on locked memory that is too low is told, with the current and the needed value"
)
def _memlock(stage):
    stage.stub("pkttyagent", "exit 127")
    stage.stub("qemu-system-x86_64", "exit 0")
    start = ["run", "--access", "--device", "02:00.0", "--", "qemu-system-x86_64"]
    for memory, need, own in (
        ([], 1152, 128),
        (["-m", "2G"], 3072, 2048),
        (["-m", "512"], 1536, 512),
        (["-m", "size=1G,slots=2"], 2048, 1024),
    ):
        said = limited(stage, 8 * MEBIBYTE, *start, *memory)
        contains(
            said,
            f"limited to 8 MiB here, and this virtual machine needs up to {need} MiB: its own {own} MiB",
        )
        contains(said, "LimitMEMLOCK=")
    equal(limited(stage, 8 * MEBIBYTE, *start[:1], *start[2:]), "")
    equal(limited(stage, 8 * MEBIBYTE, start[0], "-q", *start[1:]), "")
    equal(limited(stage, 8 * MEBIBYTE, *start, user=None), "")
    contains(
        limited(stage, 8 * MEBIBYTE, *start[:-1], "true"),
        "needs as much as it has memory, and up to 1024 MiB more",
    )


@test("bind --access is the flag of the service, and tells of the limit as well")
def _bind_access(stage):
    stage.stub("pkttyagent", "exit 127")
    contains(limited(stage, 8 * MEBIBYTE, "bind", "--access", "02:00.0"), "limited to 8 MiB here")
    equal(stage.bus.steer("LastCall")[1], "(['02:00.0'], '', 8)")
    equal(limited(stage, 8 * MEBIBYTE, "bind", "01:00.0"), "")
    contains(stage.run("plan", "--access", "00:14.0").out, "vfiobindctl bind --access 00:14.0\n")


@test("a reader of standard error that goes away does not end the lease")
def _no_reader(stage):
    read_end, write_end = os.pipe()
    process = subprocess.Popen(
        [stage.client, "run", "--device", "02:00.0", "--", "sh", "-c", "echo; read -r line; exit 4"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=write_end,
        env=stage.environment({}),
    )
    os.close(write_end)
    process.stdout.readline()
    os.close(read_end)
    stage.bus.steer("Break", "(s)", "02:00.0")
    wait_until(lambda: stage.bus.steer("TimesListed")[0] > 0, "run to ask for the lease")
    process.communicate(b"\n", timeout=20)
    equal(process.returncode, 4)
