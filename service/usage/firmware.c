/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Finding the firmware's framebuffer in the map of the machine's memory. */

#include <errno.h>
#include <stdio.h>

#include "service/usage/firmware.h"
#include "service/usage/lookers.h"

/* What the kernel's drivers for it call the memory that they take (drivers/video/fbdev, drivers/gpu/drm,
 * drivers/firmware/sysfb*.c). */
static const char *const names[] = {
        "BOOTFB", "efifb", "vesafb", "simplefb", "simpledrm", "efidrm", "vesadrm", "ofdrm",
};

static void filep(FILE **file) {
        if (*file)
                fclose(*file);
}

static bool is_framebuffer(const char *name) {
        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if (streq(name, names[i]))
                        return true;

        return false;
}

/* A line is "  fd000000-fd7effff : efifb": what is further to the right is inside of what stands above it.
 * Only the order counts here, since the numbers are for those with CAP_SYS_ADMIN. */
static int look_at_line(const char *line, const char *address, size_t *inside, char *ret_name) {
        size_t depth = strspn(line, " ");
        const char *name = strstr(line, " : ");

        if (!name)
                return 0;
        name += strlen(" : ");

        if (*inside != SIZE_MAX && depth <= *inside)
                *inside = SIZE_MAX;
        if (*inside == SIZE_MAX) {
                if (streq(name, address))
                        *inside = depth;
                return 0;
        }

        if (!is_framebuffer(name))
                return 0;
        if (ret_name)
                snprintf(ret_name, FIRMWARE_NAME_SIZE, "%s", name);
        return 1;
}

int firmware_framebuffer(const struct root *root, const struct pci_address *address, char *name) {
        _cleanup_free_ char *path = root_path(root, "/proc/iomem"), *line = NULL;
        _cleanup_(filep) FILE *file = NULL;
        size_t size = 0, inside = SIZE_MAX;
        int r = 0;

        if (!path)
                return -ENOMEM;

        file = fopen(path, "re");
        if (!file)
                return errno == ENOENT ? 0 : -errno;

        while (r == 0 && getline(&line, &size, file) > 0) {
                line[strcspn(line, "\n")] = '\0';
                r = look_at_line(line, PCI_ADDRESS_TEXT(address), &inside, name);
        }

        return r;
}

int framebuffer_look(struct look *look) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < look->n_functions; i++) {
                const struct function *f = look->functions[i];
                char name[FIRMWARE_NAME_SIZE];

                r = firmware_framebuffer(look->root, &f->address, name);
                if (r > 0)
                        r = findings_add(
                                        &look->found, FINDING_FRAMEBUFFER, SEVERITY_WARN, &f->address, name,
                                        "%s carries the firmware's framebuffer (%s), which comes back only with the next boot",
                                        PCI_ADDRESS_TEXT(&f->address), name);
        }

        return r;
}
