# SPDX-License-Identifier: GPL-2.0-or-later
"""The table's rows about hosts without an IOMMU, or with one that is off."""

import table
from harness import cases


@cases(table.rows('IOMMU off'))
def row(words, cells):
    """Every target goes where the table says, whatever is configured"""
    table.hold(words, cells)
