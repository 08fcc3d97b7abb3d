/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Programs that have a function's nodes open. */

#include <errno.h>
#include <stdio.h>

#include "service/usage/lookers.h"

static int add_opener(struct look *look, const struct opener *opener) {
        const struct pci_address *address = &opener->part->function->address;
        _cleanup_free_ char *message = NULL, *discreet = NULL;
        char subject[16];

        snprintf(subject, sizeof(subject), "%d", opener->pid);
        if (asprintf(&message, "%s is in use: process %s (%s) has %s open: end it first",
                     PCI_ADDRESS_TEXT(address), subject, opener->command, opener->node) < 0)
                return -ENOMEM;
        if (asprintf(&discreet,
                     "%s is in use: another user's process has one of its device files open and has to end first",
                     PCI_ADDRESS_TEXT(address)) < 0)
                return -ENOMEM;

        return findings_add_copy(&look->found, &(struct finding){
                                                               .kind = FINDING_OPEN,
                                                               .severity = SEVERITY_FORCE,
                                                               .address = *address,
                                                               .subject = subject,
                                                               .message = message,
                                                               .discreet = discreet,
                                                               .privacy.owner = opener->uid,
                                               });
}

/* What everybody may know: that there is somebody. */
static int add_client(struct look *look, const struct opener *opener) {
        const struct pci_address *address = &opener->part->function->address;

        return findings_add(
                        &look->found, FINDING_DISPLAY, SEVERITY_FORCE, address, "DRM client",
                        "%s has an active DRM client: end the session or the program that draws or computes on it first",
                        PCI_ADDRESS_TEXT(address));
}

int open_look(struct look *look) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < look->n_openers; i++) {
                const struct opener *opener = &look->openers[i];

                if (!opener->part->function)
                        continue;

                r = add_opener(look, opener);
                if (r >= 0 && streq(opener->part->subsystem, "drm"))
                        r = add_client(look, opener);
        }

        return r;
}
