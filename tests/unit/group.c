/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Groups in the model: who belongs to them, when they are viable, and what is told of it. */

#include "tests/unit/host.h"
#include "tests/unit/unit.h"

/* The list of members alone: sorted, and nobody's but the group's. */
static void test_members(void **state) {
        struct host *host = *state;
        struct function *f[3];
        struct group *g;

        host_scan(host);
        for (size_t i = 0; i < ELEMENTSOF(f); i++)
                f[i] = host_function(host, host_small[i].address);
        assert_ok(group_new(host->tree->root, 1, &g));
        assert_string_equal(g->type, "DMA-FQ");
        assert_int_equal(group_count_blockers(g), 0);

        assert_ok(group_add(g, f[2]));
        assert_ok(group_add(g, f[0]));
        assert_ok(group_add(g, f[1]));
        assert_int_equal(group_count_blockers(g), 2);
        for (size_t i = 1; i < g->n_members; i++)
                assert_true(pci_address_compare(&g->members[i - 1]->address, &g->members[i]->address) < 0);

        group_remove(g, f[1]);
        group_remove(g, f[1]);
        assert_int_equal(g->n_members, 2);
        assert_int_equal(group_count_blockers(g), 1);
        group_free(g);

        /* One of which the kernel says nothing. */
        assert_ok(group_new(host->tree->root, 99, &g));
        assert_string_equal(g->type, "");
        group_free(g);
}

/* Each driver on each member; viability is told when the number of blockers has changed, and once. */
static void test_viability(void **state) {
        static const struct {
                const char *address, *driver;
                unsigned blockers;
        } rows[] = {
                { "0000:01:00.0", "vfio-pci", 1 }, { "0000:01:00.1", NULL, 0 },
                { "0000:01:00.1", "pci-stub", 0 }, { "0000:01:00.0", "pciback", 1 },
                { "0000:01:00.0", "e1000e", 1 },   { "0000:00:1c.0", "shpchp", 2 },
                { "0000:00:1c.0", NULL, 1 },       { "0000:01:00.0", "vfio-pci", 0 },
                { "0000:01:00.1", "vfio-pci", 0 },
        };
        struct host *host = *state;
        const struct group *g;
        unsigned before;

        host_scan(host);
        g = model_group(host->model, 1);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                const char *told;

                before = g->n_blockers;
                tree_set_driver(host->tree, rows[i].address, rows[i].driver);
                host_update(host, rows[i].address, MOVED_BY_KERNEL);
                host_update(host, rows[i].address, MOVED_BY_KERNEL);
                assert_row(g->n_blockers == rows[i].blockers, "row %zu: %u", i, g->n_blockers);
                told = strstr(host->witness.text, "group ~ 1 viable\n");
                assert_row(!told == (before == rows[i].blockers), "row %zu", i);
                assert_row(!told || !strstr(told + 1, "group ~"), "row %zu: told twice", i);
                host->witness = (struct witness){};
        }
}

static void test_changes_group(void **state) {
        struct host *host = *state;

        host_scan(host);
        tree_set_group(host->tree, "0000:01:00.1", "2");
        host_update(host, "0000:01:00.1", MOVED_BY_KERNEL);
        witness_expect(&host->witness,
                       "~ 0000:01:00.1 group\ngroup ~ 1 members,viable\ngroup ~ 2 members,viable\n");

        tree_set_group(host->tree, "0000:00:1f.0", NULL);
        tree_set_group(host->tree, "0000:01:00.1", NULL);
        host_update(host, "0000:00:1f.0", MOVED_BY_KERNEL);
        host_update(host, "0000:01:00.1", MOVED_BY_KERNEL);
        witness_expect(&host->witness,
                       "~ 0000:00:1f.0 group\ngroup ~ 2 members,viable\n~ 0000:01:00.1 group\ngroup - 2\n");

        tree_set_group(host->tree, "0000:01:00.1", "5");
        host_update(host, "0000:01:00.1", MOVED_BY_KERNEL);
        witness_expect(&host->witness, "~ 0000:01:00.1 group\ngroup + 5\n");
}

/* A function that changes its group and its driver at once, which is what a move away and back looks like
 * after lost events. */
static void test_changes_group_and_driver(void **state) {
        struct host *host = *state;

        host_scan(host);
        tree_set_group(host->tree, "0000:01:00.1", "2");
        tree_set_driver(host->tree, "0000:01:00.1", "vfio-pci");
        host_update(host, "0000:01:00.1", MOVED_BY_KERNEL);
        witness_expect(&host->witness,
                       "~ 0000:01:00.1 driver,group\ngroup ~ 1 members,viable\ngroup ~ 2 members,viable\n"
                       "> 0000:01:00.1 e1000e vfio-pci kernel\n");
}

#define ON_HOST(test)                                                                                       \
        cmocka_unit_test_prestate_setup_teardown(test, host_setup, host_teardown, CAST(host_small))

UNIT_MAIN(ON_HOST(test_members), ON_HOST(test_viability), ON_HOST(test_changes_group),
          ON_HOST(test_changes_group_and_driver))
