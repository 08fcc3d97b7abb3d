/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* One grant: a user who may open an IOMMU group, and who was in the group when that was allowed. */

#include "service/host/model.h"
#include "service/move/journal/store.h"

/* An endpoint of the group. */
struct grant_member {
        struct pci_address address;
        uint64_t identity;
        bool on_vfio;
        uint64_t binding; /* to its VFIO driver, as in struct function */
};

struct grant {
        int group;
        uint32_t uid;
        bool in_force; /* else it is to be withdrawn, or an operation is about to grant it */
        bool leased;   /* it came with a lease, and goes with it */
        bool held;     /* by an operation; not on disk */
        struct grant_member *members;
        size_t n_members;
};

struct grant *grant_free(struct grant *grant);
DEFINE_CLEANUP(struct grant *, grant_free)

/* Puts its file there, and takes it away. */
int grant_save(const struct grant *grant, struct store *store);
int grant_remove(const struct grant *grant, struct store *store);

/* What is in the file, which the caller puts; and back, from the NAME and content of one. -EINVAL where they
 * are none. */
struct json_object *grant_to_json(const struct grant *grant);
int grant_load(const char *name, struct json_object *object, struct grant **ret);

/* Notes who is in the group, and who of them is on VFIO. Returns 0 or -ENOMEM. */
int grant_note_members(struct grant *grant, const struct model *model);

/* Notes who has come to VFIO since, and can leave it as the others can. Returns whether there is any. For
 * one that fits. */
bool grant_note_arrivals(struct grant *grant, const struct model *model);

/* Notes that F has not left VFIO for good: it is where it was, though the kernel has bound it anew. */
void grant_note_return(struct grant *grant, const struct function *f);

/* Whether nobody has left VFIO, not even to come back, and nobody is in the group of whom nobody was asked.
 */
bool grant_fits(const struct grant *grant, const struct model *model);
