/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Writing devices into trees, and looking at them. */

#include <limits.h>

#include "tests/unit/devices.h"
#include "tests/unit/unit.h"

#define say_path(buffer, ...)                                                                               \
        assert_in_range(snprintf((buffer), sizeof(buffer), __VA_ARGS__), 0, sizeof(buffer) - 1)

void tree_attribute(struct tree *tree, const char *path, const char *name, const char *value) {
        char attribute[PATH_MAX];

        say_path(attribute, "sys/%s/%s", path, name);
        tree_write(tree, attribute, "%s\n", value);
}

/* Relative, as the kernel's are: from the directory of the link up to /sys. */
void tree_sys_link(struct tree *tree, const char *path, const char *target) {
        char link[PATH_MAX], relative[PATH_MAX];
        size_t length = 0;

        for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/'))
                length += (size_t) snprintf(relative + length, sizeof(relative) - length, "../");
        assert_in_range(snprintf(relative + length, sizeof(relative) - length, "%s", target), 0,
                        sizeof(relative) - length - 1);
        say_path(link, "sys/%s", path);
        tree_link(tree, link, relative);
}

void tree_device(struct tree *tree, const char *path, const char *subsystem, const char *number) {
        char link[PATH_MAX], class[PATH_MAX];

        say_path(class, "class/%s", subsystem);
        say_path(link, "%s/subsystem", path);
        tree_sys_link(tree, link, class);

        say_path(link, "class/%s/%s", subsystem, strrchr(path, '/') + 1);
        tree_sys_link(tree, link, path);

        if (!number)
                return;
        tree_attribute(tree, path, "dev", number);
        say_path(link, "dev/%s/%s", streq(subsystem, "block") ? "block" : "char", number);
        tree_sys_link(tree, link, path);
}

static void read_functions(struct setting *setting, const struct fake_function *functions) {
        for (size_t i = 0; i < setting->n; i++) {
                struct pci_address address = at(functions[i].address);

                assert_ok(function_read(setting->tree->root, &address, &setting->functions[i]));
        }
}

struct setting *setting_new(const struct fake_function *functions, size_t n) {
        struct setting *setting = calloc(1, sizeof(*setting));

        setting->tree = tree_new();
        tree_add_all(setting->tree, functions, n);
        setting->functions = calloc(n, sizeof(struct function *));
        setting->n = n;
        read_functions(setting, functions);
        return setting;
}

void setting_refresh(struct setting *setting) {
        for (size_t i = 0; i < setting->n; i++)
                assert_ok(function_refresh(setting->tree->root, setting->functions[i]));
}

struct setting *setting_free(struct setting *setting) {
        for (size_t i = 0; i < setting->n; i++)
                function_free(setting->functions[i]);
        free(setting->functions);
        tree_free(setting->tree);
        free(setting);
        return NULL;
}

void expect_findings(struct setting *setting, const char *expected) {
        const struct usage_query query = { setting->tree->root, setting->functions, setting->n };
        _cleanup_findings_ struct findings findings = {};
        size_t length = 0;

        assert_ok(usage_look(&query, &findings));
        for (size_t i = 0; i < findings.n; i++) {
                const struct finding *f = &findings.array[i];
                char line[PATH_MAX];

                say_path(line, "%s %s %s %s,", finding_kind_name(f->kind), PCI_ADDRESS_TEXT(&f->address), f->subject,
                         severity_name(f->severity));
                assert_row(strstr(expected, line), "\"%s\" is not in \"%s\"", line, expected);
                assert_non_null(strstr(f->message, PCI_ADDRESS_TEXT(&f->address)));
                assert_true(!f->discreet || strstr(f->discreet, PCI_ADDRESS_TEXT(&f->address)));
                length += strlen(line);
        }
        assert_row(length == strlen(expected), "%zu findings instead of \"%s\"", findings.n, expected);
}

int look_fails(struct setting *setting) {
        const struct usage_query query = { setting->tree->root, setting->functions, setting->n };
        _cleanup_findings_ struct findings findings = {};
        int r = usage_look(&query, &findings);

        assert_true(r < 0);
        assert_int_equal(findings.n, 0);
        return r;
}
