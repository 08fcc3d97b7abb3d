/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Xen domains that have functions: pciback itself tells nobody whom it has given them to, but the toolstack
 * has told it in xenstore (libxl's libxl_pci.c writes, the kernel's drivers/xen/xen-pciback/xenbus.c reads).
 */

#include <errno.h>
#include <stdio.h>

#include "service/usage/lookers.h"
#include "service/usage/xenstore.h"

#define BACKENDS "/local/domain/0/backend/pci"

/* Of "backend/pci/DOMAIN/NUMBER": XenbusStateClosed, which is what is left of a domain that has gone. */
#define STATE_CLOSED 6

/* More functions than a domain can have. */
#define FUNCTIONS_MAX 1024

struct search {
        struct look *look;
        int xenstore;
        const char *domain;
};

static int read_key(const struct search *search, const char *backend, const char *key, char **ret) {
        char path[256];

        if (snprintf(path, sizeof(path), BACKENDS "/%s/%s/%s", search->domain, backend, key) >=
            (int) sizeof(path))
                return -ENOENT;
        return xenstore_read(search->xenstore, path, ret);
}

/* A number that is not there is 0. */
static int read_number(const struct search *search, const char *backend, const char *key,
                       unsigned long *ret) {
        _cleanup_free_ char *text = NULL;
        int r = read_key(search, backend, key, &text);

        if (r < 0 && r != -ENOENT)
                return r;
        *ret = text ? strtoul(text, NULL, 10) : 0;
        return 0;
}

static int find(const struct search *search, const char *text) {
        struct pci_address address;
        int r = 0;

        if (pci_address_parse(text, &address) < 0)
                return 0;

        for (size_t i = 0; r >= 0 && i < search->look->n_functions; i++) {
                const struct function *f = search->look->functions[i];

                if (f->kind != DRIVER_XEN || pci_address_compare(&f->address, &address) != 0)
                        continue;
                r = findings_add(
                                &search->look->found, FINDING_DOMAIN, SEVERITY_REFUSE, &f->address,
                                search->domain,
                                "%s belongs to the Xen domain %s: shut that down, or take the device from it with 'xl pci-detach %s %s'",
                                PCI_ADDRESS_TEXT(&f->address), search->domain, search->domain,
                                PCI_ADDRESS_TEXT(&f->address));
        }
        return r;
}

static int look_at_backend(const char *backend, void *userdata) {
        const struct search *search = userdata;
        unsigned long state, n;
        int r;

        r = read_number(search, backend, "state", &state);
        if (r >= 0)
                r = read_number(search, backend, "num_devs", &n);
        if (r < 0 || state == STATE_CLOSED)
                return r;

        for (unsigned i = 0; r >= 0 && i < n && i < FUNCTIONS_MAX; i++) {
                _cleanup_free_ char *address = NULL;
                char key[32];

                snprintf(key, sizeof(key), "dev-%u", i);
                r = read_key(search, backend, key, &address);
                if (r >= 0)
                        r = find(search, address);
                else if (r == -ENOENT)
                        r = 0;
        }
        return r;
}

static int look_at_domain(const char *domain, void *userdata) {
        struct search *search = userdata;
        char path[64];

        if (snprintf(path, sizeof(path), BACKENDS "/%s", domain) >= (int) sizeof(path))
                return 0;

        search->domain = domain;
        return xenstore_foreach(search->xenstore, path, look_at_backend, search);
}

static bool any_on_pciback(const struct look *look) {
        for (size_t i = 0; i < look->n_functions; i++)
                if (look->functions[i]->kind == DRIVER_XEN)
                        return true;

        return false;
}

int domains_look(struct look *look) {
        _cleanup_close_ int xenstore = -EBADF;

        if (!any_on_pciback(look))
                return 0;

        /* Where nobody serves it, there is no toolstack that could have made a domain. */
        xenstore = xenstore_open(look->root);
        if (xenstore < 0)
                return xenstore == -ENOENT || xenstore == -ECONNREFUSED ? 0 : xenstore;

        return xenstore_foreach(xenstore, BACKENDS, look_at_domain,
                                &(struct search){ .look = look, .xenstore = xenstore });
}
