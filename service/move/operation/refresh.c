/* SPDX-License-Identifier: GPL-2.0-or-later */

/* From the kernel into the model. */

#include <errno.h>

#include "service/host/array.h"
#include "service/move/operation/refresh.h"

struct function *refresh_find(const struct model *model, const struct movement *m) {
        struct function *f = model_function(model, &m->address);

        return f && f->identity == m->identity ? f : NULL;
}

static int add_address(struct pci_address **list, size_t *n, const struct pci_address *address) {
        struct pci_address *slot = array_append(list, n, sizeof(*slot));

        if (!slot)
                return -ENOMEM;
        *slot = *address;
        return 0;
}

/* The virtual functions of the one at PHYSICAL: those in the model, and those that have come. Neither their
 * uevents nor those of the ones that have gone need have been here. */
static void list_virtual(const struct model *model, const struct pci_address *physical,
                         struct pci_address **list, size_t *n) {
        const struct function *f = model_function(model, physical);
        struct function *const *all;
        size_t n_all;
        int r = 0;

        all = model_functions(model, &n_all);
        for (size_t i = 0; r >= 0 && i < n_all; i++)
                if (all[i]->is_virtual && pci_address_compare(&all[i]->physical, physical) == 0)
                        r = add_address(list, n, &all[i]->address);
        for (size_t i = 0; r >= 0 && f && i < f->n_virtual_functions; i++)
                if (!model_function(model, &f->virtual_functions[i]))
                        r = add_address(list, n, &f->virtual_functions[i]);
}

static void refresh_function(struct model *model, const struct movement *m) {
        struct function *f = refresh_find(model, m);
        _cleanup_free_ struct pci_address *list = NULL;
        size_t n = 0;

        if (f)
                model_set_moving(f, false);
        model_update(model, &m->address, MOVED_BY_US);

        list_virtual(model, &m->address, &list, &n);
        for (size_t i = 0; i < n; i++) {
                f = model_function(model, &list[i]);
                if (f && f->moving)
                        model_set_moving(f, false);
                model_update(model, &list[i], MOVED_BY_US);
        }
}

void refresh_moved(struct model *model, const struct plan *plan) {
        for (size_t i = 0; i < plan->n_movements; i++)
                refresh_function(model, &plan->movements[i]);
}
