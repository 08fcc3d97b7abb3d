/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Looking in the background, at crowds: at the start and after uevents. A function that does not answer is
 * passed over, and looked at again when the kernel lets go of the worker that did not come back from it. */

#include <systemd/sd-event.h>

#include "service/host/model.h"
#include "service/move/workers/workers.h"

struct observer;

/* IDLE (which may be NULL) is called whenever everything that was asked for has been looked at. */
int observer_new(sd_event *event, struct model *model, struct workers *workers, void (*idle)(void *userdata),
                 void *userdata, struct observer **ret);
struct observer *observer_free(struct observer *observer);

/* Asks for a look at F, with the next crowd. One that is being moved is left to whoever moves it. */
int observer_add(struct observer *observer, const struct function *f);
