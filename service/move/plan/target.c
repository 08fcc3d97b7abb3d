/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Resolving targets. */

#include <errno.h>
#include <stdio.h>

#include "service/host/printable.h"
#include "service/host/variant.h"
#include "service/move/plan/target.h"

static bool is_own_override(const char *override) {
        return *override != '\0' && !streq(override, "none") &&
               !driver_kind_is_passthrough(driver_kind(override));
}

/* The override that belongs to the function itself, as opposed to one that took it from the host. */
static const char *own_override(const struct function *f, const struct home *home) {
        if (home)
                return home->override;
        return is_own_override(f->override) ? f->override : "";
}

/* Whether some host module of F could still be loaded. */
static bool has_unloaded_module(const struct model *model, const struct function *f) {
        _cleanup_free_ char *modules = strdup(aliases_host_modules(model_aliases(model), f));
        char *save = NULL;

        if (!modules)
                return false;
        for (char *m = strtok_r(modules, " ", &save); m; m = strtok_r(NULL, " ", &save))
                if (aliases_module_state(model_aliases(model), m) == MODULE_LOADABLE)
                        return true;

        return false;
}

static void load_host_modules(const struct function *f, struct target *target) {
        char modalias[MODALIAS_SIZE];

        snprintf(target->load, sizeof(target->load), "%s", function_modalias(f, modalias));
}

/* VFIO or a stub: an override of ours, so that nothing else takes the function meanwhile. */
static int resolve_override(const struct model *model, const struct function *f,
                            const struct backend *backend, const char *driver, const char *module,
                            struct target *ret, struct failure *failure) {
        _cleanup_free_ char *reason = NULL;
        int r;

        /* A ban is about the module, whatever the host could do without it. */
        if (!driver_is_registered(model, driver) &&
            aliases_module_state(model_aliases(model), module) == MODULE_BANNED)
                return fail(failure, FAILURE_MODULE_UNAVAILABLE,
                            "%s cannot go to %s: an install line in modprobe.d stands in place of the module %s",
                            PCI_ADDRESS_TEXT(&f->address), driver, module);

        r = backend_available(backend, model, &reason);
        if (r > 0 && !streq(module, backend->module))
                r = module_usable(model, driver, module, &reason);
        if (r < 0)
                return fail_internal(failure, r);
        if (r == 0)
                return fail(failure, FAILURE_BACKEND_UNAVAILABLE, "%s cannot go to the backend %s: %s",
                            PCI_ADDRESS_TEXT(&f->address), backend->name, strempty(reason));

        *ret = (struct target){ .backend = backend };
        snprintf(ret->driver, sizeof(ret->driver), "%s", driver);
        snprintf(ret->override, sizeof(ret->override), "%s", driver);
        if (!driver_is_registered(model, driver))
                snprintf(ret->load, sizeof(ret->load), "%s", module);
        return 0;
}

static int resolve_backend(const struct model *model, const struct function *f,
                           const struct backend *backend, struct target *ret, struct failure *failure) {
        char driver[NAME_MAX + 1];

        if (backend->kind != DRIVER_VFIO)
                return resolve_override(model, f, backend, backend->driver, backend->module, ret, failure);

        return resolve_override(
                        model, f, backend,
                        vfio_driver(model_root(model), model_aliases(model), f, driver, sizeof(driver)),
                        aliases_vfio_module(model_aliases(model), f), ret, failure);
}

static int resolve_default(const struct model *model, const struct function *f, const char *configured,
                           struct target *ret, struct failure *failure) {
        const struct backend *backend = backend_select(configured, model);

        if (!backend)
                return fail(failure, FAILURE_BACKEND_UNAVAILABLE,
                            "%s cannot be handed to a guest: this host serves no backend at all",
                            PCI_ADDRESS_TEXT(&f->address));

        return resolve_backend(model, f, backend, ret, failure);
}

static int resolve_none(const struct function *f, struct target *ret) {
        *ret = (struct target){ .override = "none" };
        return 0;
}

/* Where it was before a lease can be a passthrough driver as well. */
static int resolve_passthrough_home(const struct model *model, const struct function *f,
                                    const struct home *home, struct target *ret, struct failure *failure) {
        const struct backend *backend = backend_by_kind(driver_kind(home->driver));
        const char *module = backend->kind == DRIVER_VFIO ? aliases_vfio_module(model_aliases(model), f)
                                                          : backend->module;
        int r = resolve_override(model, f, backend, home->driver, module, ret, failure);

        if (r < 0)
                return r;

        ret->home = true;
        snprintf(ret->override, sizeof(ret->override), "%s", home->override);
        return 0;
}

/* Home, as it was recorded. */
static int resolve_recorded(const struct model *model, const struct function *f, const struct home *home,
                            struct target *ret, struct failure *failure) {
        if (driver_kind_is_passthrough(driver_kind(home->driver)))
                return resolve_passthrough_home(model, f, home, ret, failure);

        *ret = (struct target){ .home = true, .returns_console = home->console };
        snprintf(ret->driver, sizeof(ret->driver), "%s", home->driver);
        snprintf(ret->override, sizeof(ret->override), "%s", home->override);
        if (*ret->driver != '\0' && !driver_is_registered(model, ret->driver))
                load_host_modules(f, ret);
        return 0;
}

/* Home, where nobody knows what it was. */
static int resolve_unrecorded(const struct model *model, const struct function *f, const struct home *home,
                              struct target *ret) {
        const char *modules = aliases_host_modules(model_aliases(model), f);

        *ret = (struct target){ .home = true };
        snprintf(ret->override, sizeof(ret->override), "%s", own_override(f, home));

        if (f->kind == DRIVER_HOST) {
                snprintf(ret->driver, sizeof(ret->driver), "%s", f->driver);
                snprintf(ret->override, sizeof(ret->override), "%s", f->override);
                return 0;
        }

        /* A function that no host module claims is at home without a driver. */
        ret->pick = *modules != '\0';
        snprintf(ret->modules, sizeof(ret->modules), "%s", modules);
        if (ret->pick && has_unloaded_module(model, f))
                load_host_modules(f, ret);
        return 0;
}

static int resolve_host_driver(const struct model *model, const struct function *f, const char *driver,
                               const struct home *home, struct target *ret, struct failure *failure) {
        _cleanup_free_ char *shown = text_printable(driver);

        if (!shown)
                return fail_internal(failure, -ENOMEM);

        *ret = (struct target){ .bind_with_own_override = true };
        if (!streq(shown, driver) || !driver_name_is_valid(driver))
                return fail(failure, FAILURE_NO_SUCH_DRIVER,
                            "%s cannot go to the driver asked for: no driver can have that name",
                            PCI_ADDRESS_TEXT(&f->address));

        snprintf(ret->driver, sizeof(ret->driver), "%s", driver);
        snprintf(ret->override, sizeof(ret->override), "%s", own_override(f, home));

        if (driver_is_registered(model, driver))
                return 0;
        if (!has_unloaded_module(model, f))
                return fail(failure, FAILURE_NO_SUCH_DRIVER,
                            "%s cannot go to %s: no PCI driver of that name is registered",
                            PCI_ADDRESS_TEXT(&f->address), driver);

        load_host_modules(f, ret);
        return 0;
}

int target_resolve(const struct model *model, const struct function *f, const char *word,
                   const char *configured, const struct home *home, struct target *ret,
                   struct failure *failure) {
        const struct backend *backend = backend_by_name(word);
        char variant[NAME_MAX + 1];

        if (*word == '\0' || streq(word, "auto"))
                return resolve_default(model, f, configured, ret, failure);
        if (backend)
                return resolve_backend(model, f, backend, ret, failure);
        if (streq(word, "none"))
                return resolve_none(f, ret);
        if (streq(word, "host"))
                return home && !home->unknown ? resolve_recorded(model, f, home, ret, failure)
                                              : resolve_unrecorded(model, f, home, ret);

        /* A passthrough driver by its own name; the function's own variant first, whose module is known. */
        if (streq(word, vfio_driver(model_root(model), model_aliases(model), f, variant, sizeof(variant))))
                return resolve_backend(model, f, backend_by_kind(DRIVER_VFIO), ret, failure);
        backend = backend_by_kind(driver_kind(word));
        if (backend && (streq(word, backend->driver) || driver_is_registered(model, word)))
                return resolve_override(model, f, backend, word, backend->module, ret, failure);

        return resolve_host_driver(model, f, word, home, ret, failure);
}

void target_here(const struct function *f, struct target *ret) {
        *ret = (struct target){ .here = true, .backend = backend_by_kind(f->kind) };
        snprintf(ret->driver, sizeof(ret->driver), "%s", f->driver);
        snprintf(ret->override, sizeof(ret->override), "%s", f->override);
}

bool target_is_reached(const struct target *target, const struct function *f) {
        if (target->pick)
                return f->kind == DRIVER_HOST;
        if (!streq(target->driver, f->driver))
                return false;

        /* With a passthrough driver in place it does not matter how it came to be there. */
        return target->backend || streq(target->override, f->override);
}
