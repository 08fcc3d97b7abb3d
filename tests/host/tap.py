# SPDX-License-Identifier: GPL-2.0-or-later
"""Test functions that print TAP: mark them with @tap.test('what it shows'), then sys.exit(tap.main())."""

import traceback

TESTS = []


def test(name):
    def mark(function):
        TESTS.append((name, function))
        return function
    return mark


def equal(found, expected):
    if found != expected:
        raise AssertionError(f'found:    {found!r}\nexpected: {expected!r}')


def main(*arguments):
    """Runs all, with the same arguments. The exit status."""
    failed = 0
    print(f'1..{len(TESTS)}', flush=True)
    for number, (name, function) in enumerate(TESTS, 1):
        try:
            function(*arguments)
            print(f'ok {number} - {name}', flush=True)
        except Exception:  # pylint: disable=broad-except
            failed += 1
            print(f'not ok {number} - {name}')
            for line in traceback.format_exc().splitlines():
                print(f'# {line}', flush=True)
    return failed > 0
