/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Grants as files, and held against the model. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "service/host/array.h"
#include "service/move/lending/grant.h"

#define FILE_NAME_SIZE 32

struct grant *grant_free(struct grant *grant) {
        if (grant)
                free(grant->members);
        free(grant);
        return NULL;
}

/* One for each user: who is to lose access and who has it are in no one's way. */
static char *file_name(const struct grant *grant, char buffer[static FILE_NAME_SIZE]) {
        snprintf(buffer, FILE_NAME_SIZE, "%d-%" PRIu32, grant->group, grant->uid);
        return buffer;
}

static struct json_object *member_to_json(const struct grant_member *member) {
        struct json_object *object = json_object_new_object();

        json_object_object_add(object, "address",
                               json_object_new_string(PCI_ADDRESS_TEXT(&member->address)));
        json_object_object_add(object, "identity", json_object_new_uint64(member->identity));
        json_object_object_add(object, "on_vfio", json_object_new_boolean(member->on_vfio));
        json_object_object_add(object, "binding", json_object_new_uint64(member->binding));
        return object;
}

struct json_object *grant_to_json(const struct grant *grant) {
        struct json_object *object = json_object_new_object(), *members = json_object_new_array();

        json_object_object_add(object, "in_force", json_object_new_boolean(grant->in_force));
        json_object_object_add(object, "leased", json_object_new_boolean(grant->leased));
        json_object_object_add(object, "members", members);
        for (size_t i = 0; i < grant->n_members; i++)
                json_object_array_add(members, member_to_json(&grant->members[i]));
        return object;
}

int grant_save(const struct grant *grant, struct store *store) {
        _cleanup_json_ struct json_object *object = grant_to_json(grant);
        char name[FILE_NAME_SIZE];

        return store_write(store, file_name(grant, name), object);
}

int grant_remove(const struct grant *grant, struct store *store) {
        char name[FILE_NAME_SIZE];

        return store_remove(store, file_name(grant, name));
}

static bool json_flag(struct json_object *object, const char *key) {
        struct json_object *value;

        return json_object_object_get_ex(object, key, &value) && json_object_get_boolean(value);
}

static int member_from_json(struct json_object *object, struct grant *grant) {
        struct grant_member *member = array_append(&grant->members, &grant->n_members, sizeof(*member));
        const char *address = json_string(object, "address");

        if (!member)
                return -ENOMEM;
        if (!address || pci_address_parse(address, &member->address) < 0 ||
            json_number(object, "identity", &member->identity) < 0)
                return -EINVAL;

        /* Without the number it is none that fits, and is withdrawn. */
        (void) json_number(object, "binding", &member->binding);
        member->on_vfio = json_flag(object, "on_vfio");
        return 0;
}

int grant_load(const char *name, struct json_object *object, struct grant **ret) {
        _cleanup_(grant_freep) struct grant *grant = calloc(1, sizeof(*grant));
        struct json_object *members;
        char again[FILE_NAME_SIZE];
        int r = 0;

        if (!grant)
                return -ENOMEM;
        if (sscanf(name, "%d-%" SCNu32, &grant->group, &grant->uid) != 2 ||
            !streq(file_name(grant, again), name) || grant->group < 0 ||
            !json_object_object_get_ex(object, "members", &members) ||
            !json_object_is_type(members, json_type_array))
                return -EINVAL;

        grant->in_force = json_flag(object, "in_force");
        grant->leased = json_flag(object, "leased");
        for (size_t i = 0; r >= 0 && i < json_object_array_length(members); i++)
                r = member_from_json(json_object_array_get_idx(members, i), grant);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(grant);
        return 0;
}

static bool is_on_vfio(const struct function *f) {
        return f->kind == DRIVER_VFIO;
}

static struct grant_member *find_member(const struct grant *grant, const struct function *f) {
        for (size_t i = 0; i < grant->n_members; i++)
                if (pci_address_compare(&grant->members[i].address, &f->address) == 0 &&
                    grant->members[i].identity == f->identity)
                        return &grant->members[i];

        return NULL;
}

int grant_note_members(struct grant *grant, const struct model *model) {
        const struct group *g = model_group(model, grant->group);

        grant->n_members = 0;
        free(TAKE_PTR(grant->members));
        for (size_t i = 0; g && i < g->n_members; i++) {
                const struct function *f = g->members[i];
                struct grant_member *member;

                if (function_is_bridge(f))
                        continue;
                member = array_append(&grant->members, &grant->n_members, sizeof(*member));
                if (!member)
                        return -ENOMEM;
                *member = (struct grant_member){ f->address, f->identity, is_on_vfio(f), f->binding };
        }

        return 0;
}

bool grant_note_arrivals(struct grant *grant, const struct model *model) {
        const struct group *g = model_group(model, grant->group);
        bool any = false;

        for (size_t i = 0; i < g->n_members; i++) {
                struct grant_member *member = find_member(grant, g->members[i]);

                /* Of one that has only been told of yet, more is to be seen soon. */
                if (!member || member->on_vfio || !is_on_vfio(g->members[i]) || g->members[i]->binding == 0)
                        continue;
                any = member->on_vfio = true;
                member->binding = g->members[i]->binding;
        }

        return any;
}

void grant_note_return(struct grant *grant, const struct function *f) {
        struct grant_member *member = find_member(grant, f);

        if (member)
                member->binding = f->binding;
}

static bool has_on_vfio(const struct group *g, const struct grant_member *member) {
        for (size_t i = 0; g && i < g->n_members; i++) {
                const struct function *f = g->members[i];

                if (pci_address_compare(&f->address, &member->address) == 0)
                        return f->identity == member->identity && f->binding == member->binding &&
                               is_on_vfio(f);
        }

        return false;
}

bool grant_fits(const struct grant *grant, const struct model *model) {
        const struct group *g = model_group(model, grant->group);

        for (size_t i = 0; i < grant->n_members; i++)
                if (grant->members[i].on_vfio && !has_on_vfio(g, &grant->members[i]))
                        return false;
        for (size_t i = 0; g && i < g->n_members; i++)
                if (!function_is_bridge(g->members[i]) && !find_member(grant, g->members[i]))
                        return false;

        return g;
}
