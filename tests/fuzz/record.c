/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A file among the records of where functions came from, beside a good one: it is taken, dropped or set
 * aside, and costs the good one nothing. A "$" in the content stands for the identity of the function
 * 0000:01:00.0, which no corpus can know. */

#include <inttypes.h>
#include <stdio.h>

#include "service/move/journal/record.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/room.h"

#define DIRECTORY ROOM "/moved/"

struct seen {
        unsigned damaged;
        const char *name;
};

static void on_damaged(const char *name, void *userdata) {
        struct seen *seen = userdata;

        assert(streq(name, seen->name));
        seen->damaged++;
}

static struct function *function_at(struct model *model, const char *text) {
        struct pci_address address;
        struct function *f;

        assert(pci_address_parse(text, &address) >= 0);
        f = model_function(model, &address);
        assert(f);
        return f;
}

/* As a start of the service does it. */
static unsigned start(struct model *model, const char *name) {
        struct function *nic = function_at(model, ROOM_NIC), *sibling = function_at(model, ROOM_SIBLING);
        struct seen seen = { .name = name };
        const struct home *home;
        struct records *records;

        assert(records_new(model, ROOM, on_damaged, &seen, &records) >= 0);

        home = records_home(sibling, records);
        assert(home && streq(home->driver, "e1000e") && streq(home->override, "mine") && !home->unknown);
        home = records_home(nic, records);
        assert(!home || (strlen(home->driver) < sizeof(home->driver) &&
                         strlen(home->override) < sizeof(home->override)));
        assert(home || isempty(nic->home));

        records_free(records);
        return seen.damaged;
}

static void write_file(const char *path, const uint8_t *data, size_t size, ino_t identity) {
        _cleanup_free_ char *text = NULL;
        size_t length;
        FILE *file = open_memstream(&text, &length);

        assert(file);
        for (size_t i = 0; i < size; i++)
                if (data[i] == '$')
                        fprintf(file, "%ju", (uintmax_t) identity);
                else
                        putc(data[i], file);
        assert(fclose(file) == 0);
        room_write(path, text, length);
}

static void write_good(struct model *model) {
        char text[256];

        snprintf(text, sizeof(text),
                 "{\"identity\":%ju,\"driver\":\"e1000e\",\"override\":\"mine\",\"unknown\":false}",
                 (uintmax_t) function_at(model, ROOM_SIBLING)->identity);
        room_write(DIRECTORY ROOM_SIBLING, text, strlen(text));
}

static struct model *prepare(void) {
        static struct model *model;

        if (!model) {
                model = room_model();
                room_directory(DIRECTORY);
        }
        return model;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_free_ char *name = fuzz_file_name(&data, &size), *path = NULL, *aside = NULL;
        struct model *model;

        if (!name || streq(name, ROOM_SIBLING))
                return -1;

        model = prepare();
        assert(asprintf(&path, DIRECTORY "%s", name) >= 0 && asprintf(&aside, "%s.damaged", path) >= 0);
        write_good(model);
        write_file(path, data, size, function_at(model, ROOM_NIC)->identity);
        assert(model_set_home(model, function_at(model, ROOM_NIC), "") >= 0);

        if (start(model, name) > 0)
                assert(!room_has(path) && room_has(aside));
        assert(start(model, name) == 0);

        room_remove(path);
        room_remove(aside);
        return 0;
}
