/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Why a request was refused. */

#include "client.h"

/* Says why the client could not do `words` ("bind 65:00.0"): the error as failure_report() words it, with
 * the polkit actions that it takes (`actions`, without the prefix and with spaces between, and those of the
 * flags). Where it asked for a move to `target`, what was found in the way is listed below it; NULL: it did
 * not. The exit status. */
Status refusal_report(Client *client, const char *words, const char *actions, const char *target,
                      const sd_bus_error *error, int r);
