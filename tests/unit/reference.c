/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The rules, one after the other. */

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/reference.h"

static bool same(const char *a, const char *b) {
        return strcmp(a, b) == 0;
}

static void say(char *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void say(char *text, const char *format, ...) {
        size_t length = strlen(text);
        va_list arguments;

        va_start(arguments, format);
        vsnprintf(text + length, WORLD_TEXT - length, format, arguments);
        va_end(arguments);
}

const char *device_module(enum device_kind kind) {
        static const char *const modules[] = {
                [DEVICE_UNKNOWN] = "",
                [DEVICE_LOADED] = "here",
                [DEVICE_LOADABLE] = "there",
                [DEVICE_VARIANT] = "here_too",
        };

        return modules[kind];
}

void device_modalias(enum device_kind kind, bool bridge_class, char buffer[static 128]) {
        snprintf(buffer, 128, "pci:v00001234d%08Xsv00000000sd00000000bc%ssc00i00", 0x5600u + kind,
                 bridge_class ? "06" : "02");
}

/* Drivers. */

bool world_has_driver(const struct world *world, const char *driver) {
        if (same(driver, "vfio-pci"))
                return world->vfio == MODULE_IS_REGISTERED;
        if (same(driver, "pci-stub"))
                return world->kvm == MODULE_IS_REGISTERED;
        if (same(driver, "pciback"))
                return world->xen == MODULE_IS_REGISTERED;
        if (same(driver, "made_vfio_pci"))
                return world->variant == MODULE_IS_REGISTERED;
        if (same(driver, "igb"))
                return world->igb_registered;
        return same(driver, "e1000e") || same(driver, "ahci") || same(driver, "pcieport");
}

static bool is_passthrough(const char *driver) {
        return same(driver, "vfio-pci") || same(driver, "made_vfio_pci") || same(driver, "pci-stub") ||
               same(driver, "pciback");
}

static bool is_host_driver(const char *driver) {
        return !same(driver, "") && !is_passthrough(driver);
}

/* Whether its holder keeps VFIO from opening the group. */
static bool does_its_own_dma(const char *driver) {
        return same(driver, "pciback") || (is_host_driver(driver) && !same(driver, "pcieport"));
}

/* Backends. */

static bool has_groups(const struct world *world) {
        for (size_t i = 0; i < world->n_functions; i++)
                if (world->functions[i].group >= 0)
                        return true;
        return false;
}

static bool usable(enum module module) {
        return module == MODULE_IS_LOADABLE || module == MODULE_IS_REGISTERED;
}

static bool can(const struct world *world, const char *backend) {
        if (same(backend, "vfio"))
                return has_groups(world) && usable(world->vfio);
        if (same(backend, "kvm"))
                return usable(world->kvm);
        return world->dom0 && usable(world->xen);
}

/* Where a function shall go. */
struct goal {
        const char *failure; /* NULL: none */
        const char *backend; /* "" for none of them */
        const char *driver, *override, *load;
        bool pick, home;
        bool console; /* gets the console back */
};

static struct goal failing(const char *why) {
        return (struct goal){ .failure = why };
}

static struct goal by_override(const struct world *world, const char *backend, const char *driver,
                               const char *module, enum module state) {
        bool registered = world_has_driver(world, driver);

        if (!registered && state == MODULE_IS_BANNED)
                return failing("module");
        if (!can(world, backend) || !(registered || usable(state)))
                return failing("backend");
        return (struct goal){
                .backend = backend, .driver = driver, .override = driver, .load = registered ? "" : module
        };
}

static struct goal to_backend(const struct world *world, const struct world_function *f,
                              const char *backend) {
        if (same(backend, "vfio") && f->device == DEVICE_VARIANT)
                return by_override(world, "vfio", "made_vfio_pci", "made_vfio_pci", world->variant);
        if (same(backend, "vfio"))
                return by_override(world, "vfio", "vfio-pci", "vfio_pci", world->vfio);
        if (same(backend, "kvm"))
                return by_override(world, "kvm", "pci-stub", "pci_stub", world->kvm);
        return by_override(world, "xen", "pciback", "xen_pciback", world->xen);
}

/* The override that is not there to keep the function from the host. */
static const char *its_own_override(const struct world_function *f) {
        if (f->past == RECORDED)
                return f->home_override;
        if (f->past == ON_PASSTHROUGH)
                return "";
        return same(f->override, "none") || is_passthrough(f->override) ? "" : f->override;
}

static struct goal to_host(const struct world *world, const struct world_function *f) {
        struct goal goal = { .backend = "", .home = true, .load = "" };

        if (f->past == RECORDED) {
                goal.driver = f->home_driver;
                goal.override = f->home_override;
                goal.console = f->home_console;
                if (!same(goal.driver, "") && !world_has_driver(world, goal.driver))
                        goal.load = "modalias";
                return goal;
        }

        /* It is there, whatever it is. */
        if (is_host_driver(f->driver)) {
                goal.driver = f->driver;
                goal.override = f->override;
                return goal;
        }

        goal.driver = "";
        goal.override = its_own_override(f);
        goal.pick = f->device != DEVICE_UNKNOWN;
        if (f->device == DEVICE_LOADABLE)
                goal.load = "modalias";
        return goal;
}

static struct goal to_host_driver(const struct world *world, const struct world_function *f,
                                  const char *driver) {
        struct goal goal = { .backend = "", .driver = driver, .override = its_own_override(f), .load = "" };

        if (world_has_driver(world, driver))
                return goal;
        if (f->device != DEVICE_LOADABLE)
                return failing("driver");
        goal.load = "modalias";
        return goal;
}

static struct goal goal_of(const struct world *world, const struct world_function *f) {
        const char *word = world->word;

        if (same(word, "") || same(word, "auto")) {
                if (!same(world->configured, "auto"))
                        return to_backend(world, f, world->configured);
                if (can(world, "xen"))
                        return to_backend(world, f, "xen");
                if (can(world, "vfio"))
                        return to_backend(world, f, "vfio");
                if (can(world, "kvm"))
                        return to_backend(world, f, "kvm");
                return failing("backend");
        }
        if (same(word, "vfio") || same(word, "kvm") || same(word, "xen"))
                return to_backend(world, f, word);
        if (same(word, "vfio-pci"))
                return by_override(world, "vfio", "vfio-pci", "vfio_pci", world->vfio);
        if (same(word, "pci-stub"))
                return to_backend(world, f, "kvm");
        if (same(word, "pciback"))
                return to_backend(world, f, "xen");
        if (same(word, "made_vfio_pci") && f->device == DEVICE_VARIANT)
                return to_backend(world, f, "vfio");
        if (same(word, "made_vfio_pci") && world_has_driver(world, word))
                return by_override(world, "vfio", word, "", world->variant);
        if (same(word, "none"))
                return (struct goal){ .backend = "", .driver = "", .override = "none", .load = "" };
        if (same(word, "host"))
                return to_host(world, f);
        return to_host_driver(world, f, word);
}

static bool is_there(const struct world_function *f, const struct goal *goal) {
        if (goal->pick)
                return is_host_driver(f->driver);
        if (!same(f->driver, goal->driver))
                return false;
        return !same(goal->backend, "") || same(f->override, goal->override);
}

/* Which functions. */

static const struct world_function *find(const struct world *world, const char *address) {
        for (size_t i = 0; i < world->n_functions; i++)
                if (same(world->functions[i].address, address))
                        return &world->functions[i];
        return NULL;
}

static bool is_in(const struct world_function *const *list, size_t n, const struct world_function *f) {
        for (size_t i = 0; i < n; i++)
                if (list[i] == f)
                        return true;
        return false;
}

static const char *choose(const struct world *world, const struct world_function **list, size_t *n) {
        for (size_t i = 0; i < world->n_named; i++) {
                const struct world_function *f = find(world, world->named[i]);

                if (!f)
                        return "device";
                if (is_in(list, *n, f))
                        return "argument";
                list[(*n)++] = f;
        }

        for (size_t i = 0; world->widen && i < world->n_named; i++)
                for (size_t j = 0; j < world->n_functions; j++) {
                        const struct world_function *f = &world->functions[j];

                        if (f->group >= 0 && f->group == find(world, world->named[i])->group &&
                            !f->bridge_header && !f->bridge_class && !is_in(list, *n, f))
                                list[(*n)++] = f;
                }
        return NULL;
}

/* The plan. */

struct moving {
        const struct world_function *list[WORLD_FUNCTIONS];
        struct goal goals[WORLD_FUNCTIONS];
        size_t n;
};

static void say_loads(const struct moving *moving, char *text) {
        char loads[WORLD_TEXT] = "\n";

        for (size_t i = 0; i < moving->n; i++) {
                const struct world_function *f = moving->list[i];
                char what[128], line[256];

                if (same(moving->goals[i].load, ""))
                        continue;
                snprintf(what, sizeof(what), "%s", moving->goals[i].load);
                if (same(what, "modalias"))
                        device_modalias(f->device, f->bridge_class, what);
                snprintf(line, sizeof(line), "\n%s\n", what);
                if (!strstr(loads, line)) {
                        say(loads, "%s\n", what);
                        say(text, "load-module %s %s\n", f->address, what);
                }
        }
}

static void say_route(const struct world_function *f, const struct goal *goal, char *text) {
        bool leaves = goal->pick || !same(f->driver, goal->driver);
        const char *override = f->override;

        /* While a driver is bound, the override must not name another one. */
        bool in_the_way = leaves && !goal->pick && !same(goal->driver, "") && !same(goal->override, "") &&
                          !same(goal->override, goal->driver);
        const char *meanwhile = in_the_way ? "" : goal->override;

        if (!same(override, meanwhile))
                say(text, "override %s %s\n", f->address, override = meanwhile);
        if (leaves && !same(f->driver, ""))
                say(text, "unbind %s %s\n", f->address, f->driver);
        if (leaves && same(f->driver, "pciback"))
                say(text, "remove-slot %s pciback\n", f->address);
        if (goal->pick)
                say(text, "probe %s %s\n", f->address, device_module(f->device));
        else if (leaves && !same(goal->driver, ""))
                say(text, "bind %s %s\n", f->address, goal->driver);
        if (!same(override, goal->override))
                say(text, "override %s %s\n", f->address, goal->override);
        if (leaves && same(goal->backend, "vfio") && f->group >= 0)
                say(text, "wait-node %s %d\n", f->address, f->group);
}

static bool is_found(const struct world *world, const struct world_function *f, const char *kind, const char *subject) {
        for (size_t i = 0; i < world->n_findings; i++)
                if (&world->functions[world->findings[i].function] == f && same(world->findings[i].kind, kind) &&
                    same(world->findings[i].subject, subject))
                        return true;
        return false;
}

/* What cannot stay when a driver goes is ended before. */
static void say_release(const struct world *world, const struct world_function *f, const struct goal *goal, char *text) {
        if (same(f->driver, "") || (!goal->pick && same(f->driver, goal->driver)))
                return;
        if (f->n_virtual > 0)
                say(text, "virtual-functions %s 0\n", f->address);
        if (is_found(world, f, "display", "console"))
                say(text, "release-console %s fbcon\n", f->address);
        if ((same(goal->backend, "kvm") || same(goal->backend, "xen")) && is_found(world, f, "framebuffer", "efifb"))
                say(text, "release-console %s firmware\n", f->address);
}

static void say_topology(const struct world *world, const struct moving *moving, size_t i, char *text) {
        const struct world_function *f = moving->list[i];

        if (f->bridge_header || f->bridge_class) {
                say(text, "finding bridge %s refuse\n", f->address);
                return;
        }
        if (!same(moving->goals[i].backend, "vfio"))
                return;
        if (f->group < 0) {
                say(text, "finding iommu %s refuse\n", f->address);
                return;
        }
        for (size_t j = 0; j < world->n_functions; j++) {
                const struct world_function *other = &world->functions[j];

                if (other->group == f->group && !is_in(moving->list, moving->n, other) &&
                    does_its_own_dma(other->driver))
                        say(text, "finding group %s %s warn\n", f->address, other->address);
        }
}

static void say_usage(const struct world *world, const struct moving *moving, char *text) {
        for (size_t i = 0; i < world->n_findings; i++) {
                const struct world_finding *finding = &world->findings[i];
                const struct world_function *f = &world->functions[finding->function];

                if (is_in(moving->list, moving->n, f))
                        say(text, "finding %s %s %s %s\n", finding->kind, f->address, finding->subject,
                            finding->severity);
        }
}

void reference_plan(const struct world *world, char text[static WORLD_TEXT]) {
        static char permissions[WORLD_TEXT];
        const struct world_function *list[2 * WORLD_FUNCTIONS];
        struct moving moving = {};
        size_t n = 0;
        const char *failure = choose(world, list, &n);

        text[0] = permissions[0] = '\0';
        for (size_t i = 0; !failure && i < n; i++) {
                struct goal goal = goal_of(world, list[i]);
                bool stays = !goal.failure && is_there(list[i], &goal);

                failure = goal.failure;
                if (!failure && !stays)
                        say(permissions, "%s %s from %s/%s\n", goal.home ? "restore" : "bind", list[i]->address,
                            list[i]->driver, list[i]->override);
                if (!failure && world->force)
                        say(permissions, "force %s from %s/%s\n", list[i]->address, list[i]->driver,
                            list[i]->override);
                if (failure || stays)
                        continue;
                moving.list[moving.n] = list[i];
                moving.goals[moving.n++] = goal;
        }
        if (failure) {
                say(text, "failure %s\n", failure);
                return;
        }

        say(text, "%s", permissions);
        say_loads(&moving, text);
        for (size_t i = 0; i < moving.n; i++) {
                say_release(world, moving.list[i], &moving.goals[i], text);
                say_route(moving.list[i], &moving.goals[i], text);
                if (moving.goals[i].console)
                        say(text, "return-console %s fbcon\n", moving.list[i]->address);
        }
        for (size_t i = 0; i < moving.n; i++)
                say_topology(world, &moving, i, text);
        say_usage(world, &moving, text);
}
