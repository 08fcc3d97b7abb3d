/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Files and pipes, in the order that a killed service can be followed in. */

#include <errno.h>
#include <poll.h>

#include "service/move/lending/lease-files.h"
#include "service/move/lending/pipes.h"

struct lease_files {
        struct store *store;
        struct pipes *pipes;
};

int lease_files_open(const char *directory, struct lease_files **ret) {
        struct lease_files *files = calloc(1, sizeof(*files));
        int r;

        if (!files)
                return -ENOMEM;

        r = store_open(directory, "leases", &files->store);
        if (r >= 0)
                r = pipes_open(directory, &files->pipes);
        if (r < 0) {
                lease_files_free(files);
                return r;
        }

        *ret = files;
        return 0;
}

struct lease_files *lease_files_free(struct lease_files *files) {
        if (!files)
                return NULL;

        store_free(files->store);
        pipes_free(files->pipes);
        free(files);
        return NULL;
}

int lease_files_save(struct lease_files *files, const struct lease *lease) {
        _cleanup_json_ struct json_object *object = lease_to_json(lease);
        char name[LEASE_NAME_SIZE];

        return store_write(files->store, lease_file_name(lease, name), object);
}

/* A pipe without a file is swept away at the next start; a file without a pipe would be a lease that has
 * ended. */
int lease_files_create(struct lease_files *files, struct lease *lease) {
        int r;

        r = pipes_make(files->pipes, lease->id, &lease->read_end, &lease->write_end);
        if (r < 0)
                return r;

        r = lease_files_save(files, lease);
        if (r < 0)
                lease_files_remove_pipe(files, lease);
        return r;
}

void lease_files_remove_pipe(struct lease_files *files, const struct lease *lease) {
        (void) pipes_remove(files->pipes, lease->id);
}

void lease_files_remove(struct lease_files *files, const struct lease *lease) {
        char name[LEASE_NAME_SIZE];

        (void) store_remove(files->store, lease_file_name(lease, name));
        lease_files_remove_pipe(files, lease);
}

struct loading {
        int (*function)(struct lease *lease, void *userdata);
        void *userdata;
        int error; /* the first */
};

static int load(const char *name, struct json_object *object, void *userdata) {
        struct loading *loading = userdata;
        struct lease *lease;
        int r;

        r = lease_from_json(name, object, &lease);
        if (r < 0)
                return r;

        /* The content was good, so the file is not to be set aside whatever comes of it. */
        r = loading->function(lease, loading->userdata);
        if (loading->error >= 0)
                loading->error = r;
        return 0;
}

int lease_files_load(struct lease_files *files, int (*function)(struct lease *lease, void *userdata),
                     void *userdata, void (*damaged)(const char *name, void *userdata),
                     void *damaged_userdata) {
        struct loading loading = { function, userdata, 0 };
        int r = store_foreach(files->store, load, &loading, damaged, damaged_userdata);

        return r < 0 ? r : loading.error;
}

int lease_files_open_pipe(struct lease_files *files, struct lease *lease) {
        struct pollfd pipe = { .fd = pipes_reopen(files->pipes, lease->id) };

        if (pipe.fd < 0)
                return pipe.fd == -ENOENT ? 1 : pipe.fd;

        if (poll(&pipe, 1, 0) > 0 && pipe.revents & POLLHUP) {
                close(pipe.fd);
                return 1;
        }

        lease->read_end = pipe.fd;
        return 0;
}

int lease_files_sweep(struct lease_files *files, bool (*is_wanted)(uint32_t id, void *userdata),
                      void *userdata) {
        return pipes_sweep(files->pipes, is_wanted, userdata);
}
