/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Kinds of failure and their errnos. */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "service/host/failure.h"

static const int errnos[_FAILURE_KIND_MAX] = {
        [FAILURE_INVALID_ARGUMENT] = EINVAL,
        [FAILURE_NO_SUCH_DEVICE] = ENODEV,
        [FAILURE_NO_SUCH_GROUP] = ENOENT,
        [FAILURE_NO_SUCH_DRIVER] = ENOENT,
        [FAILURE_BACKEND_UNAVAILABLE] = EOPNOTSUPP,
        [FAILURE_MODULE_UNAVAILABLE] = ENOPKG,
        [FAILURE_IN_USE] = EBUSY,
        [FAILURE_NOT_VIABLE] = EBUSY,
        [FAILURE_BUSY] = EBUSY,
        [FAILURE_STATE_CHANGED] = ESTALE,
        [FAILURE_NO_SUCH_PLAN] = ENOENT,
        [FAILURE_MOVE_FAILED] = EIO,
        [FAILURE_UNDO_FAILED] = EIO,
        [FAILURE_STUCK] = ETIMEDOUT,
        [FAILURE_NOT_SUPPORTED] = EOPNOTSUPP,
        [FAILURE_LIMIT_EXCEEDED] = ENOBUFS,
        [FAILURE_ACCESS_DENIED] = EACCES,
        [FAILURE_INTERACTION_REQUIRED] = EACCES,
        [FAILURE_INTERNAL] = EIO,
};

int failure_errno(enum failure_kind kind) {
        return errnos[kind];
}

int fail(struct failure *f, enum failure_kind kind, const char *format, ...) {
        va_list arguments;

        if (f && f->kind == FAILURE_NONE) {
                f->kind = kind;

                va_start(arguments, format);
                if (vasprintf(&f->message, format, arguments) < 0)
                        f->message = NULL;
                va_end(arguments);
        }

        return -errnos[kind];
}

int fail_internal(struct failure *f, int error) {
        int number = abs(error);

        fail(f, FAILURE_INTERNAL, "The service could not carry on: %s", strerror(number));
        return -number;
}

const char *failure_discreet(const struct failure *f) {
        return strempty(f->discreet ?: f->message);
}

void failure_clear(struct failure *f) {
        free(f->message);
        free(f->discreet);
        *f = (struct failure){};
}
