/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Small helpers of the simulated host. */

#include <ctype.h>
#include <errno.h>
#include <stdio.h>

#include "util.h"

static void *or_abort(void *p) {
        if (!p)
                abort();
        return p;
}

void *must_alloc(size_t size) {
        return or_abort(calloc(1, size));
}

void *must_realloc(void *p, size_t size) {
        return or_abort(realloc(p, size));
}

char *must_dup(const char *s) {
        return s ? or_abort(strdup(s)) : NULL;
}

char *must_format(const char *format, ...) {
        va_list ap;
        char *s;
        int r;

        va_start(ap, format);
        r = vasprintf(&s, format, ap);
        va_end(ap);
        return r < 0 ? or_abort(NULL) : s;
}

static void text_reserve(struct text *t, size_t more) {
        if (t->allocated - t->len > more)
                return;
        t->allocated = (t->len + more + 1) * 2;
        t->data = must_realloc(t->data, t->allocated);
}

void text_add_bytes(struct text *t, const void *bytes, size_t len) {
        text_reserve(t, len);
        memcpy(t->data + t->len, bytes, len);
        t->len += len;
        t->data[t->len] = '\0';
}

void text_add(struct text *t, const char *format, ...) {
        _cleanup_free_ char *s = NULL;
        va_list ap;
        int r;

        va_start(ap, format);
        r = vasprintf(&s, format, ap);
        va_end(ap);
        if (r < 0)
                abort();
        text_add_bytes(t, s, r);
}

void text_add_escaped(struct text *t, const char *bytes, size_t len) {
        text_add_bytes(t, "", 0);
        for (size_t i = 0; i < len; i++) {
                unsigned char c = bytes[i];

                if (isgraph(c) && c != '"' && c != '\\')
                        text_add_bytes(t, bytes + i, 1);
                else if (c == '\n')
                        text_add(t, "\\n");
                else
                        text_add(t, "\\x%02x", c);
        }
}

void text_clear(struct text *t) {
        free(t->data);
        *t = (struct text) {};
}

size_t split_words(char *line, char **words, size_t max) {
        size_t n = 0;
        char *state = NULL;

        for (char *w; n < max && (w = strtok_r(n > 0 ? NULL : line, " \t\r\n", &state));)
                words[n++] = w;
        return n;
}

const char *word_value(const char *word, const char *key) {
        size_t n = strlen(key);

        return strncmp(word, key, n) == 0 && word[n] == '=' ? word + n + 1 : NULL;
}

int parse_number(const char *s, int base, unsigned long max, unsigned long *ret) {
        unsigned long v;
        char *end;

        if (!isalnum((unsigned char) *s))
                return -EINVAL;
        errno = 0;
        v = strtoul(s, &end, base);
        if (errno == ERANGE)
                return -ERANGE;
        if (end == s || (*end && !streq(end, "\n")))
                return -EINVAL;
        if (v > max)
                return -ERANGE;
        *ret = v;
        return 0;
}

int parse_errno(const char *s) {
        unsigned long v;

        if (streq(s, "ok"))
                return 0;
        if (parse_number(s, 10, 4095, &v) >= 0)
                return v;
        for (int e = 1; e < 134; e++) {
                const char *name = strerrorname_np(e);

                if (name && streq(name, s))
                        return e;
        }
        return -EINVAL;
}
