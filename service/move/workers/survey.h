/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Finding out who uses functions, off the event loop: a worker looks (service/usage), which reads the file
 * descriptors of every process and may wait for the kernel. Whoever asks while a survey is under way is
 * served by the next one, together with everybody else who has asked by then: one pass for all of them, and
 * nobody gets an answer that is older than the question. */

#include <systemd/sd-event.h>

#include "service/move/workers/workers.h"

struct surveyor;
struct survey;

/* ERROR is 0, or a negative errno: -ETIMEDOUT where it took too long. FINDINGS are about all
 * functions that the pass was about, and last for the call. Called once, from the event loop. */
typedef void (*surveyed_t)(int error, const struct findings *findings, void *userdata);

int surveyor_new(sd_event *event, struct workers *workers, struct surveyor **ret);

/* Once nobody waits any more. */
struct surveyor *surveyor_free(struct surveyor *surveyor);

/* Asks who uses the functions at ADDRESSES. LIMIT_USEC, in microseconds, is for waiting and looking
 * together. */
int survey_start(struct surveyor *surveyor, const struct pci_address *addresses, size_t n,
                 uint64_t limit_usec, surveyed_t done, void *userdata, struct survey **ret);

/* Frees it, before or after it is done. */
struct survey *survey_free(struct survey *survey);
