/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Findings: what a move would disturb or what makes it pointless. The kinds are one table; a finding has a severity, the
 * function it is about, a subject for programs and a sentence for people. */

#include "service/host/address.h"
#include "service/host/macros.h"

enum severity {
        SEVERITY_WARN,   /* told, and nothing more */
        SEVERITY_FORCE,  /* only with the flag FORCE */
        SEVERITY_REFUSE, /* never */
};

enum finding_kind {
        FINDING_MOUNTED, /* subject: the mount point */
        FINDING_SWAP,    /* the block device */
        FINDING_BRIDGE,  /* the class of the bridge */
        FINDING_IOMMU,   /* what is missing */
        FINDING_GROUP,   /* the group member that stays on its host driver */
        _FINDING_KIND_MAX,
};

struct finding {
        enum finding_kind kind;
        enum severity severity;
        struct pci_address address;
        char *subject; /* owned */
        char *message; /* owned; a sentence without a full stop that says what to do about it */
};

/* Zero-initialized: none. */
struct findings {
        struct finding *array;
        size_t n;
};

/* "mounted", "swap" … */
const char *finding_kind_name(enum finding_kind kind);

/* "refuse", "force" or "warn". */
const char *severity_name(enum severity severity);

/* Adds a finding; one of the same kind, address and subject is added only once. Returns 0 or -ENOMEM. */
int findings_add(struct findings *findings, enum finding_kind kind, enum severity severity,
                 const struct pci_address *address, const char *subject, const char *format, ...) _printf_(6, 7);

/* Frees them all. */
void findings_clear(struct findings *findings);

#define _cleanup_findings_ _cleanup_(findings_clear)
