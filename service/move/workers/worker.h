/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A worker process, seen from the service: takes orders, reports each, and may be dismissed at any time. */

#include <systemd/sd-event.h>

#include "service/move/steps/step.h"
#include "service/usage/finding.h"

struct worker;

/* Called with each report, and with NULL once when the worker has ended by itself; then it will never answer
 * what it still owed. */
typedef void (*worker_report_t)(struct worker *worker, const struct report *report, void *userdata);

/* Starts PROGRAM with one end of a socket as its standard input and nothing else of ours. SIGCHLD must be
 * blocked. */
int worker_start(sd_event *event, const char *program, worker_report_t report, void *userdata,
                 struct worker **ret);

/* Hands ORDER over. Reports come in the order of the orders. -EAGAIN if the worker is too far behind. */
int worker_order(struct worker *worker, const struct order *order);

/* Where the findings of its surveys go, before the report of each; NULL for nowhere. */
void worker_set_findings(struct worker *worker, struct findings *findings);

/* Hands out the descriptor that came with the last report, which the caller closes; negative if none did.
 * One that nobody takes is closed with the next report. */
int worker_take_descriptor(struct worker *worker);

/* Whether it is alive and has answered every order. */
bool worker_is_idle(const struct worker *worker);

/* Who gets its reports, from now on. */
void worker_set_report(struct worker *worker, worker_report_t report, void *userdata);

/* Lets go of the worker, which ends as soon as the kernel lets it, without another write. Nothing is
 * reported any more. */
struct worker *worker_dismiss(struct worker *worker);

/* Who it is, so that it can be recognised after the service was restarted: a process id and the time it
 * began, in the kernel's ticks since boot (field 22 of /proc/PID/stat). */
struct worker_identity {
        uint64_t pid;
        uint64_t start_time;
};

struct worker_identity worker_identity(const struct worker *worker);

/* Opens a pidfd of the worker that IDENTITY names: it becomes readable when the worker ends. -ESRCH if it
 * has ended; another negative errno says nothing of that. */
int worker_identity_open(const struct worker_identity *identity);

/* The kernel function that the process sleeps in, into BUFFER, which is returned; "" where that cannot be
 * known. */
char *worker_where(const struct worker_identity *identity, char *buffer, size_t size);
