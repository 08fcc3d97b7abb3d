/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Everything that moves functions, on a tree and with the stand-in for the worker: an event loop, a model
 * and a mover, which can be dropped and started again as the service is. What happens is written down. */

#include "service/move/mover.h"
#include "tests/unit/host.h"

struct answer {
        bool given;
        enum failure_kind kind;
        char message[1024];
        char value[64]; /* what a step has told */
        uint32_t id;
};

struct stage {
        struct host host;
        struct cast cast; /* as it was at first */
        sd_event *event;
        struct mover *mover;
        struct workers *workers;
        char *directory, *worker;
        int release; /* the pipe that those who hang read from */
        unsigned count; /* of virtual functions, for requests to set it */
        struct config settings;
        uint64_t begun_usec; /* when those who ask have begun to wait; 0: when they ask */
        unsigned flags;      /* of those who ask, and their user */
        uint32_t uid;
        const struct findings *findings; /* what is found about the functions; NULL: nothing */

        struct answer answers[80]; /* in the order of stage_begin() */
        size_t n_answers;

        unsigned n_settled; /* of all operations */
        unsigned n_late;    /* with nobody waiting */
        struct answer last_settled;
        bool stuck; /* an operation has said so */
        char damaged[256];
};

/* Makes the tree with FUNCTIONS, e1000e, igb, vfio-pci and pci-stub registered, and starts. */
void stage_init(struct stage *stage, const struct fake_function *functions, size_t n);
void stage_clear(struct stage *stage);

/* Sets *STATE to a stage of the cast in it. */
int stage_setup(void **state);
int stage_teardown(void **state);

#define ON_STAGE(test)                                                                                      \
        cmocka_unit_test_prestate_setup_teardown(test, stage_setup, stage_teardown, CAST(functions))

/* Starts the service's parts; drops them, as when it is killed. */
void stage_start(struct stage *stage);
void stage_stop(struct stage *stage);

/* The next N orders of KIND for ADDRESS go wrong as WORDS say (stand-in-worker.c), after those said before;
 * 0: all of them. Or all go well again. */
void stage_fault(struct stage *stage, const char *kind, const char *address, unsigned n, const char *words);
void stage_no_fault(struct stage *stage, const char *kind, const char *address);

/* Runs the event loop until a worker has written ORDER down, which it does before it begins. */
void stage_wait_order(struct stage *stage, const char *order);

/* Lets the workers that hang go on, and those that would hang from now on. */
void stage_release(struct stage *stage);

/* Looks at functions through a worker, as the service does when it starts and before each plan. */
void stage_observe(struct stage *stage, const char *addresses);

/* Begins to move functions, whose addresses are separated by spaces; returns which answer to wait for. The
 * plan must be possible. */
size_t stage_begin(struct stage *stage, const char *addresses, const char *word);

/* The same for another errand. */
size_t stage_begin_errand(struct stage *stage, enum errand errand, const char *addresses, const char *word);

/* Runs the event loop until an answer is there; until it holds nothing any more; until an operation is
 * stuck. */
struct answer *stage_wait(struct stage *stage, size_t answer);
void stage_settle(struct stage *stage);
void stage_wait_stuck(struct stage *stage);

/* Begins, waits and settles. */
struct answer *stage_move(struct stage *stage, const char *addresses, const char *word);

/* What mover_check_busy() says. */
bool stage_is_busy(struct stage *stage, const char *address);

/* "driver/override" of a function, as the kernel has it, into a buffer that lives until the next call;
 * "gone" for none. */
const char *stage_state(struct stage *stage, const char *address);

/* Every function is where it was at first, without an override, and none is busy or remembered. */
void stage_expect_untouched(struct stage *stage);

/* The orders since the last time, without those to look unless LOOKS. */
void stage_expect_log(struct stage *stage, bool looks, const char *lines);

/* Nothing is left on disk but records, of the functions in ADDRESSES, separated by spaces. */
void stage_expect_records(struct stage *stage, const char *addresses);
