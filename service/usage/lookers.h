/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Everybody who looks. Each returns 0 or a negative errno; the first ones gather, the others find. Their
 * order is that of the table in usage.c. */

#include "service/usage/look.h"

/* Adds to the functions whatever the kernel unbinds along with them, and finds `consumer`. */
int links_look(struct look *look);

/* Gathers what is below the functions in sysfs. */
int parts_look(struct look *look);

/* Gathers the nodes of NVIDIA's own driver, which sysfs does not show. */
int nvidia_gather(struct look *look);

/* Gathers the nodes through which VFIO opens the functions, their groups and their virtual functions. */
int vfio_gather(struct look *look);

/* Goes over all processes once: gathers who has a node open, and finds `mounted`, and `stacked` below it, in
 * each mount namespace. */
int processes_look(struct look *look);

/* `swap`: swap areas, and files that are some. */
int swaps_look(struct look *look);

/* `stacked`: device-mapper, md, bcache and loop devices, also where nothing stands on them. */
int stacks_look(struct look *look);

/* `vfio`: whoever has a function or its group open through VFIO. */
int vfio_look(struct look *look);

/* `domain`: Xen domains that have a function; and `virtual-functions` where they have one of its virtual functions. */
int domains_look(struct look *look);

/* `virtual-functions` that are enabled. */
int virtual_look(struct look *look);

/* `network`: interfaces that are up and used. */
int network_look(struct look *look);

/* `display`: the boot display, the kernel's console, connectors that are lit. */
int display_look(struct look *look);

/* `framebuffer`: the firmware's. */
int framebuffer_look(struct look *look);

/* `input`: keyboards and pointers. */
int input_look(struct look *look);

/* `open`: processes that have a node open; and `display` where it is a graphics program. */
int open_look(struct look *look);
