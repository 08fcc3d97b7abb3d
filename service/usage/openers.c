/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The descriptors of one process. This is what a look spends its time with on a host with thousands of
 * processes, so there is one system call for a descriptor and no more: fuser(1) takes two, and reads the
 * memory maps as well. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "service/host/array.h"
#include "service/host/sysfs.h"
#include "service/usage/openers.h"

/* More processes than this are not told of one part. */
#define OPENERS_MAX 64

struct entry {
        dev_t number;
        bool block;
        const struct part *part;
        unsigned n_openers;
        pid_t last; /* the process that was found last: each is found once, however often it has the node
                       open */
};

struct wanted {
        const struct look *look;
        struct entry *entries; /* sorted by number */
        size_t n;
        struct opener *openers;
        size_t n_openers;
        char *buffer; /* for directories */
};

#define BUFFER_SIZE 32768

static int compare_numbers(const void *a, const void *b) {
        const struct entry *x = a, *y = b;

        return x->number < y->number ? -1 : x->number > y->number;
}

struct wanted *wanted_free(struct wanted *wanted) {
        if (!wanted)
                return NULL;

        openers_free(wanted->openers, wanted->n_openers);
        free(wanted->entries);
        free(wanted->buffer);
        free(wanted);
        return NULL;
}

struct wanted *wanted_new(const struct look *look) {
        struct wanted *wanted = calloc(1, sizeof(*wanted));

        if (!wanted)
                return NULL;

        wanted->look = look;
        wanted->entries = calloc(look->n_parts + 1, sizeof(*wanted->entries));
        wanted->buffer = malloc(BUFFER_SIZE);
        if (!wanted->entries || !wanted->buffer)
                return wanted_free(wanted);

        for (size_t i = 0; i < look->n_parts; i++) {
                const struct part *part = &look->parts[i];

                if (part->number != 0)
                        wanted->entries[wanted->n++] = (struct entry){
                                .number = part->number,
                                .block = streq(part->subsystem, "block"),
                                .part = part,
                        };
        }
        qsort(wanted->entries, wanted->n, sizeof(*wanted->entries), compare_numbers);
        return wanted;
}

bool wanted_any(const struct wanted *wanted) {
        return wanted->n > 0;
}

/* The first of those with this number: several functions of a group share their group's. */
static struct entry *find(const struct wanted *wanted, dev_t number) {
        size_t from = 0, to = wanted->n;

        while (from < to) {
                size_t middle = from + (to - from) / 2;

                if (wanted->entries[middle].number < number)
                        from = middle + 1;
                else
                        to = middle;
        }

        return from < wanted->n && wanted->entries[from].number == number ? &wanted->entries[from] : NULL;
}

static int add_opener(struct wanted *wanted, struct entry *entry, int proc, const char *pid, int directory,
                      const char *fd) {
        char path[NAME_MAX + sizeof("/comm")], command[64] = "", node[PATH_MAX];
        struct opener *opener;
        struct stat st;
        ssize_t n;

        /* Its owner is the user as whom the process acts, or root where it hides what it does (proc(5)). */
        if (fstatat(proc, pid, &st, 0) < 0)
                return 0;

        n = readlinkat(directory, fd, node, sizeof(node) - 1);
        node[MAX_OF(n, 0)] = '\0';
        snprintf(path, sizeof(path), "%s/comm", pid);
        (void) sysfs_read(proc, path, command, sizeof(command));

        opener = array_append(&wanted->openers, &wanted->n_openers, sizeof(*opener));
        if (!opener)
                return -ENOMEM;

        *opener = (struct opener){
                .part = entry->part,
                .pid = entry->last,
                .uid = st.st_uid,
                .command = strdup(command),
                .node = strdup(node),
        };
        return opener->command && opener->node ? 0 : -ENOMEM;
}

/* A descriptor of O_PATH names a node and does not hold it: whoever has one neither keeps a driver from
 * going nor a guest from starting, and udev has one for a moment whenever it sets an owner or a mode. Such a
 * link allows nothing (tid_fd_update_inode() in fs/proc/fd.c), nor does that of a node opened for ioctl(2)
 * only, which is held: the flags tell the two apart. One that is closed by now has no flags. */
static bool holds(int proc, const char *pid, int directory, const char *fd) {
        char path[2 * NAME_MAX + sizeof("/fdinfo/")], text[SYSFS_VALUE_MAX];
        const char *flags;
        struct stat link;
        ssize_t n;

        if (fstatat(directory, fd, &link, AT_SYMLINK_NOFOLLOW) < 0)
                return false;
        if (link.st_mode & 0600)
                return true;

        snprintf(path, sizeof(path), "%s/fdinfo/%s", pid, fd);
        n = sysfs_read(proc, path, text, sizeof(text));
        if (n < 0)
                return n != -ENOENT && n != -ESRCH;
        flags = strstr(text, "flags:");
        return !flags || !(strtoul(flags + strlen("flags:"), NULL, 8) & O_PATH);
}

static int look_at_descriptor(struct wanted *wanted, int proc, const char *pid, int directory,
                              const char *fd) {
        struct entry *entry;
        struct statx st;
        dev_t number;
        int r = 0;

        /* Not to ask servers of network file systems that may be gone. */
        if (statx(directory, fd, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, STATX_TYPE, &st) < 0 ||
            (!S_ISCHR(st.stx_mode) && !S_ISBLK(st.stx_mode)))
                return 0;

        number = makedev(st.stx_rdev_major, st.stx_rdev_minor);
        entry = find(wanted, number);
        if (!entry || !holds(proc, pid, directory, fd))
                return 0;

        for (; r >= 0 && entry < wanted->entries + wanted->n; entry++) {
                pid_t process = (pid_t) atol(pid);

                if (entry->number != number)
                        break;
                if (entry->block != S_ISBLK(st.stx_mode) || entry->last == process ||
                    entry->n_openers >= OPENERS_MAX)
                        continue;

                entry->last = process;
                entry->n_openers++;
                r = add_opener(wanted, entry, proc, pid, directory, fd);
        }

        return r;
}

int openers_look(struct wanted *wanted, int proc, const char *pid) {
        char path[NAME_MAX + sizeof("/fd")];
        _cleanup_close_ int directory = -EBADF;
        ssize_t n;
        int r = 0;

        snprintf(path, sizeof(path), "%s/fd", pid);
        directory = openat(proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (directory < 0)
                return errno == ENOENT || errno == ESRCH || errno == EACCES ? 0 : -errno;

        while (r >= 0 && (n = getdents64(directory, wanted->buffer, BUFFER_SIZE)) > 0)
                for (ssize_t at = 0; r >= 0 && at < n;) {
                        const struct dirent64 *entry = (const void *) (wanted->buffer + at);

                        if (entry->d_name[0] != '.')
                                r = look_at_descriptor(wanted, proc, pid, directory, entry->d_name);
                        at += entry->d_reclen;
                }

        return r;
}

static int compare_processes(const void *a, const void *b) {
        const struct opener *x = a, *y = b;

        if (x->pid != y->pid)
                return x->pid < y->pid ? -1 : 1;
        return x->part < y->part ? -1 : x->part > y->part;
}

static size_t count(const struct look *look, const struct part *part) {
        size_t n = 0;

        for (size_t i = 0; i < look->n_openers; i++)
                n += look->openers[i].part == part;

        return n;
}

int openers_hand_over(struct wanted *wanted, struct look *look) {
        for (size_t i = 0; i < wanted->n_openers; i++) {
                struct opener *from = &wanted->openers[i], *to;

                if (count(look, from->part) >= OPENERS_MAX)
                        continue;

                to = array_append(&look->openers, &look->n_openers, sizeof(*to));
                if (!to)
                        return -ENOMEM;
                *to = *from;
                *from = (struct opener){};
        }

        if (look->n_openers > 0)
                qsort(look->openers, look->n_openers, sizeof(*look->openers), compare_processes);
        return 0;
}
