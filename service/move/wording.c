/* SPDX-License-Identifier: GPL-2.0-or-later */

/* From errnos to sentences. */

#include <errno.h>

#include "service/move/wording.h"

void word_failure(const struct movement *m, const struct step *step, const struct report *report, struct failure *failure) {
        const char *address = PCI_ADDRESS_TEXT(&m->address);
        _cleanup_free_ char *doing = step_describe(step->kind, &m->address, step->argument);

        if (step->kind == STEP_LOAD_MODULE)
                fail(failure, FAILURE_MODULE_UNAVAILABLE, "%s cannot be moved, since loading %s failed: %s", address,
                     step->argument,
                     report->error == -EPERM ? "modprobe.d or the kernel forbids it" : strerror(-report->error));
        else if (!report->has_state && (report->error == -ENODEV || report->error == -ESTALE))
                fail(failure, FAILURE_NO_SUCH_DEVICE, "%s has disappeared", address);
        else if (step->kind == STEP_BIND && report->error == -ENODEV && m->target.bind_with_own_override)
                fail(failure, FAILURE_NO_SUCH_DRIVER, "%s cannot go to %s: the driver does not support this device", address,
                     step->argument);
        else if (step->kind == STEP_BIND && report->error == -ENOENT)
                fail(failure, FAILURE_NO_SUCH_DRIVER, "%s cannot go to %s: no PCI driver of that name is registered", address,
                     step->argument);
        else if (report->error == -EPIPE)
                fail(failure, FAILURE_MOVE_FAILED, "%s: the worker was killed while %s", address, strempty(doing));
        else
                fail(failure, FAILURE_MOVE_FAILED, "%s: %s failed: %s", address, strempty(doing), strerror(-report->error));
}
