# SPDX-License-Identifier: GPL-2.0-or-later
"""The pager, and another machine's bus."""

import shutil

from cases import contains, equal, lacks, test
from stage import NOBODY, Bus, terminated

PAGER = 'echo "pager LESS=$LESS secure=$LESSSECURE charset=$LESSCHARSET" >>"$NOTES"; cat; echo paged'


@test("on a terminal long output goes through the pager that the environment names")
def _pager(stage):
    stage.stub("mypager", PAGER)
    stage.stub("less", "echo wrong pager")
    for verb in ["list"], ["groups"], ["show", "02:00.0"], ["list", "--json=pretty"]:
        for variables in (
            {"SYSTEMD_PAGER": "mypager"},
            {"PAGER": "mypager"},
            {"SYSTEMD_PAGER": "mypager", "PAGER": "less"},
            {"PAGER": "mypager | cat"},
        ):
            result = stage.terminal(*verb, environment=variables)
            equal(result.status, 0, result)
            assert result.out.endswith("paged\n"), result
    contains(stage.read_notes(), "pager LESS=FRSXMK secure= charset=utf-8\n")


@test("without one in the environment it is less, with systemd's options")
def _less(stage):
    stage.stub("pager", "exec less")
    stage.stub("less", PAGER)
    assert stage.terminal("list").out.endswith("paged\n")
    assert stage.terminal("list", environment={"SYSTEMD_LESS": "FRX"}).out.endswith("paged\n")
    equal(
        stage.read_notes(), "pager LESS=FRSXMK secure= charset=utf-8\npager LESS=FRX secure= charset=utf-8\n"
    )


@test("where the caller may not be trusted with a shell, only less is run, in its secure mode")
def _secure(stage):
    stage.stub("mypager", "echo wrong pager")
    stage.stub("pager", "echo wrong pager")
    stage.stub("less", PAGER)
    # The session, if there is one, is not nobody's.
    environment = {"SYSTEMD_PAGERSECURE": None, "PAGER": "mypager"}
    assert stage.terminal("list", environment=environment, user=NOBODY).out.endswith("paged\n")
    contains(stage.read_notes(), "secure=1 ")


@test("no pager for pipes, for --no-pager, for moves, or where the environment wants none")
def _no_pager(stage):
    stage.stub("mypager", PAGER)
    equal(stage.run("list", environment={"PAGER": "mypager"}).status, 0)
    for arguments, variables in [
        (["list", "--no-pager"], {"PAGER": "mypager"}),
        (["list"], {"PAGER": "cat"}),
        (["list"], {"SYSTEMD_PAGER": "", "PAGER": "mypager"}),
        (["list"], {"PAGER": "mypager", "TERM": "dumb"}),
        (["bind", "02:00.0"], {"PAGER": "mypager"}),
    ]:
        result = stage.terminal(*arguments, environment=variables)
        equal(result.status, 0, result)
        lacks(result.out, "paged")
    equal(stage.read_notes(), "")


@test("a pager that is left early is no failure, even if there was much more to show")
def _quit(stage):
    stage.bus.steer("Grow", "(u)", 5000)
    stage.stub("mypager", "read -r line; echo $line")
    result = stage.terminal("list", environment={"PAGER": "mypager"})
    equal((result.status, len(result.out.splitlines())), (0, 1), result)


@test("a pager that cannot be started costs no output")
def _missing(stage):
    result = stage.terminal("list", environment={"PAGER": "nonexistent", "PATH": stage.bin})
    equal(result.status, 0, result)
    contains(result.out, "10000:e1:00.0")


@test("the real less shows the list, pages, and ends with q")
def _real_less(stage):
    assert shutil.which("less"), "less is missing"
    session = stage.open_terminal("list", lines=10, environment={"PAGER": "less"})
    with terminated(session):
        session.expect("0000:00:1f.4")
        lacks(session.output.text, "10000:e1:00.0")
        session.send("G")
        session.expect("10000:e1:00.0")
        session.send("q")
        equal(session.end().status, 0)


@test("with -H the bus is that of another machine, through ssh and systemd-stdio-bridge")
def _remote(stage):
    # The other machine is a second bus, and its ssh runs there what it is told.
    there = Bus(stage.directory, "there")
    try:
        there.start_mock()
        there.steer("KernelMoves", "(ss)", "0000:02:00.0", "there-only")
        stage.stub(
            "ssh",
            'echo "ssh $*" >>"$NOTES"; while [ "$1" != -- ]; do shift; done; shift 2\n'
            f'exec "$@" --bus-path={there.address}',
        )
        for arguments in ["-H", "root@there"], ["--host=root@there"]:
            result = stage.run("list", *arguments)
            equal(result.status, 0, result)
            contains(result.out, "there-only")
        contains(stage.read_notes(), "-- root@there systemd-stdio-bridge")
        result = stage.run("-H", "there", "bind", "02:00.0")
        equal((result.status, result.out), (0, "0000:02:00.0: there-only -> vfio-pci\n"), result)
        lacks(stage.run("list").out, "there-only")
    finally:
        there.stop()


@test("another machine that cannot be reached is told in a sentence")
def _unreachable(stage):
    stage.stub("ssh", "exit 255")
    result = stage.run("list", "-H", "nowhere")
    equal(result.status, 1, result)
    assert result.err.count("\n") == 1 and result.err.startswith("vfiobindctl: "), result
