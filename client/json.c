/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the bus says as JSON. */

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "json.h"

/* D-Bus names are at most 255 bytes long, and each may gain a `_`. */
#define KEY_SIZE 512

/* `NumaNode` → `numa_node`; a name with dots is an interface's and stays. */
static const char *snake_case(const char *name, char buffer[static KEY_SIZE]) {
        char *p = buffer;

        if (strchr(name, '.') || strlen(name) >= KEY_SIZE / 2)
                return name;

        for (const char *q = name; *q; q++) {
                if (q > name && isupper((unsigned char) *q) &&
                    (!isupper((unsigned char) q[-1]) || islower((unsigned char) q[1])))
                        *p++ = '_';
                *p++ = (char) tolower((unsigned char) *q);
        }
        *p = 0;
        return buffer;
}

static int read_basic(sd_bus_message *m, char type, json_object **ret) {
        union {
                uint8_t y;
                int16_t n;
                uint16_t q;
                int32_t i;
                uint32_t u;
                int64_t x;
                uint64_t t;
                double d;
                int b;
                const char *s;
        } value;
        int r;

        r = sd_bus_message_read_basic(m, type, &value);
        if (r < 0)
                return r;

        switch (type) {
        case 'y':
                *ret = json_object_new_int(value.y);
                break;
        case 'n':
                *ret = json_object_new_int(value.n);
                break;
        case 'q':
                *ret = json_object_new_int(value.q);
                break;
        case 'i':
        case 'h':
                *ret = json_object_new_int(value.i);
                break;
        case 'u':
                *ret = json_object_new_int64(value.u);
                break;
        case 'x':
                *ret = json_object_new_int64(value.x);
                break;
        case 't':
                *ret = json_object_new_uint64(value.t);
                break;
        case 'd':
                *ret = json_object_new_double(value.d);
                break;
        case 'b':
                *ret = json_object_new_boolean(value.b);
                break;
        default:
                *ret = json_object_new_string(value.s);
        }
        return *ret ? 0 : -ENOMEM;
}

static int read_dictionary(sd_bus_message *m, json_object **ret) {
        _cleanup_json_ json_object *dictionary = NULL;
        const char *contents;
        int r;

        dictionary = json_object_new_object();
        if (!dictionary)
                return -ENOMEM;

        while ((r = sd_bus_message_peek_type(m, NULL, &contents)) > 0) {
                _cleanup_json_ json_object *key = NULL;
                char buffer[KEY_SIZE];
                json_object *value;

                r = sd_bus_message_enter_container(m, 'e', contents);
                if (r < 0)
                        return r;

                r = json_read(m, &key);
                if (r < 0)
                        return r;

                r = json_read(m, &value);
                if (r < 0)
                        return r;

                r = json_object_object_add(dictionary, snake_case(json_object_get_string(key), buffer),
                                           value);
                if (r < 0) {
                        json_object_put(value);
                        return -ENOMEM;
                }

                r = sd_bus_message_exit_container(m);
                if (r < 0)
                        return r;
        }
        if (r < 0)
                return r;

        *ret = dictionary;
        dictionary = NULL;
        return 0;
}

static int read_elements(sd_bus_message *m, json_object **ret) {
        _cleanup_json_ json_object *array = NULL;
        int r;

        array = json_object_new_array();
        if (!array)
                return -ENOMEM;

        while ((r = sd_bus_message_at_end(m, false)) == 0) {
                json_object *element;

                r = json_read(m, &element);
                if (r < 0)
                        return r;
                if (json_object_array_add(array, element) < 0) {
                        json_object_put(element);
                        return -ENOMEM;
                }
        }
        if (r < 0)
                return r;

        *ret = array;
        array = NULL;
        return 0;
}

int json_read(sd_bus_message *message, json_object **ret) {
        _cleanup_json_ json_object *value = NULL;
        const char *contents;
        char type;
        int r;

        r = sd_bus_message_peek_type(message, &type, &contents);
        if (r < 0)
                return r;
        if (r == 0)
                return -EBADMSG;
        if (!strchr("arv", type))
                return read_basic(message, type, ret);

        r = sd_bus_message_enter_container(message, type, contents);
        if (r < 0)
                return r;

        if (type == 'v')
                r = json_read(message, &value);
        else if (contents[0] == '{')
                r = read_dictionary(message, &value);
        else
                r = read_elements(message, &value);
        if (r < 0)
                return r;

        r = sd_bus_message_exit_container(message);
        if (r < 0)
                return r;

        *ret = value;
        value = NULL;
        return 0;
}

int json_read_named(sd_bus_message *message, const char *const *keys, json_object **ret) {
        _cleanup_json_ json_object *object = NULL;
        int r;

        object = json_object_new_object();
        if (!object)
                return -ENOMEM;

        for (; *keys; keys++) {
                json_object *value;

                r = json_read(message, &value);
                if (r < 0)
                        return r;
                if (json_object_object_add(object, *keys, value) < 0) {
                        json_object_put(value);
                        return -ENOMEM;
                }
        }

        *ret = object;
        object = NULL;
        return 0;
}

int json_name_structures(json_object *structures, const char *const *keys, json_object **ret) {
        _cleanup_json_ json_object *array = NULL;

        if (!json_object_is_type(structures, json_type_array))
                return -EBADMSG;

        array = json_object_new_array();
        if (!array)
                return -ENOMEM;

        for (size_t i = 0; i < json_object_array_length(structures); i++) {
                json_object *structure = json_object_array_get_idx(structures, i), *object;

                object = json_object_new_object();
                if (!object || json_object_array_add(array, object) < 0) {
                        json_object_put(object);
                        return -ENOMEM;
                }
                for (size_t k = 0; keys[k] && json_object_is_type(structure, json_type_array); k++) {
                        json_object *field = json_object_get(json_object_array_get_idx(structure, k));

                        if (json_object_object_add(object, keys[k], field) < 0) {
                                json_object_put(field);
                                return -ENOMEM;
                        }
                }
        }

        *ret = array;
        array = NULL;
        return 0;
}

/* json-c escapes what is below U+0020; DEL and the C1 controls (U+0080 … U+009F, two bytes in UTF-8) command
 * terminals as well. They occur in strings only, where JSON may write them as `\u00NN`. */
static void print_escaped(const char *text) {
        for (const char *p = text; *p; p++) {
                unsigned char next = (unsigned char) p[1];

                if (*p == 0x7f)
                        fputs("\\u007f", stdout);
                else if ((unsigned char) *p == 0xc2 && next >= 0x80 && next <= 0x9f) {
                        printf("\\u%04x", next);
                        p++;
                } else
                        putc_unlocked(*p, stdout);
        }
        putc_unlocked('\n', stdout);
}

int json_print(json_object *object, JsonMode mode) {
        int flags = JSON_C_TO_STRING_NOSLASHESCAPE;
        const char *text;

        flags |= mode == JSON_PRETTY ? JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED
                                     : JSON_C_TO_STRING_PLAIN;
        text = json_object_to_json_string_ext(object, flags);
        if (!text)
                return -ENOMEM;

        print_escaped(text);
        return 0;
}

json_object *json_member(json_object *object, const char *key) {
        json_object *member;

        return json_object_object_get_ex(object, key, &member) ? member : NULL;
}

const char *json_string(json_object *object, const char *key) {
        json_object *member = json_member(object, key);

        return json_object_is_type(member, json_type_string) ? json_object_get_string(member) : "";
}

int64_t json_number(json_object *object, const char *key) {
        json_object *member = json_member(object, key);

        return json_object_is_type(member, json_type_int) ? json_object_get_int64(member) : 0;
}

bool json_boolean(json_object *object, const char *key) {
        json_object *member = json_member(object, key);

        return json_object_is_type(member, json_type_boolean) && json_object_get_boolean(member);
}

size_t json_length(json_object *object, const char *key) {
        json_object *member = json_member(object, key);

        return json_object_is_type(member, json_type_array) ? json_object_array_length(member) : 0;
}

const char *json_element(json_object *object, const char *key, size_t i) {
        json_object *element = json_object_array_get_idx(json_member(object, key), i);

        return json_object_is_type(element, json_type_string) ? json_object_get_string(element) : "";
}
