/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Findings: what a move would disturb or what makes it pointless. The kinds are one table; a finding has a
 * severity, the function it is about, a subject for programs and a sentence for people, and says who may
 * read them. */

#include <stdint.h>
#include <sys/types.h>

#include "service/host/address.h"
#include "service/host/macros.h"

enum severity {
        SEVERITY_WARN,   /* told, and nothing more */
        SEVERITY_FORCE,  /* only with the flag FORCE */
        SEVERITY_REFUSE, /* never */
        _SEVERITY_MAX,
};

enum finding_kind {
        FINDING_MOUNTED,           /* subject: the mount point */
        FINDING_SWAP,              /* the block device, or the file */
        FINDING_STACKED,           /* the dm, md, bcache … device on top */
        FINDING_OPEN,              /* the process id */
        FINDING_NETWORK,           /* the interface; "" where another network namespace has it */
        FINDING_DISPLAY,           /* what it drives */
        FINDING_INPUT,             /* the name of the keyboard or pointer */
        FINDING_VIRTUAL_FUNCTIONS, /* how many are enabled */
        FINDING_VFIO,              /* the process id; "" where only the kernel knows */
        FINDING_ACCESS,            /* the user who may open the group */
        FINDING_LEASE,             /* the unique name of the holder on the bus */
        FINDING_DOMAIN,            /* the id of the Xen domain */
        FINDING_FRAMEBUFFER,       /* the firmware's framebuffer */
        FINDING_CONSUMER,          /* the address of a function that the kernel unbinds along */
        FINDING_BRIDGE,            /* the class of the bridge */
        FINDING_IOMMU,             /* what is missing */
        FINDING_GROUP,             /* the group member that stays on its host driver */
        _FINDING_KIND_MAX,
};

/* No user's process in particular: everybody may know. */
#define OWNER_NOBODY ((uid_t) -1)

/* Who may read a finding's subject and message. Others are shown the discreet sentence and no subject; uid 0
 * sees everything. */
struct finding_privacy {
        uid_t owner; /* whose process the finding names, or OWNER_NOBODY */
        dev_t mount; /* the number of the file system that it says is mounted, 0 if none: for whoever sees it
                        mounted there */
        bool elsewhere; /* valid with `mount`: not in the mount namespace of process 1 */
};

/* The subject of FINDING_DISPLAY where it is the kernel's console that is shown. */
#define SUBJECT_CONSOLE "console"

struct finding {
        enum finding_kind kind;
        enum severity severity;
        struct pci_address address;
        char *subject;  /* owned */
        char *message;  /* owned; a sentence without a full stop that says what to do about it */
        char *discreet; /* owned; the same for those who may not know more than that there is something.
                           NULL: for everybody */
        struct finding_privacy privacy;
};

/* Zero-initialized: none. */
struct findings {
        struct finding *array;
        size_t n;
};

/* "mounted", "swap" … */
const char *finding_kind_name(enum finding_kind kind);

/* What a move over a finding of this kind cuts off: "a mounted file system", for people and in no particular
 * sentence. */
const char *finding_kind_in_words(enum finding_kind kind);

/* "refuse", "force" or "warn". */
const char *severity_name(enum severity severity);

/* Adds a finding that everybody may read. One of the same kind, address and subject is added only once, and
 * the more severe of the two stays. Bytes of subject and message that are not printable UTF-8 are escaped.
 * Returns 0 or -ENOMEM. */
int findings_add(struct findings *findings, enum finding_kind kind, enum severity severity,
                 const struct pci_address *address, const char *subject, const char *format, ...)
                _printf_(6, 7);

/* The same for a finding that not everybody may read, or a copy of any: FINDING stays the caller's, its
 * texts are copied. */
int findings_add_copy(struct findings *findings, const struct finding *finding);

/* A finding as one message of fixed size, for a socket between two processes of the same build. A path can
 * be longer than its place here: then it ends in an ellipsis. */
struct finding_record {
        uint32_t kind;
        uint32_t severity;
        struct pci_address address;
        uint32_t owner;
        uint64_t mount;
        uint8_t elsewhere;
        uint8_t is_discreet; /* whether there is a discreet sentence */
        char subject[2048];
        char message[3072];
        char discreet[1024];
};

/* Fills RECORD, every byte of it. */
void finding_pack(const struct finding *finding, struct finding_record *record);

/* Adds the finding in RECORD. Returns 0, -ENOMEM, or -EBADMSG if it is none, and then nothing is added. */
int finding_unpack(const struct finding_record *record, struct findings *findings);

/* Frees them all. */
void findings_clear(struct findings *findings);

#define _cleanup_findings_ _cleanup_(findings_clear)
