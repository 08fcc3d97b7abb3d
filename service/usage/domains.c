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

static int find_function(const struct search *search, const struct function *f) {
        return findings_add(
                        &search->look->found, FINDING_DOMAIN, SEVERITY_REFUSE, &f->address, search->domain,
                        "%s belongs to the Xen domain %s: shut that down, or take the device from it with 'xl pci-detach %s %s'",
                        PCI_ADDRESS_TEXT(&f->address), search->domain, search->domain,
                        PCI_ADDRESS_TEXT(&f->address));
}

/* The kernel would take a virtual function from its domain without asking. The subject is that of virtual.c,
 * whose finding is the less severe. */
static int find_virtual_function(const struct search *search, const struct function *f) {
        char subject[32];

        snprintf(subject, sizeof(subject), "%zu", f->n_virtual_functions);
        return findings_add(
                        &search->look->found, FINDING_VIRTUAL_FUNCTIONS, SEVERITY_REFUSE, &f->address,
                        subject,
                        "%s has virtual functions enabled (%s), and one belongs to the Xen domain %s: shut that down first",
                        PCI_ADDRESS_TEXT(&f->address), subject, search->domain);
}

static bool has_virtual_function(const struct function *f, const struct pci_address *address) {
        for (size_t i = 0; i < f->n_virtual_functions; i++)
                if (pci_address_compare(&f->virtual_functions[i], address) == 0)
                        return true;

        return false;
}

static int find(const struct search *search, const char *text) {
        struct pci_address address;
        int r = 0;

        if (pci_address_parse(text, &address) < 0)
                return 0;

        for (size_t i = 0; r >= 0 && i < search->look->n_functions; i++) {
                const struct function *f = search->look->functions[i];

                if (f->kind == DRIVER_XEN && pci_address_compare(&f->address, &address) == 0)
                        r = find_function(search, f);
                else if (has_virtual_function(f, &address))
                        r = find_virtual_function(search, f);
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

static bool any_can_be_found(const struct look *look) {
        for (size_t i = 0; i < look->n_functions; i++)
                if (look->functions[i]->kind == DRIVER_XEN || look->functions[i]->n_virtual_functions > 0)
                        return true;

        return false;
}

int domains_look(struct look *look) {
        _cleanup_close_ int xenstore = -EBADF;

        if (!any_can_be_found(look))
                return 0;

        /* Where nobody serves it, there is no toolstack that could have made a domain. */
        xenstore = xenstore_open(look->root);
        if (xenstore < 0)
                return xenstore == -ENOENT || xenstore == -ECONNREFUSED ? 0 : xenstore;

        return xenstore_foreach(xenstore, BACKENDS, look_at_domain,
                                &(struct search){ .look = look, .xenstore = xenstore });
}
