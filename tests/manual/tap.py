# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs functions as tests and prints TAP. A test fails by raising: what it raised is printed below it."""

import traceback


def run(tests):
    """TESTS is a list of (name, function). Returns an exit status."""
    failed = 0
    print(f'1..{len(tests)}', flush=True)
    for number, (name, function) in enumerate(tests, 1):
        try:
            function()
        except Exception as error:  # pylint: disable=broad-except
            failed += 1
            print(f'not ok {number} - {name}')
            text = str(error) if isinstance(error, AssertionError) and str(error) else traceback.format_exc()
            print(*(f'# {line}' for line in text.rstrip().split('\n')), sep='\n', flush=True)
        else:
            print(f'ok {number} - {name}', flush=True)
    return failed != 0
