/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Looking, through a worker, at what the service itself must not read: the driver override of functions.
 * What is seen goes into the model. */

#include <systemd/sd-event.h>

#include "service/host/model.h"
#include "service/move/workers/workers.h"

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
