# SPDX-License-Identifier: GPL-2.0-or-later
"""The list of tests, which the test_*.py files fill."""

TESTS = []


def test(name):
    """Adds a function of the stage to the tests."""

    def add(function):
        TESTS.append((name, function))
        return function

    return add


def equal(actual, expected, context=""):
    assert actual == expected, f"{actual!r}\nis not {expected!r}\n{context}"


def contains(text, part):
    assert part in text, f"{part!r} is not in\n{text}"


def lacks(text, part):
    assert part not in text, f"{part!r} is in\n{text}"
