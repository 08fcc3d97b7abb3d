# SPDX-License-Identifier: GPL-2.0-or-later
"""The table's rows about hosts with an IOMMU, whoever makes it."""

import table
from harness import cases

ROWS = table.rows('IOMMU on')


@cases(ROWS)
def automatic(words, cells):
    """The target auto, by the table"""
    table.automatic(words, cells)


@cases(ROWS)
def named(words, cells):
    """Targets that name a backend, by the table"""
    table.named(words, cells)
