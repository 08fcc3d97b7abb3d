/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Keeps a model current: listens to the uevents of PCI functions after udev has handled them, and scans
 * everything again when the kernel had to drop some. Nothing here reads a `uevent` file, which can sleep. */

#include <systemd/sd-event.h>

#include "service/host/model.h"

struct uevents;

/* Starts listening on EVENT. To miss nothing, start before the first model_scan(). A function that may need
 * a look at what only the worker can read is handed to CHANGED (which may be NULL) after the model has been
 * updated. */
int uevents_new(sd_event *event, struct model *model, void (*changed)(struct function *f, void *userdata),
                void *userdata, struct uevents **ret);
struct uevents *uevents_free(struct uevents *uevents);
