/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What of a string may reach a terminal, and how wide it is there. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>
#include <wctype.h>

#include "cleanup.h"
#include "text.h"

/* Characters that print nothing and change how their neighbours are shown. */
static const struct {
        uint32_t first, last;
} invisible[] = {
        { 0x200b, 0x200f },   /* zero-width space … right-to-left mark */
        { 0x2028, 0x202e },   /* line separator … right-to-left override */
        { 0x2060, 0x206f },   /* word joiner … bidirectional isolates */
        { 0xfeff, 0xfeff },   /* byte order mark */
        { 0xfff9, 0xfffb },   /* interlinear annotation */
        { 0xe0000, 0xe0fff }, /* tags */
};

static bool character_is_printable(wchar_t c) {
        for (size_t i = 0; i < ELEMENTSOF(invisible); i++)
                if ((uint32_t) c >= invisible[i].first && (uint32_t) c <= invisible[i].last)
                        return false;

        return iswprint((wint_t) c);
}

/* The length of the character at `text`, and how many columns it takes; 0 if it must be escaped. */
static size_t character_length(const char *text, bool utf8, size_t *ret_columns) {
        mbstate_t state = {};
        wchar_t c;
        size_t n;

        if (*text >= ' ' && *text < 0x7f) {
                *ret_columns = 1;
                return 1;
        }
        if (!utf8 || (unsigned char) *text < 0x80)
                return 0;

        n = mbrtowc(&c, text, strlen(text), &state);
        if (n == (size_t) -1 || n == (size_t) -2 || !character_is_printable(c))
                return 0;

        *ret_columns = wcwidth(c) > 0 ? (size_t) wcwidth(c) : 0;
        return n;
}

bool text_is_plain(const char *text) {
        for (; *text; text++)
                if (*text < ' ' || *text >= 0x7f)
                        return false;

        return true;
}

char *text_escape(const char *text, bool utf8) {
        static const char digits[] = "0123456789abcdef";
        size_t n, columns;
        char *escaped, *p;

        escaped = p = malloc(strlen(text) * strlen("\\xNN") + 1);
        if (!escaped)
                return NULL;

        for (; *text; text += n) {
                n = character_length(text, utf8, &columns);
                if (n > 0) {
                        p = mempcpy(p, text, n);
                        continue;
                }
                n = 1;
                *p++ = '\\';
                *p++ = 'x';
                *p++ = digits[(unsigned char) *text >> 4];
                *p++ = digits[(unsigned char) *text & 0xf];
        }
        *p = 0;
        return escaped;
}

size_t text_fit(const char *text, size_t columns, bool utf8) {
        const char *p = text;
        size_t n, width;

        while (*p) {
                n = character_length(p, utf8, &width);
                if (n == 0)
                        n = width = 1;
                if (width > columns)
                        break;
                columns -= width;
                p += n;
        }
        return (size_t) (p - text);
}

size_t text_columns(const char *text, bool utf8) {
        size_t columns = 0, n, width;

        for (; *text; text += n) {
                n = character_length(text, utf8, &width);
                if (n == 0)
                        n = width = 1;
                columns += width;
        }
        return columns;
}

void text_print_folded(FILE *out, const char *text, size_t indent, size_t columns, bool utf8) {
        size_t room = columns > indent + 20 ? columns - indent : 20;

        while (text_columns(text, utf8) > room) {
                size_t n = text_fit(text, room, utf8), cut = n;

                while (cut > 0 && text[cut] != ' ')
                        cut--;
                if (cut == 0)
                        cut = n + strcspn(text + n, " ");
                if (!text[cut])
                        break;
                fprintf(out, "%.*s\n%*s", (int) cut, text, (int) indent, "");
                text += cut + 1;
        }
        fprintf(out, "%s\n", text);
}
