/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Where functions came from: the driver and override that each had when it was first moved, one file a
 * function, kept until it is back. The files say which device they are about, so that another one at the
 * same address has no part in them. */

#include "service/host/model.h"
#include "service/move/plan/target.h"

struct records;

/* Opens the records below DIRECTORY and forgets those whose device is gone. MODEL must have been scanned.
 * DAMAGED is told of files that cannot be read; it may be NULL. */
int records_new(struct model *model, const char *directory,
                void (*damaged)(const char *name, void *userdata), void *userdata, struct records **ret);
struct records *records_free(struct records *records);

/* Where F came from; NULL if it was never moved. A home_lookup_t: USERDATA is the records. */
const struct home *records_home(const struct function *f, void *userdata);

/* Notes where F is now as its home, and whether the kernel's console is taken off it, on disk before it
 * returns. Does nothing if there is a record already. */
int records_remember(struct records *records, struct function *f, bool console);

/* Forgets F: it is back, or gone. */
int records_forget(struct records *records, const struct pci_address *address);

/* Forgets F if it is on the driver and override that it came from. */
void records_review(struct records *records, struct function *f);
