/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Arrays. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "service/host/array.h"

void *array_append(void *p, size_t *n, size_t size) {
        void **array = p;
        char *grown, *element;

        /* The capacity is not stored: it is the next power of two, so it is full exactly when the count is
         * one. */
        if ((*n & (*n - 1)) == 0) {
                grown = reallocarray(*array, *n == 0 ? 1 : *n * 2, size);
                if (!grown)
                        return NULL;
                *array = grown;
        }

        element = (char *) *array + *n * size;
        (*n)++;
        return memset(element, 0, size);
}

size_t array_lower_bound(void *array, size_t n, const void *key,
                         int (*compare)(const void *key, const void *element)) {
        void *const *elements = array;
        size_t from = 0, to = n;

        while (from < to) {
                size_t middle = from + (to - from) / 2;

                if (compare(key, elements[middle]) > 0)
                        from = middle + 1;
                else
                        to = middle;
        }

        return from;
}

int array_insert(void *array, size_t *n, size_t at, void *element) {
        void **slot;

        if (!array_append(array, n, sizeof(void *)))
                return -ENOMEM;

        slot = *(void ***) array + at;
        memmove(slot + 1, slot, (*n - 1 - at) * sizeof(void *));
        *slot = element;
        return 0;
}

void array_remove(void *array, size_t *n, size_t at) {
        void **slot = (void **) array + at;

        memmove(slot, slot + 1, (*n - at - 1) * sizeof(void *));
        (*n)--;
}
