/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The parts of macros.h that are better not inlined. */

#include <errno.h>
#include <stdint.h>
#include <stdio.h>

#include "service/host/macros.h"

int free_and_copy(char **p, const char *text) {
        char *copy = strdup(text);

        if (!copy)
                return -ENOMEM;

        free(*p);
        *p = copy;
        return 0;
}

char *text_escape(const char *text, size_t max) {
        size_t length = strnlen(text, max + 1);
        bool cut = length > max;
        char *escaped, *p;

        /* Room for "\xNN" in place of each, and for the dots. */
        escaped = p = malloc((cut ? max : length) * 4 + sizeof("..."));
        if (!escaped)
                return NULL;

        for (size_t i = 0; i < (cut ? max : length); i++) {
                unsigned char c = (unsigned char) text[i];

                if (c < ' ' || c > '~' || c == '"' || c == '\\')
                        p += sprintf(p, "\\x%02x", c);
                else
                        *p++ = (char) c;
        }

        strcpy(p, cut ? "..." : "");
        return escaped;
}
