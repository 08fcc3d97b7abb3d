/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Long output through a pager, as systemctl does it: $SYSTEMD_PAGER, $PAGER, pager, less, more, the first
 * that runs; $SYSTEMD_LESS, $SYSTEMD_LESSCHARSET and $SYSTEMD_PAGERSECURE have their meaning from there. */

#include <stdbool.h>
#include <sys/types.h>

typedef struct Pager {
        pid_t pid; /* 0: none */
} Pager;

/* Puts a pager between standard output and the terminal that it is, unless the environment says that none is
 * wanted. From here on the client outlives the pager: signals from the keyboard and a closed pipe are not
 * for it. Where no pager can be started, output goes straight to the terminal. */
void pager_open(Pager *pager, bool utf8);

/* Ends standard output and waits for the pager; does nothing if there is none. */
void pager_close(Pager *pager);
