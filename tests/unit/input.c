/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Which input devices below a function are keyboards and pointers. */

#include <limits.h>

#include "tests/unit/devices.h"
#include "tests/unit/unit.h"

#define USB "0000:00:14.0"
#define SOUND "0000:00:1f.3"
#define BELOW_USB "devices/pci0000:00/" USB "/usb1/1-1/1-1:1.0"

static const struct fake_function functions[] = {
        { .address = USB, .class_code = 0x0c0330, .driver = "xhci_hcd" },
        { .address = SOUND, .class_code = 0x040300, .driver = "snd_hda_intel" },
};

/* As real devices show themselves. */
static const struct {
        const char *name, *key, *rel, *abs;
        bool found;
} rows[] = {
        { "AT keyboard", "402000000 3803078f800d001 feffffdfffefffff fffffffffffffffe", "0", "0", true },
        { "USB keyboard", "1000000000007 ff9f207ac14057ff febeffdfffefffff fffffffffffffffe", "0", "0", true },
        { "USB mouse", "ff0000 0 0 0 0", "103", "0", true },
        { "QEMU USB Tablet", "1f0000 0 0 0 0", "100", "3", true },
        { "touchpad", "e520 10000 0 0 0 0", "0", "260800000000003", true },
        { "touchscreen", "400 0 0 0 0 0", "0", "3", true },
        { "pen tablet", "c01 1 0 0 0 0", "0", "1000003", true },
        { "Power Button", "10000000000000 0", "0", "0", false },
        { "PC Speaker", "0", "0", "0", false },
        { "HDA Intel Headphone", "0", "0", "0", false },
        { "Video Bus", "3e000b00000000 0 0 0", "0", "0", false },
        { "joystick", "ffff00000000 0 0 0 0", "0", "3", false },
        { "headset keys", "c000000000000 0 0 0 0 0 18000000000 1000000000000 0", "0", "0", false },
        { "accelerometer", "0", "0", "7", false },
        { "nonsense", "zz fffffffffffffffe", "0", "0", false },
        { "without capabilities", NULL, NULL, NULL, false },
};

static void add_input(struct tree *tree, const char *parent, size_t i) {
        const struct {
                const char *name, *value;
        } capabilities[] = { { "key", rows[i].key }, { "rel", rows[i].rel }, { "abs", rows[i].abs } };
        char path[PATH_MAX], name[32];

        snprintf(path, sizeof(path), "%s/input/input%zu", parent, i);
        tree_device(tree, path, "input", NULL);
        tree_attribute(tree, path, "name", rows[i].name);
        for (size_t c = 0; c < ELEMENTSOF(capabilities); c++) {
                snprintf(name, sizeof(name), "capabilities/%s", capabilities[c].name);
                if (capabilities[c].value)
                        tree_attribute(tree, path, name, capabilities[c].value);
        }

        snprintf(path, sizeof(path), "%s/input/input%zu/event%zu", parent, i, i);
        snprintf(name, sizeof(name), "13:%zu", 64 + i);
        tree_device(tree, path, "input", name);
}

static void test_kinds(void **state) {
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                struct setting *setting = setting_new(functions, ELEMENTSOF(functions));
                char expected[128] = "";

                tree_directory(setting->tree, "proc");
                add_input(setting->tree, BELOW_USB, i);
                if (rows[i].found)
                        snprintf(expected, sizeof(expected), "input " USB " %s force,", rows[i].name);
                expect_findings(setting, expected);
                setting_free(setting);
        }
}

/* Those behind another function are not this one's, and one keyboard with two interfaces is one. */
static void test_several(void **state) {
        struct setting *setting = setting_new(functions, ELEMENTSOF(functions));

        tree_directory(setting->tree, "proc");
        add_input(setting->tree, "devices/platform/i8042/serio0", 0);
        expect_findings(setting, "");
        add_input(setting->tree, BELOW_USB "/0003:046D:C31C.0001", 1);
        add_input(setting->tree, "devices/pci0000:00/" USB "/usb1/1-1/1-1:1.1", 1);
        add_input(setting->tree, "devices/pci0000:00/" SOUND "/sound/card0", 9);
        add_input(setting->tree, BELOW_USB, 2);
        expect_findings(setting, "input " USB " USB keyboard force,input " USB " USB mouse force,");
        setting_free(setting);
}

UNIT_MAIN(cmocka_unit_test(test_kinds), cmocka_unit_test(test_several))
