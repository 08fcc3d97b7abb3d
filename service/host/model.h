/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The host as it is known: all PCI functions and IOMMU groups, in memory, kept current by uevents
 * (uevents.h) and by whoever changes something (service/move). Whoever shows it to others listens. */

#include "service/host/aliases.h"
#include "service/host/function.h"
#include "service/host/group.h"

enum group_change {
        GROUP_MEMBERS = 1 << 0,
        GROUP_VIABLE = 1 << 1, /* and with it the blockers */
        GROUP_TYPE = 1 << 2,
};

/* Who moved a function to another driver. */
enum moved_by {
        MOVED_BY_KERNEL, /* somebody else: the kernel, an administrator, another program */
        MOVED_BY_US,
};

/* Told of every change, after it is in the model; of a removal just before. Functions and groups stay the
 * model's. */
struct model_listener {
        void (*function_added)(struct function *f, void *userdata);
        void (*function_removed)(struct function *f, void *userdata);
        void (*function_changed)(struct function *f, unsigned changes, void *userdata);
        void (*function_moved)(struct function *f, const char *from, enum moved_by mover, void *userdata);
        void (*group_added)(struct group *g, void *userdata);
        void (*group_removed)(struct group *g, void *userdata);
        void (*group_changed)(struct group *g, unsigned changes, void *userdata);
};

struct model;

/* An empty model of the host below ROOT, which must outlive it, with ALIASES likewise. */
int model_new(const struct root *root, struct aliases *aliases, struct model **ret);
struct model *model_free(struct model *model);

/* Who listens, from now on; NULL for nobody. */
void model_set_listener(struct model *model, const struct model_listener *listener, void *userdata);

const struct root *model_root(const struct model *model);
struct aliases *model_aliases(const struct model *model);

/* Compares the whole model with sysfs: at the start, and after uevents were lost. One function that cannot
 * be read does not hide the others. Returns 0, or a negative errno where there is no list of functions, or
 * too little memory. */
int model_scan(struct model *model);

/* Brings one function up to date: reads it if it is new, drops it if it has gone, and both if another device
 * has its address. MOVER is to blame for a driver that changed. Returns 0 or a negative errno; a function
 * that is gone is no error, and one that cannot be read now stays as it is known. */
int model_update(struct model *model, const struct pci_address *address, enum moved_by mover);

/* What a uevent tells: with number SEQNUM, the kernel has bound F to DRIVER ("": unbound it). Nothing
 * happens if the model is ahead of the event already, or F is being moved. Two events in a row may tell of
 * states that sysfs shows no more when they arrive. */
int model_note_driver(struct model *model, struct function *f, const char *driver, uint64_t seqnum);

/* What only others can find out about a function: notes it, and tells the listener if it is new. */
int model_set_override(struct model *model, struct function *f, const char *override);
int model_set_home(struct model *model, struct function *f, const char *home);
int model_set_lease(struct model *model, struct function *f, const char *holder, bool returning);
void model_set_busy(struct model *model, struct function *f, bool busy);

/* While a function is being moved, its intermediate states are nobody's business: model_update() leaves it
 * alone until it is set to false again. */
void model_set_moving(struct function *f, bool moving);

/* All functions in the order of their addresses, and how many. Valid until the model changes. */
struct function *const *model_functions(const struct model *model, size_t *ret_n);
struct group *const *model_groups(const struct model *model, size_t *ret_n);

/* NULL where there is none. */
struct function *model_function(const struct model *model, const struct pci_address *address);
struct group *model_group(const struct model *model, int id);

/* Gives back what only scanning needs. */
void model_trim(struct model *model);
