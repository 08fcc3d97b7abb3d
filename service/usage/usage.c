/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The table of those who know how devices are used. */

#include <errno.h>
#include <poll.h>
#include <stdio.h>

#include "service/host/array.h"
#include "service/usage/lookers.h"
#include "service/usage/usage.h"

/* What moves while it is looked at is looked at anew, but not for ever: an interface changes its name or
 * goes within milliseconds. */
#define TRIES 20
#define PAUSE_MSEC 10

/* Each returns a negative errno where something could not be looked at, -ESTALE where it is no longer where
 * it was found. */
static int (*const lookers[])(struct look *look) = {
        /* first those who gather */
        links_look,
        parts_look,
        nvidia_gather,
        vfio_gather,
        processes_look,
        /* then those who find */
        swaps_look,
        stacks_look,
        vfio_look,
        domains_look,
        virtual_look,
        network_look,
        display_look,
        framebuffer_look,
        input_look,
        open_look,
};

static int add_functions(struct look *look, const struct usage_query *query) {
        for (size_t i = 0; i < query->n_functions; i++) {
                struct function **slot = array_append(&look->functions, &look->n_functions, sizeof(*slot));

                if (!slot)
                        return -ENOMEM;
                *slot = query->functions[i];
        }

        return 0;
}

static bool is_asked_about(const struct usage_query *query, const struct pci_address *address) {
        for (size_t i = 0; i < query->n_functions; i++)
                if (pci_address_compare(&query->functions[i]->address, address) == 0)
                        return true;

        return false;
}

static char *with_supplier(const char *text, const struct pci_address *supplier) {
        char *extended;

        return asprintf(&extended, "%s (%s takes it along)", text, PCI_ADDRESS_TEXT(supplier)) < 0
                               ? NULL
                               : extended;
}

/* What is in the way of a function that goes along is in the way of the one that takes it along. */
static int add_for_supplier(struct findings *findings, const struct dependant *dependant,
                            const struct finding *finding) {
        _cleanup_free_ char *message = NULL, *discreet = NULL;
        struct finding copy = *finding;

        if (pci_address_compare(&finding->address, &dependant->function->address) != 0)
                return 0;

        message = with_supplier(finding->message, &dependant->about);
        discreet = with_supplier(strempty(finding->discreet), &dependant->about);
        if (!message || !discreet)
                return -ENOMEM;

        copy.address = dependant->about;
        copy.message = message;
        copy.discreet = finding->discreet ? discreet : NULL;
        return findings_add_copy(findings, &copy);
}

static int hand_over(const struct look *look, const struct usage_query *query, struct findings *findings) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < look->found.n; i++) {
                const struct finding *finding = &look->found.array[i];

                if (is_asked_about(query, &finding->address))
                        r = findings_add_copy(findings, finding);
                for (size_t d = 0; r >= 0 && d < look->n_dependants; d++)
                        r = add_for_supplier(findings, &look->dependants[d], finding);
        }

        return r;
}

static int look_once(const struct usage_query *query, struct findings *findings) {
        _cleanup_look_ struct look look = { .root = query->root };
        int r;

        r = add_functions(&look, query);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(lookers); i++)
                r = lookers[i](&look);

        return r < 0 ? r : hand_over(&look, query, findings);
}

int usage_look(const struct usage_query *query, struct findings *findings) {
        int r = -ESTALE;

        for (unsigned i = 0; r == -ESTALE && i < TRIES; i++) {
                if (i > 0)
                        (void) poll(NULL, 0, PAUSE_MSEC);
                r = look_once(query, findings);
        }

        return r;
}
