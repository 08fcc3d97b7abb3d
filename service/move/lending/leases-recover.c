/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What an earlier run of the service has left of leases. */

#include "service/move/lending/leases-list.h"

static void drop_strangers(struct leases *leases, struct lease *lease) {
        for (size_t i = lease->n_members; i > 0; i--) {
                struct lease_member *member = &lease->members[i - 1];
                const struct function *f = model_function(leases->config.model, &member->address);

                if (!f || f->identity != member->identity)
                        lease_take_out(lease, member);
        }
}

static int load(struct lease *lease, void *userdata) {
        struct leases *leases = userdata;

        leases->last_id = MAX_OF(leases->last_id, lease->id);
        drop_strangers(leases, lease);
        if (lease->n_members > 0)
                return leases_add(leases, lease);

        lease_files_remove(leases->files, lease);
        lease_free(lease);
        return 0;
}

static int reopen(struct leases *leases) {
        for (size_t i = 0; i < leases->n; i++) {
                struct lease *lease = leases->array[i];
                int r = lease_files_open_pipe(leases->files, lease);

                lease->ended = r > 0;
                if (r == 0)
                        r = leases_watch(leases, lease);
                if (r < 0)
                        return r;
        }

        return 0;
}

/* Where the service was killed while one lease took over from another, both have the function. The one that
 * is still held keeps it; of two that have ended, it does not matter which. */
static void drop_duplicates(struct leases *leases) {
        for (size_t i = leases->n; i > 0; i--) {
                struct lease *lease = leases->array[i - 1];

                size_t n = lease->n_members;

                for (size_t j = n; lease->ended && j > 0; j--) {
                        struct lease_member *member = &lease->members[j - 1];

                        if (leases_find_other(leases, lease, &member->address, member->identity))
                                lease_take_out(lease, member);
                }
                if (lease->n_members == 0)
                        leases_drop(leases, lease);
                else if (lease->n_members < n)
                        (void) lease_files_save(leases->files, lease);
        }
}

static bool is_wanted(uint32_t id, void *userdata) {
        const struct leases *leases = userdata;

        for (size_t i = 0; i < leases->n; i++)
                if (leases->array[i]->id == id)
                        return true;

        return false;
}

int leases_recover(struct leases *leases) {
        int r;

        r = lease_files_open(leases->config.directory, &leases->files);
        if (r >= 0)
                r = lease_files_load(leases->files, load, leases, leases->config.damaged,
                                     leases->config.userdata);
        if (r >= 0)
                r = reopen(leases);
        if (r < 0)
                return r;

        drop_duplicates(leases);
        for (size_t i = 0; i < leases->n; i++)
                leases_show_members(leases, leases->array[i]);
        return lease_files_sweep(leases->files, is_wanted, leases);
}
