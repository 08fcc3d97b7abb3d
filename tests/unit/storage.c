/* SPDX-License-Identifier: GPL-2.0-or-later */

/* From mounted file systems and swap areas down to functions, through everything that can stand between. */

#include <limits.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "tests/unit/devices.h"
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

static int setup(void **state) {
        *state = setting_new(functions, ELEMENTSOF(functions));
        return 0;
}

static int teardown(void **state) {
        *state = setting_free(*state);
        return 0;
}

/* A block device: its directory below /sys, its number, and what it stands on. */
static void add_block(struct setting *setting, const char *path, const char *number, const char *slaves) {
        _cleanup_free_ char *copy = strdup(slaves);
        char name[PATH_MAX], *save = NULL;

        tree_device(setting->tree, path, "block", number);
        for (char *slave = strtok_r(copy, " ", &save); slave; slave = strtok_r(NULL, " ", &save)) {
                snprintf(name, sizeof(name), "%s/slaves/%s", path, strrchr(slave, '/') + 1);
                tree_sys_link(setting->tree, name, slave);
                snprintf(name, sizeof(name), "%s/holders/%s", slave, strrchr(path, '/') + 1);
                tree_sys_link(setting->tree, name, path);
        }
}

static void mount_line(struct setting *setting, const char *number, const char *target, const char *type,
                       const char *source) {
        tree_write(setting->tree, "proc/1/mountinfo",
                   "22 1 0:20 / /proc rw - proc proc rw\n29 1 %s / %s rw,relatime - %s %s rw\n", number,
                   target, type, source);
}

static void test_nothing(void **state) {
        struct setting *setting = *state;

        expect_findings(setting, "");

        /* Without /proc nobody may conclude that a disk is idle. */
        add_block(setting, ON_SATA, "8:0", "");
        assert_int_equal(look_fails(setting), -ENOENT);
        mount_line(setting, "0:33", "/mnt", "nfs4", "server:/export");
        expect_findings(setting, "");
        mount_line(setting, "0:34", "/tmp", "tmpfs", "tmpfs");
        tree_write(setting->tree, "proc/swaps", "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n");
        expect_findings(setting, "");
}

static void test_severity(void **state) {
        static const struct {
                const char *target, *severity;
        } rows[] = {
                { "/", "refuse" },     { "/usr", "refuse" },      { "/var", "refuse" },
                { "/boot", "refuse" }, { "/boot/efi", "refuse" }, { "/etc", "refuse" },
                { "/opt", "force" },  { "/srv", "force" },      { "/mnt", "force" },
                { "/home", "force" },  { "/media/x", "force" },   { "/variable", "force" },
                { "/usrx", "force" },  { "/srv/data", "force" },
        };
        struct setting *setting = *state;

        add_block(setting, ON_SATA, "8:0", "");
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                char expected[128];

                mount_line(setting, "8:0", rows[i].target, "ext4", "/dev/sda");
                snprintf(expected, sizeof(expected), "mounted " SATA " %s %s,", rows[i].target,
                         rows[i].severity);
                expect_findings(setting, expected);
        }
}

static void test_partitions(void **state) {
        struct setting *setting = *state;

        add_block(setting, ON_SATA, "8:0", "");
        add_block(setting, ON_SATA "/sda2", "8:2", "");
        add_block(setting, ON_NVME, "259:0", "");
        add_block(setting, ON_NVME "/nvme0n1p1", "259:1", "");
        mount_line(setting, "8:2", "/mnt", "ext4", "/dev/sda2");
        expect_findings(setting, "mounted " SATA " /mnt force,");

        /* Everything above the disk loses it: the bridge as well. */
        mount_line(setting, "259:1", "/", "ext4", "/dev/nvme0n1p1");
        expect_findings(setting, "mounted " NVME " / refuse,mounted " PORT " / refuse,");
}

/* Names that only begin alike. */
static void test_no_false_alarm(void **state) {
        struct setting *setting = *state;

        add_block(setting, ON_SATA, "8:0", "");
        add_block(setting, "devices/pci0001:00/0001:00:17.0/block/sdb", "8:16", "");
        add_block(setting, "devices/pci0000:00/10000:00:17.0/block/sdc", "8:32", "");
        tree_write(setting->tree, "proc/1/mountinfo",
                   "29 1 8:16 / / rw - ext4 /dev/sdb rw\n30 1 8:32 / /mnt rw - ext4 /dev/sdc rw\n");
        expect_findings(setting, "");
}

static void test_device_mapper(void **state) {
        struct setting *setting = *state;

        /* LUKS in LVM over a partition and a whole disk. */
        add_block(setting, ON_SATA, "8:0", "");
        add_block(setting, ON_SATA "/sda2", "8:2", "");
        add_block(setting, ON_NVME, "259:0", "");
        add_block(setting, "devices/virtual/block/dm-0", "253:0", ON_SATA "/sda2 " ON_NVME);
        add_block(setting, "devices/virtual/block/dm-1", "253:1", "devices/virtual/block/dm-0");
        mount_line(setting, "253:1", "/var", "ext4", "/dev/mapper/crypt");
        expect_findings(setting,
               "mounted " SATA " /var refuse,mounted " NVME " /var refuse,mounted " PORT " /var refuse,"
               "stacked " SATA " dm-1 refuse,stacked " NVME " dm-1 refuse,stacked " PORT " dm-1 refuse,");
}

static void test_md(void **state) {
        struct setting *setting = *state;

        add_block(setting, ON_SATA "/sda1", "8:1", "");
        add_block(setting, "devices/virtual/block/md0", "9:0", ON_SATA "/sda1");
        add_block(setting, "devices/virtual/block/md0/md0p1", "259:5", "");
        mount_line(setting, "259:5", "/mnt", "xfs", "/dev/md0p1");
        expect_findings(setting, "mounted " SATA " /mnt force,stacked " SATA " md0 force,");
}

/* Stacks that nothing is mounted on: only what is on top is named. */
static void test_stacked(void **state) {
        struct setting *setting = *state;

        mount_line(setting, "0:34", "/tmp", "tmpfs", "tmpfs");
        add_block(setting, ON_SATA, "8:0", "");
        add_block(setting, ON_SATA "/sda1", "8:1", "");
        add_block(setting, "devices/virtual/block/dm-0", "253:0", ON_SATA "/sda1");
        tree_attribute(setting->tree, "devices/virtual/block/dm-0", "dm/name", "volume");
        expect_findings(setting, "stacked " SATA " dm-0 force,");

        add_block(setting, "devices/virtual/block/bcache0", "251:0", "devices/virtual/block/dm-0");
        expect_findings(setting, "stacked " SATA " bcache0 force,");
        add_block(setting, "devices/virtual/block/dm-1", "253:1", "devices/virtual/block/dm-0");
        expect_findings(setting, "stacked " SATA " bcache0 force,stacked " SATA " dm-1 force,");

        /* Stacks on other disks. */
        add_block(setting, "devices/pci0000:09/0000:09:00.0/block/sdb", "8:16", "");
        add_block(setting, "devices/virtual/block/md1", "9:1", "devices/pci0000:09/0000:09:00.0/block/sdb");
        expect_findings(setting, "stacked " SATA " bcache0 force,stacked " SATA " dm-1 force,");

        /* The most important of what stands on it decides. */
        tree_write(setting->tree, "proc/1/mountinfo",
                   "29 1 253:1 / /mnt rw - ext4 /dev/dm-1 rw\n30 1 253:1 / /usr rw - ext4 /dev/dm-1 rw\n");
        expect_findings(setting,
                        "mounted " SATA " /mnt force,mounted " SATA " /usr refuse,"
                        "stacked " SATA " bcache0 force,stacked " SATA " dm-1 refuse,");
}

/* Stacks that stand on themselves end all the same, with an error: nobody may conclude that the function is
 * idle. */
static void test_endless(void **state) {
        struct setting *setting = *state;

        add_block(setting, ON_SATA, "8:0", "");
        add_block(setting, "devices/virtual/block/dm-0", "253:0", "devices/virtual/block/dm-1");
        add_block(setting, "devices/virtual/block/dm-1", "253:1", "devices/virtual/block/dm-0");
        mount_line(setting, "253:1", "/mnt", "ext4", "/dev/dm-1");
        assert_int_equal(look_fails(setting), -ELOOP);
}

/* Where a loop device's file is, is known by the kernel's word alone: the file is not touched. */
static void test_loop_on_file(void **state) {
        struct setting *setting = *state;
        static const char loop[] = "devices/virtual/block/loop0";

        add_block(setting, ON_SATA, "8:0", "");
        add_block(setting, ON_NVME, "259:0", "");
        add_block(setting, loop, "7:0", "");
        tree_write(setting->tree, "proc/1/mountinfo",
                   "29 1 259:0 / /data rw - ext4 /dev/nvme0n1 rw\n"
                   "30 1 8:0 / /data/deep rw - ext4 /dev/sda rw\n"
                   "31 1 7:0 / /mnt rw - ext4 /dev/loop0 rw\n");
        tree_attribute(setting->tree, loop, "loop/backing_file", "/data/deep/er/image");
        expect_findings(setting, "mounted " SATA " /data/deep force,mounted " SATA " /mnt force,"
                                 "mounted " NVME " /data force,mounted " PORT " /data force,");

        /* Deleted, it is still there as long as it is attached. */
        tree_attribute(setting->tree, loop, "loop/backing_file", "/data/deeper/image (deleted)");
        expect_findings(setting, "mounted " SATA " /data/deep force,"
                                 "mounted " NVME " /data force,mounted " PORT " /data force,"
                                 "mounted " NVME " /mnt force,mounted " PORT " /mnt force,");

        tree_unlink(setting->tree, "sys/devices/virtual/block/loop0/loop/backing_file");
        expect_findings(setting, "mounted " SATA " /data/deep force,"
                                 "mounted " NVME " /data force,mounted " PORT " /data force,");
}

static void add_node(struct setting *setting, const char *path, dev_t number) {
        _cleanup_free_ char *node = tree_name(setting->tree, path);

        tree_directory(setting->tree, "dev");
        assert_int_equal(mknod(node, S_IFBLK | 0600, number), 0);
}

static void test_loop_on_disk(void **state) {
        struct setting *setting = *state;
        static const char loop[] = "devices/virtual/block/loop0";

        add_node(setting, "dev/sda1", makedev(8, 1));
        add_block(setting, ON_SATA "/sda1", "8:1", "");
        add_block(setting, loop, "7:0", "");
        tree_attribute(setting->tree, loop, "loop/backing_file", "/dev/sda1");
        mount_line(setting, "0:34", "/tmp", "tmpfs", "tmpfs");
        expect_findings(setting, "stacked " SATA " loop0 force,");
        mount_line(setting, "7:0", "/var", "ext4", "/dev/loop0");
        expect_findings(setting, "mounted " SATA " /var refuse,stacked " SATA " loop0 refuse,");
}

static void test_nvme_multipath(void **state) {
        struct setting *setting = *state;

        add_block(setting, "devices/virtual/nvme-subsystem/nvme-subsys0/nvme0n1", "259:0", "");
        add_block(setting, "devices/virtual/nvme-subsystem/nvme-subsys0/nvme0n1/nvme0n1p1", "259:1", "");
        tree_device(setting->tree, "devices/pci0000:00/" PORT "/" NVME "/nvme/nvme0", "nvme", "240:0");
        tree_device(setting->tree, "devices/virtual/nvme-subsystem/nvme-subsys0", "nvme-subsystem", NULL);
        tree_link(setting->tree, "sys/devices/virtual/nvme-subsystem/nvme-subsys0/nvme0",
                  "../../../pci0000:00/" PORT "/" NVME "/nvme/nvme0");
        tree_write(setting->tree, "sys/devices/virtual/nvme-subsystem/nvme-subsys0/model", "X\n");
        tree_directory(setting->tree, "sys/devices/virtual/nvme-subsystem/nvme-subsys0/power");

        mount_line(setting, "259:1", "/", "ext4", "/dev/nvme0n1p1");
        expect_findings(setting, "mounted " NVME " / refuse,mounted " PORT " / refuse,");

        /* A second path. */
        tree_link(setting->tree, "sys/devices/virtual/nvme-subsystem/nvme-subsys0/nvme1",
                  "../../../pci0000:02/" OTHER "/nvme/nvme1");
        mount_line(setting, "259:0", "/mnt", "ext4", "/dev/nvme0n1");
        expect_findings(setting,
               "mounted " NVME " /mnt force,mounted " PORT " /mnt force,mounted " OTHER " /mnt force,");
}

static void test_btrfs(void **state) {
        struct setting *setting = *state;

        add_block(setting, ON_SATA "/sda2", "8:2", "");
        add_block(setting, ON_NVME, "259:0", "");
        add_node(setting, "dev/sda2", makedev(8, 2));
        tree_directory(setting->tree, "sys/fs/btrfs/features");
        tree_sys_link(setting->tree, "fs/btrfs/1111/devices/sdz", "devices/virtual/block/sdz");
        tree_sys_link(setting->tree, "fs/btrfs/2222/devices/sda2", ON_SATA "/sda2");
        tree_sys_link(setting->tree, "fs/btrfs/2222/devices/nvme0n1", ON_NVME);

        /* Its device number is its own; the mount names one of its devices. */
        mount_line(setting, "0:40", "/home", "btrfs", "/dev/sda2");
        expect_findings(setting,
                        "mounted " SATA " /home force,mounted " NVME " /home force,mounted " PORT " /home force,");
}

/* It names all of them. */
static void test_bcachefs(void **state) {
        struct setting *setting = *state;

        add_block(setting, ON_SATA "/sda2", "8:2", "");
        add_block(setting, ON_NVME, "259:0", "");
        add_node(setting, "dev/sda2", makedev(8, 2));
        add_node(setting, "dev/nvme0n1", makedev(259, 0));
        mount_line(setting, "0:40", "/home", "bcachefs", "/dev/sda2:/dev/nvme0n1");
        expect_findings(setting,
                        "mounted " SATA " /home force,mounted " NVME " /home force,mounted " PORT " /home force,");
}

/* What udev has recorded about a block device. */
static void udev_record(struct setting *setting, const char *number, const char *type, const char *label) {
        char path[PATH_MAX];

        snprintf(path, sizeof(path), "run/udev/data/b%s", number);
        tree_write(setting->tree, path,
                   "S:disk/by-id/x\nI:123\nE:ID_FS_LABEL=%s\nE:ID_FS_TYPE=%s\nG:systemd\n", label, type);
}

/* A dataset names its pool, and udev knows what that is made of. */
static void test_zfs(void **state) {
        struct setting *setting = *state;

        add_block(setting, ON_SATA, "8:0", "");
        add_block(setting, ON_SATA "/sda3", "8:3", "");
        add_block(setting, ON_NVME, "259:0", "");
        add_block(setting, ON_NVME "/nvme0n1p1", "259:1", "");
        udev_record(setting, "8:3", "zfs_member", "rpool");
        udev_record(setting, "259:0", "ext4", "rpool");
        udev_record(setting, "259:1", "zfs_member", "my_tank");

        mount_line(setting, "0:25", "/", "zfs", "rpool/ROOT/pve-1");
        expect_findings(setting, "mounted " SATA " / refuse,");
        mount_line(setting, "0:26", "/mnt", "zfs", "my\\040tank@yesterday");
        expect_findings(setting, "mounted " NVME " /mnt force,mounted " PORT " /mnt force,");
        mount_line(setting, "0:26", "/mnt", "zfs", "rpool2");
        expect_findings(setting, "");

        /* Encrypted below the pool. */
        add_block(setting, "devices/virtual/block/dm-0", "253:0", ON_SATA "/sda3");
        udev_record(setting, "8:3", "crypto_LUKS", "");
        udev_record(setting, "253:0", "zfs_member", "rpool");
        mount_line(setting, "0:25", "/var", "zfs", "rpool");
        expect_findings(setting, "mounted " SATA " /var refuse,stacked " SATA " dm-0 refuse,");
}

static void swap_line(struct setting *setting, const char *source, const char *type) {
        tree_write(setting->tree, "proc/swaps",
                   "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n%s %s\t1024\t0\t-2\n", source, type);
}

static void test_swap_partition(void **state) {
        struct setting *setting = *state;

        add_block(setting, ON_SATA "/sda3", "8:3", "");
        add_node(setting, "dev/sda3", makedev(8, 3));
        tree_write(setting->tree, "proc/1/mountinfo", "22 1 0:20 / /proc rw - proc proc rw\n");
        swap_line(setting, "/dev/sda3", "partition");
        expect_findings(setting, "swap " SATA " /dev/sda3 refuse,");

        /* The stack below it is no less needed. */
        add_block(setting, "devices/virtual/block/dm-0", "253:0", ON_SATA "/sda3");
        add_node(setting, "dev/dm-0", makedev(253, 0));
        swap_line(setting, "/dev/dm-0", "partition");
        expect_findings(setting, "swap " SATA " /dev/dm-0 refuse,stacked " SATA " dm-0 refuse,");
}

static void test_swap_file(void **state) {
        struct setting *setting = *state;

        add_block(setting, ON_NVME, "259:0", "");
        mount_line(setting, "259:0", "/data", "ext4", "/dev/nvme0n1");
        swap_line(setting, "/data/swap\\040file", "file");
        expect_findings(setting, "mounted " NVME " /data force,mounted " PORT " /data force,"
                                 "swap " NVME " /data/swap file refuse,swap " PORT " /data/swap file refuse,");
}

/* Several mounts of one disk are several findings, the same place twice is one. */
static void test_several(void **state) {
        struct setting *setting = *state;

        add_block(setting, ON_SATA "/sda1", "8:1", "");
        add_block(setting, ON_SATA "/sda2", "8:2", "");
        tree_write(setting->tree, "proc/1/mountinfo",
                   "29 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
                   "30 29 8:2 / /mnt rw - ext4 /dev/sda2 rw\n"
                   "31 29 8:2 / /mnt rw - ext4 /dev/sda2 rw\n"
                   "32 29 8:2 /x /a\\040b rw - ext4 /dev/sda2 rw\n");
        expect_findings(setting, "mounted " SATA " / refuse,mounted " SATA " /mnt force,mounted " SATA " /a b force,");
}

static void test_unreadable(void **state) {
        struct setting *setting = *state;

        add_block(setting, ON_SATA, "8:0", "");
        tree_directory(setting->tree, "proc/1/mountinfo");
        look_fails(setting);
}

#define ON_HOST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

UNIT_MAIN(ON_HOST(test_nothing), ON_HOST(test_severity), ON_HOST(test_partitions),
          ON_HOST(test_no_false_alarm), ON_HOST(test_device_mapper), ON_HOST(test_md), ON_HOST(test_stacked),
          ON_HOST(test_endless), ON_HOST(test_loop_on_file), ON_HOST(test_loop_on_disk),
          ON_HOST(test_nvme_multipath), ON_HOST(test_btrfs), ON_HOST(test_bcachefs),
          ON_HOST(test_zfs),
          ON_HOST(test_swap_partition), ON_HOST(test_swap_file), ON_HOST(test_several),
          ON_HOST(test_unreadable))
