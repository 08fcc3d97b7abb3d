/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The few words that every file of the service uses: cleanup attributes in the manner of systemd, and string
 * tests. */

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define _cleanup_(function) __attribute__((cleanup(function)))
#define _printf_(text, arguments) __attribute__((format(printf, text, arguments)))

#define ELEMENTSOF(array) (sizeof(array) / sizeof((array)[0]))
#define MAX_OF(a, b)                                                                                        \
        ({                                                                                                  \
                __typeof__(a) _a = (a);                                                                     \
                __typeof__(b) _b = (b);                                                                     \
                _a > _b ? _a : _b;                                                                          \
        })

static inline void freep(void *p) {
        free(*(void **) p);
}

static inline void closep(int *fd) {
        if (*fd >= 0)
                close(*fd);
}

#define _cleanup_free_ _cleanup_(freep)
#define _cleanup_close_ _cleanup_(closep)

/* Defines `FUNCTIONp`, which the cleanup attribute wants, for a FUNCTION that frees one object. */
#define DEFINE_CLEANUP(type, function)                                                                      \
        static inline void function##p(type *p) {                                                           \
                if (*p)                                                                                     \
                        function(*p);                                                                       \
        }

#define TAKE_PTR(pointer)                                                                                   \
        ({                                                                                                  \
                __typeof__(pointer) _p = (pointer);                                                         \
                (pointer) = NULL;                                                                           \
                _p;                                                                                         \
        })

#define TAKE_FD(fd)                                                                                         \
        ({                                                                                                  \
                int _fd = (fd);                                                                             \
                (fd) = -EBADF;                                                                              \
                _fd;                                                                                        \
        })

static inline bool streq(const char *a, const char *b) {
        return strcmp(a, b) == 0;
}

static inline const char *strempty(const char *text) {
        return text ?: "";
}

static inline bool isempty(const char *text) {
        return !text || !*text;
}

/* Returns what follows PREFIX in TEXT, or NULL if TEXT does not begin with it. */
static inline const char *startswith(const char *text, const char *prefix) {
        size_t length = strlen(prefix);

        return strncmp(text, prefix, length) == 0 ? text + length : NULL;
}

/* Replaces *P by a copy of TEXT. Returns 0, or -ENOMEM and leaves *P as it was. */
int free_and_copy(char **p, const char *text);
