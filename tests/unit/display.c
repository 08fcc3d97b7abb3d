/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What graphics adapters show, and what the firmware has left on them. */

#include "tests/unit/devices.h"
#include "tests/unit/unit.h"

#define FIRST "0000:01:00.0"
#define SECOND "0000:02:00.0"
#define OTHER "0000:03:00.0"

static const struct fake_function functions[] = {
        { .address = FIRST, .class_code = 0x030000, .driver = "bochs-drm", .boot_vga = "1" },
        { .address = SECOND, .class_code = 0x030000, .driver = "bochs-drm", .boot_vga = "0" },
        { .address = OTHER, .class_code = 0x010802, .driver = "nvme" },
};

static int setup(void **state) {
        struct setting *setting = setting_new(functions, ELEMENTSOF(functions));

        tree_directory(setting->tree, "proc");
        *state = setting;
        return 0;
}

static int teardown(void **state) {
        *state = setting_free(*state);
        return 0;
}

static void add_framebuffer(struct setting *setting, const char *path) {
        tree_device(setting->tree, path, "graphics", NULL);
}

static void bind_console(struct setting *setting, const char *name, const char *bound) {
        tree_attribute(setting->tree, "class/vtconsole/vtcon0", "name", name);
        tree_attribute(setting->tree, "class/vtconsole/vtcon0", "bind", bound);
}

static void on_driver(struct setting *setting, const char *address, const char *driver) {
        tree_set_driver(setting->tree, address, driver);
        setting_refresh(setting);
}

#define BOOT "display " FIRST " boot display force,"

static void test_boot_display(void **state) {
        struct setting *setting = *state;

        expect_findings(setting, BOOT);

        /* Without a driver, or with a guest's, it is nobody's display any more. */
        on_driver(setting, FIRST, NULL);
        expect_findings(setting, "");
        on_driver(setting, FIRST, "vfio-pci");
        expect_findings(setting, "");
}

static void test_framebuffer_console(void **state) {
        struct setting *setting = *state;

        add_framebuffer(setting, "devices/pci0000:02/" SECOND "/graphics/fb1");
        bind_console(setting, "(M) frame buffer device", "0");
        expect_findings(setting, BOOT);

        /* The first framebuffer has it. */
        bind_console(setting, "(M) frame buffer device", "1");
        expect_findings(setting, BOOT "display " SECOND " console force,");
        add_framebuffer(setting, "devices/pci0000:01/" FIRST "/graphics/fb0");
        expect_findings(setting, BOOT "display " FIRST " console force,");

        bind_console(setting, "(S) dummy device", "1");
        expect_findings(setting, BOOT);
}

static void test_text_console(void **state) {
        struct setting *setting = *state;

        bind_console(setting, "(S) VGA+", "1");
        expect_findings(setting, BOOT "display " FIRST " console force,");
        on_driver(setting, FIRST, NULL);
        expect_findings(setting, "display " FIRST " console force,");
        on_driver(setting, FIRST, "pci-stub");
        expect_findings(setting, "");
}

static void test_connectors(void **state) {
        struct setting *setting = *state;
        static const char connector[] = "devices/pci0000:02/" SECOND "/drm/card1/card1-DP-1";

        tree_device(setting->tree, "devices/pci0000:02/" SECOND "/drm/card1", "drm", "226:1");
        tree_device(setting->tree, connector, "drm", NULL);
        tree_attribute(setting->tree, connector, "enabled", "disabled");
        expect_findings(setting, BOOT);
        tree_attribute(setting->tree, connector, "enabled", "enabled");
        expect_findings(setting, BOOT "display " SECOND " card1-DP-1 force,");
}

static void test_firmware(void **state) {
        static const struct {
                const char *map, *expected;
        } rows[] = {
                { "", "" },
                { "00000000-00000000 : PCI Bus 0000:02\n  00000000-00000000 : " SECOND "\n"
                  "    00000000-00000000 : efifb\n",
                  "framebuffer " SECOND " efifb warn," },
                { "c0000000-cfffffff : " SECOND "\n  c0000000-c02fffff : BOOTFB\n    c0000000-c02fffff : simplefb\n",
                  "framebuffer " SECOND " BOOTFB warn," },
                /* The driver of the adapter itself, a framebuffer beside it, one of another adapter. */
                { "c0000000-cfffffff : " SECOND "\n  c0000000-c02fffff : bochs-drm\n", "" },
                { "c0000000-cfffffff : " SECOND "\nd0000000-d02fffff : efifb\n", "" },
                { "c0000000-cfffffff : 0000:09:00.0\n  c0000000-c02fffff : efifb\n", "" },
                { "c0000000-cfffffff : 10000:02:00.0\n  c0000000-c02fffff : efifb\n", "" },
                { "no map\n:\n : \n", "" },
        };
        struct setting *setting = *state;

        on_driver(setting, FIRST, NULL);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                tree_write(setting->tree, "proc/iomem", "%s", rows[i].map);
                expect_findings(setting, rows[i].expected);
        }

        /* A stub leaves it running. */
        tree_write(setting->tree, "proc/iomem", "%s", rows[1].map);
        on_driver(setting, SECOND, "pci-stub");
        expect_findings(setting, rows[1].expected);

        /* The console on it. */
        on_driver(setting, SECOND, NULL);
        add_framebuffer(setting, "devices/platform/efi-framebuffer.0/graphics/fb0");
        bind_console(setting, "(M) frame buffer device", "1");
        expect_findings(setting, "framebuffer " SECOND " efifb warn,display " SECOND " console force,");
        add_framebuffer(setting, "devices/pci0000:09/0000:09:00.0/graphics/fb0");
        expect_findings(setting, "framebuffer " SECOND " efifb warn,");
}

#define ON_HOST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

UNIT_MAIN(ON_HOST(test_boot_display), ON_HOST(test_framebuffer_console), ON_HOST(test_text_console),
          ON_HOST(test_connectors), ON_HOST(test_firmware))
