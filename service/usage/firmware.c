/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Finding the firmware's framebuffer in the map of the machine's memory. */

#include <stdio.h>

#include "service/usage/firmware.h"
#include "service/usage/lines.h"
#include "service/usage/lookers.h"

/* What the kernel's drivers for it call the memory that they take (drivers/video/fbdev, drivers/gpu/drm,
 * drivers/firmware/sysfb*.c). */
static const char *const names[] = {
        "BOOTFB", "efifb", "vesafb", "simplefb", "simpledrm", "efidrm", "vesadrm", "ofdrm",
};

static bool is_framebuffer(const char *name) {
        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if (streq(name, names[i]))
                        return true;

        return false;
}

/* Where one has come in the map. */
struct search {
        const char *address;
        size_t inside; /* how far to the right the function's line begins; SIZE_MAX outside of it */
        char *name;    /* FIRMWARE_NAME_SIZE bytes, or NULL */
};

/* A line is "  fd000000-fd7effff : efifb": what is further to the right is inside of what stands above it.
 * Only the order counts here, since the numbers are for those with CAP_SYS_ADMIN. */
static int look_at_line(const char *line, void *userdata) {
        struct search *search = userdata;
        size_t depth = strspn(line, " ");
        const char *name = strstr(line, " : ");

        if (!name)
                return 0;
        name += strlen(" : ");

        if (search->inside != SIZE_MAX && depth <= search->inside)
                search->inside = SIZE_MAX;
        if (search->inside == SIZE_MAX) {
                if (streq(name, search->address))
                        search->inside = depth;
                return 0;
        }

        if (!is_framebuffer(name))
                return 0;
        if (search->name)
                snprintf(search->name, FIRMWARE_NAME_SIZE, "%s", name);
        return 1;
}

int firmware_framebuffer(const struct root *root, const struct pci_address *address, char *name) {
        struct search search = { .address = PCI_ADDRESS_TEXT(address), .inside = SIZE_MAX, .name = name };

        return foreach_line(root, "/proc/iomem", look_at_line, &search);
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
