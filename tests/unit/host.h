/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A model of a tree, with a witness that listens. */

#include "tests/unit/tree.h"
#include "tests/unit/witness.h"

struct host {
        struct tree *tree;
        struct aliases *aliases;
        struct model *model;
        struct witness witness;
};

/* Makes the tree. The test adds modules, if it wants any, and then opens the model. */
void host_init(struct host *host, const struct fake_function *functions, size_t n);
void host_clear(struct host *host);

/* The functions of a test's tree, for a setup function: cmocka hands it over in *STATE. */
struct cast {
        const struct fake_function *functions;
        size_t n;
};

#define CAST(functions) (&(struct cast){ functions, ELEMENTSOF(functions) })

/* Sets *STATE to a host of the cast in it, whose model is open and not scanned. */
int host_setup(void **state);
int host_teardown(void **state);

/* A bridge and two functions in one group, a bridge to ISA in another, and a function without a group. */
extern const struct fake_function host_small[5];

/* Opens the model, as the service does when it starts, and drops it again. */
void host_open(struct host *host);
void host_close(struct host *host);

/* Scans, and forgets what was told. */
void host_scan(struct host *host);

/* What model_function() says, and model_update(). */
struct function *host_function(struct host *host, const char *address);
void host_update(struct host *host, const char *address, enum moved_by mover);

/* Puts a function on a driver, as somebody else does, and sets its override in the model. */
void host_move(struct host *host, const char *address, const char *driver, const char *override);
