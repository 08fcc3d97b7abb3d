/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Waiting for the workers that an earlier run of the service has left behind, each perhaps in the midst of a
 * write. */

#include <systemd/sd-event.h>

#include "service/move/workers/worker.h"

struct awaited;

/* Calls ENDED, from the event loop, when all N WORKERS have ended. Where none of them lives any more, *RET
 * is NULL and ENDED is not called. */
int await_workers(sd_event *event, const struct worker_identity *workers, size_t n,
                  void (*ended)(void *userdata), void *userdata, struct awaited **ret);
struct awaited *awaited_free(struct awaited *awaited);

/* One that has not ended yet. */
const struct worker_identity *awaited_worker(const struct awaited *awaited);
