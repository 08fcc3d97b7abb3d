/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What a request that was carried out is answered with: each errand has its own. */

#include "dbus/request.h"

/* Appends the answer to REQUEST to REPLY. ENTRY is the operation that it came to; NULL: there was nothing to
 * do. FAILURE may say why that is not possible; else it is an internal matter. */
int append_answer(sd_bus_message *reply, const struct bus_request *request,
                  const struct journal_entry *entry, struct failure *failure);
