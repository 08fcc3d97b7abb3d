/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What went wrong, as a caller is told: a kind, which the bus turns into an error name, and a sentence that
 * names the device and the cause. Library functions that serve a request take a `struct failure *` as their
 * last parameter and fill it when they return a negative errno. */

#include "service/host/macros.h"

enum failure_kind {
        FAILURE_NONE,
        FAILURE_INVALID_ARGUMENT,    /* the argument is malformed, whatever the host looks like */
        FAILURE_NO_SUCH_DEVICE,      /* no PCI function has this address, or it has gone in between */
        FAILURE_NO_SUCH_GROUP,       /* no IOMMU group has this number */
        FAILURE_NO_SUCH_DRIVER,      /* no such driver is registered, or it does not take this device */
        FAILURE_BACKEND_UNAVAILABLE, /* this host cannot serve the backend that was asked for */
        FAILURE_MODULE_UNAVAILABLE,  /* the module is missing, forbidden by modprobe.d, or was refused by the
                                        kernel */
        FAILURE_IN_USE,              /* a finding stands in the way */
        FAILURE_NOT_VIABLE,          /* the group cannot be opened, so nobody can be given access to it */
        FAILURE_BUSY,                /* another operation holds one of the devices or its group */
        FAILURE_STATE_CHANGED,       /* what was decided on is no longer so */
        FAILURE_MOVE_FAILED,         /* the kernel refused; everything is back where it was */
        FAILURE_UNDO_FAILED,         /* it is not; the message says what is where */
        FAILURE_STUCK,               /* the kernel has not answered within the limit */
        FAILURE_NO_SUCH_PLAN,        /* the token is nobody's, somebody else's, used or too old */
        FAILURE_NOT_SUPPORTED,       /* known to the interface, but not in this release */
        FAILURE_LIMIT_EXCEEDED,      /* too many at once */
        FAILURE_ACCESS_DENIED,       /* polkit said no */
        FAILURE_INTERACTION_REQUIRED, /* asking the user could help, and the caller did not allow it */
        FAILURE_INTERNAL,             /* memory, descriptors: nothing that the caller did */
        _FAILURE_KIND_MAX,
};

struct failure {
        enum failure_kind kind;
        char *message;  /* owned; a sentence without a full stop, NULL where memory was short */
        char *discreet; /* owned; the same for others than the caller, where they may not know as much; NULL:
                           the message is for all */
};

/* Sets F to KIND with the sentence. A failure that is already set is kept, since the first cause is the one
 * to tell. F may be NULL. Returns a negative errno that fits the kind, so that it can end a function:
 * `return fail(f, …)`. */
int fail(struct failure *f, enum failure_kind kind, const char *format, ...) _printf_(3, 4);

/* What others than the caller may be told. */
const char *failure_discreet(const struct failure *f);

/* The same as fail() for a lack of memory or another error of the process itself. */
int fail_internal(struct failure *f, int error);

/* The errno, positive, that stands for a kind. */
int failure_errno(enum failure_kind kind);

/* Frees what F owns and sets it to none. */
void failure_clear(struct failure *f);

#define _cleanup_failure_ _cleanup_(failure_clear)
