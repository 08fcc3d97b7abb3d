/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What bind, restore and plan have in common: one call of the manager for all addresses. */

#include "client.h"

/* "bind 0000:65:00.0 and 2 more", escaped: what was typed goes to the terminal again. Owned by the caller;
 * NULL if memory is short. */
char *request_words(const Client *client, const char *verb);

/* Calls `member` of the manager with the addresses given, `target` (NULL: the member takes none) and the
 * flags. `interactive`: somebody may be asked for a password, at the terminal if need be. To a person who
 * waits it tells that the service is busy with `words`. Like sd_bus_call(). */
int request_call(Client *client, const char *words, const char *member, const char *target, bool interactive,
                 sd_bus_error *ret_error, sd_bus_message **ret_reply);
