/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Reading xenstore, where the toolstack of a Xen dom0 writes down which domain has what: over the socket of
 * the daemon that serves it, in the protocol of docs/misc/xenstore.txt and xen/include/public/io/xs_wire.h
 * of Xen's source.
 *
 * Xen's own library for this waits for ever, for a daemon that does not answer and, on the kernel's device,
 * for one that does not run. */

#include "service/host/root.h"

/* Connects to the daemon. Returns a descriptor, closed on exec, or a negative errno: -ENOENT or
 * -ECONNREFUSED where none runs. */
int xenstore_open(const struct root *root);

/* Reads the value of the key PATH, which the caller frees. Returns 0, or a negative errno: -ENOENT where
 * there is none, -ETIMEDOUT where the daemon does not answer, -EBADMSG where it does not speak this
 * protocol. */
int xenstore_read(int xenstore, const char *path, char **ret);

/* Calls FUNCTION with the name of each child of the key PATH, until it returns other than 0, which is passed
 * on. Returns 0 where there is no such key, or a negative errno as above. FUNCTION may read as well. */
int xenstore_foreach(int xenstore, const char *path, int (*function)(const char *name, void *userdata),
                     void *userdata);
