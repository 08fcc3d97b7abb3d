/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A queue. */

#include <stddef.h>

#include "service/move/operation/turns.h"

bool turns_enter(struct turns *turns, struct turn *turn) {
        struct turn **link = &turns->first;

        while (*link && *link != turn)
                link = &(*link)->next;
        if (!*link) {
                turn->next = NULL;
                *link = turn;
        }

        return turns->first == turn;
}

void turns_leave(struct turns *turns, struct turn *turn) {
        struct turn **link = &turns->first;
        bool had = turns->first == turn;

        while (*link && *link != turn)
                link = &(*link)->next;
        if (!*link)
                return;

        *link = turn->next;
        if (had && turns->first)
                turns->first->begins(turns->first->userdata);
}
