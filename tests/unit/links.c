/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Functions that the kernel unbinds along with others. */

#include <limits.h>

#include "tests/unit/devices.h"
#include "tests/unit/unit.h"

#define SUPPLIER "0000:01:00.0"
#define CONSUMER "0000:02:00.0"
#define LAST "0000:03:00.0"
#define ON_CONSUMER "devices/pci0000:02/" CONSUMER "/host0/target0:0:0/0:0:0:0/block/sda"

static const struct fake_function functions[] = {
        { .address = SUPPLIER, .class_code = 0x020000, .driver = "e1000e" },
        { .address = CONSUMER, .class_code = 0x010601, .driver = "ahci" },
        { .address = LAST, .class_code = 0x010601, .driver = "ahci" },
};

/* Only the first one is asked about. */
static int setup(void **state) {
        struct setting *setting = setting_new(functions, ELEMENTSOF(functions));

        for (size_t i = 1; i < setting->n; i++)
                setting->functions[i] = function_free(setting->functions[i]);
        setting->n = 1;
        *state = setting;
        return 0;
}

static int teardown(void **state) {
        *state = setting_free(*state);
        return 0;
}

static void add_link(struct setting *setting, const char *supplier, const char *consumer, const char *status,
                     const char *sync_state_only) {
        char link[PATH_MAX], path[PATH_MAX];

        snprintf(link, sizeof(link), "devices/virtual/devlink/%s--%s", supplier, consumer);
        tree_attribute(setting->tree, link, "status", status);
        tree_attribute(setting->tree, link, "sync_state_only", sync_state_only);
        snprintf(path, sizeof(path), "devices/pci%.7s/%s/consumer:pci:%s", supplier, supplier, consumer);
        tree_sys_link(setting->tree, path, link);
}

static void test_status(void **state) {
        static const struct {
                const char *status, *sync_state_only;
                bool found;
        } rows[] = {
                { "active", "0", true },     { "consumer probing", "0", true }, { "active", "1", false },
                { "dormant", "0", false },   { "available", "0", false },       { "not tracked", "0", false },
                { "(unknown)", "0", false },
        };
        struct setting *setting = *state;

        expect_findings(setting, "");
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                add_link(setting, SUPPLIER, CONSUMER, rows[i].status, rows[i].sync_state_only);
                expect_findings(setting, rows[i].found ? "consumer " SUPPLIER " " CONSUMER " warn," : "");
        }
}

/* Through as many links as there are, also where they lead in a circle. */
static void test_chain(void **state) {
        struct setting *setting = *state;

        add_link(setting, SUPPLIER, CONSUMER, "active", "0");
        add_link(setting, CONSUMER, LAST, "active", "0");
        add_link(setting, LAST, SUPPLIER, "active", "0");
        expect_findings(setting, "consumer " SUPPLIER " " CONSUMER " warn,consumer " SUPPLIER " " LAST " warn,");
}

/* What a consumer carries is lost with its supplier. */
static void test_use_of_consumer(void **state) {
        struct setting *setting = *state;

        tree_device(setting->tree, ON_CONSUMER, "block", "8:0");
        tree_write(setting->tree, "proc/1/mountinfo", "29 1 8:0 / /mnt rw - ext4 /dev/sda rw\n");
        expect_findings(setting, "");
        add_link(setting, SUPPLIER, CONSUMER, "active", "0");
        expect_findings(setting, "consumer " SUPPLIER " " CONSUMER " warn,mounted " SUPPLIER " /mnt force,");
}

#define ON_HOST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

UNIT_MAIN(ON_HOST(test_status), ON_HOST(test_chain), ON_HOST(test_use_of_consumer))
