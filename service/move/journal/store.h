/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Small JSON files below the service's run-time directory: each is replaced as a whole or not at all, and
 * one that cannot be read is set aside without costing any other. */

#include <json-c/json.h>

struct store;

/* Opens the directory NAME below DIRECTORY; both are made with mode 0700 where they do not exist. Returns a
 * descriptor. */
int store_open_directory(const char *directory, const char *name);

/* The same, for files that are read and written here. */
int store_open(const char *directory, const char *name, struct store **ret);
struct store *store_free(struct store *store);

/* Writes OBJECT to the file NAME; when it returns 0, a process that is killed at once has left the new
 * content. */
int store_write(struct store *store, const char *name, struct json_object *object);

/* Removes the file NAME. One that does not exist is no error. */
int store_remove(struct store *store, const char *name);

/* Calls FUNCTION with every file's name and content. FUNCTION returns 0, or a negative errno where the
 * content is not what it should be; then the file is renamed to NAME.damaged, DAMAGED (which may be NULL) is
 * told, and the others go on. Want of memory or descriptors says nothing of the content: it ends the walk,
 * and is what is returned. What was being written when the service was killed is removed. */
int store_foreach(struct store *store,
                  int (*function)(const char *name, struct json_object *object, void *userdata),
                  void *userdata, void (*damaged)(const char *name, void *userdata), void *damaged_userdata);

/* The string member KEY of OBJECT, or NULL if there is none or it is no string. Belongs to OBJECT. */
const char *json_string(struct json_object *object, const char *key);

/* The number KEY of OBJECT into *RET. -EINVAL if there is none or it is no number. */
int json_number(struct json_object *object, const char *key, uint64_t *ret);

static inline void json_putp(struct json_object **object) {
        json_object_put(*object);
}

#define _cleanup_json_ __attribute__((cleanup(json_putp)))
