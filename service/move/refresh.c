/* SPDX-License-Identifier: GPL-2.0-or-later */

/* From the kernel into the model. */

#include "service/move/refresh.h"

struct function *refresh_find(const struct model *model, const struct movement *m) {
        struct function *f = model_function(model, &m->address);

        return f && f->identity == m->identity ? f : NULL;
}

/* The virtual functions of F, which may be NULL, as an array that the caller frees. */
static struct pci_address *list_virtual(const struct function *f, size_t *ret_n) {
        size_t n = f ? f->n_virtual_functions : 0;
        struct pci_address *list = calloc(n + 1, sizeof(*list));

        *ret_n = list ? n : 0;
        if (*ret_n > 0)
                memcpy(list, f->virtual_functions, n * sizeof(*list));
        return list;
}

static void refresh_virtual(struct model *model, const struct pci_address *list, size_t n) {
        for (size_t i = 0; i < n; i++) {
                struct function *f = model_function(model, &list[i]);

                if (f && f->moving)
                        model_set_moving(f, false);
                model_update(model, &list[i], MOVED_BY_US);
        }
}

static void refresh_function(struct model *model, const struct movement *m) {
        struct function *f = refresh_find(model, m);
        size_t n_before, n_now;
        _cleanup_free_ struct pci_address *before = list_virtual(f, &n_before), *now = NULL;

        if (f)
                model_set_moving(f, false);
        model_update(model, &m->address, MOVED_BY_US);

        now = list_virtual(refresh_find(model, m), &n_now);
        refresh_virtual(model, before, n_before);
        refresh_virtual(model, now, n_now);
}

void refresh_moved(struct model *model, const struct plan *plan) {
        for (size_t i = 0; i < plan->n_movements; i++)
                refresh_function(model, &plan->movements[i]);
}
