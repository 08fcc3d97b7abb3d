/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The table of findings, and lists of them. */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "service/host/array.h"
#include "service/usage/finding.h"
#include "service/host/printable.h"

_Static_assert(sizeof(struct finding_record) <= 8192, "a finding is one small message");

static const struct {
        const char *name;
        const char *in_words; /* what a move cuts off */
} kinds[_FINDING_KIND_MAX] = {
        [FINDING_MOUNTED] = { "mounted", "a mounted file system" },
        [FINDING_SWAP] = { "swap", "swap space" },
        [FINDING_STACKED] = { "stacked", "storage that stands on it" },
        [FINDING_OPEN] = { "open", "programs that have it open" },
        [FINDING_NETWORK] = { "network", "a network connection" },
        [FINDING_DISPLAY] = { "display", "a display" },
        [FINDING_INPUT] = { "input", "a keyboard or pointer" },
        [FINDING_VIRTUAL_FUNCTIONS] = { "virtual-functions", "its virtual functions" },
        [FINDING_VFIO] = { "vfio", "a virtual machine" },
        [FINDING_ACCESS] = { "access", "another user's access" },
        [FINDING_LEASE] = { "lease", "somebody else's lease" },
        [FINDING_DOMAIN] = { "domain", "a Xen domain" },
        [FINDING_FRAMEBUFFER] = { "framebuffer", "the firmware's framebuffer" },
        [FINDING_CONSUMER] = { "consumer", "a device that depends on it" },
        [FINDING_BRIDGE] = { "bridge", "the devices behind it" },
        [FINDING_IOMMU] = { "iommu", "protection from its DMA" },
        [FINDING_GROUP] = { "group", "other devices of its IOMMU group" },
};

static const char *const severity_names[_SEVERITY_MAX] = {
        [SEVERITY_WARN] = "warn",
        [SEVERITY_FORCE] = "force",
        [SEVERITY_REFUSE] = "refuse",
};

const char *finding_kind_name(enum finding_kind kind) {
        return kinds[kind].name;
}

const char *finding_kind_in_words(enum finding_kind kind) {
        return kinds[kind].in_words;
}

const char *severity_name(enum severity severity) {
        return severity_names[severity];
}

static void finding_clear(struct finding *finding) {
        free(finding->subject);
        free(finding->message);
        free(finding->discreet);
        *finding = (struct finding){};
}

static struct finding *find_same(const struct findings *findings, const struct finding *other) {
        for (size_t i = 0; i < findings->n; i++) {
                struct finding *f = &findings->array[i];

                if (f->kind == other->kind && pci_address_compare(&f->address, &other->address) == 0 &&
                    streq(f->subject, other->subject))
                        return f;
        }

        return NULL;
}

/* Takes over what COPY owns, whether it is kept or not. */
static int take(struct findings *findings, struct finding *copy) {
        struct finding *finding = find_same(findings, copy);

        if (finding && finding->severity >= copy->severity) {
                finding_clear(copy);
                return 0;
        }

        if (finding)
                finding_clear(finding);
        else
                finding = array_append(&findings->array, &findings->n, sizeof(*finding));
        if (!finding) {
                finding_clear(copy);
                return -ENOMEM;
        }

        *finding = *copy;
        return 0;
}

int findings_add_copy(struct findings *findings, const struct finding *finding) {
        struct finding copy = *finding;

        copy.subject = text_printable(finding->subject);
        copy.message = text_printable(finding->message);
        copy.discreet = finding->discreet ? text_printable(finding->discreet) : NULL;
        if (!copy.subject || !copy.message || !copy.discreet != !finding->discreet) {
                finding_clear(&copy);
                return -ENOMEM;
        }

        return take(findings, &copy);
}

int findings_add(struct findings *findings, enum finding_kind kind, enum severity severity,
                 const struct pci_address *address, const char *subject, const char *format, ...) {
        _cleanup_free_ char *message = NULL;
        va_list arguments;
        int r;

        va_start(arguments, format);
        r = vasprintf(&message, format, arguments);
        va_end(arguments);
        if (r < 0) {
                message = NULL;
                return -ENOMEM;
        }

        return findings_add_copy(findings, &(struct finding){
                                                           .kind = kind,
                                                           .severity = severity,
                                                           .address = *address,
                                                           .subject = (char *) subject,
                                                           .message = message,
                                                           .privacy.owner = OWNER_NOBODY,
                                           });
}

void finding_pack(const struct finding *finding, struct finding_record *record) {
        memset(record, 0, sizeof(*record));
        record->kind = finding->kind;
        record->severity = finding->severity;
        record->address = finding->address;
        record->owner = finding->privacy.owner;
        record->mount = finding->privacy.mount;
        record->elsewhere = finding->privacy.elsewhere;
        record->is_discreet = finding->discreet != NULL;
        text_cut(finding->subject, record->subject, sizeof(record->subject));
        text_cut(finding->message, record->message, sizeof(record->message));
        text_cut(strempty(finding->discreet), record->discreet, sizeof(record->discreet));
}

int finding_unpack(const struct finding_record *record, struct findings *findings) {
        if (record->kind >= _FINDING_KIND_MAX || record->severity >= _SEVERITY_MAX ||
            !memchr(record->subject, '\0', sizeof(record->subject)) ||
            !memchr(record->message, '\0', sizeof(record->message)) ||
            !memchr(record->discreet, '\0', sizeof(record->discreet)))
                return -EBADMSG;

        return findings_add_copy(findings, &(struct finding){
                                                   .kind = record->kind,
                                                   .severity = record->severity,
                                                   .address = record->address,
                                                   .subject = (char *) record->subject,
                                                   .message = (char *) record->message,
                                                   .discreet = record->is_discreet ? (char *) record->discreet : NULL,
                                                   .privacy = {
                                                           .owner = record->owner,
                                                           .mount = record->mount,
                                                           .elsewhere = record->elsewhere,
                                                   },
                                           });
}

void findings_clear(struct findings *findings) {
        for (size_t i = 0; i < findings->n; i++)
                finding_clear(&findings->array[i]);
        free(findings->array);
        *findings = (struct findings){};
}
