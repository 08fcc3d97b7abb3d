/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Looking, through a worker, at what the service itself must not read: the driver override of functions.
 * What is seen goes into the model. */

#include <systemd/sd-event.h>

#include "service/host/model.h"
#include "service/move/workers.h"

/* One look at several functions for somebody who waits for it. */
struct observation;

/* STUCK is the function whose lock the kernel does not give up, or NULL; ERROR is 0, -ETIMEDOUT with STUCK,
 * or another negative errno. Called once, never from observation_start(). */
typedef void (*observed_t)(int error, const struct pci_address *stuck, void *userdata);

/* The LIMIT, in microseconds, is for all of them together. */
int observation_start(sd_event *event, struct model *model, struct workers *workers,
                      struct function *const *functions, size_t n_functions, uint64_t limit_usec,
                      observed_t done, void *userdata, struct observation **ret);

/* Frees it, before or after it is done. */
struct observation *observation_free(struct observation *observation);

/* Looking in the background, at crowds: at the start and after uevents. A function that does not answer is
 * passed over, and looked at again when the kernel lets go of the worker that did not come back from it. */
struct observer;

/* IDLE (which may be NULL) is called whenever everything that was asked for has been looked at. */
int observer_new(sd_event *event, struct model *model, struct workers *workers, void (*idle)(void *userdata),
                 void *userdata, struct observer **ret);
struct observer *observer_free(struct observer *observer);

int observer_add(struct observer *observer, const struct function *f);
