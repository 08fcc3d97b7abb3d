/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Reading and writing the files of the run-time directory. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "service/host/array.h"
#include "service/host/macros.h"
#include "service/host/sysfs.h"
#include "service/move/journal/store.h"

#define DAMAGED_SUFFIX ".damaged"
#define NEW_SUFFIX ".new"

/* No file of ours comes near this; whatever is larger is none. */
#define FILE_SIZE_MAX (4 * 1024 * 1024)

struct store {
        int dir;
};

int store_open_directory(const char *directory, const char *name) {
        _cleanup_free_ char *path = NULL;
        int fd;

        if (asprintf(&path, "%s/%s", directory, name) < 0)
                return -ENOMEM;
        if ((mkdir(directory, 0700) < 0 && errno != EEXIST) || (mkdir(path, 0700) < 0 && errno != EEXIST))
                return -errno;

        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return fd < 0 ? -errno : fd;
}

int store_open(const char *directory, const char *name, struct store **ret) {
        struct store *store;
        int fd;

        fd = store_open_directory(directory, name);
        if (fd < 0)
                return fd;

        store = malloc(sizeof(*store));
        if (!store) {
                close(fd);
                return -ENOMEM;
        }

        store->dir = fd;
        *ret = store;
        return 0;
}

struct store *store_free(struct store *store) {
        if (!store)
                return NULL;

        close(store->dir);
        free(store);
        return NULL;
}

static int write_all(int fd, const char *text, size_t length) {
        while (length > 0) {
                ssize_t n = write(fd, text, length);

                if (n < 0)
                        return -errno;
                text += n;
                length -= (size_t) n;
        }

        return 0;
}

/* The directory is on a tmpfs, which a crash of the machine empties anyway, together with the state of the
 * devices: so there is nothing to sync, and a rename is what a killed process cannot leave half done. */
int store_write(struct store *store, const char *name, struct json_object *object) {
        _cleanup_free_ char *temporary = NULL;
        _cleanup_close_ int fd = -EBADF;
        const char *text;
        size_t length;
        int r;

        text = json_object_to_json_string_length(object, JSON_C_TO_STRING_PLAIN, &length);
        if (!text || asprintf(&temporary, "%s" NEW_SUFFIX, name) < 0)
                return -ENOMEM;

        fd = openat(store->dir, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
                return -errno;

        r = write_all(fd, text, length);
        if (r >= 0 && renameat(store->dir, temporary, store->dir, name) < 0)
                r = -errno;

        /* Where there is no room it would take some. */
        if (r < 0)
                (void) unlinkat(store->dir, temporary, 0);
        return r;
}

int store_remove(struct store *store, const char *name) {
        return unlinkat(store->dir, name, 0) < 0 && errno != ENOENT ? -errno : 0;
}

static bool has_suffix(const char *name, const char *suffix) {
        size_t n = strlen(name), m = strlen(suffix);

        return n >= m && streq(name + n - m, suffix);
}

static int read_file(struct store *store, const char *name, struct json_object **ret) {
        _cleanup_close_ int fd = openat(store->dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        struct json_object *object;
        struct stat st;

        if (fd < 0)
                return -errno;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode) || st.st_size > FILE_SIZE_MAX)
                return -EINVAL;

        object = json_object_from_fd(fd);
        if (!object || !json_object_is_type(object, json_type_object)) {
                json_object_put(object);
                return -EINVAL;
        }

        *ret = object;
        return 0;
}

static int set_aside(struct store *store, const char *name) {
        _cleanup_free_ char *aside = NULL;

        if (asprintf(&aside, "%s" DAMAGED_SUFFIX, name) < 0)
                return -ENOMEM;

        return renameat(store->dir, name, store->dir, aside) < 0 ? -errno : 0;
}

struct names {
        struct store *store;
        char **array;
        size_t n;
};

static int collect(const char *name, void *userdata) {
        struct names *names = userdata;
        char **slot;

        /* Whoever was killed while writing it had not begun what it tells of. */
        if (has_suffix(name, NEW_SUFFIX))
                return store_remove(names->store, name);
        if (has_suffix(name, DAMAGED_SUFFIX))
                return 0;

        slot = array_append(&names->array, &names->n, sizeof(*slot));
        if (!slot)
                return -ENOMEM;

        *slot = strdup(name);
        return *slot ? 0 : -ENOMEM;
}

static bool is_damage(int r) {
        return r < 0 && r != -ENOMEM && r != -EMFILE && r != -ENFILE;
}

static int visit(struct store *store, const char *name,
                 int (*function)(const char *name, struct json_object *object, void *userdata),
                 void *userdata, void (*damaged)(const char *name, void *userdata), void *damaged_userdata) {
        _cleanup_json_ struct json_object *object = NULL;
        int r;

        r = read_file(store, name, &object);
        if (r >= 0)
                r = function(name, object, userdata);
        if (!is_damage(r))
                return r;

        (void) set_aside(store, name);
        if (damaged)
                damaged(name, damaged_userdata);
        return 0;
}

int store_foreach(struct store *store,
                  int (*function)(const char *name, struct json_object *object, void *userdata),
                  void *userdata, void (*damaged)(const char *name, void *userdata),
                  void *damaged_userdata) {
        struct names names = { .store = store };
        int r;

        /* First the list, since FUNCTION may remove files. */
        r = sysfs_foreach(store->dir, ".", collect, &names);

        for (size_t i = 0; i < names.n; i++) {
                if (r >= 0)
                        r = visit(store, names.array[i], function, userdata, damaged, damaged_userdata);
                free(names.array[i]);
        }

        free(names.array);
        return r;
}

const char *json_string(struct json_object *object, const char *key) {
        struct json_object *value;

        if (!json_object_object_get_ex(object, key, &value) || !json_object_is_type(value, json_type_string))
                return NULL;

        return json_object_get_string(value);
}

int json_number(struct json_object *object, const char *key, uint64_t *ret) {
        struct json_object *value;

        if (!json_object_object_get_ex(object, key, &value) || !json_object_is_type(value, json_type_int))
                return -EINVAL;

        *ret = json_object_get_uint64(value);
        return 0;
}
