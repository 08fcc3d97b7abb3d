/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Time spans. */

#include <stdio.h>

#include "service/move/config.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_free_ char *text = fuzz_text(data, size), *longer = NULL;
        uint64_t span = 4711, again;

        assert(asprintf(&longer, "\t%s 0s ", text) >= 0);

        if (time_span_parse(text, &span) < 0)
                assert(span == 4711);
        else
                assert(time_span_parse(longer, &again) == 0 && again == span);
        return 0;
}
