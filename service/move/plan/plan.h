/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What a request comes to: which functions move where, by which steps, what stands in the way, and who has
 * to allow it.
 *
 * plan_make() is a function of what it is given: the host as the model knows it, where functions came from,
 * who uses them. It changes nothing, so it serves a dry run as well as a move, and is made anew whenever
 * time has passed. */

#include "service/host/failure.h"
#include "service/move/plan/route.h"
#include "service/usage/viewer.h"

/* The most functions that one request may name, or come to. */
#define PLAN_FUNCTIONS_MAX 256

enum plan_flags {
        PLAN_GROUP = 1 << 0,  /* widen to every endpoint of the functions' groups */
        PLAN_FORCE = 1 << 1,  /* go on over findings of severity "force" */
        PLAN_ACCESS = 1 << 2, /* whoever asks may open the functions' groups through VFIO */
        PLAN_RESET = 1 << 3,  /* what is on a passthrough driver is reset before it goes anywhere, if it can
                                 be */
};

/* What is to be done with the functions: each errand is a line of a table in errands.c. */
enum errand {
        ERRAND_MOVE,
        ERRAND_LEASE, /* to move them where needed, and to have them all for a while */
        ERRAND_RESET,
        ERRAND_OPEN,
        ERRAND_VIRTUAL_FUNCTIONS,
        _ERRAND_MAX,
};

struct request {
        enum errand errand;
        struct pci_address *addresses; /* owned by whoever made the request */
        size_t n_addresses;
        const char *word; /* the target, of virtual functions that of those that are made; of a reset the
                             method, "" for the first that works */
        unsigned count;   /* how many virtual functions there shall be */
        unsigned flags;
        const char *caller; /* who asks: the unique name on the bus, NULL for nobody in particular; the user
                             */
        uint32_t uid;
};

/* One question for polkit: may the caller do this with this function? */
struct permission {
        const char *action; /* the last word of the action's id: "bind", "restore", "force", "reset" … */
        bool stays;         /* the function is one of those that stay */
        size_t movement;    /* its index among them, or among the movements */
};

struct plan {
        enum errand errand;
        struct movement *movements; /* with an errand that is not to move, they stay where they are */
        size_t n_movements;
        struct movement *staying; /* functions that are where they shall go already; with ACCESS also the
                                     other endpoints of their groups */
        size_t n_staying;
        unsigned flags; /* a mask of enum plan_flags */
        struct step *steps;
        size_t n_steps;
        struct permission *permissions;
        size_t n_permissions;
        struct findings findings;
};

/* Where functions came from: a lookup, so that the plan needs no files. NULL for one that was never moved.
 */
typedef const struct home *(*home_lookup_t)(const struct function *f, void *userdata);

/* The functions that REQUEST comes to, after widening, in the order asked for. The caller frees the array,
 * not the functions. Fails where one does not exist, is named twice or there are too many. */
int plan_functions(const struct model *model, const struct request *request, struct function ***ret,
                   size_t *ret_n, struct failure *failure);

/* Who may open the IOMMU group of this number. */
typedef struct grantee (*grantee_lookup_t)(int group, void *userdata);

/* What is remembered from one plan to the next. */
struct memory {
        home_lookup_t home;
        void *homes;              /* its user data */
        grantee_lookup_t grantee; /* NULL: nobody may open any group */
        void *grants;
};

/* Makes the plan for FUNCTIONS, which are what REQUEST comes to. FINDINGS is what the usage room said about
 * them: the plan takes what concerns the functions that move. The caller frees the plan with plan_free().
 * Findings do not make it fail. */
int plan_make(const struct model *model, struct function *const *functions, size_t n_functions,
              const struct request *request, const char *configured, const struct memory *memory,
              const struct findings *findings, struct plan **ret, struct failure *failure);

struct plan *plan_free(struct plan *plan);

static inline void plan_freep(struct plan **plan) {
        plan_free(*plan);
}

/* Fails with FAILURE_IN_USE if a finding forbids the plan; the message tells the first and how many more
 * there are, in words that VIEWER may read. */
int plan_check_findings(const struct plan *plan, struct viewer *viewer, struct failure *failure);

/* Whether carrying PLAN out holds F: that moves, or is in a group with what moves, or goes and comes with
 * it, as the virtual functions of a physical one, and the physical one of a virtual. */
bool plan_holds(const struct plan *plan, const struct function *f);

/* The function that a permission is about. */
const struct movement *plan_permission_subject(const struct plan *plan, const struct permission *permission);
