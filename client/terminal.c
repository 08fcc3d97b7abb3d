/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the client's output goes to. */

#include <langinfo.h>
#include <locale.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "terminal.h"

static bool colour_is_wanted(void) {
        const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

        /* https://no-color.org: present and not empty */
        return (!no_color || !*no_color) && term && strcmp(term, "dumb") != 0;
}

static size_t terminal_columns(int fd) {
        struct winsize size = {};
        const char *columns = getenv("COLUMNS");
        long n;

        n = columns ? strtol(columns, NULL, 10) : 0;
        if (n > 0 && n < UINT16_MAX)
                return (size_t) n;

        if (ioctl(fd, TIOCGWINSZ, &size) >= 0 && size.ws_col > 0)
                return size.ws_col;

        return 80;
}

Terminal terminal_probe(void) {
        Terminal terminal = {
                .input = isatty(STDIN_FILENO),
                .output = isatty(STDOUT_FILENO),
                .error = isatty(STDERR_FILENO),
                .columns = SIZE_MAX,
        };

        setlocale(LC_CTYPE, "");
        terminal.utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;

        if (terminal.output) {
                terminal.colour = colour_is_wanted();
                terminal.columns = terminal_columns(STDOUT_FILENO);
        }
        return terminal;
}

Terminal terminal_for_error(const Terminal *terminal) {
        Terminal other = *terminal;

        other.output = terminal->error;
        other.colour = terminal->error && colour_is_wanted();
        other.columns = terminal->error ? terminal_columns(STDERR_FILENO) : SIZE_MAX;
        return other;
}

const char *terminal_style(const Terminal *terminal, Style style) {
        static const char *const sequences[] = {
                [STYLE_PLAIN] = "",           [STYLE_HEADER] = "\033[4m", [STYLE_STRONG] = "\033[1m",
                [STYLE_GOOD] = "\033[32m",    [STYLE_BAD] = "\033[31m",   [STYLE_DIM] = "\033[2m",
                [STYLE_CAUTION] = "\033[33m",
        };

        return terminal->colour ? sequences[style] : "";
}

const char *terminal_style_end(const Terminal *terminal, Style style) {
        return terminal->colour && style != STYLE_PLAIN ? "\033[0m" : "";
}

const char *terminal_glyph(const Terminal *terminal, Glyph glyph) {
        static const char *const glyphs[][2] = {
                [GLYPH_BRANCH] = { "|-", "├─" },   [GLYPH_LAST_BRANCH] = { "`-", "└─" },
                [GLYPH_ELLIPSIS] = { "...", "…" }, [GLYPH_REFUSED] = { "x", "✗" },
                [GLYPH_CAUTION] = { "!", "!" },    [GLYPH_REMARK] = { "*", "•" },
        };

        return glyphs[glyph][terminal->utf8];
}
