# SPDX-License-Identifier: GPL-2.0-or-later
"""Completion in bash, zsh and fish: the verbs and options that there are, and addresses with their names."""

import re
import subprocess

from cases import contains, equal, lacks, test
from stage import COMPLETION, DEADLINE, terminated

BASH = """
. /usr/share/bash-completion/bash_completion
. {file}
compopt() {{ :; }}
COMP_TYPE={kind} COMP_KEY=9 COMP_LINE={line!r} COMP_POINT=${{#COMP_LINE}}
COMP_WORDS=({words}) COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
_vfiobindctl
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


def shell(stage, *command):
    return subprocess.run(
        command,
        env=stage.environment({"HOME": stage.directory}),
        stdin=subprocess.DEVNULL,
        check=True,
        capture_output=True,
        text=True,
        timeout=DEADLINE * 3,
    ).stdout


def bash(stage, line, kind=9):
    """What is offered for the last word; colons are words of their own, as readline splits them."""
    words = " ".join(f"'{word}'" for word in re.findall("[^ :=]+|[:=]+", line))
    if line.endswith(" "):
        words += " ''"
    script = BASH.format(file=f"{COMPLETION}/vfiobindctl.bash", kind=kind, line=line, words=words)
    return shell(stage, "bash", "--norc", "-c", script).splitlines()


def fish(stage, line):
    return shell(
        stage, "fish", "--no-config", "-c", f"source {COMPLETION}/vfiobindctl.fish; complete -C '{line}'"
    ).splitlines()


def verbs(stage):
    return sorted(re.findall("^  ([a-z]+) ", stage.run("--help").out, re.MULTILINE))


def options(stage, *verb):
    return set(
        re.findall(
            "(--[a-z-]+)",
            "\n".join(
                line for line in stage.run(*verb, "--help").out.splitlines() if line.startswith("  -")
            ),
        )
    )


@test("bash completes verbs, options and values")
def _bash(stage):
    equal(sorted(bash(stage, "vfiobindctl ")), verbs(stage))
    equal(bash(stage, "vfiobindctl mon"), ["monitor"])
    general = options(stage) - {"--json", "--no-legend"}
    for verb in verbs(stage):
        offered = {option.rstrip("=") for option in bash(stage, f"vfiobindctl {verb} --")}
        equal(offered, general | options(stage, verb), verb)
    equal(sorted(bash(stage, "vfiobindctl list --json=")), ["off", "pretty", "short"])
    contains(bash(stage, "vfiobindctl bind --driver="), "vfio")


@test("bash completes addresses, lists them with their names and inserts them without")
def _bash_addresses(stage):
    equal(bash(stage, "vfiobindctl show 0000:02"), ["02:00.0"])
    equal(bash(stage, "vfiobindctl bind --group 02:"), ["00.0"])
    equal(bash(stage, "vfiobindctl restore 0000:04:"), ["00.0", "00.1", "00.2"])
    listed = bash(stage, "vfiobindctl bind 0000:04:", kind=63)
    equal(listed[0], "00.0  Mellanox Technologies MT2892 Family [ConnectX-6 Dx]")
    equal(bash(stage, "vfiobindctl list 0000:04:"), [""])


@test("fish completes verbs, options, and addresses with their names")
def _fish(stage):
    equal(sorted(line.split("\t")[0] for line in fish(stage, "vfiobindctl ")), verbs(stage))
    contains(
        fish(stage, "vfiobindctl show 0000:02:"),
        "0000:02:00.0\tSamsung Electronics Co Ltd NVMe SSD Controller SM981/PM981/PM983",
    )
    general = options(stage) - {"--json", "--no-legend"}
    for verb in verbs(stage):
        offered = {line.split("\t")[0] for line in fish(stage, f"vfiobindctl {verb} --")}
        equal(offered, general | options(stage, verb), verb)


ZSHRC = """
PS1='ready> '
fpath=({directory} $fpath)
autoload -Uz compinit
compinit -u -D
"""


@test("zsh completes verbs, options, and addresses with their names")
def _zsh(stage):
    shell(stage, "zsh", "-n", f"{COMPLETION}/_vfiobindctl")
    with open(f"{COMPLETION}/_vfiobindctl", encoding="utf-8") as file:
        text = file.read()
    equal(sorted(re.findall("^        '([a-z]+):", text, re.MULTILINE)), verbs(stage))
    offered = set(re.findall("--[a-z-]+", text)) - {"--no-legend", "--json"}
    equal(
        offered,
        set().union(options(stage), *(options(stage, v) for v in verbs(stage))) - {"--no-legend", "--json"},
    )

    with open(f"{stage.directory}/.zshrc", "w", encoding="utf-8") as file:
        file.write(ZSHRC.format(directory=COMPLETION))
    session = stage.open_terminal(
        "-d", "-i", program="/usr/bin/zsh", columns=150, lines=50, environment={"ZDOTDIR": stage.directory}
    )
    with terminated(session):
        session.expect("ready> ")
        session.send("vfiobindctl show 04:\t\t")
        session.expect("Mellanox Technologies MT2892 Family .ConnectX-6 Dx.")
        lacks(session.output.text, "Samsung")
