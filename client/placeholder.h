/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What stands for devices in a command that runs with them. */

#include <stddef.h>

typedef struct Place {
        const char *address;
        const char *group; /* its number, "" if it has none */
} Place;

/* The command with these words filled in, each with all that it stands for, a new list that ends with NULL
 * and is let go by placeholder_free(); NULL if memory is short.
 *
 * - {vfio-args}: QEMU's arguments, `-device vfio-pci,host=ADDRESS` for each function; several words where it
 *   is a word of its own, else with spaces between;
 * - {address}: the full address; the word that it is in comes once for each function;
 * - {group}: the number of the IOMMU group; the word comes once for each group, or, beside {address}, for
 *   each function.
 *
 * Other braces stay as they are. */
char **placeholder_fill(char *const *command, const Place *places, size_t n);
char **placeholder_free(char **command);
