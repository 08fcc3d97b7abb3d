/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Making use of the bytes. */

#include <limits.h>

#include "tests/fuzz/fuzz.h"

char *fuzz_text(const uint8_t *data, size_t size) {
        const uint8_t *end = size > 0 ? memchr(data, '\0', size) : NULL;
        size_t length = end ? (size_t) (end - data) : size;
        /* Not strndup(): what libFuzzer gives has no end of its own, and a strict sanitizer wants strings with one. */
        char *text = calloc(1, length + 1);

        assert(text);
        if (length > 0)
                memcpy(text, data, length);
        return text;
}

char *fuzz_file_name(const uint8_t **data, size_t *size) {
        const uint8_t *end = *size > 0 ? memchr(*data, '\n', *size) : NULL;
        size_t length = end ? (size_t) (end - *data) : 0;
        char *name;

        /* No file of the service comes near the longest name there can be, and ".damaged" must have its
         * place. */
        if (length == 0 || length > NAME_MAX / 2 || memchr(*data, '/', length) ||
            memchr(*data, '\0', length))
                return NULL;

        name = fuzz_text(*data, length);
        if (streq(name, ".") || streq(name, "..")) {
                free(name);
                return NULL;
        }

        *data += length + 1;
        *size -= length + 1;
        return name;
}
