# SPDX-License-Identifier: GPL-2.0-or-later
"""A table of tests, run one after the other, answered in TAP.

`@test` makes a test of a function and `@cases(rows)` one of each row; the first line of the function's documentation is
the test's name. A test has to leave every PCI function on the driver and with the override that it found.
"""

import subprocess
import sys
import time
import traceback

import bus
import kernel

tests = []  # (module, name, function, arguments)


def test(function):
    tests.append((function.__module__, function.__doc__.split('\n')[0].rstrip('.'), function, ()))
    return function


def cases(rows):
    """Each row is a name and the arguments that the function is called with."""
    def decorate(function):
        title = function.__doc__.split('\n')[0].rstrip('.')
        tests.extend((function.__module__, f'{title}: {row[0]}', function, row[1:]) for row in rows)
        return function
    return decorate


def equal(found, expected, what=''):
    assert found == expected, f'{what}\n  found    {found!r}\n  expected {expected!r}'


def expect_error(name, function, /, *arguments, **options):
    """The call fails with this error, and its message is a sentence. Returns the message."""
    try:
        answer = function(*arguments, **options)
    except bus.BusError as error:
        equal(error.name, name, error.message)
        assert ' ' in error.message, f'no sentence: {error.message!r}'
        return error.message
    raise AssertionError(f'no {name}, but the answer {answer!r}')


def journal(since):
    return subprocess.run(['journalctl', '-b', '-o', 'short-monotonic', '-n', '40', f'--since=@{since:.0f}'],
                          capture_output=True, text=True, check=False).stdout


def run_one(function, arguments):
    """None, or what went wrong."""
    before = kernel.snapshot()
    start = time.time()
    problem = None
    try:
        function(*arguments)
    except Exception:  # a test may fail in any way, and the next one runs all the same
        problem = traceback.format_exc()
    after = kernel.snapshot()
    if after != before:
        left = {address: (before.get(address), after.get(address))
                for address in before.keys() | after.keys() if before.get(address) != after.get(address)}
        problem = f'{problem or ""}left behind, as (before, after): {left}\n'
        try:
            kernel.repair(before)
        except OSError as error:
            problem += f'and not repaired: {error}\n'
    return f'{problem}{journal(start)}' if problem else None


def run(modules):
    """Runs the tests of these modules. Returns the exit status."""
    chosen = [row for row in tests if row[0] in modules]
    failed = False
    print(f'1..{len(chosen)}', flush=True)
    for number, (module, name, function, arguments) in enumerate(chosen, 1):
        start = time.monotonic()
        problem = run_one(function, arguments)
        seconds = time.monotonic() - start
        print(f'{"not ok" if problem else "ok"} {number} - {module}: {name} ({seconds:.1f} s)', flush=True)
        if problem:
            failed = True
            print(''.join(f'# {line}\n' for line in problem.splitlines()), end='', flush=True)
    sys.stdout.flush()
    return int(failed)
