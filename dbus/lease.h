/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Leases in messages. */

#include "dbus/service.h"

/* What the property LeaseState shows: "held", "returning", or "" where HOLDER is. */
const char *lease_state_name(const char *holder, bool returning);

/* Appends the leases, each as (suuass), to the open array in REPLY. */
int append_leases(sd_bus_message *reply, const struct service *service);
