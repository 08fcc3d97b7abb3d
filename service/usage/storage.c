/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What stands on the disks behind functions: mounts, swap areas, and stacks of block devices. */

#include <errno.h>
#include <limits.h>
#include <stdio.h>

#include "service/host/array.h"
#include "service/host/sysfs.h"
#include "service/usage/blocks.h"
#include "service/usage/lookers.h"
#include "service/usage/storage.h"

/* A file system, as it is mounted somewhere. */
struct mounted {
        struct look *look;
        struct libmnt_fs *fs;
        enum severity severity;
        bool elsewhere;
};

bool storage_is_there(const struct look *look) {
        for (size_t i = 0; i < look->n_parts; i++)
                if (streq(look->parts[i].subsystem, "block"))
                        return true;

        return false;
}

/* Device-mapper's devices are better known by the name that somebody gave them. */
static int add_stacked(struct look *look, const struct function *f, const char *top,
                       enum severity severity) {
        char path[PATH_MAX], name[NAME_MAX + 1] = "";
        bool named;

        if (isempty(top))
                return 0;

        snprintf(path, sizeof(path), "class/block/%s/dm/name", top);
        named = sysfs_read(look->root->sys, path, name, sizeof(name)) > 0;
        return findings_add(&look->found, FINDING_STACKED, severity, &f->address, top,
                            "%s carries the block device %s%s%s%s: %s", PCI_ADDRESS_TEXT(&f->address), top,
                            named ? " (" : "", name, named ? ")" : "",
                            severity == SEVERITY_REFUSE ? "the running system stands on it"
                                                        : "close or stop it first");
}

static int add_mounted(const struct mounted *mounted, const struct function *f) {
        _cleanup_free_ char *message = NULL, *discreet = NULL;
        const char *target = strempty(mnt_fs_get_target(mounted->fs)), *advice = "unmount it first";

        if (mounted->severity == SEVERITY_REFUSE)
                advice = "the running system stands on it";
        else if (mounted->elsewhere)
                advice = "unmount it there first, or end the processes in that mount namespace";

        if (asprintf(&message, "%s carries the file system mounted on %s%s: %s",
                     PCI_ADDRESS_TEXT(&f->address), target,
                     mounted->elsewhere ? " in another mount namespace" : "", advice) < 0 ||
            asprintf(&discreet, "%s carries a mounted file system: it has to be unmounted first",
                     PCI_ADDRESS_TEXT(&f->address)) < 0)
                return -ENOMEM;

        return findings_add_copy(&mounted->look->found, &(struct finding){
                                                                .kind = FINDING_MOUNTED,
                                                                .severity = mounted->severity,
                                                                .address = f->address,
                                                                .subject = (char *) target,
                                                                .message = message,
                                                                .discreet = discreet,
                                                                .privacy = {
                                                                        .owner = OWNER_NOBODY,
                                                                        .mount = mnt_fs_get_devno(mounted->fs),
                                                                        .elsewhere = mounted->elsewhere,
                                                                },
                                                        });
}

static int reached_by_mount(const struct descent *descent, const struct function *f, const char *top) {
        const struct mounted *mounted = descent->userdata;
        int r = add_mounted(mounted, f);

        return r < 0 ? r : add_stacked(descent->look, f, top, mounted->severity);
}

/* What a running system cannot do without, whoever asks. */
static enum severity mount_severity(const char *target) {
        static const char *const system[] = {
                "/",    "/boot",    "/boot/efi",  "/efi", "/etc",     "/gnu",     "/nix",
                "/usr", "/usr/lib", "/usr/local", "/var", "/var/lib", "/var/log", "/var/tmp",
        };

        for (size_t i = 0; i < ELEMENTSOF(system); i++)
                if (streq(target, system[i]))
                        return SEVERITY_REFUSE;

        return SEVERITY_FORCE;
}

static int look_at_mount(struct look *look, struct libmnt_fs *fs, bool elsewhere) {
        struct mounted mounted = {
                .look = look,
                .fs = fs,
                .severity = elsewhere ? SEVERITY_FORCE : mount_severity(strempty(mnt_fs_get_target(fs))),
                .elsewhere = elsewhere,
        };
        struct descent descent = {
                .look = look,
                .mounts = look->mounts,
                .reached = reached_by_mount,
                .userdata = &mounted,
        };

        return descend_from_file_system(&descent, fs);
}

static bool host_has_mounted(const struct look *look, dev_t device) {
        for (size_t i = 0; i < look->n_mounted; i++)
                if (look->mounted[i] == device)
                        return true;

        return false;
}

static int look_at_host_mount(struct libmnt_fs *fs, void *userdata) {
        struct look *look = userdata;
        dev_t *device;

        if (!host_has_mounted(look, mnt_fs_get_devno(fs))) {
                device = array_append(&look->mounted, &look->n_mounted, sizeof(*device));
                if (!device)
                        return -ENOMEM;
                *device = mnt_fs_get_devno(fs);
        }

        return look_at_mount(look, fs, false);
}

int storage_look_at_host(struct look *look) {
        int r = mounts_read_host(look->root, &look->mounts);

        return r < 0 ? r : mounts_foreach(look->mounts, look_at_host_mount, look);
}

static int look_at_other_mount(struct libmnt_fs *fs, void *userdata) {
        struct look *look = userdata;

        return host_has_mounted(look, mnt_fs_get_devno(fs)) ? 0 : look_at_mount(look, fs, true);
}

int storage_look_elsewhere(struct look *look, struct libmnt_table *mounts) {
        return mounts_foreach(mounts, look_at_other_mount, look);
}

static int reached_by_swap(const struct descent *descent, const struct function *f, const char *top) {
        const char *source = descent->userdata;
        int r = findings_add(&descent->look->found, FINDING_SWAP, SEVERITY_REFUSE, &f->address, source,
                             "%s carries the swap area %s: turn it off with swapoff first",
                             PCI_ADDRESS_TEXT(&f->address), source);

        return r < 0 ? r : add_stacked(descent->look, f, top, SEVERITY_REFUSE);
}

static int look_at_swap(struct libmnt_fs *fs, void *userdata) {
        struct look *look = userdata;
        const char *source = strempty(mnt_fs_get_source(fs));
        struct descent descent = {
                .look = look,
                .mounts = look->mounts,
                .reached = reached_by_swap,
                .userdata = (void *) source,
        };

        return descend_from_path(&descent, source);
}

int swaps_look(struct look *look) {
        _cleanup_mounts_ struct libmnt_table *swaps = NULL;
        int r;

        if (!storage_is_there(look))
                return 0;

        r = mounts_read_swaps(look->root, &swaps);
        return r < 0 ? r : mounts_foreach(swaps, look_at_swap, look);
}

static int reached_by_stack(const struct descent *descent, const struct function *f, const char *top) {
        return add_stacked(descent->look, f, top, SEVERITY_FORCE);
}

static int stop(const char *name, void *userdata) {
        return 1;
}

/* Only what nothing else stands on is taken apart first. */
static int look_at_block(const char *name, void *userdata) {
        struct look *look = userdata;
        struct descent descent = { .look = look, .mounts = look->mounts, .reached = reached_by_stack };
        char path[PATH_MAX];
        dev_t device;

        snprintf(path, sizeof(path), "class/block/%s/holders", name);
        if (sysfs_foreach(look->root->sys, path, stop, NULL) > 0)
                return 0;

        *strrchr(path, '/') = '\0';
        return look_read_number(look, path, &device) < 0 ? 0 : descend_from_device(&descent, device);
}

int stacks_look(struct look *look) {
        int r;

        if (!storage_is_there(look))
                return 0;

        r = sysfs_foreach(look->root->sys, "class/block", look_at_block, look);
        return r == -ENOENT ? 0 : r;
}
