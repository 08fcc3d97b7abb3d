/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The model on a tree: what it holds, and what it tells its listener, in which order. */

#include "tests/unit/host.h"
#include "tests/unit/modules.h"
#include "tests/unit/unit.h"

static void test_first_scan(void **state) {
        struct host *host = *state;

        assert_ok(model_scan(host->model));
        witness_expect(&host->witness, "+ 0000:00:03.0\n"
                                       "+ 0000:00:1c.0\ngroup + 1\n"
                                       "+ 0000:00:1f.0\ngroup + 2\n"
                                       "+ 0000:01:00.0\ngroup ~ 1 members,viable\n"
                                       "+ 0000:01:00.1\ngroup ~ 1 members,viable\n");

        /* Nothing has changed, so there is nothing to tell. */
        assert_ok(model_scan(host->model));
        witness_expect(&host->witness, "");
}

static void test_what_it_holds(void **state) {
        static const char *const order[] = { "0000:00:03.0", "0000:00:1c.0", "0000:00:1f.0", "0000:01:00.0",
                                             "0000:01:00.1" };
        struct host *host = *state;
        struct function *const *all;
        struct group *const *groups;
        const struct group *g;
        size_t n;

        host_scan(host);
        all = model_functions(host->model, &n);
        assert_int_equal(n, ELEMENTSOF(order));
        for (size_t i = 0; i < n; i++) {
                assert_string_equal(PCI_ADDRESS_TEXT(&all[i]->address), order[i]);
                assert_ptr_equal(all[i]->model, host->model);
        }

        groups = model_groups(host->model, &n);
        assert_int_equal(n, 2);
        assert_int_equal(groups[0]->id, 1);
        assert_int_equal(groups[1]->id, 2);

        g = model_group(host->model, 1);
        assert_string_equal(g->type, "DMA-FQ");
        assert_int_equal(g->n_members, 3);
        assert_string_equal(PCI_ADDRESS_TEXT(&g->members[0]->address), "0000:00:1c.0");
        assert_string_equal(PCI_ADDRESS_TEXT(&g->members[2]->address), "0000:01:00.1");
        assert_int_equal(g->n_blockers, 2);

        assert_null(model_group(host->model, 3));
        assert_null(model_group(host->model, -1));
        assert_null(host_function(host, "0000:05:00.0"));
        assert_ptr_equal(model_root(host->model), host->tree->root);
        assert_ptr_equal(model_aliases(host->model), host->aliases);
}

/* No list of devices is a host that cannot be looked at, not one without devices. */
static void test_scan_fails(void **state) {
        struct host *host = *state;
        _cleanup_free_ char *from = tree_name(host->tree, "sys/bus"),
                            *to = tree_name(host->tree, "sys/bus-away");
        size_t n;

        host_scan(host);
        assert_int_equal(rename(from, to), 0);
        assert_int_equal(model_scan(host->model), -ENOENT);
        assert_int_equal(rename(to, from), 0);
        witness_expect(&host->witness, "");
        model_functions(host->model, &n);
        assert_int_equal(n, ELEMENTSOF(host_small));
}

/* What cannot be read hides nothing else, and what cannot be read just now has not gone. */
static void test_unreadable(void **state) {
        static const struct fake_function more = { .address = "0000:00:02.0", .class_code = 0x020000 };
        struct host *host = *state;
        struct pci_address address = at("0000:01:00.0");

        tree_add(host->tree, &more);
        tree_write(host->tree, "sys/bus/pci/devices/0000:00:02.0/modalias", "none\n");
        host_scan(host);
        assert_null(host_function(host, "0000:00:02.0"));
        assert_non_null(host_function(host, "0000:01:00.1"));

        tree_set_driver(host->tree, "0000:01:00.0", NULL);
        tree_write(host->tree, "sys/bus/pci/devices/0000:01:00.0/driver", "no link");
        tree_set_driver(host->tree, "0000:01:00.1", NULL);
        assert_int_equal(model_update(host->model, &address, MOVED_BY_KERNEL), -EINVAL);
        witness_expect(&host->witness, "");
        assert_ok(model_scan(host->model));
        witness_expect(&host->witness,
                       "~ 0000:01:00.1 driver\ngroup ~ 1 viable\n> 0000:01:00.1 e1000e - kernel\n");
        assert_string_equal(host_function(host, "0000:01:00.0")->driver, "e1000e");
}

static void test_move(void **state) {
        struct host *host = *state;

        host_scan(host);
        tree_set_driver(host->tree, "0000:01:00.0", "vfio-pci");
        host_update(host, "0000:01:00.0", MOVED_BY_KERNEL);
        witness_expect(&host->witness,
                       "~ 0000:01:00.0 driver\ngroup ~ 1 viable\n> 0000:01:00.0 e1000e vfio-pci kernel\n");

        tree_set_driver(host->tree, "0000:01:00.0", NULL);
        host_update(host, "0000:01:00.0", MOVED_BY_US);
        witness_expect(&host->witness, "~ 0000:01:00.0 driver\n> 0000:01:00.0 vfio-pci - us\n");

        tree_set_driver(host->tree, "0000:00:03.0", "bochs-drm");
        host_update(host, "0000:00:03.0", MOVED_BY_KERNEL);
        witness_expect(&host->witness, "~ 0000:00:03.0 driver\n> 0000:00:03.0 - bochs-drm kernel\n");
}

/* A variant that only its directory gives away, which comes after the link to the driver. */
static void test_seen_late(void **state) {
        struct host *host = *state;

        host_scan(host);
        tree_set_driver(host->tree, "0000:01:00.0", "new-driver");
        host_update(host, "0000:01:00.0", MOVED_BY_KERNEL);
        witness_expect(&host->witness, "~ 0000:01:00.0 driver\n> 0000:01:00.0 e1000e new-driver kernel\n");

        tree_directory(host->tree, "sys/bus/pci/devices/0000:01:00.0/vfio-dev/vfio0");
        host_update(host, "0000:01:00.0", MOVED_BY_KERNEL);
        witness_expect(&host->witness, "~ 0000:01:00.0 driver\ngroup ~ 1 viable\n");
        assert_int_equal(host_function(host, "0000:01:00.0")->kind, DRIVER_VFIO);
}

/* What changes without an event is noticed with the next look. */
static void test_without_event(void **state) {
        struct host *host = *state;

        host_scan(host);
        tree_write(host->tree, "sys/kernel/iommu_groups/1/type", "identity\n");
        host_update(host, "0000:01:00.0", MOVED_BY_KERNEL);
        witness_expect(&host->witness, "group ~ 1 type\n");
        assert_string_equal(model_group(host->model, 1)->type, "identity");

        modules_make(host->tree, "new_vfio_pci loadable alias=vfio_pci:v00008086d000010D3sv*sd*bc*sc*i*\n");
        assert_true(aliases_refresh(host->aliases));
        host_update(host, "0000:01:00.0", MOVED_BY_KERNEL);
        witness_expect(&host->witness, "~ 0000:01:00.0 vfio-driver\n");
        assert_string_equal(host_function(host, "0000:01:00.0")->vfio_driver, "new_vfio_pci");
}

static void test_added_and_removed(void **state) {
        static const struct fake_function more = { .address = "0000:01:00.2",
                                                   .below = "0000:00:1c.0",
                                                   .class_code = 0x020000,
                                                   .driver = "e1000e",
                                                   .group = "9" };
        struct host *host = *state;

        host_scan(host);
        host_update(host, "0000:01:00.2", MOVED_BY_KERNEL);
        witness_expect(&host->witness, "");

        tree_add(host->tree, &more);
        host_update(host, "0000:01:00.2", MOVED_BY_KERNEL);
        witness_expect(&host->witness, "+ 0000:01:00.2\ngroup + 9\n");

        tree_remove(host->tree, "0000:01:00.2");
        host_update(host, "0000:01:00.2", MOVED_BY_KERNEL);
        witness_expect(&host->witness, "- 0000:01:00.2\ngroup - 9\n");
        assert_null(model_group(host->model, 9));

        tree_remove(host->tree, "0000:01:00.1");
        tree_remove(host->tree, "0000:00:03.0");
        assert_ok(model_scan(host->model));
        witness_expect(&host->witness, "- 0000:01:00.1\ngroup ~ 1 members,viable\n- 0000:00:03.0\n");
}

static void test_another_device(void **state) {
        static const struct fake_function other = { .address = "0000:01:00.1",
                                                    .below = "0000:00:1c.0",
                                                    .vendor = 0x10ec,
                                                    .device = 0x8168,
                                                    .class_code = 0x020000,
                                                    .driver = "r8169",
                                                    .group = "1" };
        struct host *host = *state;
        ino_t before;

        host_scan(host);
        before = host_function(host, "0000:01:00.1")->identity;
        tree_remove(host->tree, "0000:01:00.1");
        tree_add(host->tree, &other);
        host_update(host, "0000:01:00.1", MOVED_BY_KERNEL);
        witness_expect(&host->witness, "- 0000:01:00.1\ngroup ~ 1 members,viable\n"
                                       "+ 0000:01:00.1\ngroup ~ 1 members,viable\n");
        assert_int_equal(host_function(host, "0000:01:00.1")->vendor, 0x10ec);
        assert_true(host_function(host, "0000:01:00.1")->identity != before);

        /* The same found by a scan, and alone in its group. */
        tree_remove(host->tree, "0000:00:1f.0");
        tree_add(host->tree, &host_small[3]);
        assert_ok(model_scan(host->model));
        witness_expect(&host->witness, "- 0000:00:1f.0\ngroup - 2\n+ 0000:00:1f.0\ngroup + 2\n");
}

static void test_moving(void **state) {
        struct host *host = *state;
        struct function *f;

        host_scan(host);
        f = host_function(host, "0000:01:00.0");
        model_set_moving(f, true);
        tree_set_driver(host->tree, "0000:01:00.0", NULL);
        host_update(host, "0000:01:00.0", MOVED_BY_KERNEL);
        assert_ok(model_scan(host->model));
        witness_expect(&host->witness, "");

        tree_set_driver(host->tree, "0000:01:00.0", "vfio-pci");
        model_set_moving(f, false);
        host_update(host, "0000:01:00.0", MOVED_BY_US);
        witness_expect(&host->witness,
                       "~ 0000:01:00.0 driver\ngroup ~ 1 viable\n> 0000:01:00.0 e1000e vfio-pci us\n");

        /* One that disappears meanwhile is gone all the same. */
        model_set_moving(f, true);
        tree_remove(host->tree, "0000:01:00.0");
        host_update(host, "0000:01:00.0", MOVED_BY_KERNEL);
        witness_expect(&host->witness, "- 0000:01:00.0\ngroup ~ 1 members,viable\n");
}

/* What uevents tell of states that sysfs no longer shows, and what is too old to tell anything. */
static void test_noted_driver(void **state) {
        struct host *host = *state;
        struct function *f;

        tree_write(host->tree, "sys/kernel/uevent_seqnum", "100\n");
        host_scan(host);
        f = host_function(host, "0000:01:00.0");
        assert_ok(model_note_driver(host->model, f, "", 99));
        assert_ok(model_note_driver(host->model, f, "", 100));
        assert_ok(model_note_driver(host->model, f, "e1000e", 101));
        witness_expect(&host->witness, "");

        assert_ok(model_note_driver(host->model, f, "", 102));
        witness_expect(&host->witness,
                       "~ 0000:01:00.0 driver\ngroup ~ 1 viable\n> 0000:01:00.0 e1000e - kernel\n");
        assert_int_equal(f->kind, DRIVER_NONE);
        assert_ok(model_note_driver(host->model, f, "vfio-pci", 103));
        witness_expect(&host->witness, "~ 0000:01:00.0 driver\n> 0000:01:00.0 - vfio-pci kernel\n");
        assert_int_equal(f->kind, DRIVER_VFIO);
        assert_ok(model_note_driver(host->model, f, "e1000e", 102));
        witness_expect(&host->witness, "");

        /* While it is being moved, nobody is told. */
        model_set_moving(f, true);
        assert_ok(model_note_driver(host->model, f, "x", 104));
        witness_expect(&host->witness, "");
        assert_string_equal(f->driver, "vfio-pci");
}

static void test_what_others_find_out(void **state) {
        struct host *host = *state;
        struct function *f;

        host_scan(host);
        f = host_function(host, "0000:01:00.0");
        for (unsigned twice = 0; twice < 2; twice++) {
                assert_ok(model_set_override(host->model, f, "vfio-pci"));
                assert_ok(model_set_home(host->model, f, "e1000e"));
                model_set_busy(host->model, f, true);
        }
        witness_expect(&host->witness,
                       "~ 0000:01:00.0 override\n~ 0000:01:00.0 home\n~ 0000:01:00.0 busy\n");
        assert_string_equal(f->override, "vfio-pci");
        assert_string_equal(f->home, "e1000e");
        assert_true(f->busy);

        /* What no attribute shows survives a look at those that are shown. */
        tree_set_driver(host->tree, "0000:01:00.0", NULL);
        host_update(host, "0000:01:00.0", MOVED_BY_KERNEL);
        assert_string_equal(f->override, "vfio-pci");
        assert_string_equal(f->home, "e1000e");
        assert_true(f->busy);
}

static void test_nobody_listens(void **state) {
        struct host *host = *state;

        model_set_listener(host->model, NULL, NULL);
        assert_ok(model_scan(host->model));
        tree_remove(host->tree, "0000:01:00.1");
        assert_ok(model_scan(host->model));
        witness_expect(&host->witness, "");
}

/* Virtual functions appear and vanish without a word about their physical function. */
static void test_virtual_functions(void **state) {
        static const struct fake_function with_one[] = {
                { .address = "0000:05:00.0", .driver = "nvme", .total_vfs = "4", .vfs = "0000:05:00.1" },
                { .address = "0000:05:00.1", .physical = "0000:05:00.0", .group = "7" },
        };
        struct host *host = *state;

        host_scan(host);
        tree_add_all(host->tree, with_one, ELEMENTSOF(with_one));
        host_scan(host);
        assert_int_equal(host_function(host, "0000:05:00.0")->n_virtual_functions, 1);

        tree_unlink(host->tree, "sys/bus/pci/devices/0000:05:00.0/virtfn0");
        tree_remove(host->tree, "0000:05:00.1");
        host_update(host, "0000:05:00.1", MOVED_BY_KERNEL);
        witness_expect(&host->witness, "- 0000:05:00.1\ngroup - 7\n~ 0000:05:00.0 vfs\n");
        assert_int_equal(host_function(host, "0000:05:00.0")->n_virtual_functions, 0);

        /* Both at once, as when the card is pulled out. */
        tree_remove(host->tree, "0000:05:00.0");
        tree_add_all(host->tree, with_one, ELEMENTSOF(with_one));
        host_scan(host);
        tree_remove(host->tree, "0000:05:00.1");
        tree_remove(host->tree, "0000:05:00.0");
        host_scan(host);
        assert_null(host_function(host, "0000:05:00.0"));
        assert_null(host_function(host, "0000:05:00.1"));
}

static void test_crowd(void **state) {
        struct host *host = *state;
        size_t n;

        host_scan(host);
        for (unsigned i = 0; i < 200; i++) {
                char address[PCI_ADDRESS_SIZE], group[16];
                struct fake_function f = { .address = address, .class_code = 0x020000, .group = group };

                /* Neither in the order of addresses nor of groups. */
                snprintf(address, sizeof(address), "0001:%02x:%02x.0", i * 7 % 256, i % 32);
                snprintf(group, sizeof(group), "%u", 100 + (199 - i) / 3);
                tree_add(host->tree, &f);
        }
        assert_ok(model_scan(host->model));
        model_functions(host->model, &n);
        assert_int_equal(n, ELEMENTSOF(host_small) + 200);
        for (size_t i = 1; i < n; i++) {
                struct function *const *all = model_functions(host->model, &n);

                assert_true(pci_address_compare(&all[i - 1]->address, &all[i]->address) < 0);
        }
        model_groups(host->model, &n);
        assert_int_equal(n, 2 + 67);
}

#define ON_HOST(test)                                                                                       \
        cmocka_unit_test_prestate_setup_teardown(test, host_setup, host_teardown, CAST(host_small))

UNIT_MAIN(ON_HOST(test_first_scan), ON_HOST(test_what_it_holds), ON_HOST(test_scan_fails),
          ON_HOST(test_unreadable), ON_HOST(test_move), ON_HOST(test_seen_late), ON_HOST(test_without_event),
          ON_HOST(test_added_and_removed), ON_HOST(test_another_device), ON_HOST(test_moving),
          ON_HOST(test_noted_driver), ON_HOST(test_what_others_find_out), ON_HOST(test_nobody_listens),
          ON_HOST(test_virtual_functions), ON_HOST(test_crowd))
