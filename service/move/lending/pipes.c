/* SPDX-License-Identifier: GPL-2.0-or-later */

/* FIFOs in a directory of their own. */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

#include "service/host/macros.h"
#include "service/host/sysfs.h"
#include "service/move/journal/store.h"
#include "service/move/lending/pipes.h"

#define DIRECTORY "pipes"
#define NAME_SIZE 16

struct pipes {
        int dir;
};

int pipes_open(const char *directory, struct pipes **ret) {
        struct pipes *pipes;
        int fd;

        fd = store_open_directory(directory, DIRECTORY);
        if (fd < 0)
                return fd;

        pipes = malloc(sizeof(*pipes));
        if (!pipes) {
                close(fd);
                return -ENOMEM;
        }

        pipes->dir = fd;
        *ret = pipes;
        return 0;
}

struct pipes *pipes_free(struct pipes *pipes) {
        if (!pipes)
                return NULL;

        close(pipes->dir);
        free(pipes);
        return NULL;
}

static char *pipe_name(uint32_t id, char buffer[static NAME_SIZE]) {
        snprintf(buffer, NAME_SIZE, "%" PRIu32, id);
        return buffer;
}

static int open_end(const struct pipes *pipes, uint32_t id, int mode) {
        char name[NAME_SIZE];
        int fd;

        fd = openat(pipes->dir, pipe_name(id, name), mode | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
        return fd < 0 ? -errno : fd;
}

int pipes_make(struct pipes *pipes, uint32_t id, int *ret_read, int *ret_write) {
        _cleanup_close_ int read_end = -EBADF;
        char name[NAME_SIZE];
        int write_end;

        if (mkfifoat(pipes->dir, pipe_name(id, name), 0600) < 0)
                return -errno;

        read_end = open_end(pipes, id, O_RDONLY);
        write_end = read_end < 0 ? read_end : open_end(pipes, id, O_WRONLY);
        if (write_end < 0) {
                (void) pipes_remove(pipes, id);
                return write_end;
        }

        *ret_read = TAKE_FD(read_end);
        *ret_write = write_end;
        return 0;
}

int pipes_reopen(struct pipes *pipes, uint32_t id) {
        _cleanup_close_ int read_end = open_end(pipes, id, O_RDONLY), write_end = -EBADF;
        struct stat st;

        if (read_end < 0)
                return read_end;
        if (fstat(read_end, &st) < 0)
                return -errno;
        if (!S_ISFIFO(st.st_mode))
                return -ENOENT;

        /* A read end that was opened without blocking shows no hang-up before a writer has come (fifo_open()
         * in fs/pipe.c): one comes, and goes. */
        write_end = open_end(pipes, id, O_WRONLY);
        return write_end < 0 ? write_end : TAKE_FD(read_end);
}

int pipes_remove(struct pipes *pipes, uint32_t id) {
        char name[NAME_SIZE];

        return unlinkat(pipes->dir, pipe_name(id, name), 0) < 0 && errno != ENOENT ? -errno : 0;
}

struct sweep {
        const struct pipes *pipes;
        bool (*is_wanted)(uint32_t id, void *userdata);
        void *userdata;
};

static int sweep(const char *name, void *userdata) {
        const struct sweep *all = userdata;
        char *end;
        unsigned long id = strtoul(name, &end, 10);

        if (*end == '\0' && id <= UINT32_MAX && all->is_wanted((uint32_t) id, all->userdata))
                return 0;

        return unlinkat(all->pipes->dir, name, 0) < 0 && errno != ENOENT ? -errno : 0;
}

int pipes_sweep(struct pipes *pipes, bool (*is_wanted)(uint32_t id, void *userdata), void *userdata) {
        struct sweep all = { pipes, is_wanted, userdata };

        return sysfs_foreach(pipes->dir, ".", sweep, &all);
}
