/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* One IOMMU group: the functions that the IOMMU cannot tell from each other, so that VFIO takes them
 * together or not at all. */

#include "service/host/function.h"

struct group {
        struct model *model; /* whose it is */
        unsigned id;
        char *type; /* owned; the kind of its default domain as the kernel words it: "DMA", "DMA-FQ",
                       "identity" … */

        struct function **members; /* owned array of functions that belong to the model, in the order of
                                      their addresses */
        size_t n_members;

        unsigned n_blockers; /* how many members keep VFIO from opening it, as last announced */
};

/* A group without members, of the host below ROOT. The caller frees it with group_free(). */
int group_new(const struct root *root, unsigned id, struct group **ret);
struct group *group_free(struct group *g);

/* Reads the type again. Returns 1 if it is another one now, 0 if it is not, or -ENOMEM. */
int group_read_type(const struct root *root, struct group *g);

/* Puts F among the members, or takes it out. The function stays whose it is. */
int group_add(struct group *g, struct function *f);
void group_remove(struct group *g, struct function *f);

/* Whether a member keeps VFIO from opening its group (see driver.h), and how many do. A group is viable when
 * none does. */
bool function_blocks_group(const struct function *f);
unsigned group_count_blockers(const struct group *g);
