/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Tickets: whom a token serves, how often and how long. */

#include "dbus/ticket.h"
#include "tests/unit/unit.h"

#define ALICE 1000
#define BOB 1001
#define MINUTE_USEC (60 * 1000 * 1000ULL)

static struct ticket *issue(struct tickets *tickets, uid_t uid) {
        struct ticket *ticket = calloc(1, sizeof(*ticket));

        assert_non_null(ticket);
        assert_ok(tickets_issue(tickets, uid, ticket));
        assert_int_equal(strlen(ticket->token), 32);
        assert_int_equal(strspn(ticket->token, "0123456789abcdef"), 32);
        return ticket;
}

static bool serves(struct tickets *tickets, uid_t uid, const char *token) {
        struct ticket *ticket = tickets_take(tickets, uid, token);

        ticket_free(ticket);
        return ticket;
}

static void test_once(void **state) {
        struct tickets *tickets;
        struct ticket *first, *second;
        char token[TOKEN_SIZE];

        assert_ok(tickets_new(&tickets));
        first = issue(tickets, ALICE);
        second = issue(tickets, ALICE);
        assert_string_not_equal(first->token, second->token);

        strcpy(token, first->token);
        assert_false(serves(tickets, BOB, token));
        assert_false(serves(tickets, ALICE, ""));
        assert_true(serves(tickets, ALICE, token));
        assert_false(serves(tickets, ALICE, token));
        strcpy(token, second->token);
        assert_true(serves(tickets, ALICE, token));
        tickets_free(tickets);
}

/* The oldest of the user's own goes, and nobody else's. */
static void test_too_many(void **state) {
        char tokens[17][TOKEN_SIZE], of_bob[TOKEN_SIZE];
        struct tickets *tickets;

        assert_ok(tickets_new(&tickets));
        strcpy(of_bob, issue(tickets, BOB)->token);
        for (size_t i = 0; i < ELEMENTSOF(tokens); i++)
                strcpy(tokens[i], issue(tickets, ALICE)->token);

        for (size_t i = 0; i < ELEMENTSOF(tokens); i++)
                assert_row(serves(tickets, ALICE, tokens[i]) == (i > 0), "token %zu", i);
        assert_true(serves(tickets, BOB, of_bob));
        tickets_free(tickets);
}

static void test_old(void **state) {
        static const struct {
                uint64_t age_usec;
                bool serves;
        } rows[] = { { 4 * MINUTE_USEC, true }, { 5 * MINUTE_USEC, false } };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                struct tickets *tickets;
                struct ticket *ticket;

                char token[TOKEN_SIZE];

                assert_ok(tickets_new(&tickets));
                ticket = issue(tickets, ALICE);
                ticket->issued_usec -= rows[i].age_usec;
                strcpy(token, ticket->token);
                assert_row(serves(tickets, ALICE, token) == rows[i].serves, "row %zu", i);
                tickets_free(tickets);
        }
}

UNIT_MAIN(cmocka_unit_test(test_once), cmocka_unit_test(test_too_many), cmocka_unit_test(test_old))
