/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Small helpers of the simulated host: growing text, allocation that cannot fail, cleanup attributes. The
 * simulated host is a test program: without memory it aborts.
 */

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define ELEMENTSOF(a) (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b) ((a) < (b) ? (a) : (b))

static inline bool streq(const char *a, const char *b) {
        return strcmp(a, b) == 0;
}

static inline void freep(void *p) {
        free(*(void **) p);
}
#define _cleanup_free_ __attribute__((cleanup(freep)))

void *must_alloc(size_t size);                          /* zeroed */
void *must_realloc(void *p, size_t size);
char *must_dup(const char *s);                          /* NULL stays NULL */
char *must_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Text that grows; zero-initialized is empty. data is NUL-terminated once something was added. */
struct text {
        char *data;
        size_t len, allocated;
};

void text_add(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_add_bytes(struct text *t, const void *bytes, size_t len);
/* Adds bytes with newlines as \n and everything else that is unprintable, blanks, quotes and backslashes
 * as \xNN. */
void text_add_escaped(struct text *t, const char *bytes, size_t len);
void text_clear(struct text *t);
#define _cleanup_text_ __attribute__((cleanup(text_clear)))

/* Splits text at blanks, in place. Returns the number of words, at most max. */
size_t split_words(char *line, char **words, size_t max);
/* The value of "key=value" if word is of that key, else NULL. */
const char *word_value(const char *word, const char *key);

/* Whole-string numbers as the kernel's kstrto*(): one newline is fine. Returns -EINVAL or -ERANGE. */
int parse_number(const char *s, int base, unsigned long max, unsigned long *ret);

/* errno by name ("EIO") or number, positive; 0 for "0" and "ok"; -EINVAL if there is none. */
int parse_errno(const char *s);
