/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The kernel's table of module aliases, in its text form: whatever it holds, VFIO has a driver for a
 * function, and its name is one word. */

#include <stdio.h>
#include <sys/utsname.h>

#include "service/host/aliases.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/room.h"

static struct {
        struct root *root;
        struct function *function;
        char *table;
} host;

static void prepare(void) {
        _cleanup_free_ char *directory = NULL;
        struct pci_address address;
        struct utsname name;

        if (host.root)
                return;

        host.root = room_host();
        assert(pci_address_parse(ROOM_NIC, &address) >= 0);
        assert(function_read(host.root, &address, &host.function) >= 0);

        assert(uname(&name) >= 0 && asprintf(&directory, ROOM "/lib/modules/%s", name.release) >= 0);
        room_directory(ROOM "/lib");
        room_directory(ROOM "/lib/modules");
        room_directory(directory);
        assert(asprintf(&host.table, "%s/modules.alias", directory) >= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct aliases *aliases;
        const char *module;

        prepare();
        room_write(host.table, data, size);
        assert(aliases_new(host.root, &aliases) >= 0);
        module = aliases_vfio_module(aliases, host.function);
        assert(*module && !strpbrk(module, " \n"));
        assert(isempty(aliases_host_modules(aliases, host.function)));
        aliases_free(aliases);
        return 0;
}
