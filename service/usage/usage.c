/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The table of those who know how devices are used. */

#include "service/usage/storage.h"
#include "service/usage/usage.h"

static int (*const lookers[])(const struct usage_query *query, struct findings *findings) = {
        storage_look,
};

int usage_look(const struct usage_query *query, struct findings *findings) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(lookers); i++)
                r = lookers[i](query, findings);

        return r;
}
