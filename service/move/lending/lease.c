/* SPDX-License-Identifier: GPL-2.0-or-later */

/* One lease, and its file. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "service/host/array.h"
#include "service/move/lending/lease.h"

struct lease *lease_new(uint32_t id, const struct holder *holder) {
        struct lease *lease = malloc(sizeof(*lease));

        if (!lease)
                return NULL;

        *lease = (struct lease){ .id = id, .holder = *holder, .read_end = -EBADF, .write_end = -EBADF };
        lease->holder.name = strdup(holder->name);
        return lease->holder.name ? lease : lease_free(lease);
}

struct lease *lease_free(struct lease *lease) {
        if (!lease)
                return NULL;

        sd_event_source_disable_unref(lease->hang_up);
        closep(&lease->read_end);
        closep(&lease->write_end);
        free((char *) lease->holder.name);
        free(lease->members);
        free(lease);
        return NULL;
}

int lease_add(struct lease *lease, const struct pci_address *address, uint64_t identity,
              const struct home *before) {
        struct lease_member *member = array_append(&lease->members, &lease->n_members, sizeof(*member));

        if (!member)
                return -ENOMEM;

        *member = (struct lease_member){ .address = *address, .identity = identity, .before = *before };
        return 0;
}

struct lease_member *lease_member(const struct lease *lease, const struct pci_address *address) {
        for (size_t i = 0; i < lease->n_members; i++)
                if (pci_address_compare(&lease->members[i].address, address) == 0)
                        return &lease->members[i];

        return NULL;
}

void lease_take_out(struct lease *lease, struct lease_member *member) {
        size_t at = (size_t) (member - lease->members);

        memmove(member, member + 1, (--lease->n_members - at) * sizeof(*member));
}

const struct home *lease_home(const struct function *f, void *userdata) {
        const struct lease_member *member = lease_member(userdata, &f->address);

        return member && member->identity == f->identity ? &member->before : NULL;
}

bool lease_is_held_by(const struct lease *lease, const struct holder *holder) {
        return holder && holder->name && lease->holder.uid == holder->uid &&
               streq(lease->holder.name, holder->name);
}

char *lease_file_name(const struct lease *lease, char buffer[static LEASE_NAME_SIZE]) {
        snprintf(buffer, LEASE_NAME_SIZE, "%" PRIu32, lease->id);
        return buffer;
}

static struct json_object *member_to_json(const struct lease_member *member) {
        struct json_object *object = json_object_new_object();

        json_object_object_add(object, "address",
                               json_object_new_string(PCI_ADDRESS_TEXT(&member->address)));
        json_object_object_add(object, "identity", json_object_new_uint64(member->identity));
        json_object_object_add(object, "driver", json_object_new_string(member->before.driver));
        json_object_object_add(object, "override", json_object_new_string(member->before.override));
        json_object_object_add(object, "console", json_object_new_boolean(member->before.console));
        return object;
}

struct json_object *lease_to_json(const struct lease *lease) {
        struct json_object *object = json_object_new_object(), *members = json_object_new_array();

        json_object_object_add(object, "holder", json_object_new_string(lease->holder.name));
        json_object_object_add(object, "uid", json_object_new_uint64(lease->holder.uid));
        json_object_object_add(object, "pid", json_object_new_uint64(lease->holder.pid));
        json_object_object_add(object, "members", members);
        for (size_t i = 0; i < lease->n_members; i++)
                json_object_array_add(members, member_to_json(&lease->members[i]));
        return object;
}

static int member_from_json(struct json_object *object, struct lease *lease) {
        const char *address = json_string(object, "address"), *driver = json_string(object, "driver"),
                   *override = json_string(object, "override");
        struct lease_member member = {};
        struct json_object *console;

        if (!address || pci_address_parse(address, &member.address) < 0 || !driver ||
            !driver_name_is_valid(driver) || !override || strlen(override) > NAME_MAX ||
            json_number(object, "identity", &member.identity) < 0)
                return -EINVAL;

        strcpy(member.before.driver, driver);
        strcpy(member.before.override, override);
        member.before.console = json_object_object_get_ex(object, "console", &console) &&
                                json_object_get_boolean(console);
        return lease_add(lease, &member.address, member.identity, &member.before);
}

static int parse_name(const char *name, uint32_t *ret) {
        char *end;
        unsigned long value = strtoul(name, &end, 10);

        /* Only as lease_file_name() writes it: a file of another name would never be removed. */
        if (*name < '1' || *name > '9' || *end != '\0' || value > UINT32_MAX)
                return -EINVAL;

        *ret = (uint32_t) value;
        return 0;
}

int lease_from_json(const char *name, struct json_object *object, struct lease **ret) {
        _cleanup_(lease_freep) struct lease *lease = NULL;
        struct holder holder = { .name = json_string(object, "holder") };
        struct json_object *members;
        uint64_t uid, pid;
        uint32_t id;
        int r = 0;

        if (parse_name(name, &id) < 0 || !holder.name || json_number(object, "uid", &uid) < 0 ||
            json_number(object, "pid", &pid) < 0 ||
            !json_object_object_get_ex(object, "members", &members) ||
            !json_object_is_type(members, json_type_array))
                return -EINVAL;

        holder.uid = (uint32_t) uid;
        holder.pid = (uint32_t) pid;
        lease = lease_new(id, &holder);
        if (!lease)
                return -ENOMEM;
        lease->made = true;

        for (size_t i = 0; r >= 0 && i < json_object_array_length(members); i++)
                r = member_from_json(json_object_array_get_idx(members, i), lease);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(lease);
        return 0;
}
