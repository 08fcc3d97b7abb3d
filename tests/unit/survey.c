/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Surveys: who is served by which pass, and what happens when a pass fails. */

#include <errno.h>
#include <stdio.h>

#include "service/move/workers/survey.h"
#include "tests/unit/stage.h"
#include "tests/unit/unit.h"

#define NIC "0000:01:00.0"
#define DISK "0000:02:00.0"

static const struct fake_function functions[] = { { .address = NIC, .driver = "e1000e", .group = "1" },
                                                  { .address = DISK, .driver = "nvme", .group = "2" } };

/* Of those who do not care. */
#define LIMIT_USEC (20 * 1000 * 1000ULL)

struct room {
        struct stage stage;
        struct surveyor *surveyor;
};

static int setup(void **state) {
        struct room *room = malloc(sizeof(*room));

        stage_init(&room->stage, functions, ELEMENTSOF(functions));
        assert_ok(surveyor_new(room->stage.event, room->stage.workers, &room->surveyor));
        *state = room;
        return 0;
}

static int teardown(void **state) {
        struct room *room = *state;

        surveyor_free(room->surveyor);
        stage_clear(&room->stage);
        free(room);
        return 0;
}

static unsigned n_heard;

struct heard {
        unsigned n, place; /* how many had heard something before */
        int error;
        char text[16 * 1024]; /* "address kind subject message" of each finding */
        struct survey *survey;
};

static void on_surveyed(int error, const struct findings *findings, void *userdata) {
        struct heard *heard = userdata;
        size_t length = 0;

        heard->n++;
        heard->place = n_heard++;
        heard->error = error;
        for (size_t i = 0; i < findings->n; i++)
                length += (size_t) snprintf(heard->text + length, sizeof(heard->text) - length, "%s %s %s %s\n",
                                            PCI_ADDRESS_TEXT(&findings->array[i].address),
                                            finding_kind_name(findings->array[i].kind), findings->array[i].subject,
                                            findings->array[i].message);
        heard->survey = survey_free(heard->survey);
}

static void ask_within(struct room *room, const char *address, uint64_t limit_usec, struct heard *heard) {
        struct pci_address parsed = at(address);

        *heard = (struct heard){};
        assert_ok(survey_start(room->surveyor, &parsed, 1, limit_usec, on_surveyed, heard, &heard->survey));
}

static void ask(struct room *room, const char *address, struct heard *heard) {
        ask_within(room, address, LIMIT_USEC, heard);
}

static void wait_for(struct room *room, const struct heard *heard) {
        while (heard->n == 0)
                assert_ok(sd_event_run(room->stage.event, UINT64_MAX));
        assert_int_equal(heard->n, 1);
}

static void test_one(void **state) {
        struct room *room = *state;
        struct heard heard;

        ask(room, NIC, &heard);
        assert_int_equal(heard.n, 0);
        wait_for(room, &heard);
        assert_int_equal(heard.error, 0);
        assert_string_equal(heard.text, NIC " open 1 survey 1\n");
}

/* Those who ask at once share a pass; a function that several ask about is looked at once. */
static void test_together(void **state) {
        struct room *room = *state;
        struct heard heard[3];

        n_heard = 0;
        ask(room, NIC, &heard[0]);
        ask(room, DISK, &heard[1]);
        ask(room, NIC, &heard[2]);
        for (size_t i = 0; i < ELEMENTSOF(heard); i++) {
                wait_for(room, &heard[i]);
                assert_int_equal(heard[i].place, i);
                assert_string_equal(heard[i].text, NIC " open 2 survey 1\n" DISK " open 2 survey 1\n");
        }
}

/* Whoever asks while somebody looks wants to know how it is now. */
static void test_next_pass(void **state) {
        struct room *room = *state;
        struct heard first, second, third;

        stage_fault(&room->stage, "survey", "0000:00:00.0", 1, "hang pass");
        ask(room, NIC, &first);
        stage_wait_order(&room->stage, "survey 0000:00:00.0");
        ask(room, NIC, &second);
        ask(room, DISK, &third);
        stage_release(&room->stage);
        wait_for(room, &first);
        assert_string_equal(first.text, NIC " open 1 survey 1\n");
        wait_for(room, &second);
        wait_for(room, &third);
        assert_string_equal(second.text, NIC " open 2 survey 2\n" DISK " open 2 survey 2\n");
}

static void test_failures(void **state) {
        static const struct {
                const char *words;
                int error;
        } rows[] = { { "die", -EPIPE }, { "error 5", -EIO } };
        struct room *room = *state;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                struct heard heard;

                stage_fault(&room->stage, "survey", "0000:00:00.0", 1, rows[i].words);
                ask(room, NIC, &heard);
                wait_for(room, &heard);
                assert_int_equal(heard.error, rows[i].error);

                ask(room, NIC, &heard);
                wait_for(room, &heard);
                assert_int_equal(heard.error, 0);
        }
}

/* The next pass has a worker of its own. */
static void test_too_long(void **state) {
        struct room *room = *state;
        struct heard heard;

        stage_fault(&room->stage, "survey", "0000:00:00.0", 0, "hang pass");
        ask_within(room, NIC, 100 * 1000, &heard);
        wait_for(room, &heard);
        assert_int_equal(heard.error, -ETIMEDOUT);
        stage_no_fault(&room->stage, "survey", "0000:00:00.0");
        ask(room, NIC, &heard);
        wait_for(room, &heard);
        assert_int_equal(heard.error, 0);
        stage_release(&room->stage);
}

/* The time that goes by until the next pass begins counts as well, and is nobody else's. */
static void test_waiting_counts(void **state) {
        struct room *room = *state;
        struct heard first, second, third;

        stage_fault(&room->stage, "survey", "0000:00:00.0", 1, "hang pass");
        ask(room, NIC, &first);
        stage_wait_order(&room->stage, "survey 0000:00:00.0");
        ask_within(room, NIC, 100 * 1000, &second);
        ask(room, DISK, &third);
        wait_for(room, &second);
        assert_int_equal(second.error, -ETIMEDOUT);
        assert_int_equal(first.n + third.n, 0);
        stage_release(&room->stage);
        wait_for(room, &first);
        wait_for(room, &third);
        assert_int_equal(first.error + third.error, 0);
        assert_string_equal(third.text, DISK " open 1 survey 2\n");
}

static void test_called_off(void **state) {
        struct room *room = *state;
        struct heard first, second;

        ask(room, NIC, &first);
        ask(room, NIC, &second);
        survey_free(first.survey);
        wait_for(room, &second);
        assert_int_equal(first.n, 0);

        /* A pass that nobody waits for any more keeps nobody else waiting. */
        tree_write(room->stage.host.tree, "log", "%s", "");
        stage_fault(&room->stage, "survey", "0000:00:00.0", 1, "hang pass");
        ask(room, NIC, &first);
        stage_wait_order(&room->stage, "survey 0000:00:00.0");
        survey_free(first.survey);
        ask(room, NIC, &second);
        wait_for(room, &second);
        assert_int_equal(second.error, 0);
        stage_release(&room->stage);
}

/* More addresses than one order holds. */
static void test_many(void **state) {
        struct room *room = *state;
        struct pci_address addresses[256];
        struct heard heard = {};
        char last[64];

        for (unsigned i = 0; i < ELEMENTSOF(addresses); i++) {
                char text[16];

                snprintf(text, sizeof(text), "0000:%02x:00.0", i);
                addresses[i] = at(text);
        }
        assert_ok(survey_start(room->surveyor, addresses, ELEMENTSOF(addresses), LIMIT_USEC, on_surveyed, &heard,
                               &heard.survey));
        wait_for(room, &heard);
        assert_int_equal(heard.error, 0);
        snprintf(last, sizeof(last), "0000:00:00.0 open %zu survey 1\n", ELEMENTSOF(addresses));
        assert_int_equal(strncmp(heard.text, last, strlen(last)), 0);
}

#define IN_ROOM(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

UNIT_MAIN(IN_ROOM(test_one), IN_ROOM(test_together), IN_ROOM(test_next_pass), IN_ROOM(test_failures),
          IN_ROOM(test_too_long), IN_ROOM(test_waiting_counts), IN_ROOM(test_called_off), IN_ROOM(test_many))
