/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Virtual functions, which go with their physical function. */

#include <errno.h>
#include <stdio.h>

#include "service/host/array.h"
#include "service/usage/lookers.h"
#include "service/usage/vfio.h"
#include "service/usage/virtual.h"

/* Whether any of them is open through VFIO. Returns 1, 0, or a negative errno. */
static int is_open(const struct look *look, const struct function *f) {
        int r = 0;

        for (size_t i = 0; r == 0 && i < f->n_virtual_functions; i++) {
                int group = vfio_group(look, &f->virtual_functions[i]);

                if (group >= 0)
                        r = vfio_is_seen(look, group) ? 1 : vfio_is_busy(look, group);
        }

        return r;
}

static int look_at_function(struct look *look, const struct function *f) {
        int open = is_open(look, f);
        char subject[32];

        if (open < 0)
                return open;

        snprintf(subject, sizeof(subject), "%zu", f->n_virtual_functions);
        return findings_add(&look->found, FINDING_VIRTUAL_FUNCTIONS, open ? SEVERITY_REFUSE : SEVERITY_FORCE,
                            &f->address, subject, "%s has virtual functions enabled (%s)%s",
                            PCI_ADDRESS_TEXT(&f->address), subject,
                            open ? ", and one is open through VFIO: shut the guest down first"
                                 : ": remove them first");
}

int virtual_functions_are_open(const struct root *root, struct function *f) {
        _cleanup_look_ struct look look = { .root = root };
        struct function **slot = array_append(&look.functions, &look.n_functions, sizeof(*slot));
        int r;

        if (!slot)
                return -ENOMEM;
        *slot = f;

        r = vfio_gather(&look);
        return r < 0 ? r : is_open(&look, f);
}

int virtual_look(struct look *look) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < look->n_functions; i++)
                if (look->functions[i]->n_virtual_functions > 0)
                        r = look_at_function(look, look->functions[i]);

        return r;
}
