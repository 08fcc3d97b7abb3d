/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Who may do next what is done by one at a time on the whole host: the kernel makes and removes virtual
 * functions under a lock of all PCI devices, and one that does not come back keeps all others. */

#include <stdbool.h>

struct turn {
        struct turn *next;
        void (*begins)(void *userdata); /* called once it has the turn, where it had to wait */
        void *userdata;
};

/* Zero-initialized: nobody has it. */
struct turns {
        struct turn *first; /* has it; the others wait behind it in the order they came */
};

/* Gives TURN the turn, or puts it behind those that wait. Returns whether it has it now. Nothing changes
 * where it is among them already. */
bool turns_enter(struct turns *turns, struct turn *turn);

/* Lets the next one begin, or takes TURN from those that wait; nothing if it is not among them. */
void turns_leave(struct turns *turns, struct turn *turn);
