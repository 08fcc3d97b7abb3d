# SPDX-License-Identifier: GPL-2.0-or-later
"""Every command line that README.md and the manuals show for an installed vfiobind does what it is shown for."""

import glob
import json
import os
import shutil
import subprocess

import polkit
from harness import cases, equal

RULE = '/usr/share/doc/vfiobind/examples/polkit-rules/one-user-one-device.rules'
# tests/vm/guest has found them: one object a line, as tests/manual/commands.py says.
BLOCKS = '/srv/commands'


def blocks_by_file():
    found = {}
    with open(BLOCKS, encoding='utf-8') as file:
        for block in map(json.loads, file):
            found.setdefault(block['file'], []).append(block)
    return found


def rules():
    return set(glob.glob(f'{polkit.RULES}/*'))


def play(blocks):
    """Types each block into a shell of its user, while the README's rule is in force. Rules that it leaves are taken away."""
    before = known = rules()
    shutil.copy(RULE, f'{polkit.RULES}/50-vfiobind-alice.rules')
    try:
        for block in blocks:
            if rules() != known:  # by the block before: a person is slower than polkitd
                polkit.settle()
                known = rules()
            script = 'set -e\n' + '\n'.join(block['commands'])
            run = subprocess.run(['runuser', '-u', block['user'], '--', 'bash', '-c', script], stdin=subprocess.DEVNULL,
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, check=False)
            equal(run.returncode, 0, f'{block["file"]}:{block["line"]}: {block["commands"]}\n{run.stdout}')
    finally:
        for path in rules() - before:
            os.unlink(path)
        polkit.settle()


@cases([*blocks_by_file().items()])
def shown(blocks):
    """The commands of a document work"""
    play(blocks)
