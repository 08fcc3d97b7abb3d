/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What the client's output goes to, looked at once at the start, and the few signs and colours that depend
 * on it. */

#include <stdbool.h>
#include <stddef.h>

typedef struct Terminal {
        bool input, output, error; /* whether standard input, output, error are terminals */
        bool colour;               /* output is a terminal that shows colours, and NO_COLOR is not set */
        bool utf8;                 /* the locale is UTF-8 */
        size_t columns;            /* of a line of output; SIZE_MAX where nothing limits it */
} Terminal;

typedef enum Style {
        STYLE_PLAIN,
        STYLE_HEADER,
        STYLE_STRONG,
        STYLE_GOOD,
        STYLE_CAUTION,
        STYLE_BAD,
        STYLE_DIM,
} Style;

typedef enum Glyph {
        GLYPH_BRANCH,
        GLYPH_LAST_BRANCH,
        GLYPH_ELLIPSIS,
        GLYPH_REFUSED,
        GLYPH_CAUTION,
        GLYPH_REMARK,
} Glyph;

/* Sets the locale of the process and looks at its standard streams and environment. Cannot fail. */
Terminal terminal_probe(void);

/* The same for what goes to standard error: there `output`, `colour` and `columns` are about that. */
Terminal terminal_for_error(const Terminal *terminal);

/* The sequence that begins or ends a style; empty where colours are off. */
const char *terminal_style(const Terminal *terminal, Style style);
const char *terminal_style_end(const Terminal *terminal, Style style);

/* A sign, in ASCII where the locale is not UTF-8. */
const char *terminal_glyph(const Terminal *terminal, Glyph glyph);
