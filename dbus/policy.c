/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The properties of the policy, and telling when they change. */

#include <errno.h>
#include <stdio.h>

#include "dbus/names.h"
#include "dbus/policy.h"

const struct model *policy_model(const struct service *service) {
        aliases_refresh(model_aliases(service->model));
        return service->model;
}

const char *policy_selected_backend(const struct service *service) {
        const struct model *model = policy_model(service);
        const struct backend *backend = backend_select(mover_default_backend(service->mover), model);
        _cleanup_free_ char *reason = NULL;

        return backend && backend_available(backend, model, &reason) > 0 ? backend->name : "";
}

bool policy_iommu_present(const struct service *service) {
        size_t n;

        model_groups(service->model, &n);
        return n > 0;
}

static char *describe_default(const struct service *service) {
        return strdup(mover_default_backend(service->mover));
}

static char *describe_selected(const struct service *service) {
        return strdup(policy_selected_backend(service));
}

static char *describe_iommu(const struct service *service) {
        return strdup(policy_iommu_present(service) ? "yes" : "no");
}

static char *describe_backends(const struct service *service) {
        const struct model *model = policy_model(service);
        char *text = strdup("");
        const struct backend *all;
        size_t n;

        all = backends(&n);
        for (size_t i = 0; text && i < n; i++) {
                _cleanup_free_ char *reason = NULL, *before = text;
                int available = backend_available(&all[i], model, &reason);

                if (asprintf(&text, "%s%s %d %s\n", before, all[i].name, available, strempty(reason)) < 0)
                        text = NULL;
        }
        return text;
}

static const struct {
        const char *name;
        char *(*describe)(const struct service *service); /* NULL where memory is short */
} properties[] = {
        { "Backends", describe_backends },
        { "DefaultBackend", describe_default },
        { "IommuPresent", describe_iommu },
        { "SelectedBackend", describe_selected },
};

struct policy {
        char *told[ELEMENTSOF(properties)];
};

int policy_new(struct service *service, struct policy **ret) {
        struct policy *policy = calloc(1, sizeof(*policy));

        if (!policy)
                return -ENOMEM;

        for (size_t i = 0; i < ELEMENTSOF(properties); i++) {
                policy->told[i] = properties[i].describe(service);
                if (!policy->told[i]) {
                        policy_free(policy);
                        return -ENOMEM;
                }
        }

        *ret = policy;
        return 0;
}

struct policy *policy_free(struct policy *policy) {
        for (size_t i = 0; policy && i < ELEMENTSOF(properties); i++)
                free(policy->told[i]);
        free(policy);
        return NULL;
}

void policy_announce(struct service *service) {
        char *changed[ELEMENTSOF(properties) + 1] = {};
        size_t n = 0;

        for (size_t i = 0; i < ELEMENTSOF(properties); i++) {
                _cleanup_free_ char *now = properties[i].describe(service);
                char **told = &service->policy->told[i];

                if (!now || streq(now, *told))
                        continue;
                free(*told);
                *told = TAKE_PTR(now);
                changed[n++] = (char *) properties[i].name;
        }

        if (n > 0)
                (void) sd_bus_emit_properties_changed_strv(service->bus, VFIOBIND_PATH,
                                                           VFIOBIND_MANAGER_INTERFACE, changed);
}
