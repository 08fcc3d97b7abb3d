/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Object paths: an object has one path, so what is taken for one is what would be written for it, and no
 * path is two objects'. */

#include "dbus/path.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_free_ char *path = fuzz_text(data, size);
        struct pci_address address;
        unsigned n = 0;
        uint32_t id;
        int group;

        if (device_path_parse(path, &address) >= 0) {
                assert(streq(DEVICE_PATH(&address), path));
                n++;
        }
        if (group_path_parse(path, &group) >= 0) {
                assert(group >= 0 && streq(GROUP_PATH(group), path));
                n++;
        }
        if (operation_path_parse(path, &id) >= 0) {
                assert(streq(OPERATION_PATH(id), path));
                n++;
        }

        assert(n <= 1);
        return 0;
}
