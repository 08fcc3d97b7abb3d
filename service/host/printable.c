/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Printable UTF-8. The service runs in the C locale, so that iswprint() and its like know nothing here. */

#include <stdio.h>

#include "service/host/macros.h"
#include "service/host/printable.h"

/* Nothing to see, or harmful to what stands beside it. */
static const struct {
        unsigned first, last;
} unprintable[] = {
        { 0x00, 0x1f },        /* control characters */
        { 0x7f, 0x9f },        /* delete, and the second set of them */
        { 0xad, 0xad },        /* soft hyphen */
        { 0x61c, 0x61c },      /* Arabic letter mark */
        { 0x180e, 0x180e },    /* Mongolian vowel separator */
        { 0x200b, 0x200f },    /* zero-width space … right-to-left mark */
        { 0x2028, 0x202e },    /* line separator … right-to-left override */
        { 0x2060, 0x206f },    /* word joiner … bidirectional isolates */
        { 0xd800, 0xdfff },    /* surrogates: no characters */
        { 0xe000, 0xf8ff },    /* private use */
        { 0xfdd0, 0xfdef },    /* no characters */
        { 0xfeff, 0xfeff },    /* byte order mark */
        { 0xfff0, 0xfffb },    /* interlinear annotation, and what is not assigned before it */
        { 0xfffe, 0xffff },    /* no characters */
        { 0xe0000, 0x10ffff }, /* tags, variation selectors, private use */
};

static bool is_printable(unsigned c) {
        for (size_t i = 0; i < ELEMENTSOF(unprintable); i++)
                if (c >= unprintable[i].first && c <= unprintable[i].last)
                        return false;

        return true;
}

/* The length of the printable character that TEXT begins with, 0 if it begins with none. */
static size_t character_length(const char *text) {
        static const struct {
                unsigned char mask, lead;
                unsigned smallest; /* shorter sequences of the same number are no UTF-8 */
        } forms[] = {
                { 0x80, 0x00, 0 },
                { 0xe0, 0xc0, 0x80 },
                { 0xf0, 0xe0, 0x800 },
                { 0xf8, 0xf0, 0x10000 },
        };
        const unsigned char *p = (const unsigned char *) text;

        for (size_t more = 0; more < ELEMENTSOF(forms); more++) {
                unsigned c = *p & (unsigned char) ~forms[more].mask;

                if ((*p & forms[more].mask) != forms[more].lead)
                        continue;

                for (size_t i = 1; i <= more; i++) {
                        if ((p[i] & 0xc0) != 0x80)
                                return 0;
                        c = c << 6 | (p[i] & 0x3f);
                }
                return c >= forms[more].smallest && c <= 0x10ffff && is_printable(c) ? more + 1 : 0;
        }

        return 0;
}

char *text_printable(const char *text) {
        char *printable, *p;
        size_t n;

        printable = p = malloc(strlen(text) * strlen("\\xNN") + 1);
        if (!printable)
                return NULL;

        for (; *text; text += n) {
                n = character_length(text);
                if (n > 0) {
                        p = mempcpy(p, text, n);
                        continue;
                }
                p += sprintf(p, "\\x%02x", (unsigned char) *text);
                n = 1;
        }

        *p = '\0';
        return printable;
}

void text_cut(const char *text, char *buffer, size_t size) {
        static const char ellipsis[] = "…";
        size_t length = strlen(text);

        if (length < size) {
                memcpy(buffer, text, length + 1);
                return;
        }

        length = size - sizeof(ellipsis);
        while (length > 0 && ((unsigned char) text[length] & 0xc0) == 0x80)
                length--;
        memcpy(buffer, text, length);
        memcpy(buffer + length, ellipsis, sizeof(ellipsis));
}
