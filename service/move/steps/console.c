/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The console and its drivers, as drivers/tty/vt/vt.c and drivers/video/ in the kernel's source show them.
 */

#include <errno.h>
#include <stdio.h>

#include "service/host/macros.h"
#include "service/host/sysfs.h"
#include "service/move/steps/console.h"
#include "service/move/steps/step.h"

#define CLASS "class/vtconsole"

/* The console's drivers, one of which is that of framebuffers: "(M) frame buffer device". */
static int switch_console(const struct place *sys, const char *name, const char *wanted) {
        char path[NAME_MAX + sizeof(CLASS "//bind")], value[64];
        int r;

        snprintf(path, sizeof(path), CLASS "/%s/name", name);
        if (sysfs_read(sys->dir, path, value, sizeof(value)) < 0 || !strstr(value, "frame buffer"))
                return 0;

        snprintf(path, sizeof(path), CLASS "/%s/bind", name);
        if (sysfs_read(sys->dir, path, value, sizeof(value)) < 0 || streq(value, wanted))
                return 0;

        r = sysfs_write(sys, path, wanted);
        if (r >= 0)
                r = (int) sysfs_read(sys->dir, path, value, sizeof(value));
        if (r < 0)
                return r;
        return streq(value, wanted) ? 0 : -EBUSY;
}

static int release_one(const char *name, void *userdata) {
        return switch_console(userdata, name, "0");
}

static int return_one(const char *name, void *userdata) {
        return switch_console(userdata, name, "1");
}

static int foreach_console(const struct place *sys, int (*function)(const char *name, void *userdata)) {
        int r = sysfs_foreach(sys->dir, CLASS, function, (void *) sys);

        return r == -ENOENT ? 0 : r;
}

struct platform_driver {
        const struct place *sys;
        const char *path;
};

/* Beside its devices a driver's directory has files, and a link to its module; a device has a number. */
static int unbind_framebuffer(const char *name, void *userdata) {
        struct platform_driver *driver = userdata;
        char path[128];

        if (!strstr(name, "framebuffer."))
                return 0;

        snprintf(path, sizeof(path), "%s/unbind", driver->path);
        return sysfs_write(driver->sys, path, name);
}

static int release_firmware(const struct place *sys) {
        static const char *const drivers[] = {
                "bus/platform/drivers/efi-framebuffer",
                "bus/platform/drivers/vesa-framebuffer",
                "bus/platform/drivers/simple-framebuffer",
        };
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(drivers); i++) {
                struct platform_driver driver = { sys, drivers[i] };

                r = sysfs_foreach(sys->dir, drivers[i], unbind_framebuffer, &driver);
                if (r == -ENOENT)
                        r = 0;
        }
        return r;
}

int console_release(const struct place *sys, const char *which) {
        return streq(which, CONSOLE_FIRMWARE) ? release_firmware(sys) : foreach_console(sys, release_one);
}

int console_return(const struct place *sys) {
        return foreach_console(sys, return_one);
}
