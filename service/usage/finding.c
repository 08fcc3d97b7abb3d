/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The table of findings, and lists of them. */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "service/host/array.h"
#include "service/usage/finding.h"

static const char *const kind_names[_FINDING_KIND_MAX] = {
        [FINDING_MOUNTED] = "mounted",
        [FINDING_SWAP] = "swap",
        [FINDING_BRIDGE] = "bridge",
        [FINDING_IOMMU] = "iommu",
        [FINDING_GROUP] = "group",
};

static const char *const severity_names[] = {
        [SEVERITY_WARN] = "warn",
        [SEVERITY_FORCE] = "force",
        [SEVERITY_REFUSE] = "refuse",
};

const char *finding_kind_name(enum finding_kind kind) {
        return kind_names[kind];
}

const char *severity_name(enum severity severity) {
        return severity_names[severity];
}

static bool is_known(const struct findings *findings, enum finding_kind kind, const struct pci_address *address,
                     const char *subject) {
        for (size_t i = 0; i < findings->n; i++) {
                const struct finding *f = &findings->array[i];

                if (f->kind == kind && pci_address_compare(&f->address, address) == 0 && streq(f->subject, subject))
                        return true;
        }

        return false;
}

int findings_add(struct findings *findings, enum finding_kind kind, enum severity severity,
                 const struct pci_address *address, const char *subject, const char *format, ...) {
        struct finding *finding;
        va_list arguments;
        char *message;
        int r;

        if (is_known(findings, kind, address, subject))
                return 0;

        va_start(arguments, format);
        r = vasprintf(&message, format, arguments);
        va_end(arguments);
        if (r < 0)
                return -ENOMEM;

        finding = array_append(&findings->array, &findings->n, sizeof(*finding));
        if (!finding) {
                free(message);
                return -ENOMEM;
        }

        *finding = (struct finding){
                .kind = kind,
                .severity = severity,
                .address = *address,
                .subject = strdup(subject),
                .message = message,
        };
        return finding->subject ? 0 : -ENOMEM;
}

void findings_clear(struct findings *findings) {
        for (size_t i = 0; i < findings->n; i++) {
                free(findings->array[i].subject);
                free(findings->array[i].message);
        }
        free(findings->array);
        *findings = (struct findings){};
}
