/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Findings as such: their names, their texts, who may read them, and their way from one process to another. */

#include <sys/sysmacros.h>

#include "service/usage/finding.h"
#include "tests/unit/unit.h"

static void test_names(void **state) {
        for (enum finding_kind kind = 0; kind < _FINDING_KIND_MAX; kind++) {
                assert_row(finding_kind_name(kind), "kind %u has no name", kind);
                for (enum finding_kind other = 0; other < kind; other++)
                        assert_string_not_equal(finding_kind_name(kind), finding_kind_name(other));
        }

        assert_string_equal(severity_name(SEVERITY_WARN), "warn");
        assert_string_equal(severity_name(SEVERITY_FORCE), "force");
        assert_string_equal(severity_name(SEVERITY_REFUSE), "refuse");
}

static void test_add(void **state) {
        _cleanup_findings_ struct findings findings = {};
        const struct pci_address a = at("01:00.0"), b = at("02:00.0");

        assert_ok(findings_add(&findings, FINDING_STACKED, SEVERITY_FORCE, &a, "dm-0", "%s\t%d", "x", 1));
        assert_int_equal(findings.n, 1);
        assert_string_equal(findings.array[0].message, "x\\x091");
        assert_null(findings.array[0].discreet);
        assert_true(findings.array[0].privacy.owner == OWNER_NOBODY);

        /* The same again; the same, but worse; and no better for that afterwards. */
        assert_ok(findings_add(&findings, FINDING_STACKED, SEVERITY_FORCE, &a, "dm-0", "again"));
        assert_string_equal(findings.array[0].message, "x\\x091");
        assert_ok(findings_add(&findings, FINDING_STACKED, SEVERITY_REFUSE, &a, "dm-0", "worse"));
        assert_ok(findings_add(&findings, FINDING_STACKED, SEVERITY_FORCE, &a, "dm-0", "better"));
        assert_int_equal(findings.n, 1);
        assert_string_equal(findings.array[0].message, "worse");
        assert_int_equal(findings.array[0].severity, SEVERITY_REFUSE);

        /* What differs is another one. */
        assert_ok(findings_add(&findings, FINDING_STACKED, SEVERITY_FORCE, &b, "dm-0", "x"));
        assert_ok(findings_add(&findings, FINDING_STACKED, SEVERITY_FORCE, &a, "dm-1", "x"));
        assert_ok(findings_add(&findings, FINDING_MOUNTED, SEVERITY_FORCE, &a, "dm-0", "x"));
        assert_int_equal(findings.n, 4);

        /* A subject that must be escaped is still known again. */
        assert_ok(findings_add(&findings, FINDING_INPUT, SEVERITY_FORCE, &a, "\xff", "x"));
        assert_ok(findings_add(&findings, FINDING_INPUT, SEVERITY_FORCE, &a, "\xff", "x"));
        assert_int_equal(findings.n, 5);
        assert_string_equal(findings.array[4].subject, "\\xff");

        findings_clear(&findings);
        assert_int_equal(findings.n, 0);
        assert_null(findings.array);
}

static void test_add_copy(void **state) {
        _cleanup_findings_ struct findings findings = {}, copies = {};
        char subject[] = "4711", message[] = "process 4711\n", discreet[] = "another user's process\r";
        const struct finding finding = {
                .kind = FINDING_OPEN,
                .severity = SEVERITY_FORCE,
                .address = at("01:00.0"),
                .subject = subject,
                .message = message,
                .discreet = discreet,
                .privacy = { .owner = 1000, .mount = makedev(8, 1), .elsewhere = true },
        };

        assert_ok(findings_add_copy(&findings, &finding));
        memset(subject, 'x', strlen(subject));
        memset(message, 'x', strlen(message));
        memset(discreet, 'x', strlen(discreet));

        assert_ok(findings_add_copy(&copies, &findings.array[0]));
        findings_clear(&findings);
        assert_string_equal(copies.array[0].subject, "4711");
        assert_string_equal(copies.array[0].message, "process 4711\\x0a");
        assert_string_equal(copies.array[0].discreet, "another user's process\\x0d");
        assert_int_equal(copies.array[0].privacy.owner, 1000);
        assert_int_equal(copies.array[0].privacy.mount, makedev(8, 1));
        assert_true(copies.array[0].privacy.elsewhere);
}

static void assert_same(const struct finding *a, const struct finding *b) {
        assert_int_equal(a->kind, b->kind);
        assert_int_equal(a->severity, b->severity);
        assert_int_equal(pci_address_compare(&a->address, &b->address), 0);
        assert_string_equal(a->subject, b->subject);
        assert_string_equal(a->message, b->message);
        assert_int_equal(!a->discreet, !b->discreet);
        assert_string_equal(strempty(a->discreet), strempty(b->discreet));
        assert_int_equal(a->privacy.owner, b->privacy.owner);
        assert_int_equal(a->privacy.mount, b->privacy.mount);
        assert_int_equal(a->privacy.elsewhere, b->privacy.elsewhere);
}

static void test_pack(void **state) {
        char long_path[4096] = "/";
        struct finding rows[] = {
                { FINDING_MOUNTED, SEVERITY_REFUSE, at("10000:e1:00.7"), (char *) "/", (char *) "it is", NULL,
                  { OWNER_NOBODY, makedev(259, 1048575), false } },
                { FINDING_OPEN, SEVERITY_FORCE, at("01:00.0"), (char *) "1", (char *) "p", (char *) "",
                  { 0, 0, false } },
                { FINDING_GROUP, SEVERITY_WARN, at("01:00.0"), (char *) "", (char *) "", (char *) "somebody",
                  { 1000, makedev(0, 40), true } },
        };
        _cleanup_findings_ struct findings findings = {};
        struct finding_record record;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                finding_pack(&rows[i], &record);
                assert_ok(finding_unpack(&record, &findings));
                assert_same(&findings.array[i], &rows[i]);
        }

        memset(long_path + 1, 'x', sizeof(long_path) - 2);
        rows[0].subject = rows[0].message = rows[0].discreet = long_path;
        finding_pack(&rows[0], &record);
        assert_ok(finding_unpack(&record, &findings));
        assert_int_equal(strlen(findings.array[3].subject), sizeof(record.subject) - 1);
        assert_string_equal(findings.array[3].subject + sizeof(record.subject) - 1 - strlen("x…"), "x…");
        assert_int_equal(strlen(findings.array[3].message), sizeof(record.message) - 1);
        assert_int_equal(strlen(findings.array[3].discreet), sizeof(record.discreet) - 1);
}

/* Whatever comes over a socket from somebody who may be broken. */
static void test_unpack_nonsense(void **state) {
        const struct finding finding = { FINDING_OPEN, SEVERITY_FORCE, at("01:00.0"), (char *) "1", (char *) "m" };
        _cleanup_findings_ struct findings findings = {};
        struct finding_record good, bad;

        finding_pack(&finding, &good);
        for (unsigned i = 0; i < 5; i++) {
                bad = good;
                if (i == 0)
                        bad.kind = _FINDING_KIND_MAX;
                else if (i == 1)
                        bad.severity = _SEVERITY_MAX;
                else if (i == 2)
                        memset(bad.subject, 'x', sizeof(bad.subject));
                else if (i == 3)
                        memset(bad.message, 'x', sizeof(bad.message));
                else
                        memset(bad.discreet, 'x', sizeof(bad.discreet));
                assert_int_equal(finding_unpack(&bad, &findings), -EBADMSG);
        }
        assert_int_equal(findings.n, 0);
}

UNIT_MAIN(cmocka_unit_test(test_names),
          cmocka_unit_test(test_add), cmocka_unit_test(test_add_copy), cmocka_unit_test(test_pack),
          cmocka_unit_test(test_unpack_nonsense))
