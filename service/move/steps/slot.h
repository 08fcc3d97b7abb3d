/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What is left of a function on a Xen dom0 when it has left pciback. */

#include "service/host/address.h"
#include "service/host/root.h"

/* Makes DRIVER, which is pciback, forget the function, and takes that out of Xen's quarantine where Xen's
 * toolstack has had it: no DMA of a function works from there, and it has no message-signalled interrupts.
 * Does not wait for the toolstack longer than LIMIT_MSEC, and does nothing once BREAK_FD has hung up
 * (write.h). Returns 0, where there was nothing to do too, or a negative errno. */
int slot_remove(const struct root *root, int break_fd, const char *driver, const struct pci_address *address,
                unsigned limit_msec);
