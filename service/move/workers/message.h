/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Messages over the socket between service and worker, each of which may have a file descriptor with it. */

#include <stddef.h>
#include <sys/types.h>

/* Sends SIZE bytes, with DESCRIPTOR unless that is negative: it stays the caller's. Returns 0 or a negative
 * errno. */
int message_send(int socket, const void *data, size_t size, int descriptor);

/* Reads one message into BUFFER, without waiting. The caller closes what is put into *RET_DESCRIPTOR, which
 * is negative where nothing came with it. Returns the length, 0 at the end, or a negative errno. */
ssize_t message_receive(int socket, void *buffer, size_t size, int *ret_descriptor);
