/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The road that every request to change something takes:
 *
 * 1. The message is read: which functions, where to, with which flags.
 * 2. The functions are observed, and it is found out who uses them, so that what follows rests on what is
 * true now.
 * 3. A plan is made of it. What is wrong with the request, or forbids the move, ends it here.
 * 4. polkit is asked for exactly what the plan needs, unless the caller is uid 0. If that was so, everything
 * is done again from 1, for time has passed; where that comes to the same checks, the answer counts, else
 * the answer is StateChanged.
 * 5. The plan is carried out, and the caller gets what moved, or what else was asked for.
 *
 * A caller that leaves before 5 has asked for nothing. */

#include "dbus/request.h"

/* Takes the request in MESSAGE on its way. For a method handler to return. */
int road_move(struct service *service, sd_bus_message *message, wish_reader_t read);

/* The same road, stopped after 3: the plan is the answer, with whatever stands in its way, and a token. */
int road_plan(struct service *service, sd_bus_message *message, wish_reader_t read);

/* The whole road for the plan whose token is in MESSAGE, which has to come to the same again. */
int road_apply(struct service *service, sd_bus_message *message);
