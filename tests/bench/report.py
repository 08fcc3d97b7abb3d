# SPDX-License-Identifier: GPL-2.0-or-later
"""Taking turns, and lines of figures with their goals."""

import statistics


def take_turns(rounds, *contestants):
    """Runs each in turn, as often as asked, so that whatever else the machine does meets them alike. Each returns seconds
    (or whatever else is to be compared). Returns a list for each."""
    columns = [[] for _ in contestants]
    for _ in range(rounds):
        for column, contestant in zip(columns, contestants):
            column.append(contestant())
    return columns


def ratio(mine, theirs):
    """How many times as long as theirs: the median of the rounds."""
    return statistics.median(a / b for a, b in zip(mine, theirs))


def milliseconds(values):
    return f'{statistics.median(values) * 1000:.1f} ms'


class Goal:
    """A bound, held against a figure in the same unit."""

    def __init__(self, bound, unit, at_least=False):
        self.bound = bound
        self.unit = unit
        self.at_least = at_least
        self.missed = None

    def hold(self, figure):
        self.missed = figure < self.bound if self.at_least else figure > self.bound
        return f'goal {"≥" if self.at_least else "≤"} {self.bound:g}{self.unit}: {"MISSED" if self.missed else "met"}'


def line(what, figure, comparison='', goal=''):
    print(f'{what:<41} {figure:>10}  {comparison:<34} {goal}'.rstrip(), flush=True)


def show(what, times, comparison='', goal=None, figure=None, note=''):
    """A line of times, and of the figure that is held against the goal, or a note why there is none."""
    line(what, milliseconds(times), comparison, goal.hold(figure) if goal else note)


def heading(what, rounds, slow_rounds=None):
    slow = f', {slow_rounds} of what takes seconds' if slow_rounds else ''
    print(f'{what}: medians of {rounds} rounds{slow}; those who are compared take turns, and a ratio is the median of the rounds\'',
          flush=True)
