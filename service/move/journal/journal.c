/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Operations as JSON, there and back. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "service/host/array.h"
#include "service/move/journal/journal.h"
#include "service/move/journal/store.h"

struct journal {
        struct store *store;
};

int journal_open(const char *directory, struct journal **ret) {
        struct journal *journal = calloc(1, sizeof(*journal));
        int r;

        if (!journal)
                return -ENOMEM;

        r = store_open(directory, "operations", &journal->store);
        if (r < 0) {
                free(journal);
                return r;
        }

        *ret = journal;
        return 0;
}

struct journal *journal_free(struct journal *journal) {
        if (!journal)
                return NULL;

        store_free(journal->store);
        free(journal);
        return NULL;
}

struct journal_entry *journal_entry_new(void) {
        struct journal_entry *entry = malloc(sizeof(*entry));

        if (entry)
                *entry = (struct journal_entry){ .descriptor = -EBADF };
        return entry;
}

struct journal_entry *journal_entry_free(struct journal_entry *entry) {
        if (!entry)
                return NULL;

        free(entry->caller);
        free(entry->word);
        free(entry->value);
        closep(&entry->descriptor);
        plan_free(entry->plan);
        free(entry->done);
        free(entry->workers);
        json_object_put(entry->json);
        free(entry);
        return NULL;
}

static void entry_freep(struct journal_entry **entry) {
        journal_entry_free(*entry);
}

static char *file_name(uint32_t id, char buffer[static 16]) {
        snprintf(buffer, 16, "%" PRIu32, id);
        return buffer;
}

static struct json_object *string(const char *text) {
        return json_object_new_string(text);
}

static void add_grantee(struct json_object *object, const char *key, const struct grantee *grantee) {
        if (grantee->somebody)
                json_object_object_add(object, key, json_object_new_uint64(grantee->uid));
}

static struct json_object *movement_to_json(const struct movement *m) {
        struct json_object *object = json_object_new_object();

        json_object_object_add(object, "address", string(PCI_ADDRESS_TEXT(&m->address)));
        json_object_object_add(object, "identity", json_object_new_uint64(m->identity));
        json_object_object_add(object, "group", json_object_new_int(m->group));
        json_object_object_add(object, "old_driver", string(m->old_driver));
        json_object_object_add(object, "old_override", string(m->old_override));
        json_object_object_add(object, "console", json_object_new_boolean(m->shows_console));
        json_object_object_add(object, "virtual_functions",
                               json_object_new_uint64(m->old_virtual_functions));
        if (m->old_reset_methods)
                json_object_object_add(object, "reset_methods", string(m->old_reset_methods));
        add_grantee(object, "grantee", &m->grantee);
        add_grantee(object, "old_grantee", &m->old_grantee);
        if (m->sets_virtual_functions)
                json_object_object_add(object, "sets_virtual_functions", json_object_new_boolean(true));
        if (m->sets_autoprobe)
                json_object_object_add(object, "autoprobe", json_object_new_boolean(m->old_autoprobe));
        json_object_object_add(object, "driver", string(m->target.driver));
        json_object_object_add(object, "override", string(m->target.override));
        return object;
}

static struct json_object *step_to_json(const struct step *step) {
        struct json_object *object = json_object_new_object();

        json_object_object_add(object, "kind", string(step_kind_name(step->kind)));
        json_object_object_add(object, "movement", json_object_new_uint64(step->movement));
        if (step->virtual_function > 0)
                json_object_object_add(object, "virtual_function",
                                       json_object_new_uint64(step->virtual_function));
        json_object_object_add(object, "argument", string(step->argument));
        return object;
}

static struct json_object *worker_to_json(const struct worker_identity *worker) {
        struct json_object *object = json_object_new_object();

        json_object_object_add(object, "pid", json_object_new_uint64(worker->pid));
        json_object_object_add(object, "start_time", json_object_new_uint64(worker->start_time));
        return object;
}

/* An object that is written as VALUE is now, without going through it again. */
static struct json_object *frozen(struct json_object *value) {
        char *text = strdup(strempty(json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN)));
        struct json_object *object = json_object_new_object();

        json_object_put(value);
        json_object_set_serializer(object, json_object_userdata_to_json_string, text,
                                   json_object_free_userdata);
        return object;
}

static struct json_object *list_movements(const struct plan *plan) {
        struct json_object *array = json_object_new_array();

        for (size_t i = 0; i < plan->n_movements; i++)
                json_object_array_add(array, movement_to_json(&plan->movements[i]));
        return array;
}

static struct json_object *list_steps(const struct plan *plan) {
        struct json_object *array = json_object_new_array();

        for (size_t i = 0; i < plan->n_steps; i++)
                json_object_array_add(array, step_to_json(&plan->steps[i]));
        return array;
}

static struct json_object *list_done(const struct journal_entry *entry) {
        struct json_object *array = json_object_new_array();

        for (size_t i = 0; i < entry->plan->n_steps; i++)
                if (entry->done[i])
                        json_object_array_add(array, json_object_new_uint64(i));
        return array;
}

static struct json_object *list_workers(const struct journal_entry *entry) {
        struct json_object *array = json_object_new_array();

        for (size_t i = 0; i < entry->n_workers; i++)
                json_object_array_add(array, worker_to_json(&entry->workers[i]));
        return array;
}

/* What is the same whenever the entry is written. */
static struct json_object *begin_json(const struct journal_entry *entry) {
        struct json_object *object = json_object_new_object();

        json_object_object_add(object, "uid", json_object_new_uint64(entry->uid));
        json_object_object_add(object, "caller", string(entry->caller));
        json_object_object_add(object, "target", string(entry->word));
        json_object_object_add(object, "movements", frozen(list_movements(entry->plan)));
        json_object_object_add(object, "steps", frozen(list_steps(entry->plan)));
        return object;
}

int journal_write(struct journal *journal, struct journal_entry *entry) {
        char name[16];

        /* With every step of many functions it is written anew. */
        if (!entry->json)
                entry->json = begin_json(entry);
        json_object_object_add(entry->json, "done", list_done(entry));
        json_object_object_add(entry->json, "workers", list_workers(entry));

        return store_write(journal->store, file_name(entry->id, name), entry->json);
}

int journal_remove(struct journal *journal, uint32_t id) {
        char name[16];

        return store_remove(journal->store, file_name(id, name));
}

static int copy_member(struct json_object *object, const char *key, char *buffer, size_t size) {
        const char *text = json_string(object, key);

        if (!text || strlen(text) >= size)
                return -EINVAL;

        strcpy(buffer, text);
        return 0;
}

static struct grantee read_grantee(struct json_object *object, const char *key) {
        uint64_t uid;

        return json_number(object, key, &uid) < 0 ? (struct grantee){}
                                                  : (struct grantee){ true, (uint32_t) uid };
}

static int movement_from_json(struct json_object *object, struct plan *plan) {
        const char *address = json_string(object, "address"), *driver = json_string(object, "old_driver"),
                   *override = json_string(object, "old_override"),
                   *methods = json_string(object, "reset_methods");
        struct json_object *group, *flag;
        uint64_t virtual_functions = 0;
        struct movement *m;

        m = array_append(&plan->movements, &plan->n_movements, sizeof(*m));
        if (!m)
                return -ENOMEM;

        if (!address || pci_address_parse(address, &m->address) < 0 || !driver ||
            !driver_name_is_valid(driver) || !override || strlen(override) > NAME_MAX ||
            strlen(strempty(methods)) >= STEP_ARGUMENT_SIZE ||
            json_number(object, "identity", &m->identity) < 0 ||
            !json_object_object_get_ex(object, "group", &group) ||
            !json_object_is_type(group, json_type_int) ||
            copy_member(object, "driver", m->target.driver, sizeof(m->target.driver)) < 0 ||
            copy_member(object, "override", m->target.override, sizeof(m->target.override)) < 0)
                return -EINVAL;

        /* An entry of an earlier release says nothing of these. */
        (void) json_number(object, "virtual_functions", &virtual_functions);
        m->old_virtual_functions = (unsigned) virtual_functions;
        m->shows_console =
                        json_object_object_get_ex(object, "console", &flag) && json_object_get_boolean(flag);
        m->sets_virtual_functions = json_object_object_get_ex(object, "sets_virtual_functions", &flag) &&
                                    json_object_get_boolean(flag);
        m->sets_autoprobe = json_object_object_get_ex(object, "autoprobe", &flag);
        m->old_autoprobe = m->sets_autoprobe && json_object_get_boolean(flag);

        m->grantee = read_grantee(object, "grantee");
        m->old_grantee = read_grantee(object, "old_grantee");

        m->group = json_object_get_int(group);
        m->old_driver = strdup(driver);
        m->old_override = strdup(override);
        m->old_reset_methods = methods ? strdup(methods) : NULL;
        return m->old_driver && m->old_override && !methods == !m->old_reset_methods ? 0 : -ENOMEM;
}

static int worker_from_json(struct json_object *object, struct journal_entry *entry) {
        struct worker_identity *worker = array_append(&entry->workers, &entry->n_workers, sizeof(*worker));

        if (!worker)
                return -ENOMEM;
        if (json_number(object, "pid", &worker->pid) < 0 ||
            json_number(object, "start_time", &worker->start_time) < 0)
                return -EINVAL;

        return 0;
}

static struct json_object *array_member(struct json_object *object, const char *key) {
        struct json_object *value;

        return json_object_object_get_ex(object, key, &value) && json_object_is_type(value, json_type_array)
                               ? value
                               : NULL;
}

static int parse_id(const char *name, uint32_t *ret) {
        uint32_t id = (uint32_t) strtoul(name, NULL, 10);
        char again[16];

        /* Only as file_name() writes it: an entry of another name would never be removed. */
        if (id == 0 || !streq(file_name(id, again), name))
                return -EINVAL;

        *ret = id;
        return 0;
}

static int entry_from_json(const char *name, struct json_object *object, struct journal_entry **ret) {
        _cleanup_(entry_freep) struct journal_entry *entry = journal_entry_new();
        struct json_object *movements = array_member(object, "movements"),
                           *workers = array_member(object, "workers");
        uint64_t uid;
        int r;

        if (!entry)
                return -ENOMEM;
        if (parse_id(name, &entry->id) < 0 || json_number(object, "uid", &uid) < 0 || !movements ||
            !workers || json_object_array_length(movements) > PLAN_FUNCTIONS_MAX)
                return -EINVAL;

        entry->uid = (uint32_t) uid;
        entry->caller = strdup(strempty(json_string(object, "caller")));
        entry->word = strdup(strempty(json_string(object, "target")));
        entry->plan = calloc(1, sizeof(*entry->plan));
        if (!entry->caller || !entry->word || !entry->plan)
                return -ENOMEM;

        for (size_t i = 0; i < json_object_array_length(movements); i++) {
                r = movement_from_json(json_object_array_get_idx(movements, i), entry->plan);
                if (r < 0)
                        return r;
        }
        for (size_t i = 0; i < json_object_array_length(workers); i++) {
                r = worker_from_json(json_object_array_get_idx(workers, i), entry);
                if (r < 0)
                        return r;
        }

        *ret = TAKE_PTR(entry);
        return 0;
}

struct recovery {
        int (*function)(struct journal_entry *entry, void *userdata);
        void *userdata;
        int error; /* the first */
};

static int recover(const char *name, struct json_object *object, void *userdata) {
        struct recovery *recovery = userdata;
        struct journal_entry *entry;
        int r;

        r = entry_from_json(name, object, &entry);
        if (r < 0)
                return r;

        /* The content was good, so the file is not to be set aside whatever comes of it. */
        r = recovery->function(entry, recovery->userdata);
        if (recovery->error >= 0)
                recovery->error = r;
        return 0;
}

int journal_recover(struct journal *journal, int (*function)(struct journal_entry *entry, void *userdata),
                    void *userdata, void (*damaged)(const char *name, void *userdata),
                    void *damaged_userdata) {
        struct recovery recovery = { function, userdata, 0 };
        int r = store_foreach(journal->store, recover, &recovery, damaged, damaged_userdata);

        return r < 0 ? r : recovery.error;
}
