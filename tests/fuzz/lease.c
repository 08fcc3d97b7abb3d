/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A file among the leases: it is taken or set aside, and what is taken is the same when it was written
 * again.
 */

#include <stdio.h>

#include "service/move/lending/lease.h"
#include "tests/fuzz/fuzz.h"

static void check_again(const char *name, const struct lease *lease) {
        _cleanup_(lease_freep) struct lease *again = NULL;
        _cleanup_json_ struct json_object *object = lease_to_json(lease);

        assert(object && lease_from_json(name, object, &again) >= 0);
        assert(again->id == lease->id && lease_is_held_by(again, &lease->holder) &&
               again->holder.pid == lease->holder.pid && again->n_members == lease->n_members);
        for (size_t i = 0; i < lease->n_members; i++) {
                const struct lease_member *a = &lease->members[i], *b = &again->members[i];

                assert(pci_address_compare(&a->address, &b->address) == 0 && a->identity == b->identity &&
                       streq(a->before.driver, b->before.driver) &&
                       streq(a->before.override, b->before.override) &&
                       a->before.console == b->before.console);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_free_ char *name = fuzz_file_name(&data, &size), *text = NULL;
        _cleanup_(lease_freep) struct lease *lease = NULL;
        _cleanup_json_ struct json_object *object = NULL;
        char file[LEASE_NAME_SIZE];

        if (!name)
                return -1;

        text = fuzz_text(data, size);
        object = json_tokener_parse(text);
        if (!json_object_is_type(object, json_type_object))
                return 0;

        /* Under another name it would never be removed. */
        if (lease_from_json(name, object, &lease) < 0)
                return 0;
        assert(streq(lease_file_name(lease, file), name));
        check_again(name, lease);
        return 0;
}
