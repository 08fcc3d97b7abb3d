/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What a graphics adapter shows. No node of it is opened: whoever opens a card first becomes its DRM master.
 */

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "service/host/sysfs.h"
#include "service/usage/firmware.h"
#include "service/usage/lookers.h"

/* The kernel's console, as far as it is on a screen. */
struct console {
        const struct look *look;
        bool vga;            /* on the boot display's text mode */
        int framebuffer;     /* the number of the framebuffer that it is on, -1: none */
        char path[PATH_MAX]; /* of that framebuffer, below /sys/class/graphics */
};

static int add(struct look *look, const struct function *f, const char *subject, const char *what) {
        return findings_add(&look->found, FINDING_DISPLAY, SEVERITY_FORCE, &f->address, subject, "%s %s",
                            PCI_ADDRESS_TEXT(&f->address), what);
}

/* The virtual consoles are bound to drivers: "(S) VGA+", "(M) frame buffer device" (drivers/tty/vt/vt.c,
 * show_name()). */
static int note_console(const char *name, void *userdata) {
        struct console *console = userdata;
        char path[PATH_MAX], value[64];

        snprintf(path, sizeof(path), "class/vtconsole/%s/bind", name);
        if (sysfs_read(console->look->root->sys, path, value, sizeof(value)) < 0 || !streq(value, "1"))
                return 0;

        snprintf(path, sizeof(path), "class/vtconsole/%s/name", name);
        if (sysfs_read(console->look->root->sys, path, value, sizeof(value)) < 0)
                return 0;

        if (strstr(value, "VGA"))
                console->vga = true;
        if (strstr(value, "frame buffer"))
                console->framebuffer = INT_MAX;
        return 0;
}

/* The framebuffer console is on the first framebuffer, unless somebody has told it otherwise (con2fbmap(1)),
 * which only an open node would tell. */
static int note_framebuffer(const char *name, void *userdata) {
        struct console *console = userdata;
        const char *number = startswith(name, "fb");
        char path[PATH_MAX], target[PATH_MAX], *end;
        ssize_t n;
        long value;

        if (!number || *number < '0' || *number > '9')
                return 0;
        value = strtol(number, &end, 10);
        if (*end || value >= console->framebuffer)
                return 0;

        snprintf(path, sizeof(path), "class/graphics/%s", name);
        n = readlinkat(console->look->root->sys, path, target, sizeof(target) - 1);
        if (n < 0)
                return 0;
        target[n] = '\0';

        console->framebuffer = (int) value;
        strcpy(console->path, target);
        return 0;
}

static int find_console(struct console *console) {
        int r;

        r = sysfs_foreach(console->look->root->sys, "class/vtconsole", note_console, console);
        if (r >= 0 && console->framebuffer >= 0)
                r = sysfs_foreach(console->look->root->sys, "class/graphics", note_framebuffer, console);
        return r == -ENOENT ? 0 : r;
}

static bool has_console(const struct console *console, const struct function *f) {
        char component[PCI_ADDRESS_SIZE + 2];

        if (console->vga && f->boot_vga)
                return true;

        snprintf(component, sizeof(component), "/%s/", PCI_ADDRESS_TEXT(&f->address));
        if (strstr(console->path, component))
                return true;

        /* The firmware's framebuffer is a platform device of which only the memory tells where it is. */
        return strstr(console->path, "/platform/") &&
               firmware_framebuffer(console->look->root, &f->address, NULL) > 0;
}

static int look_at_function(struct look *look, const struct console *console, const struct function *f) {
        int r = 0;

        if (f->boot_vga && f->kind == DRIVER_HOST)
                r = add(look, f, "boot display",
                        "is the boot display: make sure that there is another way to operate this host");
        if (r >= 0 && !driver_kind_is_passthrough(f->kind) && has_console(console, f))
                r = add(look, f, SUBJECT_CONSOLE,
                        "shows the kernel's console, which goes dark: make sure that there is another way to operate this host");
        return r;
}

static int look_at_connector(struct look *look, const struct part *part) {
        char path[PATH_MAX], value[64];
        _cleanup_free_ char *what = NULL;

        snprintf(path, sizeof(path), "%s/enabled", part->path);
        if (sysfs_read(look->root->sys, path, value, sizeof(value)) < 0 || !streq(value, "enabled"))
                return 0;

        if (asprintf(&what, "shows a picture on its connector %s: end what draws it first", part->name) < 0)
                return -ENOMEM;
        return add(look, part->function, part->name, what);
}

int display_look(struct look *look) {
        struct console console = { .look = look, .framebuffer = -1 };
        int r;

        r = find_console(&console);
        for (size_t i = 0; r >= 0 && i < look->n_functions; i++)
                r = look_at_function(look, &console, look->functions[i]);
        for (size_t i = 0; r >= 0 && i < look->n_parts; i++)
                if (streq(look->parts[i].subsystem, "drm"))
                        r = look_at_connector(look, &look->parts[i]);

        return r;
}
