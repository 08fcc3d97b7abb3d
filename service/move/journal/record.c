/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The records of where functions came from, in memory and on disk. */

#include <errno.h>
#include <stdio.h>

#include "service/host/array.h"
#include "service/move/journal/record.h"
#include "service/move/journal/store.h"

struct record {
        struct pci_address address;
        uint64_t identity;
        struct home home;
};

struct records {
        struct model *model;
        struct store *store;
        struct record *array;
        size_t n;
};

static struct record *find(struct records *records, const struct pci_address *address) {
        for (size_t i = 0; i < records->n; i++)
                if (pci_address_compare(&records->array[i].address, address) == 0)
                        return &records->array[i];

        return NULL;
}

/* The property HostDriver says the same with a word for having had none. */
static const char *home_name(const struct home *home) {
        if (home->unknown)
                return "";
        return *home->driver != '\0' ? home->driver : "none";
}

static int load(const char *name, struct json_object *object, void *userdata) {
        struct records *records = userdata;
        const char *driver = json_string(object, "driver"), *override = json_string(object, "override");
        struct record record = {}, *slot;
        struct json_object *flag;
        struct function *f;

        if (pci_address_parse(name, &record.address) < 0 ||
            json_number(object, "identity", &record.identity) < 0 || !driver ||
            !driver_name_is_valid(driver) || !override || strlen(override) > NAME_MAX)
                return -EINVAL;

        f = model_function(records->model, &record.address);
        if (!f || f->identity != record.identity)
                return store_remove(records->store, name);

        strcpy(record.home.driver, driver);
        strcpy(record.home.override, override);
        record.home.unknown =
                        json_object_object_get_ex(object, "unknown", &flag) && json_object_get_boolean(flag);
        record.home.console =
                        json_object_object_get_ex(object, "console", &flag) && json_object_get_boolean(flag);

        slot = array_append(&records->array, &records->n, sizeof(*slot));
        if (!slot)
                return -ENOMEM;
        *slot = record;
        return model_set_home(records->model, f, home_name(&record.home));
}

int records_new(struct model *model, const char *directory,
                void (*damaged)(const char *name, void *userdata), void *userdata, struct records **ret) {
        struct records *records;
        int r;

        records = calloc(1, sizeof(*records));
        if (!records)
                return -ENOMEM;
        records->model = model;

        r = store_open(directory, "moved", &records->store);
        if (r >= 0)
                r = store_foreach(records->store, load, records, damaged, userdata);
        if (r < 0) {
                records_free(records);
                return r;
        }

        *ret = records;
        return 0;
}

struct records *records_free(struct records *records) {
        if (!records)
                return NULL;

        store_free(records->store);
        free(records->array);
        free(records);
        return NULL;
}

const struct home *records_home(const struct function *f, void *userdata) {
        struct record *record = find(userdata, &f->address);

        return record && record->identity == f->identity ? &record->home : NULL;
}

static int save(struct records *records, const struct record *record) {
        _cleanup_json_ struct json_object *object = json_object_new_object();

        if (!object)
                return -ENOMEM;

        json_object_object_add(object, "identity", json_object_new_uint64(record->identity));
        json_object_object_add(object, "driver", json_object_new_string(record->home.driver));
        json_object_object_add(object, "override", json_object_new_string(record->home.override));
        json_object_object_add(object, "unknown", json_object_new_boolean(record->home.unknown));
        json_object_object_add(object, "console", json_object_new_boolean(record->home.console));
        return store_write(records->store, PCI_ADDRESS_TEXT(&record->address), object);
}

int records_remember(struct records *records, struct function *f, bool console) {
        struct record record = { .address = f->address, .identity = f->identity, .home.console = console },
                      *slot;
        int r;

        if (records_home(f, records))
                return 0;

        /* A passthrough driver is nobody's home, and its override would lead there again. */
        record.home.unknown = driver_kind_is_passthrough(f->kind);
        if (!record.home.unknown) {
                snprintf(record.home.driver, sizeof(record.home.driver), "%s", f->driver);
                snprintf(record.home.override, sizeof(record.home.override), "%s", f->override);
        }

        r = save(records, &record);
        if (r < 0)
                return r;

        slot = find(records, &f->address) ?: array_append(&records->array, &records->n, sizeof(*slot));
        if (!slot)
                return -ENOMEM;
        *slot = record;
        return model_set_home(records->model, f, home_name(&record.home));
}

int records_forget(struct records *records, const struct pci_address *address) {
        struct record *record = find(records, address);
        struct function *f = model_function(records->model, address);

        if (record)
                *record = records->array[--records->n];
        if (f)
                model_set_home(records->model, f, "");

        return store_remove(records->store, PCI_ADDRESS_TEXT(address));
}

void records_review(struct records *records, struct function *f) {
        const struct home *home = records_home(f, records);

        if (!home)
                return;

        if (home->unknown ? f->kind == DRIVER_HOST
                          : streq(home->driver, f->driver) && streq(home->override, f->override))
                records_forget(records, &f->address);
}
