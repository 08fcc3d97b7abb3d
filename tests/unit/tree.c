/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Writing directories that stand for hosts. */

#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <sys/stat.h>

#include "tests/unit/tree.h"
#include "tests/unit/unit.h"

#define DEVICES "sys/bus/pci/devices"
#define DRIVERS "sys/bus/pci/drivers"

/* Those of the kernel that sleep, or wake the device. */
static const char *const sleeping[] = {
        "driver_override",    "uevent",         "sriov_numvfs",   "config", "current_link_speed",
        "current_link_width", "max_link_speed", "max_link_width",
};

#define say_path(buffer, ...)                                                                               \
        assert_in_range(snprintf((buffer), sizeof(buffer), __VA_ARGS__), 0, sizeof(buffer) - 1)

char *tree_name(const struct tree *tree, const char *path) {
        char *name = NULL;

        assert_true(asprintf(&name, "%s/%s", tree->path, path) >= 0);
        return name;
}

static void make_parents(const char *name) {
        _cleanup_free_ char *copy = strdup(name);

        for (char *slash = strchr(copy + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
                *slash = '\0';
                if (mkdir(copy, 0755) < 0 && errno != EEXIST)
                        fail_msg("mkdir %s: %s", copy, strerror(errno));
                *slash = '/';
        }
}

static char *fresh_name(struct tree *tree, const char *path) {
        char *name = tree_name(tree, path);

        make_parents(name);
        if (unlink(name) < 0 && errno != ENOENT)
                fail_msg("unlink %s: %s", name, strerror(errno));
        return name;
}

void tree_directory(struct tree *tree, const char *path) {
        _cleanup_free_ char *name = tree_name(tree, path);

        make_parents(name);
        if (mkdir(name, 0755) < 0 && errno != EEXIST)
                fail_msg("mkdir %s: %s", name, strerror(errno));
}

void tree_write(struct tree *tree, const char *path, const char *format, ...) {
        _cleanup_free_ char *name = fresh_name(tree, path);
        FILE *file = fopen(name, "we");
        va_list arguments;

        assert_non_null(file);
        va_start(arguments, format);
        vfprintf(file, format, arguments);
        va_end(arguments);
        assert_int_equal(fclose(file), 0);
}

void tree_link(struct tree *tree, const char *path, const char *target) {
        _cleanup_free_ char *name = fresh_name(tree, path);

        assert_int_equal(symlink(target, name), 0);
}

void tree_pipe(struct tree *tree, const char *path) {
        _cleanup_free_ char *name = fresh_name(tree, path);

        assert_int_equal(mkfifo(name, 0600), 0);
}

void tree_unlink(struct tree *tree, const char *path) {
        free(fresh_name(tree, path));
}

bool tree_has(struct tree *tree, const char *path) {
        _cleanup_free_ char *name = tree_name(tree, path);
        struct stat st;

        return lstat(name, &st) >= 0;
}

char *tree_read(struct tree *tree, const char *path) {
        _cleanup_free_ char *name = tree_name(tree, path);
        _cleanup_close_ int fd = open(name, O_RDONLY | O_CLOEXEC);
        char *text = calloc(1, 64 * 1024);

        assert_non_null(text);
        if (fd < 0)
                fail_msg("%s: %s", name, strerror(errno));
        assert_true(read(fd, text, 64 * 1024 - 1) >= 0);
        return text;
}

struct tree *tree_new(void) {
        struct tree *tree = calloc(1, sizeof(*tree));

        assert_non_null(tree);
        tree->path = strdup("/dev/shm/vfiobind-unit-XXXXXX");
        assert_non_null(mkdtemp(tree->path));
        tree_directory(tree, DEVICES);
        tree_directory(tree, DRIVERS);
        tree_directory(tree, "sys/kernel/iommu_groups");
        tree_write(tree, "sys/kernel/uevent_seqnum", "0\n");
        assert_ok(root_open(tree->path, &tree->root));
        return tree;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw) {
        return remove(path);
}

struct tree *tree_free(struct tree *tree) {
        root_free(tree->root);
        nftw(tree->path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
        free(tree->path);
        free(tree);
        return NULL;
}

int tree_setup(void **state) {
        *state = tree_new();
        return 0;
}

int tree_teardown(void **state) {
        *state = tree_free(*state);
        return 0;
}

void tree_driver(struct tree *tree, const char *driver) {
        char path[PATH_MAX];

        say_path(path, DRIVERS "/%s", driver);
        tree_directory(tree, path);
}

void tree_no_driver(struct tree *tree, const char *driver) {
        char path[PATH_MAX];
        _cleanup_free_ char *name = NULL;

        say_path(path, DRIVERS "/%s", driver);
        name = tree_name(tree, path);
        if (rmdir(name) < 0 && errno != ENOENT)
                fail_msg("rmdir %s: %s", name, strerror(errno));
}

void tree_set_driver(struct tree *tree, const char *address, const char *driver) {
        char path[PATH_MAX], target[PATH_MAX];

        say_path(path, DEVICES "/%s/driver", address);
        if (!driver) {
                tree_unlink(tree, path);
                return;
        }

        tree_driver(tree, driver);
        say_path(target, "../../../bus/pci/drivers/%s", driver);
        tree_link(tree, path, target);
}

void tree_bind_again(struct tree *tree, const char *address, const char *driver) {
        _cleanup_free_ char *name = NULL, *again = NULL;
        char path[PATH_MAX], target[PATH_MAX];

        /* Both are there for a moment, or the file system might give the new one the inode of the old one.
         */
        say_path(path, DEVICES "/%s/driver.again", address);
        say_path(target, "../../../bus/pci/drivers/%s", driver);
        tree_link(tree, path, target);
        again = tree_name(tree, path);
        say_path(path, DEVICES "/%s/driver", address);
        name = tree_name(tree, path);
        assert_int_equal(rename(again, name), 0);
}

void tree_set_group(struct tree *tree, const char *address, const char *group) {
        char path[PATH_MAX], target[PATH_MAX];

        say_path(path, DEVICES "/%s/iommu_group", address);
        if (!group) {
                tree_unlink(tree, path);
                return;
        }

        say_path(target, "../../../kernel/iommu_groups/%s", group);
        tree_link(tree, path, target);
        say_path(path, "sys/kernel/iommu_groups/%s/type", group);
        if (!tree_has(tree, path))
                tree_write(tree, path, "DMA-FQ\n");
}

/* The directory of a function: below that of its bridge, else below its root bus. */
static void make_directory(struct tree *tree, const struct fake_function *f, char path[static PATH_MAX]) {
        char target[PATH_MAX], link[PATH_MAX];

        say_path(link, DEVICES "/%s", f->below ?: "");
        if (f->below) {
                _cleanup_free_ char *name = tree_name(tree, link);
                ssize_t n = readlink(name, target, sizeof(target) - 1);

                assert_true(n > 0);
                target[n] = '\0';
                assert_in_range(snprintf(path, PATH_MAX, "%s/%s", target, f->address), 0, PATH_MAX - 1);
        } else
                assert_in_range(snprintf(path, PATH_MAX, "../../../devices/pci%.7s/%s", f->address,
                                         f->address),
                                0, PATH_MAX - 1);

        say_path(link, "sys/%s", path + strlen("../../../"));
        tree_directory(tree, link);
        say_path(link, DEVICES "/%s", f->address);
        tree_link(tree, link, path);
        assert_in_range(snprintf(path, PATH_MAX, DEVICES "/%s", f->address), 0, PATH_MAX - 1);
}

static void write_attribute(struct tree *tree, const char *directory, const char *name, const char *value) {
        char path[PATH_MAX];

        if (!value)
                return;
        say_path(path, "%s/%s", directory, name);
        tree_write(tree, path, "%s\n", value);
}

static void link_functions(struct tree *tree, const char *directory, const struct fake_function *f) {
        _cleanup_free_ char *vfs = strdup(f->vfs ?: "");
        char path[PATH_MAX], target[PATH_MAX], *save = NULL;
        unsigned i = 0;

        for (char *vf = strtok_r(vfs, " ", &save); vf; vf = strtok_r(NULL, " ", &save)) {
                say_path(path, "%s/virtfn%u", directory, i++);
                say_path(target, "../%s", vf);
                tree_link(tree, path, target);
        }

        if (f->physical) {
                say_path(path, "%s/physfn", directory);
                say_path(target, "../%s", f->physical);
                tree_link(tree, path, target);
        }
}

static void make_vfio_dev(struct tree *tree, const char *directory, const struct fake_function *f) {
        char path[PATH_MAX];

        say_path(path, "%s/vfio-dev/%s", directory, f->vfio_dev);
        tree_directory(tree, path);
        if (f->no_cdev)
                return;
        say_path(path, "%s/vfio-dev/%s/dev", directory, f->vfio_dev);
        tree_write(tree, path, "511:0\n");
}

void tree_add(struct tree *tree, const struct fake_function *f) {
        char directory[PATH_MAX], path[PATH_MAX], modalias[128];

        make_directory(tree, f, directory);
        say_path(modalias, "pci:v%08Xd%08Xsv%08Xsd%08Xbc%02Xsc%02Xi%02X", f->vendor, f->device,
                 f->subsystem_vendor, f->subsystem_device, f->class_code >> 16, f->class_code >> 8 & 0xff,
                 f->class_code & 0xff);
        for (size_t i = 0; i < ELEMENTSOF(sleeping); i++) {
                say_path(path, "%s/%s", directory, sleeping[i]);
                tree_pipe(tree, path);
        }

        write_attribute(tree, directory, "modalias", modalias);
        write_attribute(tree, directory, "revision", f->revision);
        write_attribute(tree, directory, "numa_node", f->numa_node);
        write_attribute(tree, directory, "boot_vga", f->boot_vga);
        write_attribute(tree, directory, "reset_method", f->reset_methods);
        write_attribute(tree, directory, "sriov_totalvfs", f->total_vfs);
        write_attribute(tree, directory, "secondary_bus_number", f->bridge ? "1" : NULL);
        write_attribute(tree, directory, "driver_override", f->override);
        link_functions(tree, directory, f);
        if (f->vfio_dev)
                make_vfio_dev(tree, directory, f);
        tree_set_driver(tree, f->address, f->driver);
        tree_set_group(tree, f->address, f->group);
}

void tree_add_all(struct tree *tree, const struct fake_function *f, size_t n) {
        for (size_t i = 0; i < n; i++)
                tree_add(tree, &f[i]);
}

void tree_remove(struct tree *tree, const char *address) {
        _cleanup_free_ char *link = NULL, *directory = NULL, *attic = NULL;
        char path[PATH_MAX];

        say_path(path, DEVICES "/%s", address);
        link = tree_name(tree, path);
        directory = realpath(link, NULL);
        assert_non_null(directory);

        /* Kept, so that its inode is. */
        say_path(path, "removed/%u", tree->n_removed++);
        attic = fresh_name(tree, path);
        assert_int_equal(rename(directory, attic), 0);
        assert_int_equal(unlink(link), 0);
}
