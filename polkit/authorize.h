/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Asking polkit. This is the contract:
 *
 * - The service never decides by itself who may; only uid 0 is not asked, which is the caller's business,
 * not this file's.
 * - The subject of every question is the unique bus name of whoever sent the message, so polkitd finds out
 * itself who that is, and the answer cannot be about somebody who has its name by then.
 * - No polkit, an error, or no answer in time means no.
 * - Nothing here blocks. While a question is open, everybody else is served.
 *
 * A question goes like this:
 *
 * 1. Each check is put to polkit by itself, in order and without interaction, so that a rule may allow one
 * function and not another. The first plain no ends it.
 * 2. If none is left that needs a person, the answer is yes.
 * 3. If the caller did not allow interaction, the answer is that it would have helped.
 * 4. If exactly one check is left, it is put again, with interaction. If several are left, they are combined
 * into one question, the action `together`, so that nobody types a password five times for one graphics
 * card.
 * 5. The answer is good for exactly the checks that were asked about. Whoever asked must establish them anew
 * afterwards, and must not go on if they have changed: see checks_equal().
 */

#include <systemd/sd-bus.h>

#include "polkit/checks.h"
#include "service/host/failure.h"

struct question;

/* FAILURE's kind is FAILURE_NONE for a yes. */
typedef void (*answered_t)(const struct failure *failure, void *userdata);

/* Asks whether the sender of MESSAGE may do what CHECKS say. CHECKS must outlive the question. ANSWERED is
 * called once, from the event loop. */
int authorize(sd_bus_message *message, const struct checks *checks, answered_t answered, void *userdata,
              struct question **ret);

/* Frees the question; where it is still open it is cancelled, and a dialog closes. */
struct question *question_free(struct question *question);
