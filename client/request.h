/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What the verbs that change something have in common, and plan: one call of the manager. */

#include "client.h"

/* "bind 0000:65:00.0 and 2 more", escaped: what was typed goes to the terminal again. Owned by the caller;
 * NULL if memory is short. */
char *request_words(const Client *client, const char *verb);

/* A call of `member` of the manager that has no arguments yet. */
int request_new(Client *client, const char *member, sd_bus_message **ret);

/* Makes the call `message`. `interactive`: somebody may be asked for a password, at the terminal if need be.
 * To a person who waits it tells that the service is busy with `words`. Like sd_bus_call(). */
int request_send(Client *client, const char *words, sd_bus_message *message, bool interactive,
                 sd_bus_error *ret_error, sd_bus_message **ret_reply);

/* Calls `member` of the manager with the addresses given, `target` (NULL: the member takes none) and the
 * flags, as request_send() does. */
int request_call(Client *client, const char *words, const char *member, const char *target, bool interactive,
                 sd_bus_error *ret_error, sd_bus_message **ret_reply);
