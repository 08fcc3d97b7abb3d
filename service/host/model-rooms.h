/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What the model keeps, for its own two files. */

#include "service/host/model.h"
#include "service/host/names.h"

struct model {
        const struct root *root;
        struct aliases *aliases;
        struct names *names;

        struct function **functions; /* sorted by address */
        size_t n_functions;
        struct group **groups; /* sorted by id */
        size_t n_groups;

        const struct model_listener *listener; /* of whose functions any may be NULL */
        void *userdata;
};

#define tell(model, what, ...)                                                                              \
        ({                                                                                                  \
                if ((model)->listener->what)                                                                \
                        (model)->listener->what(__VA_ARGS__, (model)->userdata);                            \
        })

/* Where in their arrays a function and a group are, or would have to be put in. */
size_t model_place(const struct model *model, const struct pci_address *address);
size_t model_group_place(const struct model *model, int id);
