/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Why a request for a move was refused. */

#include "client.h"

/* Says why the client could not do `words` ("bind 65:00.0"), which asked for a move to `target`: the error
 * as failure_report() words it, with the polkit actions that it takes (`action`, without the prefix, and
 * those of the flags), and below it what was found in the way. The exit status. */
Status refusal_report(Client *client, const char *words, const char *action, const char *target,
                      const sd_bus_error *error, int r);
