/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Trees and their models. */

#include "tests/unit/host.h"
#include "tests/unit/unit.h"

const struct fake_function host_small[] = {
        { .address = "0000:00:1c.0",
          .vendor = 0x8086,
          .device = 0xa110,
          .class_code = 0x060400,
          .bridge = true,
          .driver = "pcieport",
          .group = "1" },
        { .address = "0000:01:00.0",
          .below = "0000:00:1c.0",
          .vendor = 0x8086,
          .device = 0x10d3,
          .class_code = 0x020000,
          .driver = "e1000e",
          .group = "1" },
        { .address = "0000:01:00.1",
          .below = "0000:00:1c.0",
          .vendor = 0x8086,
          .device = 0x10d3,
          .class_code = 0x020000,
          .driver = "e1000e",
          .group = "1" },
        { .address = "0000:00:1f.0",
          .vendor = 0x8086,
          .device = 0xa145,
          .class_code = 0x060100,
          .group = "2" },
        { .address = "0000:00:03.0", .vendor = 0x1234, .device = 0x1111, .class_code = 0x030000 },
};

void host_init(struct host *host, const struct fake_function *functions, size_t n) {
        host->tree = tree_new();
        tree_add_all(host->tree, functions, n);
}

void host_clear(struct host *host) {
        host_close(host);
        tree_free(host->tree);
}

int host_setup(void **state) {
        const struct cast *cast = *state;
        struct host *host = calloc(1, sizeof(*host));

        host_init(host, cast->functions, cast->n);
        host_open(host);
        *state = host;
        return 0;
}

int host_teardown(void **state) {
        host_clear(*state);
        free(*state);
        return 0;
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
