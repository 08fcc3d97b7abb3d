/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Loading modules through libkmod. */

#include <errno.h>
#include <libkmod.h>

#include "service/host/macros.h"
#include "service/move/steps/load.h"

static void kmod_unrefp(struct kmod_ctx **kmod) {
        kmod_unref(*kmod);
}

static void module_unrefp(struct kmod_module **module) {
        kmod_module_unref(*module);
}

static void module_listp(struct kmod_list **list) {
        kmod_module_unref_list(*list);
}

static int refuse_command(struct kmod_module *module, const char *command, void *userdata) {
        return -EPERM;
}

static bool is_live(struct kmod_module *module) {
        int state = kmod_module_get_initstate(module);

        return state == KMOD_MODULE_LIVE || state == KMOD_MODULE_BUILTIN;
}

static int load_one(struct kmod_module *module) {
        int r;

        if (is_live(module))
                return 0;

        r = kmod_module_probe_insert_module(module, KMOD_PROBE_APPLY_BLACKLIST, NULL, refuse_command, NULL,
                                            NULL);
        if (r == KMOD_PROBE_APPLY_BLACKLIST)
                return -EPERM;
        return r;
}

int module_load(const char *name) {
        _cleanup_(kmod_unrefp) struct kmod_ctx *kmod = kmod_new(NULL, NULL);
        _cleanup_(module_listp) struct kmod_list *list = NULL;
        struct kmod_list *item;
        int r, result = -ENOENT;

        if (!kmod)
                return -ENOMEM;

        r = kmod_module_new_from_lookup(kmod, name, &list);
        if (r < 0)
                return r;

        kmod_list_foreach(item, list) {
                _cleanup_(module_unrefp) struct kmod_module *module = kmod_module_get_module(item);

                r = load_one(module);
                if (r >= 0)
                        result = 0;
                else if (result == -ENOENT)
                        result = r;
        }

        return result;
}
