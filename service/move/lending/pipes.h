/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The pipes by which the service notices that a holder has gone: FIFOs with a name, so that a service that
 * is started anew finds them again. The holder has the write end and the service the read end, and nothing
 * is ever written: when the last copy of the write end closes, for whatever reason, the read end hangs up;
 * when the service closes the read end, the write end shows an error. */

#include <stdbool.h>
#include <stdint.h>

struct pipes;

/* Opens the directory for them below DIRECTORY. */
int pipes_open(const char *directory, struct pipes **ret);
struct pipes *pipes_free(struct pipes *pipes);

/* Makes the pipe ID, which must not exist, and opens both of its ends. */
int pipes_make(struct pipes *pipes, uint32_t id, int *ret_read, int *ret_write);

/* Opens the read end of the pipe ID, which an earlier run of the service has made. It hangs up at once where
 * nobody has the write end. Returns a descriptor; -ENOENT if there is no such pipe. */
int pipes_reopen(struct pipes *pipes, uint32_t id);

/* Removes the pipe ID, which those who have it open do not notice. One that does not exist is no error. */
int pipes_remove(struct pipes *pipes, uint32_t id);

/* Removes all pipes but those that IS_WANTED says are. */
int pipes_sweep(struct pipes *pipes, bool (*is_wanted)(uint32_t id, void *userdata), void *userdata);
