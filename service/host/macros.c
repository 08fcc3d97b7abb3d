/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The parts of macros.h that are better not inlined. */

#include <errno.h>
#include <stdint.h>

#include "service/host/macros.h"

int free_and_copy(char **p, const char *text) {
        char *copy = strdup(text);

        if (!copy)
                return -ENOMEM;

        free(*p);
        *p = copy;
        return 0;
}
