/* SPDX-License-Identifier: GPL-2.0-or-later */
/* reset and reset_method: drivers/pci/pci.c, __pci_reset_function_locked() and reset_method_store(). */

#include <errno.h>
#include <stdio.h>

#include "fault.h"
#include "pci.h"

/* Lists of names have a blank at either end of every name. */
static bool has_name(const char *list, const char *name) {
        _cleanup_free_ char *key = must_format(" %s ", name);

        return list && strstr(list, key);
}

/* pci_parent_bus_reset(): only for a function that is alone on its bus. */
static bool has_sibling(struct sim *s, const struct function *f) {
        for (unsigned devfn = 0; devfn < 256; devfn++)
                if (devfn != f->devfn && function_at(s, f->domain, f->bus, devfn))
                        return true;
        return false;
}

/* What the method answers to PCI_RESET_PROBE. The list holds what was possible when the function was found,
 * before the others of its bus were. */
static bool is_possible(struct sim *s, const struct function *f, const char *method) {
        return has_name(f->resets, method) && !(streq(method, "bus") && has_sibling(s, f));
}

static bool works(struct sim *s, const struct function *f, const char *method) {
        return is_possible(s, f, method) && has_name(f->working_resets ?: f->resets, method);
}

static int reset_locked(struct sim *s, struct function *f) {
        _cleanup_free_ char *order = must_dup(f->reset_order);
        char *methods[8];
        size_t n = split_words(order, methods, ELEMENTSOF(methods));
        int r;

        r = fault_strike(s, FAULT_RESET, false, f->object.label, f->object.label, methods[0]);
        if (r < 0)
                return r;
        if (f->disconnected)
                return -ENOTTY;
        for (size_t i = 0; i < n; i++)
                if (works(s, f, methods[i]))
                        return 0;
        return -ENOTTY;
}

static int store_reset(struct sim *s, struct object *o, const struct attribute *a, const char *data,
                       size_t len) {
        struct function *f = (struct function *) o;
        unsigned long v;
        int r;

        r = parse_number(data, 0, UINT32_MAX, &v);
        if (r < 0)
                return r;
        if (v != 1)
                return -EINVAL;
        gate_enter(s, &f->lock);
        r = *f->reset_order ? reset_locked(s, f) : -ENOTTY;
        gate_leave(s, &f->lock);
        return r;
}

static int show_methods(struct sim *s, struct object *o, const struct attribute *a, struct text *t) {
        const struct function *f = (struct function *) o;
        _cleanup_free_ char *order = must_dup(f->reset_order);
        char *methods[8];
        size_t n = split_words(order, methods, ELEMENTSOF(methods));

        for (size_t i = 0; i < n; i++)
                text_add(t, "%s%s", i > 0 ? " " : "", methods[i]);
        if (n > 0)
                text_add(t, "\n");
        return 0;
}

static int store_methods(struct sim *s, struct object *o, const struct attribute *a, const char *data,
                         size_t len) {
        struct function *f = (struct function *) o;
        _cleanup_free_ char *copy = must_dup(data);
        struct text order = {};
        char *methods[8];
        size_t n;

        n = split_words(copy, methods, ELEMENTSOF(methods));
        text_add(&order, " ");
        if (n == 1 && streq(methods[0], "default")) {
                free(copy);
                copy = must_dup(f->resets);
                n = split_words(copy, methods, ELEMENTSOF(methods));
                for (size_t i = 0; i < n; i++)
                        if (is_possible(s, f, methods[i]))
                                text_add(&order, "%s ", methods[i]);
        } else
                for (size_t i = 0; i < n; i++) {
                        if (!is_possible(s, f, methods[i])) {
                                text_clear(&order);
                                return -EINVAL;
                        }
                        text_add(&order, "%s ", methods[i]);
                }
        if (streq(order.data, " "))
                order.data[0] = '\0';
        free(f->reset_order);
        f->reset_order = order.data;
        return 0;
}

static bool can_reset(const struct object *o) {
        return ((const struct function *) o)->resets;
}

const struct attribute reset_attributes[] = {
        { "reset", 0200, NULL, store_reset, .visible = can_reset },
        { "reset_method", 0644, show_methods, store_methods, .visible = can_reset },
};
const size_t n_reset_attributes = ELEMENTSOF(reset_attributes);
