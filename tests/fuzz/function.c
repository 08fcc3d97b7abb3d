/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The attributes, links and directories of one function in sysfs. Each line of the input is a name of the
 * table below and what is there:
 *
 *      modalias pci:v00008086d000010D3sv00008086sd00000000bc02sc00i00
 *      driver ../../../../bus/pci/drivers/e1000e
 */

#include <stdio.h>

#include "service/host/function.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/room.h"

enum kind {
        ATTRIBUTE,
        LINK,
};

static const struct {
        const char *name;
        enum kind kind;
        const char *path;
} entries[] = {
        { "modalias", ATTRIBUTE, ROOM_NIC_DIRECTORY "/modalias" },
        { "revision", ATTRIBUTE, ROOM_NIC_DIRECTORY "/revision" },
        { "numa_node", ATTRIBUTE, ROOM_NIC_DIRECTORY "/numa_node" },
        { "boot_vga", ATTRIBUTE, ROOM_NIC_DIRECTORY "/boot_vga" },
        { "sriov_totalvfs", ATTRIBUTE, ROOM_NIC_DIRECTORY "/sriov_totalvfs" },
        { "reset_method", ATTRIBUTE, ROOM_NIC_DIRECTORY "/reset_method" },
        { "secondary_bus_number", ATTRIBUTE, ROOM_NIC_DIRECTORY "/secondary_bus_number" },
        { "dev", ATTRIBUTE, ROOM_NIC_DIRECTORY "/vfio-dev/vfio0/dev" },
        { "group-name", ATTRIBUTE, ROOM "/sys/kernel/iommu_groups/7/name" },
        { "driver", LINK, ROOM_NIC_DIRECTORY "/driver" },
        { "iommu_group", LINK, ROOM_NIC_DIRECTORY "/iommu_group" },
        { "physfn", LINK, ROOM_NIC_DIRECTORY "/physfn" },
        { "virtfn0", LINK, ROOM_NIC_DIRECTORY "/virtfn0" },
        { "virtfn1", LINK, ROOM_NIC_DIRECTORY "/virtfn1" },
        { "virtfn2", LINK, ROOM_NIC_DIRECTORY "/virtfn2" },
};

static void write_line(const uint8_t *line, size_t length) {
        for (size_t i = 0; i < ELEMENTSOF(entries); i++) {
                size_t n = strlen(entries[i].name);
                _cleanup_free_ char *target = NULL;

                if (length <= n || memcmp(line, entries[i].name, n) != 0 || line[n] != ' ')
                        continue;
                if (entries[i].kind == ATTRIBUTE) {
                        room_write(entries[i].path, line + n + 1, length - n - 1);
                        return;
                }

                /* A link has to lead somewhere, and its length an end. */
                target = fuzz_text(line + n + 1, length - n - 1);
                if (!isempty(target) && strlen(target) < 4096)
                        room_link(entries[i].path, target);
                return;
        }
}

static void write_lines(const uint8_t *data, size_t size) {
        for (size_t i = 0; i < ELEMENTSOF(entries); i++)
                room_remove(entries[i].path);

        while (size > 0) {
                const uint8_t *end = memchr(data, '\n', size);
                size_t length = end ? (size_t) (end - data) : size;

                write_line(data, length);
                data += length + !!end;
                size -= length + !!end;
        }
}

/* Whatever the kernel shows, no field goes beyond its meaning. */
static void assert_sound(const struct function *f) {
        assert(f->class_code <= 0xffffff);
        assert(f->group >= -1);
        assert(f->n_virtual_functions <= 3);
        assert(f->driver && f->vfio_node && f->reset_methods && f->override && f->home && f->vfio_driver);
        assert(f->kind < _DRIVER_KIND_MAX && (f->kind == DRIVER_NONE) == (isempty(f->driver)));
        assert(!strchr(f->driver, '/') && !strchr(f->reset_methods, '\n'));
}

/* Its modalias says the same device again. */
static void assert_modalias(const struct root *root, const struct function *f) {
        _cleanup_(function_freep) struct function *again = NULL;
        char modalias[MODALIAS_SIZE];

        function_modalias(f, modalias);
        assert(strlen(modalias) < MODALIAS_SIZE - 1);
        room_write(ROOM_NIC_DIRECTORY "/modalias", modalias, strlen(modalias));
        assert(function_read(root, &f->address, &again) >= 0);
        assert(again->vendor == f->vendor && again->device == f->device &&
               again->class_code == f->class_code);
        assert(again->subsystem_vendor == f->subsystem_vendor &&
               again->subsystem_device == f->subsystem_device);
}

static struct root *prepare(void) {
        static struct root *root;

        if (!root) {
                root = room_host();
                room_directory(ROOM_NIC_DIRECTORY "/vfio-dev");
                room_directory(ROOM_NIC_DIRECTORY "/vfio-dev/vfio0");
        }
        return root;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(function_freep) struct function *f = NULL;
        const struct root *root = prepare();
        struct pci_address address;

        assert(pci_address_parse(ROOM_NIC, &address) >= 0);
        write_lines(data, size);
        if (function_read(root, &address, &f) < 0) {
                assert(!f);
                return 0;
        }

        assert_sound(f);
        assert_modalias(root, f);
        assert(function_refresh(root, f) == 0);
        room_remove(ROOM_NIC_DIRECTORY "/driver");
        assert(function_refresh(root, f) >= 0);
        assert(isempty(f->driver));
        return 0;
}
