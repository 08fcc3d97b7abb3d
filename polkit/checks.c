/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Details for polkit. */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "polkit/checks.h"
#include "service/host/array.h"

void checks_clear(struct checks *checks) {
        for (size_t i = 0; i < checks->n; i++) {
                for (char **d = checks->array[i].details; d && *d; d++)
                        free(*d);
                free(checks->array[i].details);
                free(checks->array[i].action);
        }
        free(checks->array);
        *checks = (struct checks){};
}

static size_t count(char *const *details) {
        size_t n = 0;

        while (details && details[n])
                n++;
        return n;
}

static int add_detail(struct check *check, const char *key, const char *format, ...) _printf_(3, 4);
static int add_detail(struct check *check, const char *key, const char *format, ...) {
        size_t n = count(check->details);
        va_list arguments;
        char **details;
        int r;

        details = reallocarray(check->details, n + 3, sizeof(*details));
        if (!details)
                return -ENOMEM;
        check->details = details;
        details[n] = details[n + 1] = details[n + 2] = NULL;

        details[n] = strdup(key);
        if (!details[n])
                return -ENOMEM;

        va_start(arguments, format);
        r = vasprintf(&details[n + 1], format, arguments);
        va_end(arguments);
        if (r < 0) {
                details[n + 1] = NULL;
                return -ENOMEM;
        }
        return 0;
}

const char *check_detail(const struct check *check, const char *key) {
        for (char **d = check->details; d && *d; d += 2)
                if (streq(d[0], key))
                        return d[1];

        return "";
}

/* A list in one string, with spaces between. Words that are in it already are not added again. */
static int add_word(char **list, const char *word, const char *separator) {
        char *joined;

        for (const char *p = *list; p && (p = strstr(p, word)); p++)
                if ((p == *list || p[-1] == separator[strlen(separator) - 1]) &&
                    (p[strlen(word)] == '\0' || p[strlen(word)] == *separator))
                        return 0;
        if (asprintf(&joined, "%s%s%s", strempty(*list), *list ? separator : "", word) < 0)
                return -ENOMEM;

        free(*list);
        *list = joined;
        return 0;
}

/* The kinds of what was found about a function from SEVERITY upwards, each as WORD says it. */
static int list_findings(const struct plan *plan, const struct pci_address *address, enum severity severity,
                         const char *(*word)(enum finding_kind kind), const char *separator, char **ret) {
        _cleanup_free_ char *list = NULL;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < plan->findings.n; i++) {
                const struct finding *f = &plan->findings.array[i];

                if (pci_address_compare(&f->address, address) == 0 && f->severity >= severity)
                        r = add_word(&list, word(f->kind), separator);
        }
        if (r < 0)
                return r;

        *ret = TAKE_PTR(list);
        return 0;
}

static int list_group(const struct model *model, const struct function *f, char **ret) {
        const struct group *g = model_group(model, f->group);
        _cleanup_free_ char *list = NULL;
        int r = 0;

        for (size_t i = 0; r >= 0 && g && i < g->n_members; i++)
                r = add_word(&list, PCI_ADDRESS_TEXT(&g->members[i]->address), " ");
        if (r < 0)
                return r;

        *ret = TAKE_PTR(list);
        return 0;
}

/* The names of the id database, and of the class where the device has none. */
static int add_name(struct check *check, const struct function *f) {
        const char *what = *f->device_name ? f->device_name : *f->class_name ? f->class_name : "PCI device";

        return add_detail(check, "name", "%s%s%s (%s)", f->vendor_name, *f->vendor_name ? " " : "", what,
                          PCI_ADDRESS_TEXT(&f->address));
}

static int add_identity(struct check *check, const struct function *f) {
        int r;

        r = add_detail(check, "device", "%s", PCI_ADDRESS_TEXT(&f->address));
        if (r >= 0)
                r = add_detail(check, "vendor-id", "%04x", f->vendor);
        if (r >= 0)
                r = add_detail(check, "device-id", "%04x", f->device);
        if (r >= 0)
                r = add_detail(check, "subsystem-vendor-id", "%04x", f->subsystem_vendor);
        if (r >= 0)
                r = add_detail(check, "subsystem-device-id", "%04x", f->subsystem_device);
        if (r >= 0)
                r = add_detail(check, "class", "%06x", f->class_code);
        if (r >= 0)
                r = add_detail(check, "boot-vga", "%s", f->boot_vga ? "true" : "false");
        return r >= 0 ? add_name(check, f) : r;
}

static int add_move(struct check *check, const struct model *model, const struct plan *plan,
                    const struct movement *m, const struct function *f) {
        const struct target *target = movement_goal(m);
        _cleanup_free_ char *members = NULL, *findings = NULL;
        int r;

        r = list_group(model, f, &members);
        if (r >= 0)
                r = list_findings(plan, &m->address, SEVERITY_WARN, finding_kind_name, " ", &findings);
        if (r >= 0)
                r = f->group < 0 ? add_detail(check, "group", "%s", "")
                                 : add_detail(check, "group", "%d", f->group);
        if (r >= 0)
                r = add_detail(check, "group-devices", "%s", strempty(members));
        if (r >= 0)
                r = add_detail(check, "driver", "%s", f->driver);
        if (r >= 0)
                r = add_detail(check, "target", "%s",
                               target->pick      ? "host"
                               : *target->driver ? target->driver
                                                 : "none");
        if (r >= 0)
                r = add_detail(check, "backend", "%s", target->backend ? target->backend->name : "");
        return r >= 0 ? add_detail(check, "findings", "%s", strempty(findings)) : r;
}

/* What the text of the dialog ends in. */
static int add_warning(struct check *check, const char *cut_off) {
        return *cut_off ? add_detail(check, "warning", ". This cuts off: %s", cut_off)
                        : add_detail(check, "warning", "%s", "");
}

/* What the move cuts off, in words of ours and nobody else's. */
static int add_cut_off(struct check *check, const struct plan *plan, const struct movement *m) {
        _cleanup_free_ char *list = NULL;
        int r = list_findings(plan, &m->address, SEVERITY_FORCE, finding_kind_in_words, ", ", &list);

        if (r >= 0)
                r = add_detail(check, "cut-off", "%s", strempty(list));
        return r < 0 ? r : add_warning(check, strempty(list));
}

static int add_check(struct checks *checks, const char *action, struct check **ret) {
        struct check *check = array_append(&checks->array, &checks->n, sizeof(*check));

        if (!check || asprintf(&check->action, POLKIT_ACTION_PREFIX "%s", action) < 0)
                return -ENOMEM;

        *ret = check;
        return 0;
}

int checks_from_plan(const struct model *model, const struct plan *plan, struct checks *ret) {
        _cleanup_checks_ struct checks checks = {};
        int r;

        for (size_t i = 0; i < plan->n_permissions; i++) {
                const struct movement *m = plan_permission_subject(plan, &plan->permissions[i]);
                const struct function *f = model_function(model, &m->address);
                struct check *check;

                if (!f)
                        return -ENODEV;

                r = add_check(&checks, plan->permissions[i].action, &check);
                if (r >= 0)
                        r = add_identity(check, f);
                if (r >= 0)
                        r = add_move(check, model, plan, m, f);
                if (r >= 0 && streq(plan->permissions[i].action, "force"))
                        r = add_cut_off(check, plan, m);
                if (r < 0)
                        return r;
        }

        *ret = checks;
        checks = (struct checks){};
        return 0;
}

static int collect(const struct checks *checks, const char *key, const char *separator, char **ret) {
        _cleanup_free_ char *list = NULL;

        for (size_t i = 0; i < checks->n; i++) {
                const char *value = key ? check_detail(&checks->array[i], key) : checks->array[i].action;

                if (*value && add_word(&list, value, separator) < 0)
                        return -ENOMEM;
        }

        *ret = TAKE_PTR(list);
        return 0;
}

/* What a person allows, in words of ours. */
static const char *action_in_words(const char *action) {
        static const struct {
                const char *action, *words;
        } table[] = {
                { "bind", "take from their drivers" },
                { "restore", "give back to the host" },
                { "force", "go on over what uses them" },
                { "access", "control through VFIO" },
                { "reset", "reset" },
                { "virtual-functions", "change the number of virtual functions of" },
        };
        const char *name = startswith(action, POLKIT_ACTION_PREFIX);

        for (size_t i = 0; name && i < ELEMENTSOF(table); i++)
                if (streq(table[i].action, name))
                        return table[i].words;

        return action;
}

static int add_what(struct check *check, const struct checks *checks) {
        _cleanup_free_ char *list = NULL;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < checks->n; i++)
                r = add_word(&list, action_in_words(checks->array[i].action), ", ");
        return r < 0 ? r : add_detail(check, "what", "%s", strempty(list));
}

int checks_combine(const struct checks *checks, struct checks *ret) {
        static const struct {
                const char *key;
                const char *source; /* the detail to collect; NULL: the action */
                const char *separator;
        } combined[] = {
                { "devices", "device", " " },
                { "actions", NULL, " " },
                { "findings", "findings", " " },
                { "name", "name", ", " },
        };
        _cleanup_checks_ struct checks together = {};
        _cleanup_free_ char *cut_off = NULL;
        struct check *check;
        int r;

        r = add_check(&together, "together", &check);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(combined); i++) {
                _cleanup_free_ char *list = NULL;

                r = collect(checks, combined[i].source, combined[i].separator, &list);
                if (r >= 0)
                        r = add_detail(check, combined[i].key, "%s", strempty(list));
        }
        if (r >= 0)
                r = add_what(check, checks);
        if (r >= 0)
                r = collect(checks, "cut-off", ", ", &cut_off);
        if (r >= 0)
                r = add_warning(check, strempty(cut_off));
        if (r < 0)
                return r;

        *ret = together;
        together = (struct checks){};
        return 0;
}

static bool check_equal(const struct check *a, const struct check *b) {
        size_t n = count(a->details);

        if (!streq(a->action, b->action) || count(b->details) != n)
                return false;
        for (size_t i = 0; i < n; i++)
                if (!streq(a->details[i], b->details[i]))
                        return false;

        return true;
}

bool checks_equal(const struct checks *a, const struct checks *b) {
        if (a->n != b->n)
                return false;
        for (size_t i = 0; i < a->n; i++)
                if (!check_equal(&a->array[i], &b->array[i]))
                        return false;

        return true;
}
