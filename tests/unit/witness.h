/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A listener that writes down what a model tells, a line for each notification, so that tests can compare it
 * with what they expect:
 *
 *      + 0000:01:00.0                  a function was added; "-": it is about to be removed
 *      ~ 0000:01:00.0 driver,group     it has changed
 *      > 0000:01:00.0 a b kernel       it was moved from driver a to b, by the kernel or by "us"
 *      group + 1, group - 1            likewise for groups
 *      group ~ 1 members,viable
 */

#include "service/host/model.h"

struct witness {
        char text[16 * 1024];
        size_t length;
};

extern const struct model_listener witness_listener;

/* Listens to MODEL from now on. */
void witness_attach(struct witness *witness, struct model *model);

/* Compares what was told since the last time with LINES and begins anew. */
void witness_expect(struct witness *witness, const char *lines);
