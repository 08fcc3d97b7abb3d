/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Two sorted arrays, of functions and of groups, and what others note about them. */

#include <errno.h>

#include "service/host/array.h"
#include "service/host/model-rooms.h"

static const struct model_listener nobody;

int model_new(const struct root *root, struct aliases *aliases, struct model **ret) {
        struct model *model;

        model = calloc(1, sizeof(*model));
        if (!model)
                return -ENOMEM;

        model->root = root;
        model->aliases = aliases;
        model->listener = &nobody;
        model->names = names_new();
        if (!model->names) {
                free(model);
                return -ENOMEM;
        }

        *ret = model;
        return 0;
}

struct model *model_free(struct model *model) {
        if (!model)
                return NULL;

        for (size_t i = 0; i < model->n_functions; i++)
                function_free(model->functions[i]);
        for (size_t i = 0; i < model->n_groups; i++)
                group_free(model->groups[i]);
        free(model->functions);
        free(model->groups);
        names_free(model->names);
        free(model);
        return NULL;
}

void model_set_listener(struct model *model, const struct model_listener *listener, void *userdata) {
        model->listener = listener ?: &nobody;
        model->userdata = userdata;
}

const struct root *model_root(const struct model *model) {
        return model->root;
}

struct aliases *model_aliases(const struct model *model) {
        return model->aliases;
}

void model_trim(struct model *model) {
        names_unload(model->names);
}

static int compare_to_group(const void *key, const void *element) {
        int a = *(const int *) key, b = (int) ((const struct group *) element)->id;

        return (a > b) - (a < b);
}

size_t model_place(const struct model *model, const struct pci_address *address) {
        return array_lower_bound(model->functions, model->n_functions, address, function_compare_address);
}

size_t model_group_place(const struct model *model, int id) {
        return array_lower_bound(model->groups, model->n_groups, &id, compare_to_group);
}

struct function *model_function(const struct model *model, const struct pci_address *address) {
        size_t at = model_place(model, address);

        if (at < model->n_functions && pci_address_compare(&model->functions[at]->address, address) == 0)
                return model->functions[at];
        return NULL;
}

struct group *model_group(const struct model *model, int id) {
        size_t at = model_group_place(model, id);

        return at < model->n_groups && (int) model->groups[at]->id == id ? model->groups[at] : NULL;
}

struct function *const *model_functions(const struct model *model, size_t *ret_n) {
        *ret_n = model->n_functions;
        return model->functions;
}

struct group *const *model_groups(const struct model *model, size_t *ret_n) {
        *ret_n = model->n_groups;
        return model->groups;
}

int model_set_override(struct model *model, struct function *f, const char *override) {
        int r;

        if (streq(f->override, override))
                return 0;

        r = free_and_copy(&f->override, override);
        if (r < 0)
                return r;

        tell(model, function_changed, f, FUNCTION_OVERRIDE);
        return 0;
}

int model_set_home(struct model *model, struct function *f, const char *home) {
        int r;

        if (streq(f->home, home))
                return 0;

        r = free_and_copy(&f->home, home);
        if (r < 0)
                return r;

        tell(model, function_changed, f, FUNCTION_HOME);
        return 0;
}

int model_set_lease(struct model *model, struct function *f, const char *holder, bool returning) {
        int r;

        if (streq(f->lease, holder) && f->returning == returning)
                return 0;

        r = free_and_copy(&f->lease, holder);
        if (r < 0)
                return r;

        f->returning = returning;
        tell(model, function_changed, f, FUNCTION_LEASE);
        return 0;
}

void model_set_busy(struct model *model, struct function *f, bool busy) {
        if (f->busy == busy)
                return;

        f->busy = busy;
        tell(model, function_changed, f, FUNCTION_BUSY);
}

void model_set_moving(struct function *f, bool moving) {
        f->moving = moving;
        f->n_turns++;
}
