/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The nodes of NVIDIA's own driver, /dev/nvidia0 and so on: the one driver in wide use that makes nodes
 * which sysfs does not show. It tells each adapter's minor number below /proc; the major number is the
 * kernel's to tell. */

#include <stdio.h>
#include <sys/sysmacros.h>

#include "service/usage/lines.h"
#include "service/usage/lookers.h"

/* "Device Minor: \t 0" */
static int read_minor(const char *line, void *userdata) {
        unsigned *ret = userdata;

        return sscanf(line, "Device Minor: %u", ret) == 1;
}

/* "195 nvidia-frontend", or "195 nvidia" since version 535 or so. The list goes on with block devices, which
 * the driver has none of. */
static int read_major(const char *line, void *userdata) {
        unsigned *ret = userdata;
        char name[32];

        return sscanf(line, "%u %31s", ret, name) == 2 &&
               (streq(name, "nvidia") || streq(name, "nvidia-frontend"));
}

static int look_at_function(struct look *look, const struct function *f) {
        unsigned major, minor;
        char path[64];
        int r;

        snprintf(path, sizeof(path), "/proc/driver/nvidia/gpus/%s/information",
                 PCI_ADDRESS_TEXT(&f->address));
        r = foreach_line(look->root, path, read_minor, &minor);
        if (r > 0)
                r = foreach_line(look->root, "/proc/devices", read_major, &major);
        if (r <= 0)
                return r;

        snprintf(path, sizeof(path), "nvidia%u", minor);
        return look_add_part(look, f, path, "nvidia", makedev(major, minor));
}

int nvidia_gather(struct look *look) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < look->n_functions; i++)
                r = look_at_function(look, look->functions[i]);

        return r;
}
