/* SPDX-License-Identifier: GPL-2.0-or-later */

/* File systems that are mounted where the host does not see it. */

#include <limits.h>
#include <sys/sysmacros.h>

#include "tests/unit/devices.h"
#include "tests/unit/unit.h"

#define SATA "0000:00:17.0"
#define NVME "0000:01:00.0"
#define ON_SATA "devices/pci0000:00/" SATA "/ata1/host0/target0:0:0/0:0:0:0/block/sda"
#define ON_NVME "devices/pci0000:01/" NVME "/nvme/nvme0/nvme0n1"

static const struct fake_function functions[] = {
        { .address = SATA, .class_code = 0x010601, .driver = "ahci" },
        { .address = NVME, .class_code = 0x010802, .driver = "nvme" },
};

/* A process in a mount namespace; what it sees mounted, NULL if that can no longer be read. */
static void add_process(struct setting *setting, const char *pid, const char *namespace, const char *mounts) {
        char path[PATH_MAX], link[64];

        snprintf(path, sizeof(path), "proc/%s/ns/mnt", pid);
        snprintf(link, sizeof(link), "mnt:[%s]", namespace);
        tree_link(setting->tree, path, link);
        snprintf(path, sizeof(path), "proc/%s/mountinfo", pid);
        if (mounts)
                tree_write(setting->tree, path, "%s", mounts);
}

static int setup(void **state) {
        struct setting *setting = setting_new(functions, ELEMENTSOF(functions));

        tree_device(setting->tree, ON_SATA, "block", "8:0");
        tree_device(setting->tree, ON_NVME, "block", "259:0");
        add_process(setting, "1", "1", "29 1 8:0 / /mnt rw - ext4 /dev/sda rw\n");
        *state = setting;
        return 0;
}

static int teardown(void **state) {
        *state = setting_free(*state);
        return 0;
}

#define HOST "mounted " SATA " /mnt force,"

/* Services have namespaces with the host's mounts, at places of their own. */
static void test_mounts_of_the_host(void **state) {
        struct setting *setting = *state;

        expect_findings(setting, HOST);
        add_process(setting, "200", "2",
                    "29 1 8:0 / /mnt rw - ext4 /dev/sda rw\n30 29 8:0 /x /var/lib/service rw - ext4 /dev/sda rw\n");
        expect_findings(setting, HOST);
}

static void test_other_mounts(void **state) {
        struct setting *setting = *state;

        add_process(setting, "200", "2", "29 1 259:0 / / rw - ext4 /dev/nvme0n1 rw\n");
        expect_findings(setting, HOST "mounted " NVME " / force,");

        /* One that is known already is not looked at again. */
        add_process(setting, "201", "2", "29 1 259:0 / /unseen rw - ext4 /dev/nvme0n1 rw\n");
        add_process(setting, "199", "2", "29 1 259:0 / / rw - ext4 /dev/nvme0n1 rw\n");
        tree_unlink(setting->tree, "proc/201/mountinfo");
        expect_findings(setting, HOST "mounted " NVME " / force,");

        add_process(setting, "300", "3", "29 1 259:0 / /usr rw - ext4 /dev/nvme0n1 rw\n");
        expect_findings(setting, HOST "mounted " NVME " / force,mounted " NVME " /usr force,");
}

/* While a namespace is looked at, a process in it may end. */
static void test_ended_process(void **state) {
        struct setting *setting = *state;

        add_process(setting, "200", "2", NULL);
        expect_findings(setting, HOST);
        add_process(setting, "199", "2", "29 1 259:0 / / rw - ext4 /dev/nvme0n1 rw\n");
        add_process(setting, "201", "2", "29 1 259:0 / / rw - ext4 /dev/nvme0n1 rw\n");
        expect_findings(setting, HOST "mounted " NVME " / force,");
}

/* Whoever sees it mounted as well may know where. */
static void test_privacy(void **state) {
        struct setting *setting = *state;
        const struct usage_query query = { setting->tree->root, setting->functions, setting->n };
        _cleanup_findings_ struct findings findings = {};
        static const char secret[] = "/srv/secret";

        add_process(setting, "200", "2", "29 1 259:0 / /srv/secret rw - ext4 /dev/nvme0n1 rw\n");
        assert_ok(usage_look(&query, &findings));
        assert_int_equal(findings.n, 2);
        for (size_t i = 0; i < findings.n; i++) {
                const struct finding *f = &findings.array[i];
                bool elsewhere = streq(f->subject, secret);

                assert_true(elsewhere || streq(f->subject, "/mnt"));
                assert_true(f->privacy.owner == OWNER_NOBODY);
                assert_int_equal(f->privacy.elsewhere, elsewhere);
                assert_int_equal(f->privacy.mount, elsewhere ? makedev(259, 0) : makedev(8, 0));
                assert_non_null(strstr(f->message, f->subject));
                assert_null(strstr(f->discreet, f->subject));
        }
}

#define ON_HOST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

UNIT_MAIN(ON_HOST(test_mounts_of_the_host), ON_HOST(test_other_mounts), ON_HOST(test_ended_process),
          ON_HOST(test_privacy))
