/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A file in the journal's directory, beside a good one: it is an entry that can be written and read again,
 * or is set aside, and costs the good one nothing. */

#include <inttypes.h>
#include <stdio.h>

#include "service/move/journal/journal.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/room.h"

#define DIRECTORY ROOM "/operations/"
#define GOOD 4294967295u
#define GOOD_NAME "4294967295"
/* clang-format off */
#define GOOD_CONTENT \
        "{\"uid\":1000,\"caller\":\":1.5\",\"target\":\"vfio\",\"movements\":[{\"address\":\"0000:01:00.0\"," \
        "\"identity\":7,\"group\":-1,\"old_driver\":\"e1000e\",\"old_override\":\"\"," \
        "\"driver\":\"vfio-pci\",\"override\":\"vfio-pci\"}],\"steps\":[],\"workers\":[]}"
/* clang-format on */

struct seen {
        struct journal_entry *entry; /* of the file that was given */
        unsigned good, damaged;
        const char *name;
};

static int on_entry(struct journal_entry *entry, void *userdata) {
        struct seen *seen = userdata;
        char name[16];

        if (entry->id == GOOD) {
                assert(entry->plan->n_movements == 1 &&
                       streq(entry->plan->movements[0].old_driver, "e1000e"));
                seen->good++;
                journal_entry_free(entry);
                return 0;
        }

        snprintf(name, sizeof(name), "%" PRIu32, entry->id);
        assert(streq(name, seen->name));
        assert(!seen->entry);
        seen->entry = entry;
        return 0;
}

static void on_damaged(const char *name, void *userdata) {
        struct seen *seen = userdata;

        assert(streq(name, seen->name));
        seen->damaged++;
}

/* As a start of the service does it. */
static struct seen recover(const char *name) {
        struct seen seen = { .name = name };
        struct journal *journal;

        assert(journal_open(ROOM, &journal) >= 0);
        assert(journal_recover(journal, on_entry, &seen, on_damaged, &seen) >= 0);
        assert(seen.good == 1);
        journal_free(journal);
        return seen;
}

static void assert_same(const struct journal_entry *a, const struct journal_entry *b) {
        assert(a->id == b->id && a->uid == b->uid && streq(a->caller, b->caller) && streq(a->word, b->word));
        assert(a->plan->n_movements == b->plan->n_movements);
        for (size_t i = 0; i < a->plan->n_movements; i++) {
                const struct movement *m = &a->plan->movements[i], *n = &b->plan->movements[i];

                assert(pci_address_compare(&m->address, &n->address) == 0);
                assert(m->identity == n->identity && m->group == n->group);
                assert(streq(m->old_driver, n->old_driver) && streq(m->old_override, n->old_override));
                assert(streq(m->target.driver, n->target.driver) &&
                       streq(m->target.override, n->target.override));
        }
        assert(a->n_workers == b->n_workers);
        for (size_t i = 0; i < a->n_workers; i++)
                assert(a->workers[i].pid == b->workers[i].pid &&
                       a->workers[i].start_time == b->workers[i].start_time);
}

static void write_again(struct journal_entry *entry) {
        struct journal *journal;

        assert(journal_open(ROOM, &journal) >= 0);
        assert(journal_write(journal, entry) >= 0);
        journal_free(journal);
}

static void prepare(void) {
        static bool done;

        if (done)
                return;
        room_open();
        room_directory(DIRECTORY);
        done = true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_free_ char *name = fuzz_file_name(&data, &size), *path = NULL, *aside = NULL;
        struct seen first, second;

        if (!name || streq(name, GOOD_NAME))
                return -1;

        prepare();
        assert(asprintf(&path, DIRECTORY "%s", name) >= 0 && asprintf(&aside, "%s.damaged", path) >= 0);
        room_write(DIRECTORY GOOD_NAME, GOOD_CONTENT, strlen(GOOD_CONTENT));
        room_write(path, data, size);

        first = recover(name);
        if (first.entry) {
                assert(first.damaged == 0);
                write_again(first.entry);
        } else if (first.damaged > 0)
                assert(!room_has(path) && room_has(aside));

        second = recover(name);
        assert(second.damaged == 0 && !second.entry == !first.entry);
        if (first.entry)
                assert_same(first.entry, second.entry);

        journal_entry_free(first.entry);
        journal_entry_free(second.entry);
        room_remove(path);
        room_remove(aside);
        return 0;
}
