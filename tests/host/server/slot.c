/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is plugged in: functions as a topology describes them, whether the kernel knows of them or not. */

#include <ctype.h>
#include <errno.h>
#include <stdio.h>

#include "pci.h"

static int parse_hex_pair(const char *v, uint16_t *ret_a, uint16_t *ret_b) {
        unsigned a, b;

        if (sscanf(v, "%4x:%4x", &a, &b) != 2)
                return -EINVAL;
        *ret_a = a;
        *ret_b = b;
        return 0;
}

static int parse_buses(const char *v, struct function *f) {
        int n = sscanf(v, "%x-%x", &f->secondary, &f->subordinate);

        if (n == 1)
                f->subordinate = f->secondary;
        return n < 1 || f->secondary == 0 || f->secondary > 0xff ? -EINVAL : 0;
}

static int parse_group(const char *v, int *ret) {
        unsigned long id;

        if (streq(v, "none"))
                *ret = -2;
        else if (streq(v, "auto"))
                *ret = -1;
        else if (parse_number(v, 10, INT32_MAX, &id) < 0)
                return -EINVAL;
        else
                *ret = id;
        return 0;
}

/* "a,b" becomes " a b ". */
static char *parse_names(const char *v) {
        char *s = must_format(" %s ", v);

        for (char *p = s; *p; p++)
                if (*p == ',')
                        *p = ' ';
        return s;
}

static int parse_unsigned(const char *v, int base, unsigned long max, unsigned *ret) {
        unsigned long n;

        if (parse_number(v, base, max, &n) < 0)
                return -EINVAL;
        *ret = n;
        return 0;
}

static int parse_flag(struct function *f, const char *w) {
        if (streq(w, "boot-vga"))
                f->boot_vga = true;
        else if (streq(w, "conventional"))
                f->conventional = true;
        else if (streq(w, "to-pci"))
                f->to_pci = true;
        else
                return -EINVAL;
        return 0;
}

static int parse_word(struct function *f, char *w) {
        char *v = strchr(w, '=');
        unsigned n;
        int r = 0;

        if (!v)
                return parse_flag(f, w);
        *v++ = '\0';
        if (streq(w, "id"))
                return parse_hex_pair(v, &f->vendor, &f->device);
        if (streq(w, "subsystem"))
                return parse_hex_pair(v, &f->subvendor, &f->subdevice);
        if (streq(w, "class"))
                return parse_unsigned(v, 16, 0xffffff, &f->class);
        if (streq(w, "revision")) {
                r = parse_unsigned(v, 16, 0xff, &n);
                f->revision = r < 0 ? 0 : n;
        } else if (streq(w, "bus"))
                return parse_buses(v, f);
        else if (streq(w, "group"))
                return parse_group(v, &f->group_id);
        else if (streq(w, "numa"))
                f->numa_node = atoi(v);
        else if (streq(w, "driver"))
                f->wanted = must_dup(v);
        else if (streq(w, "override"))
                f->override = must_dup(v);
        else if (streq(w, "net"))
                f->net = must_dup(v);
        else if (streq(w, "block"))
                f->blocks = must_dup(v);
        else if (streq(w, "drm"))
                f->drm = must_dup(v);
        else if (streq(w, "resets")) {
                f->resets = parse_names(v);
                f->reset_order = must_dup(f->resets);
        } else if (streq(w, "working-resets"))
                f->working_resets = parse_names(v);
        else if (streq(w, "vfs"))
                return parse_unsigned(v, 10, 0xffff, &f->total_vfs);
        else if (streq(w, "vf-offset"))
                return parse_unsigned(v, 10, 0xffff, &f->vf_offset);
        else if (streq(w, "vf-stride"))
                return parse_unsigned(v, 10, 0xffff, &f->vf_stride);
        else if (streq(w, "vf-group"))
                return parse_group(v, &f->vf_group);
        else if (streq(w, "vf-id")) {
                r = parse_unsigned(v, 16, 0xffff, &n);
                f->vf_device = r < 0 ? 0 : n;
        } else if (streq(w, "node-delay")) {
                r = parse_unsigned(v, 10, INT32_MAX, &n);
                f->node_delay_ms = r < 0 ? -1 : (int) n;
        } else
                return -EINVAL;
        return r;
}

static int parse_address(const char *w, struct function **ret) {
        unsigned domain, bus, slot, function;
        int end = 0;

        if (sscanf(w, "%8x:%2x:%2x.%1x%n", &domain, &bus, &slot, &function, &end) != 4 || w[end] ||
            slot > 31 || function > 7)
                return -EINVAL;
        *ret = function_new(domain, bus, slot << 3 | function);
        return 0;
}

int function_parse(const char *line, struct function **ret, char **ret_error) {
        _cleanup_free_ char *copy = must_dup(line);
        struct function *f;
        char *words[32];
        size_t n = split_words(copy, words, ELEMENTSOF(words));

        if (n < 2 || !streq(words[0], "function") || parse_address(words[1], &f) < 0) {
                *ret_error = must_format("expected: function DDDD:BB:SS.F KEY=VALUE…, not: %s", line);
                return -EINVAL;
        }
        for (size_t i = 2; i < n; i++) {
                _cleanup_free_ char *word = must_dup(words[i]);

                if (parse_word(f, words[i]) < 0) {
                        *ret_error = must_format("cannot make sense of \"%s\"", word);
                        object_unref(&f->object);
                        return -EINVAL;
                }
        }
        if (f->vf_device == 0)
                f->vf_device = f->device;
        *ret = f;
        return 0;
}

static struct slot *slot_find(struct sim *s, const char *name) {
        for (struct slot *p = s->slots; p; p = p->next)
                if (streq(p->name, name))
                        return p;
        return NULL;
}

int slot_plug(struct sim *s, const char *line, bool hand_out, char **ret_error) {
        struct function *f;
        struct slot *p;
        int r;

        r = function_parse(line, &f, ret_error);
        if (r < 0)
                return r;
        if (function_at(s, f->domain, f->bus, f->devfn) || (s->started && slot_find(s, f->object.label))) {
                *ret_error = must_format("%s is there already", f->object.label);
                object_unref(&f->object);
                return -EEXIST;
        }
        p = must_alloc(sizeof(*p));
        *p = (struct slot) {
                .next = s->slots, .name = must_dup(f->object.label), .line = must_dup(line), .function = f,
        };
        s->slots = p;
        object_ref(&f->object);
        function_register(s, f);
        if (hand_out)
                function_hand_out(s, f);
        object_unref(&f->object);
        return 0;
}

int slot_unplug(struct sim *s, const char *name) {
        for (struct slot **p = &s->slots; *p; p = &(*p)->next) {
                struct slot *gone = *p;

                if (!streq(gone->name, name))
                        continue;
                *p = gone->next;
                free(gone->name);
                free(gone->line);
                free(gone);
                return 0;
        }
        return -ENODEV;
}

void slot_forget(struct sim *s, const struct function *f) {
        for (struct slot *p = s->slots; p; p = p->next)
                if (p->function == f)
                        p->function = NULL;
}

/* The next that the kernel does not know, bridges before what is behind them. */
static struct slot *next_unknown(struct sim *s) {
        struct slot *best = NULL;

        for (struct slot *p = s->slots; p; p = p->next)
                if (!p->function && (!best || strcmp(p->name, best->name) < 0))
                        best = p;
        return best;
}

void slot_rescan(struct sim *s) {
        struct slot *p;

        while ((p = next_unknown(s))) {
                _cleanup_free_ char *error = NULL;
                struct function *f;

                if (function_parse(p->line, &f, &error) < 0)
                        return;
                p->function = f;
                free(f->wanted);
                f->wanted = NULL;
                object_ref(&f->object);
                function_register(s, f);
                function_hand_out(s, f);
                object_unref(&f->object);
        }
}
