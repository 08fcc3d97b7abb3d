/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Virtual functions, which go with their physical function. */

#include <stdio.h>

#include "service/usage/lookers.h"
#include "service/usage/vfio.h"

static bool is_open(const struct look *look, const struct function *f) {
        for (size_t i = 0; i < look->n_openers; i++)
                if (look->openers[i].part->function == f && look->openers[i].part->role == PART_VIRTUAL)
                        return true;

        return false;
}

static int look_at_function(struct look *look, const struct function *f) {
        bool open = is_open(look, f);
        char subject[32];
        int r;

        if (!open) {
                r = vfio_is_busy(look, f, PART_VIRTUAL);
                if (r < 0)
                        return r;
                open = r > 0;
        }

        snprintf(subject, sizeof(subject), "%zu", f->n_virtual_functions);
        if (open)
                return findings_add(&look->found, FINDING_VIRTUAL_FUNCTIONS, SEVERITY_REFUSE, &f->address, subject,
                                    "%s has %s virtual functions enabled and one of them is open through VFIO: shut the guest down first",
                                    PCI_ADDRESS_TEXT(&f->address), subject);

        return findings_add(&look->found, FINDING_VIRTUAL_FUNCTIONS, SEVERITY_FORCE, &f->address, subject,
                            "%s has %s virtual functions enabled: remove them first", PCI_ADDRESS_TEXT(&f->address), subject);
}

int virtual_look(struct look *look) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < look->n_functions; i++)
                if (look->functions[i]->n_virtual_functions > 0)
                        r = look_at_function(look, look->functions[i]);

        return r;
}
