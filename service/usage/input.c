/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Keyboards and pointers, told from power buttons, headphone jacks and speakers by what they can do. */

#include <errno.h>
#include <limits.h>
#include <linux/input-event-codes.h>
#include <stdio.h>

#include "service/host/sysfs.h"
#include "service/usage/lookers.h"

/* What an input device must be able to do, to be of a kind. */
static const struct kind {
        const char *name;
        struct {
                const char *capability; /* NULL: no further */
                unsigned first, last;   /* all of these bits */
        } needs[3];
} kinds[] = {
        { "keyboard", { { "key", KEY_ESC, KEY_S } } }, /* the same that udev takes for a full keyboard */
        { "mouse", { { "rel", REL_X, REL_Y }, { "key", BTN_LEFT, BTN_LEFT } } },
        { "tablet or touchpad", { { "abs", ABS_X, ABS_Y }, { "key", BTN_LEFT, BTN_LEFT } } },
        { "touchscreen or touchpad", { { "abs", ABS_X, ABS_Y }, { "key", BTN_TOUCH, BTN_TOUCH } } },
        { "stylus", { { "abs", ABS_X, ABS_Y }, { "key", BTN_TOOL_PEN, BTN_TOOL_PEN } } },
};

#define WORD_BITS (8 * sizeof(unsigned long))

/* A capability, as many words as the kernel has for keys, of which there are most. */
struct bitmap {
        unsigned long words[KEY_CNT / WORD_BITS + 1];
        size_t n;
};

/* The kernel writes words of its own size in hexadecimal, the last one first, and leaves out leading ones
 * that are 0 (input_print_bitmap() in drivers/input/input.c). */
static void parse(const char *text, struct bitmap *bitmap) {
        char *end;

        for (bitmap->n = 0; *text && bitmap->n < ELEMENTSOF(bitmap->words); text = end + strspn(end, " ")) {
                bitmap->words[bitmap->n] = strtoul(text, &end, 16);
                if (end == text)
                        return;
                bitmap->n++;
        }
}

static bool has_bit(const struct bitmap *bitmap, unsigned bit) {
        size_t word = bit / WORD_BITS;

        return word < bitmap->n && bitmap->words[bitmap->n - 1 - word] >> bit % WORD_BITS & 1;
}

static bool can(const struct look *look, const struct part *part, const char *capability, unsigned first,
                unsigned last) {
        char path[PATH_MAX], text[SYSFS_VALUE_MAX];
        struct bitmap bitmap;

        snprintf(path, sizeof(path), "%s/capabilities/%s", part->path, capability);
        if (sysfs_read(look->root->sys, path, text, sizeof(text)) < 0)
                return false;

        parse(text, &bitmap);
        for (unsigned bit = first; bit <= last; bit++)
                if (!has_bit(&bitmap, bit))
                        return false;

        return true;
}

static bool is_of_kind(const struct look *look, const struct part *part, const struct kind *kind) {
        for (size_t i = 0; i < ELEMENTSOF(kind->needs) && kind->needs[i].capability; i++)
                if (!can(look, part, kind->needs[i].capability, kind->needs[i].first, kind->needs[i].last))
                        return false;

        return true;
}

static int look_at_part(struct look *look, const struct part *part) {
        char path[PATH_MAX], name[SYSFS_VALUE_MAX];

        for (size_t i = 0; i < ELEMENTSOF(kinds); i++) {
                if (!is_of_kind(look, part, &kinds[i]))
                        continue;

                snprintf(path, sizeof(path), "%s/name", part->path);
                if (sysfs_read(look->root->sys, path, name, sizeof(name)) <= 0)
                        snprintf(name, sizeof(name), "%s", part->name);
                return findings_add(
                                &look->found, FINDING_INPUT, SEVERITY_FORCE, &part->function->address, name,
                                "%s has the %s \"%s\" behind it: make sure that there is another way to operate this host",
                                PCI_ADDRESS_TEXT(&part->function->address), kinds[i].name, name);
        }

        return 0;
}

int input_look(struct look *look) {
        int r = 0;

        /* Without capabilities are the nodes below it, event3 and mouse0: they are of the same subsystem. */
        for (size_t i = 0; r >= 0 && i < look->n_parts; i++)
                if (streq(look->parts[i].subsystem, "input"))
                        r = look_at_part(look, &look->parts[i]);

        return r;
}
