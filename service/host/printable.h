/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Text that comes from mount points, device names and programs, made fit for a message on the bus. */

#include <stddef.h>

/* A copy of TEXT in which every byte that is not part of a printable UTF-8 character is written as "\xNN":
 * broken sequences, control characters, and characters that print nothing but change how their neighbours
 * are shown. Text that has been through it once comes out as it was. The caller frees it; NULL where memory
 * is short. */
char *text_printable(const char *text);

/* Copies TEXT, which is UTF-8, into BUFFER of SIZE bytes, at least 4. What does not fit is cut off at the
 * end of a character and an ellipsis put in its place. */
void text_cut(const char *text, char *buffer, size_t size);
