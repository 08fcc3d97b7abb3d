/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A stand-in for the daemon of xenstore, on its socket below a tree, in a thread. */

#include <pthread.h>

#include "tests/unit/tree.h"

/* The parts of a path are keys as well, and have the value "". */
struct key {
        const char *path, *value;
};

/* What the stand-in answers with in place of the truth. */
enum fault {
        NO_FAULT,
        FAULT_HANG_UP,
        FAULT_LONG,  /* a length that no answer has */
        FAULT_TYPE,  /* an answer to another question */
        FAULT_ERROR, /* an error that is not about the key */
};

struct xenstored {
        const struct key *keys;
        size_t n;
        enum fault fault;
        int listener;
        pthread_t thread;
};

/* Starts it with the keys, their number and the fault that are set. */
void xenstored_start(struct xenstored *xenstored, struct tree *tree);

/* Its socket stays behind, as that of a daemon that was killed; the next one takes it over. */
void xenstored_stop(struct xenstored *xenstored);
