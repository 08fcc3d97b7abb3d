/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Writing down what a model tells. Whatever is told must be true when it is told. */

#include "tests/unit/unit.h"
#include "tests/unit/witness.h"

struct bit {
        unsigned value;
        const char *name;
};

static const struct bit function_bits[] = {
        { FUNCTION_DRIVER, "driver" },
        { FUNCTION_OVERRIDE, "override" },
        { FUNCTION_GROUP, "group" },
        { FUNCTION_NODE, "node" },
        { FUNCTION_VIRTUAL_FUNCTIONS, "vfs" },
        { FUNCTION_RESET_METHODS, "reset" },
        { FUNCTION_HOME, "home" },
        { FUNCTION_BUSY, "busy" },
        { FUNCTION_VFIO_DRIVER, "vfio-driver" },
        { FUNCTION_LEASE, "lease" },
        { FUNCTION_REBOUND, "rebound" },
};

static const struct bit group_bits[] = {
        { GROUP_MEMBERS, "members" },
        { GROUP_VIABLE, "viable" },
        { GROUP_TYPE, "type" },
};

static void note(struct witness *witness, const char *format, ...) _printf_(2, 3);
static void note(struct witness *witness, const char *format, ...) {
        va_list arguments;

        va_start(arguments, format);
        witness->length += (size_t) vsnprintf(witness->text + witness->length,
                                              sizeof(witness->text) - witness->length, format, arguments);
        va_end(arguments);
        assert_true(witness->length < sizeof(witness->text));
}

static void note_bits(struct witness *witness, unsigned value, const struct bit *bits, size_t n) {
        const char *separator = " ";

        for (size_t i = 0; i < n; i++)
                if (value & bits[i].value) {
                        note(witness, "%s%s", separator, bits[i].name);
                        separator = ",";
                        value &= ~bits[i].value;
                }

        assert_int_equal(value, 0);
        note(witness, "\n");
}

static void on_function_added(struct function *f, void *userdata) {
        assert_ptr_equal(model_function(f->model, &f->address), f);
        note(userdata, "+ %s\n", PCI_ADDRESS_TEXT(&f->address));
}

static void on_function_removed(struct function *f, void *userdata) {
        assert_ptr_equal(model_function(f->model, &f->address), f);
        note(userdata, "- %s\n", PCI_ADDRESS_TEXT(&f->address));
}

static void on_function_changed(struct function *f, unsigned changes, void *userdata) {
        assert_ptr_equal(model_function(f->model, &f->address), f);
        note(userdata, "~ %s", PCI_ADDRESS_TEXT(&f->address));
        note_bits(userdata, changes, function_bits, ELEMENTSOF(function_bits));
}

static void on_function_moved(struct function *f, const char *from, enum moved_by mover, void *userdata) {
        note(userdata, "> %s %s %s %s\n", PCI_ADDRESS_TEXT(&f->address), *from ? from : "-",
             *f->driver ? f->driver : "-", mover == MOVED_BY_US ? "us" : "kernel");
}

static void on_group_added(struct group *g, void *userdata) {
        assert_ptr_equal(model_group(g->model, (int) g->id), g);
        note(userdata, "group + %u\n", g->id);
}

static void on_group_removed(struct group *g, void *userdata) {
        assert_ptr_equal(model_group(g->model, (int) g->id), g);
        assert_int_equal(g->n_members, 0);
        note(userdata, "group - %u\n", g->id);
}

static void on_group_changed(struct group *g, unsigned changes, void *userdata) {
        unsigned n = 0;

        for (size_t i = 0; i < g->n_members; i++)
                n += function_blocks_group(g->members[i]);
        assert_int_equal(g->n_blockers, n);
        note(userdata, "group ~ %u", g->id);
        note_bits(userdata, changes, group_bits, ELEMENTSOF(group_bits));
}

const struct model_listener witness_listener = {
        on_function_added, on_function_removed, on_function_changed, on_function_moved,
        on_group_added,    on_group_removed,    on_group_changed,
};

void witness_attach(struct witness *witness, struct model *model) {
        *witness = (struct witness){};
        model_set_listener(model, &witness_listener, witness);
}

void witness_expect(struct witness *witness, const char *lines) {
        assert_string_equal(witness->text, lines);
        *witness = (struct witness){};
}
