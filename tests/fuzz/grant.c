/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A file among the grants: it is taken or set aside, and what is taken is the same when it was written
 * again. */

#include <stdio.h>

#include "service/move/lending/grant.h"
#include "tests/fuzz/fuzz.h"

static void check_again(const char *name, const struct grant *grant) {
        _cleanup_(grant_freep) struct grant *again = NULL;
        _cleanup_json_ struct json_object *object = grant_to_json(grant);

        assert(object && grant_load(name, object, &again) >= 0);
        assert(again->group == grant->group && again->uid == grant->uid &&
               again->in_force == grant->in_force && again->leased == grant->leased &&
               again->n_members == grant->n_members);
        for (size_t i = 0; i < grant->n_members; i++)
                assert(pci_address_compare(&again->members[i].address, &grant->members[i].address) == 0 &&
                       again->members[i].identity == grant->members[i].identity &&
                       again->members[i].on_vfio == grant->members[i].on_vfio &&
                       again->members[i].binding == grant->members[i].binding);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_free_ char *name = fuzz_file_name(&data, &size), *text = NULL;
        _cleanup_(grant_freep) struct grant *grant = NULL;
        _cleanup_json_ struct json_object *object = NULL;

        if (!name)
                return -1;

        text = fuzz_text(data, size);
        assert(text);
        object = json_tokener_parse(text);
        if (!json_object_is_type(object, json_type_object))
                return 0;

        if (grant_load(name, object, &grant) < 0)
                return 0;
        assert(grant->group >= 0);
        check_again(name, grant);
        return 0;
}
