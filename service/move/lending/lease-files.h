/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What there is of leases on disk: for each a file that says whose it is and where its members go back to,
 * and a pipe that hangs up when the holder has gone (pipes.h). */

#include "service/move/lending/lease.h"

struct lease_files;

int lease_files_open(const char *directory, struct lease_files **ret);
struct lease_files *lease_files_free(struct lease_files *files);

/* Makes the pipe and the file of a new lease, and opens both ends of the pipe. Nothing is left where this
 * fails. */
int lease_files_create(struct lease_files *files, struct lease *lease);

/* Writes the file anew. */
int lease_files_save(struct lease_files *files, const struct lease *lease);

/* Removes the pipe, for which nobody cares once the lease has ended; or everything. */
void lease_files_remove_pipe(struct lease_files *files, const struct lease *lease);
void lease_files_remove(struct lease_files *files, const struct lease *lease);

/* Calls FUNCTION with each lease that an earlier run of the service has left. It takes the lease over,
 * whatever it returns; the first error is passed on once all were read. DAMAGED is told of files that cannot
 * be read and were set aside; it may be NULL. */
int lease_files_load(struct lease_files *files, int (*function)(struct lease *lease, void *userdata),
                     void *userdata, void (*damaged)(const char *name, void *userdata),
                     void *damaged_userdata);

/* Opens the read end of its pipe. Returns 0; 1 if the lease has ended: nobody has the write end, or there is
 * no pipe. */
int lease_files_open_pipe(struct lease_files *files, struct lease *lease);

/* Removes pipes without a lease, those of which IS_WANTED does not say that there is one. */
int lease_files_sweep(struct lease_files *files, bool (*is_wanted)(uint32_t id, void *userdata),
                      void *userdata);
