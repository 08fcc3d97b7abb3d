/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The steps that lead a function from one state to another. Plans are made of them, and so is every undo,
 * which goes from wherever a function happens to be to where it was. All of these append to the array
 * *STEPS, which the caller frees, and return 0 or -ENOMEM. */

#include "service/move/plan/target.h"
#include "service/usage/finding.h"

/* A user who may open an IOMMU group, or nobody, which is what zeroes say. */
struct grantee {
        bool somebody;
        uint32_t uid;
        bool leased; /* only for as long as a lease */
};

/* One function that moves. */
struct movement {
        struct pci_address address;
        uint64_t identity;
        int group;
        struct target target;
        char *old_driver;   /* owned */
        char *old_override; /* owned */

        /* What is taken away before it leaves its driver, and given back with an undo. */
        bool shows_console;                 /* the kernel's console */
        unsigned old_virtual_functions;     /* how many; 0 where they stay, unless: */
        bool sets_virtual_functions;        /* their number is changed, and an undo sets it to the old one */
        bool sets_autoprobe, old_autoprobe; /* whether new ones are probed is changed, and what it was */
        char *old_reset_methods;            /* owned; the kernel's list, NULL where nobody touches it */

        /* Of its group, where that changes. With several movements in the group, whoever loses access stands
         * with the first, and whoever gets it with the last: as their steps do. */
        struct grantee grantee, old_grantee;

        struct target *offspring; /* owned; where the virtual functions that it gets go; NULL: it gets none
                                   */
};

/* Frees what M owns. */
void movement_clear(struct movement *m);

/* Where M leads: its virtual functions, where they are what it is about. */
const struct target *movement_goal(const struct movement *m);

struct step {
        enum step_kind kind;
        size_t movement;           /* index */
        unsigned virtual_function; /* 0: the function itself; else the how manieth virtual one of it, from 1
                                    */
        bool optional;             /* the others go on if it fails */
        char argument[STEP_ARGUMENT_SIZE];
};

/* Appends one step for the movement INDEX. */
int steps_add(struct step **steps, size_t *n_steps, enum step_kind kind, size_t index, const char *argument);

/* The same with a user for the argument; nothing for nobody. */
int steps_add_for_user(struct step **steps, size_t *n_steps, enum step_kind kind, size_t index,
                       const struct grantee *grantee);

/* Has those of the movement INDEX that lead to the driver FROM lead to the driver TO. */
void steps_rename_driver(struct step *steps, size_t n_steps, size_t index, const char *from, const char *to);

/* The same for a virtual function that the movement's function gets, numbered from 1. */
int steps_add_virtual(struct step **steps, size_t *n_steps, enum step_kind kind, size_t index,
                      unsigned virtual_function, const char *argument);

/* The orderly way out: what stands on the driver of F, which M is about, is ended by whoever can before that
 * driver goes. Notes in M what was taken away. Nothing where it does not leave a driver. */
int route_release(struct movement *m, size_t index, const struct function *f,
                  const struct findings *findings, struct step **steps, size_t *n_steps);

/* Whether route_complete() has anything to do. */
bool route_is_complete(const struct movement *m);

/* Whether the function leaves a driver, so that whatever needs that driver has to go first. */
bool route_leaves_driver(const struct movement *m);

/* Lets nobody open the group whom M would have given access, if it has: for before the function goes back.
 */
int route_retreat(const struct movement *m, size_t index, struct step **steps, size_t *n_steps);

/* Gives back what M says was taken away, and takes back what it may have left with pciback, for when the
 * function is on its old driver again. */
int route_complete(const struct movement *m, size_t index, struct step **steps, size_t *n_steps);

/* Gives the function of M, which has FROM virtual functions, COUNT of them, and leads them to M's offspring;
 * no driver of the host's can have them on the way. Notes in M what an undo has to know. AUTOPROBE: whether
 * the kernel probes new ones. */
int route_virtual_functions(struct movement *m, size_t index, unsigned from, unsigned count, bool autoprobe,
                            struct step **steps, size_t *n_steps);

/* From the state FROM_DRIVER, FROM_OVERRIDE to TARGET. */
int route(const char *from_driver, const char *from_override, const struct target *target, int group,
          size_t index, struct step **steps, size_t *n_steps);
