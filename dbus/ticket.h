/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Plans that somebody has been shown and may carry out: each by a token of 128 random bits, which belongs to
 * the user who asked, serves once, and for five minutes. Not to a connection, since every call of busctl is
 * a new one. */

#include <sys/types.h>

#include "service/move/plan/plan.h"

/* "" and 32 hex digits. */
#define TOKEN_SIZE 33

struct tickets;

struct ticket {
        char token[TOKEN_SIZE];
        uid_t uid;
        uint64_t issued_usec; /* CLOCK_BOOTTIME */

        struct pci_address *addresses; /* owned; as asked for, before widening */
        size_t n_addresses;
        char *word;     /* owned */
        uint64_t flags; /* as on the bus */
        char *basis;    /* owned; what the plan rested on: see service/move/plan/basis.h */
};

int tickets_new(struct tickets **ret);
struct tickets *tickets_free(struct tickets *tickets);

/* Takes TICKET over, whose token, user and time are filled in. The oldest of a user who has too many goes.
 * On failure the ticket is still the caller's. */
int tickets_issue(struct tickets *tickets, uid_t uid, struct ticket *ticket);

/* Hands out the ticket, which the caller frees; nobody gets it again. NULL if there is none that this user
 * may use any more. */
struct ticket *tickets_take(struct tickets *tickets, uid_t uid, const char *token);

struct ticket *ticket_free(struct ticket *ticket);
