/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Tickets: a short list, the oldest first. */

#include <errno.h>
#include <stdio.h>
#include <sys/random.h>
#include <time.h>

#include "dbus/ticket.h"
#include "service/host/array.h"

#define LIFE_USEC (5 * 60 * 1000 * 1000ULL)
#define TICKETS_PER_USER_MAX 16

struct tickets {
        struct ticket **array; /* in the order of their issue */
        size_t n;
};

/* Suspending the host does not make a plan any fresher. */
static uint64_t now(void) {
        struct timespec ts;

        clock_gettime(CLOCK_BOOTTIME, &ts);
        return (uint64_t) ts.tv_sec * 1000000 + (uint64_t) ts.tv_nsec / 1000;
}

int tickets_new(struct tickets **ret) {
        struct tickets *tickets = calloc(1, sizeof(*tickets));

        if (!tickets)
                return -ENOMEM;
        *ret = tickets;
        return 0;
}

struct ticket *ticket_free(struct ticket *ticket) {
        if (!ticket)
                return NULL;

        free(ticket->addresses);
        free(ticket->word);
        free(ticket->basis);
        free(ticket);
        return NULL;
}

struct tickets *tickets_free(struct tickets *tickets) {
        if (!tickets)
                return NULL;

        for (size_t i = 0; i < tickets->n; i++)
                ticket_free(tickets->array[i]);
        free(tickets->array);
        free(tickets);
        return NULL;
}

static struct ticket *take(struct tickets *tickets, size_t i) {
        struct ticket *ticket = tickets->array[i];

        tickets->n--;
        memmove(&tickets->array[i], &tickets->array[i + 1], (tickets->n - i) * sizeof(*tickets->array));
        return ticket;
}

static void drop_old(struct tickets *tickets) {
        while (tickets->n > 0 && tickets->array[0]->issued_usec + LIFE_USEC <= now())
                ticket_free(take(tickets, 0));
}

static void make_room(struct tickets *tickets, uid_t uid) {
        size_t n_of_user = 0, oldest = 0;

        for (size_t i = tickets->n; i-- > 0;)
                if (tickets->array[i]->uid == uid) {
                        n_of_user++;
                        oldest = i;
                }

        if (n_of_user >= TICKETS_PER_USER_MAX)
                ticket_free(take(tickets, oldest));
}

int tickets_issue(struct tickets *tickets, uid_t uid, struct ticket *ticket) {
        unsigned char bits[(TOKEN_SIZE - 1) / 2];
        struct ticket **slot;

        if (getrandom(bits, sizeof(bits), 0) != (ssize_t) sizeof(bits))
                return -EIO;
        for (size_t i = 0; i < sizeof(bits); i++)
                snprintf(ticket->token + 2 * i, 3, "%02x", bits[i]);

        drop_old(tickets);
        make_room(tickets, uid);

        slot = array_append(&tickets->array, &tickets->n, sizeof(*slot));
        if (!slot)
                return -ENOMEM;

        ticket->uid = uid;
        ticket->issued_usec = now();
        *slot = ticket;
        return 0;
}

struct ticket *tickets_take(struct tickets *tickets, uid_t uid, const char *token) {
        drop_old(tickets);

        for (size_t i = 0; i < tickets->n; i++)
                if (tickets->array[i]->uid == uid && streq(tickets->array[i]->token, token))
                        return take(tickets, i);

        return NULL;
}
