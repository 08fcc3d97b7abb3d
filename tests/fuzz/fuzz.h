/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What every target includes. A target is one function that libFuzzer calls with bytes of its choice, over
 * and over; whatever it asserts, or a sanitizer finds, ends the program, which then shows the bytes. */

/* Assertions are all that a target is for. */
#undef NDEBUG
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "service/host/macros.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* DATA up to its first NUL, as a string. The caller frees it. */
char *fuzz_text(const uint8_t *data, size_t size);

/* The input of targets that read a file from a directory: its name is the first line, its content the rest.
 * Takes the line off DATA and SIZE. The caller frees the answer; NULL for a name that no file has. */
char *fuzz_file_name(const uint8_t **data, size_t *size);
