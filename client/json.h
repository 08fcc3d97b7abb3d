/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What the bus says as JSON. The values are those of D-Bus (an object path is a string, a variant its
 * content), and keys are the D-Bus names in lower_snake_case, so that what a later service adds comes
 * through as well. */

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

typedef enum JsonMode {
        JSON_OFF,
        JSON_SHORT,
        JSON_PRETTY,
} JsonMode;

/* Reads the next complete value of the message: structures and arrays become arrays, dictionaries objects.
 * `ret` becomes the caller's. -ENOMEM, or what sd-bus says. */
int json_read(sd_bus_message *message, json_object **ret);

/* Reads values as named by `keys`, one after the other, into an object. The list ends with NULL. */
int json_read_named(sd_bus_message *message, const char *const *keys, json_object **ret);

/* An array of structures, each an array as json_read() leaves it, as an array of objects with the fields
 * `keys`. `ret` becomes the caller's. -ENOMEM. */
int json_name_structures(json_object *structures, const char *const *keys, json_object **ret);

/* Writes it to standard output and ends the line. Control characters are escaped. */
int json_print(json_object *object, JsonMode mode);

/* The member `key`, or NULL, "", 0, false where there is none or it is of another type. Borrowed. */
json_object *json_member(json_object *object, const char *key);
const char *json_string(json_object *object, const char *key);
int64_t json_number(json_object *object, const char *key);
bool json_boolean(json_object *object, const char *key);

/* How many elements the array `key` has (0 if there is none), and one of them, which must be a string. */
size_t json_length(json_object *object, const char *key);
const char *json_element(json_object *object, const char *key, size_t i);
