/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Growing arrays, and sorted arrays of pointers. */

#include <stddef.h>

/* Makes room for one more element in the array *P of *N elements of SIZE bytes each, and returns it zeroed,
 * counted in *N. Returns NULL where memory is short, and leaves both as they were. Capacity doubles, so that
 * appending is cheap. */
void *array_append(void *p, size_t *n, size_t size);

/* The place of KEY in a sorted array of N pointers: the first element that is not less. COMPARE gets the key
 * and an element. */
size_t array_lower_bound(void *array, size_t n, const void *key,
                         int (*compare)(const void *key, const void *element));

/* Puts ELEMENT at the place AT of the array of pointers *ARRAY. Returns 0 or -ENOMEM. */
int array_insert(void *array, size_t *n, size_t at, void *element);

/* Takes the pointer at the place AT out. */
void array_remove(void *array, size_t *n, size_t at);
