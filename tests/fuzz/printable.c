/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Text from outside that is shown in messages: nothing of it reaches a terminal, a log or the bus as it
 * should not, whole or cut. */

#include "service/host/printable.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_free_ char *text = fuzz_text(data, size), *shown = text_printable(text), *again = NULL;
        _cleanup_free_ char *whole = NULL;
        char cut[16];

        assert(shown && strlen(shown) >= strlen(text));
        for (const char *p = shown; *p; p++)
                assert((unsigned char) *p >= ' ' && *p != '\x7f');
        again = text_printable(shown);
        assert(streq(again, shown));

        text_cut(shown, cut, sizeof(cut));
        assert(strlen(shown) < sizeof(cut) ? streq(cut, shown) : strlen(cut) < sizeof(cut));
        whole = text_printable(cut);
        assert(streq(whole, cut));
        return 0;
}
