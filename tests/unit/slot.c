/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What is left of a function when it has left pciback, with stand-ins for Xen's toolstack. */

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "service/move/steps/slot.h"
#include "tests/unit/unit.h"
#include "tests/unit/xenstored.h"

#define NIC "0000:0a:10.3"
#define LIMIT_MSEC 10000

/* Of today's toolstack, of an older one, and about another function. */
static const struct key keys[] = {
        { "/libxl/pci/0000-0a-10-3/driver_path", "/sys/bus/pci/drivers/e1000e" },
        { "/libxl/pciback/0000-0a-10-3/domid", "1" },
        { "/libxl/pci/0000-0a-10-2/domid", "1" },
};

/* A program in the place of xl, which begins with writing down what it was called with. */
static void write_xl(struct tree *tree, const char *end) {
        _cleanup_free_ char *program = tree_name(tree, "usr/sbin/xl"), *log = tree_name(tree, "log");

        tree_write(tree, "usr/sbin/xl", "#!/bin/sh\necho \"$@\" >%s\n%s\n", log, end);
        assert_int_equal(chmod(program, 0755), 0);
}

static int remove_slot(struct tree *tree, unsigned limit_msec) {
        struct pci_address address = at(NIC);

        tree_write(tree, "log", "%s", "");
        tree_write(tree, "sys/bus/pci/drivers/pciback/remove_slot", "%s", "");
        return slot_remove(tree->root, -EBADF, "pciback", &address, limit_msec);
}

static void assert_log(struct tree *tree, const char *content) {
        _cleanup_free_ char *slot = tree_read(tree, "sys/bus/pci/drivers/pciback/remove_slot"),
                            *log = tree_read(tree, "log");

        assert_string_equal(slot, NIC "\n");
        assert_string_equal(log, content);
}

/* Only what the toolstack has had can be in quarantine. */
static void test_toolstack(void **state) {
        static const char *const logs[ELEMENTSOF(keys)] = { "pci-assignable-remove " NIC "\n",
                                                            "pci-assignable-remove " NIC "\n", "" };
        struct tree *tree = *state;

        write_xl(tree, "");
        assert_int_equal(remove_slot(tree, LIMIT_MSEC), 0);
        assert_log(tree, "");

        for (size_t i = 0; i < ELEMENTSOF(keys); i++) {
                struct xenstored xenstored = { .keys = &keys[i], .n = 1 };

                xenstored_start(&xenstored, tree);
                assert_int_equal(remove_slot(tree, LIMIT_MSEC), 0);
                assert_log(tree, logs[i]);
                xenstored_stop(&xenstored);
        }
}

/* Whether xl is there, and what it says, changes nothing; that it does not come to an end does. */
static void test_xl(void **state) {
        struct xenstored xenstored = { .keys = keys, .n = ELEMENTSOF(keys) };
        struct tree *tree = *state;

        xenstored_start(&xenstored, tree);
        assert_int_equal(remove_slot(tree, LIMIT_MSEC), 0);
        write_xl(tree, "exit 1");
        assert_int_equal(remove_slot(tree, LIMIT_MSEC), 0);
        write_xl(tree, "exec sleep 1000");
        assert_int_equal(remove_slot(tree, 50), -ETIMEDOUT);
        xenstored_stop(&xenstored);
}

UNIT_MAIN(ON_TREE(test_toolstack), ON_TREE(test_xl))
