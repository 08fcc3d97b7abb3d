/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Resetting a function by one of the kernel's methods (drivers/pci/pci.c in its source). Which of them a
 * write to `reset` uses is told nowhere, so each is made the only one of the list `reset_method` in turn,
 * and the list is put back. For the worker only: all of this writes, and waits for the device. */

#include <stddef.h>

#include "service/host/address.h"

struct place;

/* Whether METHOD could be the name of one: small letters, digits and underscores, and not too
 * many of them. */
bool reset_method_is_name(const char *method);

/* Whether METHOD is one of LIST, as the kernel shows it. */
bool reset_methods_have(const char *list, const char *method);

/* Resets the function at ADDRESS, whose directory is PLACE's, by METHOD or, for "", by the first of its list
 * that works, and writes the one that did into USED: "" where the kernel does not tell, as before 5.15,
 * which had no list. The next method is tried only after ENOTTY. Returns 0 or
 *
 *  - -EOPNOTSUPP: METHOD is not in the list, or there is none;
 *  - -ENOTTY: no method works;
 *  - -EUCLEAN: the list names a method that does not work any more, so that it could not be put back, and
 *    METHOD cannot be had without writing it; nothing was written;
 *  - what the kernel says about the reset. */
int reset_function(const struct place *place, const struct pci_address *address, const char *method,
                   char *used, size_t size);

/* Makes LIST the function's list again, unless it is. Never by the word `default`, which leaves out methods
 * that the kernel has found with fewer functions on the bus. */
int reset_put_back(const struct place *place, const char *list);
