/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Trees and their models. */

#include "tests/unit/host.h"
#include "tests/unit/unit.h"

void host_init(struct host *host, const struct fake_function *functions, size_t n) {
        host->tree = tree_new();
        tree_add_all(host->tree, functions, n);
}

void host_clear(struct host *host) {
        host_close(host);
        tree_free(host->tree);
}

void host_open(struct host *host) {
        assert_ok(aliases_new(host->tree->root, &host->aliases));
        assert_ok(model_new(host->tree->root, host->aliases, &host->model));
        witness_attach(&host->witness, host->model);
}

void host_close(struct host *host) {
        host->model = model_free(host->model);
        host->aliases = aliases_free(host->aliases);
}

void host_scan(struct host *host) {
        assert_ok(model_scan(host->model));
        host->witness = (struct witness){};
}

struct function *host_function(struct host *host, const char *address) {
        struct pci_address a = at(address);

        return model_function(host->model, &a);
}

void host_update(struct host *host, const char *address, enum moved_by mover) {
        struct pci_address a = at(address);

        assert_ok(model_update(host->model, &a, mover));
}

void host_move(struct host *host, const char *address, const char *driver, const char *override) {
        tree_set_driver(host->tree, address, driver);
        host_update(host, address, MOVED_BY_KERNEL);
        assert_ok(model_set_override(host->model, host_function(host, address), override));
}
