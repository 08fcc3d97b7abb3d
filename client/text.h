/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Text from the bus on its way to a terminal. Names and messages come from elsewhere, so whatever could move
 * the cursor, reorder the line or end it is written as `\xNN`, and so is all that is not ASCII where the
 * locale is not UTF-8. */

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Whether `text` is printable ASCII and nothing else: as many columns as bytes, and nothing to escape. */
bool text_is_plain(const char *text);

/* A new string, owned by the caller, with everything unprintable in `text` escaped; NULL if memory is short.
 * `utf8`: the locale of the process is UTF-8. */
char *text_escape(const char *text, bool utf8);

/* The columns that escaped `text` takes. */
size_t text_columns(const char *text, bool utf8);

/* The bytes of escaped `text` that fit into `columns`; never splits a character. */
size_t text_fit(const char *text, size_t columns, bool utf8);

/* Writes escaped `text` and ends the line. What does not fit between `indent`, where the cursor is, and
 * `columns` goes on below itself; folds at spaces, and what has none stays whole. */
void text_print_folded(FILE *out, const char *text, size_t indent, size_t columns, bool utf8);
