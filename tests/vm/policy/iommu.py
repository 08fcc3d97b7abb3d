# SPDX-License-Identifier: GPL-2.0-or-later
"""The table's rows about hosts with an IOMMU, whoever makes it."""

import table
from harness import cases


@cases(table.rows('IOMMU on'))
def row(words, cells):
    """Every target goes where the table says, whatever is configured"""
    table.hold(words, cells)
