/* SPDX-License-Identifier: GPL-2.0-or-later */

/* From mounted file systems and swap areas down to functions, through everything that can stand between. */

#include <limits.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "service/usage/storage.h"
#include "tests/unit/tree.h"
#include "tests/unit/unit.h"

#define PORT "0000:00:1c.0"
#define NVME "0000:01:00.0"
#define SATA "0000:00:17.0"
#define OTHER "0000:02:00.0"

/* In /sys/devices, what is above the disks. */
#define ON_NVME "devices/pci0000:00/" PORT "/" NVME "/nvme/nvme0/nvme0n1"
#define ON_SATA "devices/pci0000:00/" SATA "/ata1/host0/target0:0:0/0:0:0:0/block/sda"

static const struct fake_function functions[] = {
        { .address = PORT, .class_code = 0x060400, .bridge = true },
        { .address = SATA, .class_code = 0x010601 },
        { .address = NVME, .below = PORT, .class_code = 0x010802 },
        { .address = OTHER, .class_code = 0x010802 },
};

struct host {
        struct tree *tree;
        struct function *functions[ELEMENTSOF(functions)];
};

static int setup(void **state) {
        struct host *host = calloc(1, sizeof(*host));

        host->tree = tree_new();
        tree_add_all(host->tree, functions, ELEMENTSOF(functions));
        for (size_t i = 0; i < ELEMENTSOF(functions); i++) {
                struct pci_address address = at(functions[i].address);

                assert_ok(function_read(host->tree->root, &address, &host->functions[i]));
        }
        *state = host;
        return 0;
}

static int teardown(void **state) {
        struct host *host = *state;

        for (size_t i = 0; i < ELEMENTSOF(functions); i++)
                function_free(host->functions[i]);
        tree_free(host->tree);
        free(host);
        return 0;
}

/* A block device: its directory below /sys, its number, and what it stands on. */
static void add_block(struct host *host, const char *path, const char *number, const char *slaves) {
        _cleanup_free_ char *copy = strdup(slaves);
        char name[PATH_MAX], target[PATH_MAX], *save = NULL;

        snprintf(name, sizeof(name), "sys/%s/dev", path);
        tree_write(host->tree, name, "%s\n", number);
        snprintf(name, sizeof(name), "sys/dev/block/%s", number);
        snprintf(target, sizeof(target), "../../%s", path);
        tree_link(host->tree, name, target);

        for (char *slave = strtok_r(copy, " ", &save); slave; slave = strtok_r(NULL, " ", &save)) {
                const char *base = strrchr(slave, '/') + 1;

                snprintf(name, sizeof(name), "sys/%s/slaves/%s", path, base);
                snprintf(target, sizeof(target), "%s/sys/%s", host->tree->path, slave);
                tree_link(host->tree, name, target);
        }
}

static void mount_line(struct host *host, const char *number, const char *target, const char *type,
                       const char *source) {
        tree_write(host->tree, "proc/self/mountinfo",
                   "22 1 0:20 / /proc rw - proc proc rw\n29 1 %s / %s rw,relatime - %s %s rw\n", number,
                   target, type, source);
}

static void look(struct host *host, struct findings *findings) {
        const struct usage_query query = { host->tree->root, host->functions, ELEMENTSOF(functions) };

        assert_ok(storage_look(&query, findings));
}

/* Exactly these: "kind address subject severity", each followed by a comma, in any order. */
static void expect(struct host *host, const char *expected) {
        _cleanup_findings_ struct findings findings = {};
        size_t length = 0;

        look(host, &findings);
        for (size_t i = 0; i < findings.n; i++) {
                const struct finding *f = &findings.array[i];
                char line[PATH_MAX];

                snprintf(line, sizeof(line), "%s %s %s %s,", finding_kind_name(f->kind),
                         PCI_ADDRESS_TEXT(&f->address), f->subject, severity_name(f->severity));
                assert_row(strstr(expected, line), "\"%s\" is not in \"%s\"", line, expected);
                assert_non_null(strstr(f->message, PCI_ADDRESS_TEXT(&f->address)));
                length += strlen(line);
        }
        assert_row(length == strlen(expected), "%zu findings instead of \"%s\"", findings.n, expected);
}

static void test_nothing(void **state) {
        struct host *host = *state;

        /* Without /proc nobody may conclude anything but that nothing is mounted. */
        expect(host, "");
        add_block(host, ON_SATA, "8:0", "");
        mount_line(host, "0:33", "/mnt", "nfs4", "server:/export");
        expect(host, "");
        mount_line(host, "0:34", "/tmp", "tmpfs", "tmpfs");
        tree_write(host->tree, "proc/swaps", "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n");
        expect(host, "");
}

static void test_severity(void **state) {
        static const struct {
                const char *target, *severity;
        } rows[] = {
                { "/", "refuse" },     { "/usr", "refuse" },      { "/var", "refuse" },
                { "/boot", "refuse" }, { "/boot/efi", "refuse" }, { "/etc", "refuse" },
                { "/opt", "refuse" },  { "/srv", "refuse" },      { "/mnt", "force" },
                { "/home", "force" },  { "/media/x", "force" },   { "/variable", "force" },
                { "/usrx", "force" },  { "/srv/data", "force" },
        };
        struct host *host = *state;

        add_block(host, ON_SATA, "8:0", "");
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                char expected[128];

                mount_line(host, "8:0", rows[i].target, "ext4", "/dev/sda");
                snprintf(expected, sizeof(expected), "mounted " SATA " %s %s,", rows[i].target,
                         rows[i].severity);
                expect(host, expected);
        }
}

static void test_partitions(void **state) {
        struct host *host = *state;

        add_block(host, ON_SATA, "8:0", "");
        add_block(host, ON_SATA "/sda2", "8:2", "");
        add_block(host, ON_NVME, "259:0", "");
        add_block(host, ON_NVME "/nvme0n1p1", "259:1", "");
        mount_line(host, "8:2", "/mnt", "ext4", "/dev/sda2");
        expect(host, "mounted " SATA " /mnt force,");

        /* Everything above the disk loses it: the bridge as well. */
        mount_line(host, "259:1", "/", "ext4", "/dev/nvme0n1p1");
        expect(host, "mounted " NVME " / refuse,mounted " PORT " / refuse,");
}

/* Names that only begin alike. */
static void test_no_false_alarm(void **state) {
        struct host *host = *state;

        add_block(host, "devices/pci0001:00/0001:00:17.0/block/sdb", "8:16", "");
        add_block(host, "devices/pci0000:00/10000:00:17.0/block/sdc", "8:32", "");
        tree_write(host->tree, "proc/self/mountinfo",
                   "29 1 8:16 / / rw - ext4 /dev/sdb rw\n30 1 8:32 / /mnt rw - ext4 /dev/sdc rw\n");
        expect(host, "");
}

static void test_device_mapper(void **state) {
        struct host *host = *state;

        /* LUKS in LVM over a partition and a whole disk. */
        add_block(host, ON_SATA, "8:0", "");
        add_block(host, ON_SATA "/sda2", "8:2", "");
        add_block(host, ON_NVME, "259:0", "");
        add_block(host, "devices/virtual/block/dm-0", "253:0", ON_SATA "/sda2 " ON_NVME);
        add_block(host, "devices/virtual/block/dm-1", "253:1", "devices/virtual/block/dm-0");
        mount_line(host, "253:1", "/var", "ext4", "/dev/mapper/crypt");
        expect(host,
               "mounted " SATA " /var refuse,mounted " NVME " /var refuse,mounted " PORT " /var refuse,");
}

static void test_md(void **state) {
        struct host *host = *state;

        add_block(host, ON_SATA "/sda1", "8:1", "");
        add_block(host, "devices/virtual/block/md0", "9:0", ON_SATA "/sda1");
        add_block(host, "devices/virtual/block/md0/md0p1", "259:5", "");
        mount_line(host, "259:5", "/mnt", "xfs", "/dev/md0p1");
        expect(host, "mounted " SATA " /mnt force,");
}

/* Stacks that stand on themselves end all the same, with an error: nobody may conclude that the function is
 * idle. */
static void test_endless(void **state) {
        struct host *host = *state;
        const struct usage_query query = { host->tree->root, host->functions, ELEMENTSOF(functions) };
        _cleanup_findings_ struct findings findings = {};

        add_block(host, "devices/virtual/block/dm-0", "253:0", "devices/virtual/block/dm-1");
        add_block(host, "devices/virtual/block/dm-1", "253:1", "devices/virtual/block/dm-0");
        mount_line(host, "253:1", "/mnt", "ext4", "/dev/dm-1");
        assert_int_equal(storage_look(&query, &findings), -ELOOP);
}

static dev_t device_of(const char *path) {
        struct stat st;

        assert_int_equal(stat(path, &st), 0);
        return st.st_dev;
}

static void number_of(dev_t device, char buffer[static 32]) {
        snprintf(buffer, 32, "%u:%u", major(device), minor(device));
}

static void test_loop(void **state) {
        struct host *host = *state;
        _cleanup_free_ char *file = tree_name(host->tree, "image");
        char number[32];

        /* The image is a real file; the tree says on which disk the real file system stands. */
        tree_write(host->tree, "image", "x");
        number_of(device_of(file), number);
        add_block(host, ON_SATA, number, "");
        add_block(host, "devices/virtual/block/loop0", "7:0", "");
        tree_write(host->tree, "sys/devices/virtual/block/loop0/loop/backing_file", "%s\n", file);
        mount_line(host, "7:0", "/mnt", "ext4", "/dev/loop0");
        expect(host, "mounted " SATA " /mnt force,");

        /* One that has been detached, or whose image was deleted. */
        tree_write(host->tree, "sys/devices/virtual/block/loop0/loop/backing_file", "%s (deleted)\n", file);
        expect(host, "");
        tree_unlink(host->tree, "sys/devices/virtual/block/loop0/loop/backing_file");
        expect(host, "");
}

/* With multipath the disk is a child of the subsystem, and its controllers are links beside it. */
static void test_nvme_multipath(void **state) {
        struct host *host = *state;

        add_block(host, "devices/virtual/nvme-subsystem/nvme-subsys0/nvme0n1", "259:0", "");
        add_block(host, "devices/virtual/nvme-subsystem/nvme-subsys0/nvme0n1/nvme0n1p1", "259:1", "");
        tree_link(host->tree, "sys/devices/virtual/nvme-subsystem/nvme-subsys0/nvme0",
                  "../../../pci0000:00/" PORT "/" NVME "/nvme/nvme0");
        tree_write(host->tree, "sys/devices/virtual/nvme-subsystem/nvme-subsys0/model", "X\n");
        tree_directory(host->tree, "sys/devices/virtual/nvme-subsystem/nvme-subsys0/power");

        mount_line(host, "259:1", "/", "ext4", "/dev/nvme0n1p1");
        expect(host, "mounted " NVME " / refuse,mounted " PORT " / refuse,");

        /* A second path. */
        tree_link(host->tree, "sys/devices/virtual/nvme-subsystem/nvme-subsys0/nvme1",
                  "../../../pci0000:02/" OTHER "/nvme/nvme1");
        mount_line(host, "259:0", "/mnt", "ext4", "/dev/nvme0n1");
        expect(host,
               "mounted " NVME " /mnt force,mounted " PORT " /mnt force,mounted " OTHER " /mnt force,");
}

static void test_btrfs(void **state) {
        struct host *host = *state;
        _cleanup_free_ char *source = tree_name(host->tree, "dev/sda2");

        add_block(host, ON_SATA "/sda2", "8:2", "");
        add_block(host, ON_NVME, "259:0", "");
        tree_directory(host->tree, "sys/fs/btrfs/features");
        tree_link(host->tree, "sys/fs/btrfs/1111/devices/sdz", "../../../../devices/virtual/block/sdz");
        tree_link(host->tree, "sys/fs/btrfs/2222/devices/sda2", "../../../../" ON_SATA "/sda2");
        tree_link(host->tree, "sys/fs/btrfs/2222/devices/nvme0n1", "../../../../" ON_NVME);
        tree_write(host->tree, "dev/sda2", "%s", "");

        /* Its device number is its own; the mount names one of its devices. */
        mount_line(host, "0:40", "/home", "btrfs", source);
        expect(host,
               "mounted " SATA " /home force,mounted " NVME " /home force,mounted " PORT " /home force,");
}

static void test_swap_partition(void **state) {
        struct host *host = *state;
        _cleanup_free_ char *node = tree_name(host->tree, "swap");
        char expected[PATH_MAX];

        add_block(host, ON_SATA "/sda3", "8:3", "");
        assert_int_equal(mknod(node, S_IFBLK | 0600, makedev(8, 3)), 0);
        tree_write(host->tree, "proc/self/mountinfo", "22 1 0:20 / /proc rw - proc proc rw\n");
        tree_write(host->tree, "proc/swaps",
                   "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n%s partition\t1024\t0\t-2\n", node);
        snprintf(expected, sizeof(expected), "swap " SATA " %s refuse,", node);
        expect(host, expected);
}

static void test_swap_file(void **state) {
        struct host *host = *state;
        _cleanup_free_ char *file = tree_name(host->tree, "swapfile");
        char expected[PATH_MAX], number[32];

        tree_write(host->tree, "swapfile", "x");
        number_of(device_of(file), number);
        add_block(host, ON_NVME, number, "");
        tree_write(host->tree, "proc/swaps",
                   "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n%s file\t\t1024\t0\t-2\n", file);
        snprintf(expected, sizeof(expected), "swap " NVME " %s refuse,swap " PORT " %s refuse,", file, file);
        expect(host, expected);
}

/* Several mounts of one disk are several findings, the same place twice is one. */
static void test_several(void **state) {
        struct host *host = *state;

        add_block(host, ON_SATA "/sda1", "8:1", "");
        add_block(host, ON_SATA "/sda2", "8:2", "");
        tree_write(host->tree, "proc/self/mountinfo",
                   "29 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
                   "30 29 8:2 / /mnt rw - ext4 /dev/sda2 rw\n"
                   "31 29 8:2 / /mnt rw - ext4 /dev/sda2 rw\n"
                   "32 29 8:2 /x /a\\040b rw - ext4 /dev/sda2 rw\n");
        expect(host, "mounted " SATA " / refuse,mounted " SATA " /mnt force,mounted " SATA " /a b force,");
}

static void test_unreadable(void **state) {
        struct host *host = *state;
        const struct usage_query query = { host->tree->root, host->functions, ELEMENTSOF(functions) };
        _cleanup_findings_ struct findings findings = {};

        tree_directory(host->tree, "proc/self/mountinfo");
        assert_true(storage_look(&query, &findings) < 0);
}

#define ON_HOST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

UNIT_MAIN(ON_HOST(test_nothing), ON_HOST(test_severity), ON_HOST(test_partitions),
          ON_HOST(test_no_false_alarm), ON_HOST(test_device_mapper), ON_HOST(test_md), ON_HOST(test_endless),
          ON_HOST(test_loop), ON_HOST(test_nvme_multipath), ON_HOST(test_btrfs),
          ON_HOST(test_swap_partition), ON_HOST(test_swap_file), ON_HOST(test_several),
          ON_HOST(test_unreadable))
