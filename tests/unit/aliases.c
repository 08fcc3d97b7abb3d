/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Which modules a function has, which variant of VFIO, and what stands in the way of loading one. */

#include <sys/utsname.h>

#include "service/host/aliases.h"
#include "tests/unit/modules.h"
#include "tests/unit/unit.h"

#define NIC "pci:v00008086d000010D3sv*sd*bc*sc*i*"

static const char modules[] =
                "e1000e loadable alias=" NIC "\n"
                "generic_nic loadable alias=pci:v*d*sv*sd*bc02sc00i*\n"
                "other_nic loadable alias=pci:v000010ECd00008168sv*sd*bc*sc*i*\n"
                "kept_out loadable\n"
                "replaced loadable\n"
                "present loadable\n"
                "inside builtin\n"
                "vfio_pci loadable\n"
                "nic_vfio_pci loadable alias=vfio_" NIC "\n"
                "card_vfio_pci loadable alias=vfio_pci:v00008086d000010D3sv00008086sd0000A01Fbc*sc*i*\n"
                "vendor_vfio_pci loadable alias=vfio_pci:v00008086d*sv*sd*bc*sc*i*\n"
                "catch_all_vfio_pci loadable alias=vfio_pci:v*d*sv*sd*bc03sc00i*\n";

struct host {
        struct tree *tree;
        struct aliases *aliases;
};

static int setup(void **state) {
        struct host *host = calloc(1, sizeof(*host));

        host->tree = tree_new();
        modules_make(host->tree, modules);
        tree_write(host->tree, "etc/modprobe.d/local.conf",
                   "blacklist kept_out\ninstall replaced /bin/false\nalias nickname e1000e\n");
        modules_loaded("present");
        assert_ok(aliases_new(host->tree->root, &host->aliases));
        *state = host;
        return 0;
}

static int teardown(void **state) {
        struct host *host = *state;

        aliases_free(host->aliases);
        tree_free(host->tree);
        free(host);
        return 0;
}

static void test_host_modules(void **state) {
        static const struct {
                struct function f;
                const char *a, *b; /* the same in either order */
        } rows[] = {
                { { .vendor = 0x8086, .device = 0x10d3, .class_code = 0x020000 },
                  "e1000e generic_nic",
                  "generic_nic e1000e" },
                { { .vendor = 0x8086, .device = 0x10d3, .class_code = 0x030000 }, "e1000e", "" },
                { { .vendor = 0x10ec, .device = 0x8168, .class_code = 0x020001 },
                  "other_nic generic_nic",
                  "generic_nic other_nic" },
                { { .vendor = 0x1234, .device = 0x1111, .class_code = 0x020000 }, "generic_nic", "" },
                { { .vendor = 0x1234, .device = 0x1111, .class_code = 0x030000 }, "", "" },
        };
        struct host *host = *state;

        for (unsigned twice = 0; twice < 2; twice++)
                for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                        const char *list = aliases_host_modules(host->aliases, &rows[i].f);

                        assert_row(streq(list, rows[i].a) || streq(list, rows[i].b), "row %zu: %s", i, list);
                        assert_ptr_equal(aliases_host_modules(host->aliases, &rows[i].f), list);
                }
}

static void test_variants(void **state) {
        static const struct {
                struct function f;
                const char *module;
        } rows[] = {
                /* of three patterns the one with the fewest wildcards, wherever it stands in the table */
                { { .vendor = 0x8086,
                    .device = 0x10d3,
                    .subsystem_vendor = 0x8086,
                    .subsystem_device = 0xa01f },
                  "card_vfio_pci" },
                { { .vendor = 0x8086,
                    .device = 0x10d3,
                    .subsystem_vendor = 0x8086,
                    .subsystem_device = 0xa020 },
                  "nic_vfio_pci" },
                { { .vendor = 0x8086, .device = 0x1533 }, "vendor_vfio_pci" },
                { { .vendor = 0x1234, .device = 0x1111, .class_code = 0x030000 }, "catch_all_vfio_pci" },
                { { .vendor = 0x8086, .device = 0x1533, .class_code = 0x030000 }, NULL },
                { { .vendor = 0x1234, .device = 0x1111, .class_code = 0x020000 }, "vfio_pci" },
        };
        struct host *host = *state;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                const char *module = aliases_vfio_module(host->aliases, &rows[i].f);

                /* Between patterns with equally many wildcards the table's order decides, which is depmod's.
                 */
                if (rows[i].module)
                        assert_string_equal(module, rows[i].module);
                else
                        assert_row(!streq(module, "vfio_pci"), "%s", module);
        }
}

static void test_states(void **state) {
        static const struct {
                const char *module;
                int state;
        } rows[] = {
                { "e1000e", MODULE_LOADABLE },   { "vfio_pci", MODULE_LOADABLE },
                { "vfio-pci", MODULE_LOADABLE }, { "present", MODULE_LIVE },
                { "inside", MODULE_LIVE },       { "missing", MODULE_MISSING },
                { "", MODULE_MISSING },          { "kept_out", MODULE_BLACKLISTED },
                { "replaced", MODULE_BANNED },   { "nickname", MODULE_LOADABLE },
        };
        struct host *host = *state;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                int found = aliases_module_state(host->aliases, rows[i].module);

                assert_row(found == rows[i].state, "%s: %d", rows[i].module, found);
        }
}

/* What the kernel itself does not load, whatever modprobe's configuration says. */
static void test_kept_out_by_the_kernel(void **state) {
        static const struct {
                const char *list, *disabled;
                int state;
        } rows[] = {
                { "e1000e", "0", MODULE_SHUT_OUT },        { "igb,e1000e,nouveau", "0", MODULE_SHUT_OUT },
                { "e1000,e1000e2", "0", MODULE_LOADABLE }, { "(null)", "0", MODULE_LOADABLE },
                { "(null)", "1", MODULE_LOCKED_OUT },      { "", "", MODULE_LOADABLE },
        };
        struct host *host = *state;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                tree_write(host->tree, MODULE_BLACKLIST, "%s\n", rows[i].list);
                tree_write(host->tree, MODULES_DISABLED, "%s\n", rows[i].disabled);
                assert_row(aliases_module_state(host->aliases, "e1000e") == rows[i].state, "row %zu", i);
                assert_int_equal(aliases_module_state(host->aliases, "present"), MODULE_LIVE);
                assert_int_equal(aliases_module_state(host->aliases, "replaced"), MODULE_BANNED);
        }
        tree_write(host->tree, MODULE_BLACKLIST, "vfio_pci\n");
        assert_int_equal(aliases_module_state(host->aliases, "vfio-pci"), MODULE_SHUT_OUT);
}

/* A blacklisted or banned module that is there all the same is there. */
static void test_loaded_in_spite(void **state) {
        struct host *host = *state;

        modules_loaded("kept_out replaced");
        assert_int_equal(aliases_module_state(host->aliases, "kept_out"), MODULE_LIVE);
        assert_int_equal(aliases_module_state(host->aliases, "replaced"), MODULE_LIVE);
}

/* A file that is edited in place leaves its directory as it was. */
static void test_edited(void **state) {
        struct host *host = *state;
        _cleanup_free_ char *name = tree_name(host->tree, "etc/modprobe.d/new.conf");
        FILE *file;

        tree_write(host->tree, "etc/modprobe.d/new.conf", "blacklist e1000e\n");
        assert_true(aliases_refresh(host->aliases));
        assert_int_equal(aliases_module_state(host->aliases, "generic_nic"), MODULE_LOADABLE);

        file = fopen(name, "ae");
        assert_non_null(file);
        fputs("install generic_nic /bin/false\n", file);
        assert_int_equal(fclose(file), 0);
        assert_true(aliases_refresh(host->aliases));
        assert_false(aliases_refresh(host->aliases));
        assert_int_equal(aliases_module_state(host->aliases, "e1000e"), MODULE_BLACKLISTED);
        assert_int_equal(aliases_module_state(host->aliases, "generic_nic"), MODULE_BANNED);
}

static void test_refresh(void **state) {
        static const struct function nic = { .vendor = 0x8086, .device = 0x10d3 };
        struct host *host = *state;

        assert_false(aliases_refresh(host->aliases));
        assert_int_equal(aliases_module_state(host->aliases, "e1000e"), MODULE_LOADABLE);

        tree_write(host->tree, "etc/modprobe.d/new.conf", "blacklist e1000e\n");
        assert_true(aliases_refresh(host->aliases));
        assert_false(aliases_refresh(host->aliases));
        assert_int_equal(aliases_module_state(host->aliases, "e1000e"), MODULE_BLACKLISTED);

        modules_make(host->tree, "newer loadable alias=" NIC "\nnewer_vfio_pci loadable alias=vfio_" NIC "\n"
                                 "e1000e loadable\nnic_vfio_pci loadable\ncard_vfio_pci "
                                 "loadable\nvendor_vfio_pci loadable\n"
                                 "generic_nic loadable\n");
        assert_true(aliases_refresh(host->aliases));
        assert_string_equal(aliases_host_modules(host->aliases, &nic), "newer");
        assert_string_equal(aliases_vfio_module(host->aliases, &nic), "newer_vfio_pci");
}

/* A kernel without modules. */
static void test_no_index(void **state) {
        static const struct function nic = { .vendor = 0x8086, .device = 0x10d3 };
        struct tree *tree = *state;
        struct aliases *aliases;

        modules_loaded("");
        assert_ok(aliases_new(tree->root, &aliases));
        assert_string_equal(aliases_host_modules(aliases, &nic), "");
        assert_string_equal(aliases_vfio_module(aliases, &nic), "vfio_pci");
        assert_int_equal(aliases_module_state(aliases, "vfio_pci"), MODULE_MISSING);
        assert_false(aliases_refresh(aliases));

        /* Until it gets some. */
        modules_make(tree, "vfio_pci loadable\ne1000e loadable alias=" NIC "\n");
        assert_true(aliases_refresh(aliases));
        assert_false(aliases_refresh(aliases));
        assert_int_equal(aliases_module_state(aliases, "vfio_pci"), MODULE_LOADABLE);
        assert_string_equal(aliases_host_modules(aliases, &nic), "e1000e");
        aliases_free(aliases);
}

static void test_damaged_index(void **state) {
        static const char *const contents[] = {
                "",
                "alias\n",
                "alias vfio_pci:\n",
                "alias vfio_pci:v00008086d*\n",
                "alias vfio_pci: \n",
                "alias vfio_pci:[ x\n",
                "alias vfio_pci:v00008086d*sv*sd*bc*sc*i* ",
                "\xff\xff",
                "alias  vfio_pci:v*  x  y\n",
        };
        static const struct function nic = { .vendor = 0x8086, .device = 0x10d3 };
        struct tree *tree = *state;
        struct utsname name;

        uname(&name);
        for (size_t i = 0; i < ELEMENTSOF(contents); i++) {
                struct aliases *aliases;
                char path[512];

                snprintf(path, sizeof(path), "lib/modules/%s/modules.alias", name.release);
                tree_write(tree, path, "%s", contents[i]);
                assert_ok(aliases_new(tree->root, &aliases));
                assert_row(streq(aliases_vfio_module(aliases, &nic), "vfio_pci"), "%s", contents[i]);
                aliases_free(aliases);
        }
}

#define ON_HOST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

UNIT_MAIN(ON_HOST(test_host_modules), ON_HOST(test_variants), ON_HOST(test_states),
          ON_HOST(test_kept_out_by_the_kernel), ON_HOST(test_loaded_in_spite), ON_HOST(test_edited),
          ON_HOST(test_refresh), ON_TREE(test_no_index), ON_TREE(test_damaged_index))
