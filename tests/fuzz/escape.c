/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Text from outside that is shown in messages: nothing of it reaches a terminal, a log or the bus as it
 * should not. */

#include "tests/fuzz/fuzz.h"

#define SHOWN_MAX 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_free_ char *text = fuzz_text(data, size), *shown = text_escape(text, SHOWN_MAX);

        assert(shown && strlen(shown) <= 4 * SHOWN_MAX + strlen("..."));
        assert(strlen(text) <= SHOWN_MAX ? strlen(shown) >= strlen(text)
                                         : streq(shown + strlen(shown) - 3, "..."));
        for (const char *p = shown; *p; p++)
                assert(*p >= ' ' && *p <= '~' && *p != '"' && (*p != '\\' || p[1] == 'x'));
        return 0;
}
