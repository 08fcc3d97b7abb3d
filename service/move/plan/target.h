/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What the word that a caller gives for a target comes to, for one function on this host. */

#include "service/host/failure.h"
#include "service/host/model.h"
#include "service/move/plan/backend.h"
#include "service/move/steps/step.h"

/* Where a function came from when it was first moved, as recorded on disk (record.h). */
struct home {
        char driver[NAME_MAX + 1]; /* "": it had none. With `unknown`, what the kernel picks */
        char override[NAME_MAX + 1];
        bool console; /* the kernel's console was taken off it */
        bool unknown; /* it was on a passthrough driver when it was first moved, which is nobody's home */
};

struct target {
        const struct backend *backend; /* NULL for a host driver and for none */
        bool home;                     /* the target is `host` */
        bool here;                     /* it stays where it is, and something is done with it there */
        bool pick;                     /* the kernel shall pick among the host modules; `driver` is "" */
        bool returns_console;        /* the kernel's console may have framebuffers again, once it is there */
        bool bind_with_own_override; /* a host driver that was asked for by name: ENODEV means that it does
                                        not take it */
        char driver[NAME_MAX + 1];   /* the driver at the end, "" for none */
        char override[NAME_MAX + 1]; /* the override at the end */
        char load[STEP_ARGUMENT_SIZE]; /* what has to be loaded first: a module or a modalias; "" for nothing
                                        */
        char modules[STEP_ARGUMENT_SIZE]; /* with `pick`: the host modules */
};

/* Resolves WORD for F: "", "auto", "vfio", "kvm", "xen", "host", "none" or a driver's name. CONFIGURED is
 * the default backend's name or "auto"; HOME is where F came from, or NULL if it was never moved. Reads the
 * host, changes nothing. */
int target_resolve(const struct model *model, const struct function *f, const char *word,
                   const char *configured, const struct home *home, struct target *ret,
                   struct failure *failure);

static inline void target_freep(struct target **target) {
        free(*target);
}

/* Where F is. */
void target_here(const struct function *f, struct target *ret);

/* Whether F is where TARGET wants it, so that nothing has to be done. */
bool target_is_reached(const struct target *target, const struct function *f);
