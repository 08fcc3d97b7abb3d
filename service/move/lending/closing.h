/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Waiting until functions that are open through VFIO are closed. The kernel tells nobody of that, so it is
 * seen by what goes with it: by the closing of the node that they were opened through, by the end of the
 * program that was seen to have them open, and where neither is to be seen, by looking again. */

#include <systemd/sd-event.h>

#include "service/host/model.h"

struct closing;

/* Calls ON_STIR for what may be the end of a use that was awaited; where that is not to be seen, after
 * AGAIN_USEC microseconds. EVENT and ROOT must outlive it. */
int closing_new(sd_event *event, const struct root *root, uint64_t again_usec,
                void (*on_stir)(void *userdata), void *userdata, struct closing **ret);
struct closing *closing_free(struct closing *closing);

/* From now on sees the nodes of these functions, and no others any more. To be called before it is looked
 * who uses them, so that nothing is missed in between. */
int closing_watch(struct closing *closing, struct function *const *functions, size_t n);

/* F was seen to be in use since closing_watch(), by the process PID, which is decimal, or "" where that is
 * not known. Returns whether that may have ended already; otherwise ON_STIR is called when it may have. */
bool closing_await(struct closing *closing, const struct function *f, const char *pid);

/* Calls ON_STIR after that time, whatever happens. */
void closing_look_again(struct closing *closing);
