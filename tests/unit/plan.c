/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Plans: which functions a request comes to, what is found, who has to allow it. */

#include "service/move/plan/plan.h"
#include "tests/unit/host.h"
#include "tests/unit/modules.h"
#include "tests/unit/unit.h"

static const struct fake_function functions[] = {
        /* a group of a bridge, two functions and a disk controller */
        { .address = "0000:00:1c.0",
          .class_code = 0x060400,
          .bridge = true,
          .driver = "pcieport",
          .group = "1" },
        { .address = "0000:01:00.0",
          .below = "0000:00:1c.0",
          .class_code = 0x020000,
          .driver = "e1000e",
          .group = "1" },
        { .address = "0000:01:00.1",
          .below = "0000:00:1c.0",
          .class_code = 0x020000,
          .driver = "e1000e",
          .group = "1" },
        { .address = "0000:01:00.2",
          .below = "0000:00:1c.0",
          .class_code = 0x010601,
          .driver = "ahci",
          .group = "1" },
        /* alone */
        { .address = "0000:02:00.0", .class_code = 0x030000, .group = "2" },
        /* without a group */
        { .address = "0000:03:00.0", .class_code = 0x0c0330, .driver = "xhci_hcd" },
        /* the bridge to ISA */
        { .address = "0000:00:1f.0", .class_code = 0x060100, .driver = "lpc_ich", .group = "3" },
        { .address = "0000:00:1f.3", .class_code = 0x040300, .driver = "snd_hda_intel", .group = "3" },
};

static int setup(void **state) {
        struct host *host = calloc(1, sizeof(*host));

        host_init(host, functions, ELEMENTSOF(functions));
        modules_make(host->tree, "vfio_pci loadable\npci_stub loadable\n");
        modules_loaded("");
        tree_driver(host->tree, "pci-stub");
        host_open(host);
        host_scan(host);
        *state = host;
        return 0;
}

static int resolve(struct host *host, const char *addresses, unsigned flags, struct function ***ret,
                   size_t *ret_n, struct failure *failure) {
        _cleanup_free_ char *copy = strdup(addresses);
        struct pci_address array[300];
        struct request request = { .addresses = array, .flags = flags };
        char *save = NULL;

        for (char *word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save))
                array[request.n_addresses++] = at(word);
        return plan_functions(host->model, &request, ret, ret_n, failure);
}

static void test_functions(void **state) {
        static const struct {
                const char *named;
                unsigned flags;
                const char *come_to; /* in this order; NULL: not at all */
                enum failure_kind kind;
        } rows[] = {
                { "0000:01:00.0", 0, "0000:01:00.0 " },
                { "0000:02:00.0 0000:01:00.1 0000:01:00.0", 0, "0000:02:00.0 0000:01:00.1 0000:01:00.0 " },
                { "0000:00:1c.0", 0, "0000:00:1c.0 " },
                /* GROUP: every endpoint, never a bridge that was not named */
                { "0000:01:00.1", PLAN_GROUP, "0000:01:00.1 0000:01:00.0 0000:01:00.2 " },
                { "0000:01:00.1 0000:01:00.2", PLAN_GROUP, "0000:01:00.1 0000:01:00.2 0000:01:00.0 " },
                { "0000:00:1f.3", PLAN_GROUP, "0000:00:1f.3 " },
                { "0000:00:1f.0", PLAN_GROUP, "0000:00:1f.0 0000:00:1f.3 " },
                { "0000:00:1c.0", PLAN_GROUP, "0000:00:1c.0 0000:01:00.0 0000:01:00.1 0000:01:00.2 " },
                { "0000:02:00.0 0000:01:00.0", PLAN_GROUP,
                  "0000:02:00.0 0000:01:00.0 0000:01:00.1 0000:01:00.2 " },
                { "0000:03:00.0", PLAN_GROUP, "0000:03:00.0 " },
                { "", 0, "" },
                { "", PLAN_GROUP, "" },
                { "0000:01:00.0 0000:01:00.0", 0, NULL, FAILURE_INVALID_ARGUMENT },
                { "0000:01:00.0 0000:02:00.0 01:00.0", PLAN_GROUP, NULL, FAILURE_INVALID_ARGUMENT },
                { "0000:05:00.0", 0, NULL, FAILURE_NO_SUCH_DEVICE },
                { "0000:01:00.0 0001:01:00.0", PLAN_GROUP, NULL, FAILURE_NO_SUCH_DEVICE },
        };
        struct host *host = *state;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_free_ struct function **found = NULL;
                _cleanup_failure_ struct failure failure = {};
                char text[256] = "";
                size_t n = 0;
                int r = resolve(host, rows[i].named, rows[i].flags, &found, &n, &failure);

                for (size_t j = 0; j < n; j++)
                        sprintf(text + strlen(text), "%s ", PCI_ADDRESS_TEXT(&found[j]->address));
                assert_row((r < 0) == !rows[i].come_to, "row %zu", i);
                assert_row(failure.kind == rows[i].kind, "row %zu: %d", i, failure.kind);
                assert_row(streq(text, strempty(rows[i].come_to)), "row %zu: %s", i, text);
        }
}

/* Adds N functions in a domain of their own, and says their addresses; the first and those from NAMED on
 * share a group. */
static void add_crowd(struct host *host, uint32_t domain, unsigned named, unsigned n, char *addresses) {
        for (unsigned i = 0; i < n; i++) {
                const struct pci_address address = { domain, (uint8_t) (i / 32), (uint8_t) (i % 32), 0 };
                char text[PCI_ADDRESS_SIZE];
                struct fake_function f = { .address = pci_address_format(&address, text),
                                           .group = i == 0 || i >= named ? "9" : NULL };

                tree_add(host->tree, &f);
                if (i < named)
                        strcat(strcat(addresses, text), " ");
        }
        host_scan(host);
}

/* 256 is the limit, named or come to. */
static void test_too_many(void **state) {
        static const struct {
                unsigned named, in_group; /* in one group besides the first that is named */
                bool ok;
        } rows[] = { { 256, 0, true },  { 257, 0, false }, { 1, 255, true },
                     { 1, 256, false }, { 256, 1, false }, { 200, 56, true } };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_free_ struct function **found = NULL;
                _cleanup_failure_ struct failure failure = {};
                char addresses[300 * PCI_ADDRESS_SIZE] = "";
                struct host host = {};
                size_t n = 0;
                int r;

                host_init(&host, NULL, 0);
                host_open(&host);
                add_crowd(&host, (uint32_t) i, rows[i].named, rows[i].named + rows[i].in_group, addresses);
                r = resolve(&host, addresses, PLAN_GROUP, &found, &n, &failure);
                assert_row((r >= 0) == rows[i].ok, "row %zu: %s", i, strempty(failure.message));
                assert_int_equal(failure.kind, rows[i].ok ? FAILURE_NONE : FAILURE_INVALID_ARGUMENT);
                assert_int_equal(n, rows[i].ok ? rows[i].named + rows[i].in_group : 0);
                host_clear(&host);
        }
}

static const struct home *no_home(const struct function *f, void *userdata) {
        return NULL;
}

static struct plan *make(struct host *host, const char *addresses, unsigned flags, const char *word,
                         const struct findings *findings) {
        _cleanup_free_ struct function **found = NULL;
        _cleanup_failure_ struct failure failure = {};
        static const struct findings none;
        struct plan *plan = NULL;
        size_t n;

        assert_ok(resolve(host, addresses, flags, &found, &n, &failure));
        if (plan_make(host->model, found, n, &(struct request){ .word = word, .flags = flags }, "auto",
                      &(const struct memory){ .home = no_home }, findings ?: &none, &plan, &failure) < 0)
                fail_msg("%s", failure.message);
        return plan;
}

/* "action address argument; …" and "kind address subject severity; …" */
static void describe(const struct plan *plan, char steps[static 2048], char findings[static 2048]) {
        *steps = *findings = '\0';
        for (size_t i = 0; i < plan->n_steps; i++)
                sprintf(steps + strlen(steps), "%s %s %s; ", step_kind_name(plan->steps[i].kind),
                        PCI_ADDRESS_TEXT(&plan->movements[plan->steps[i].movement].address),
                        plan->steps[i].argument);
        for (size_t i = 0; i < plan->findings.n; i++) {
                const struct finding *f = &plan->findings.array[i];

                sprintf(findings + strlen(findings), "%s %s %s %s; ", finding_kind_name(f->kind),
                        PCI_ADDRESS_TEXT(&f->address), f->subject, severity_name(f->severity));
        }
}

static void test_plans(void **state) {
        static const struct {
                const char *named;
                unsigned flags;
                const char *word, *steps, *findings;
        } rows[] = {
                { "0000:02:00.0", 0, "vfio",
                  "load-module 0000:02:00.0 vfio_pci; override 0000:02:00.0 vfio-pci; bind 0000:02:00.0 "
                  "vfio-pci; "
                  "wait-node 0000:02:00.0 2; ",
                  "" },
                /* one module for both, before everything else; who stays behind is told for each */
                { "0000:01:00.0 0000:02:00.0", 0, "vfio",
                  "load-module 0000:01:00.0 vfio_pci; "
                  "override 0000:01:00.0 vfio-pci; unbind 0000:01:00.0 e1000e; bind 0000:01:00.0 vfio-pci; "
                  "wait-node 0000:01:00.0 1; "
                  "override 0000:02:00.0 vfio-pci; bind 0000:02:00.0 vfio-pci; wait-node 0000:02:00.0 2; ",
                  "group 0000:01:00.0 0000:01:00.1 warn; group 0000:01:00.0 0000:01:00.2 warn; " },
                { "0000:01:00.0 0000:01:00.1 0000:01:00.2", 0, "kvm",
                  "override 0000:01:00.0 pci-stub; unbind 0000:01:00.0 e1000e; bind 0000:01:00.0 pci-stub; "
                  "override 0000:01:00.1 pci-stub; unbind 0000:01:00.1 e1000e; bind 0000:01:00.1 pci-stub; "
                  "override 0000:01:00.2 pci-stub; unbind 0000:01:00.2 ahci; bind 0000:01:00.2 pci-stub; ",
                  "" },
                { "0000:01:00.0", 0, "none", "override 0000:01:00.0 none; unbind 0000:01:00.0 e1000e; ",
                  "" },
                /* a bridge whose driver does its own DMA keeps VFIO out, and cannot be moved */
                { "0000:00:1f.3", PLAN_GROUP, "vfio",
                  "load-module 0000:00:1f.3 vfio_pci; override 0000:00:1f.3 vfio-pci; unbind 0000:00:1f.3 "
                  "snd_hda_intel; "
                  "bind 0000:00:1f.3 vfio-pci; wait-node 0000:00:1f.3 3; ",
                  "group 0000:00:1f.3 0000:00:1f.0 warn; " },
                { "0000:00:1f.0", 0, "none", "override 0000:00:1f.0 none; unbind 0000:00:1f.0 lpc_ich; ",
                  "bridge 0000:00:1f.0 ISA bridge refuse; " },
                { "0000:03:00.0", 0, "kvm",
                  "override 0000:03:00.0 pci-stub; unbind 0000:03:00.0 xhci_hcd; bind 0000:03:00.0 "
                  "pci-stub; ",
                  "" },
                { "0000:03:00.0", 0, "vfio",
                  "load-module 0000:03:00.0 vfio_pci; override 0000:03:00.0 vfio-pci; unbind 0000:03:00.0 "
                  "xhci_hcd; "
                  "bind 0000:03:00.0 vfio-pci; ",
                  "iommu 0000:03:00.0 IOMMU group refuse; " },
                /* all are where they should be */
                { "0000:01:00.0 0000:03:00.0", 0, "host", "", "" },
                { "0000:02:00.0", 0, "host", "", "" },
        };
        struct host *host = *state;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(plan_freep) struct plan *plan =
                                make(host, rows[i].named, rows[i].flags, rows[i].word, NULL);
                char steps[2048], findings[2048];

                describe(plan, steps, findings);
                assert_row(streq(steps, rows[i].steps), "row %zu: %s", i, steps);
                assert_row(streq(findings, rows[i].findings), "row %zu: %s", i, findings);
        }
}

/* Members that are on the way, without a driver or on one that leaves DMA alone, are in nobody's way. */
static void test_quiet_members(void **state) {
        struct host *host = *state;
        _cleanup_(plan_freep) struct plan *plan = NULL;
        char steps[2048], findings[2048];

        host_move(host, "0000:01:00.1", "pci-stub", "");
        host_move(host, "0000:01:00.2", NULL, "");
        plan = make(host, "0000:01:00.0", 0, "vfio", NULL);
        describe(plan, steps, findings);
        assert_string_equal(findings, "");

        plan_free(plan);
        host_move(host, "0000:01:00.1", "pciback", "");
        plan = make(host, "0000:01:00.0", 0, "vfio", NULL);
        describe(plan, steps, findings);
        assert_string_equal(findings, "group 0000:01:00.0 0000:01:00.1 warn; ");
}

/* Nobody is told to move a bridge. */
static void test_remedies(void **state) {
        static const struct {
                const char *named, *end;
        } rows[] = {
                { "0000:01:00.0", ": move that one as well" },
                { "0000:00:1f.3", ": that one is a bridge, and bridges are never moved" },
        };
        struct host *host = *state;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(plan_freep) struct plan *plan = make(host, rows[i].named, 0, "vfio", NULL);
                const char *end = strrchr(plan->findings.array[0].message, ':');

                assert_row(end && streq(end, rows[i].end), "row %zu: %s", i,
                           plan->findings.array[0].message);
        }
}

static void test_permissions(void **state) {
        struct host *host = *state;
        _cleanup_(plan_freep) struct plan *plan = make(host, "0000:01:00.0 0000:02:00.0", 0, "vfio", NULL),
                                          *back = NULL;

        assert_int_equal(plan->n_permissions, 2);
        for (size_t i = 0; i < 2; i++) {
                assert_string_equal(plan->permissions[i].action, "bind");
                assert_int_equal(plan->permissions[i].movement, i);
        }

        host_move(host, "0000:01:00.0", "vfio-pci", "vfio-pci");
        host_move(host, "0000:01:00.1", "vfio-pci", "vfio-pci");
        back = make(host, "0000:01:00.0 0000:02:00.0 0000:01:00.1", 0, "host", NULL);
        assert_int_equal(back->n_movements, 2);
        assert_int_equal(back->n_permissions, 2);
        for (size_t i = 0; i < 2; i++)
                assert_string_equal(back->permissions[i].action, "restore");
        assert_string_equal(back->movements[0].old_driver, "vfio-pci");
        assert_string_equal(back->movements[0].old_override, "vfio-pci");
        assert_int_equal(back->movements[0].group, 1);
        assert_true(back->movements[0].identity == host_function(host, "0000:01:00.0")->identity);
}

/* FORCE is asked for every function named, also for one that stays. */
static void test_force(void **state) {
        struct host *host = *state;
        struct pci_address nic = at("0000:01:00.0");
        _cleanup_findings_ struct findings findings = {};
        _cleanup_(plan_freep) struct plan *plan = NULL, *stays = NULL;
        _cleanup_failure_ struct failure failure = {};

        assert_ok(findings_add(&findings, FINDING_NETWORK, SEVERITY_FORCE, &nic, "eth0", "x"));
        plan = make(host, "0000:01:00.0", PLAN_FORCE, "vfio", &findings);
        assert_int_equal(plan->n_permissions, 2);
        assert_string_equal(plan->permissions[0].action, "bind");
        assert_string_equal(plan->permissions[1].action, "force");
        assert_ok(plan_check_findings(plan, NULL, &failure));

        assert_ok(findings_add(&plan->findings, FINDING_SWAP, SEVERITY_REFUSE, &nic, "/dev/sda", "never"));
        assert_true(plan_check_findings(plan, NULL, &failure) < 0);
        assert_string_equal(failure.message, "never");

        stays = make(host, "0000:01:00.0", PLAN_FORCE, "host", &findings);
        assert_int_equal(stays->n_movements, 0);
        assert_int_equal(stays->n_permissions, 1);
        assert_string_equal(stays->permissions[0].action, "force");
        assert_int_equal(
                        pci_address_compare(&plan_permission_subject(stays, &stays->permissions[0])->address,
                                            &nic),
                        0);
}

/* What is said about functions that do not move is nobody's business. */
static void test_takes_findings(void **state) {
        struct host *host = *state;
        struct pci_address moves = at("0000:01:00.2"), stays = at("0000:01:00.1");
        _cleanup_findings_ struct findings findings = {};
        _cleanup_(plan_freep) struct plan *plan = NULL, *nothing = NULL;
        char steps[2048], text[2048];

        const struct finding secret = { .kind = FINDING_OPEN,
                                        .severity = SEVERITY_FORCE,
                                        .address = moves,
                                        .subject = (char *) "42",
                                        .message = (char *) "process 42",
                                        .discreet = (char *) "a process",
                                        .privacy.owner = 1000 };

        assert_ok(findings_add(&findings, FINDING_MOUNTED, SEVERITY_REFUSE, &moves, "/", "100%% on it"));
        assert_ok(findings_add_copy(&findings, &secret));
        assert_ok(findings_add(&findings, FINDING_SWAP, SEVERITY_REFUSE, &stays, "/dev/sdb", "x"));
        plan = make(host, "0000:01:00.2", 0, "none", &findings);
        describe(plan, steps, text);
        assert_string_equal(text, "mounted 0000:01:00.2 / refuse; open 0000:01:00.2 42 force; ");
        assert_string_equal(plan->findings.array[0].message, "100% on it");
        assert_string_equal(viewer_subject(viewer_nobody(), &plan->findings.array[1]), "");
        assert_string_equal(viewer_message(viewer_nobody(), &plan->findings.array[1]), "a process");

        nothing = make(host, "0000:01:00.2", 0, "host", &findings);
        assert_int_equal(nothing->findings.n, 0);
}

static void test_check_findings(void **state) {
        static const struct {
                const char *severities; /* in their order: w, f, r */
                const char *message;    /* NULL: nothing stands in the way */
        } rows[] = {
                { "", NULL },
                { "w", NULL },
                { "www", NULL },
                { "r", "0" },
                { "f", "0" },
                { "wr", "1" },
                { "rr", "0 (and 1 more)" },
                { "wfwr", "1 (and 1 more)" },
                { "frfw", "0 (and 2 more)" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_failure_ struct failure failure = {};
                struct pci_address address = at("0000:01:00.0");
                struct plan plan = {};
                int r;

                for (size_t j = 0; rows[i].severities[j]; j++) {
                        char number = rows[i].severities[j];

                        assert_ok(findings_add(&plan.findings, FINDING_MOUNTED,
                                               number == 'w'   ? SEVERITY_WARN
                                               : number == 'f' ? SEVERITY_FORCE
                                                               : SEVERITY_REFUSE,
                                               &address, (char[]){ (char) ('0' + j), '\0' }, "%zu", j));
                }
                r = plan_check_findings(&plan, NULL, &failure);
                assert_row((r < 0) == !!rows[i].message, "row %zu", i);
                assert_int_equal(failure.kind, rows[i].message ? FAILURE_IN_USE : FAILURE_NONE);
                if (rows[i].message)
                        assert_string_equal(failure.message, rows[i].message);
                findings_clear(&plan.findings);
        }
}

/* One that cannot go ends the plan for all. */
static void test_failing(void **state) {
        struct host *host = *state;
        _cleanup_free_ struct function **found = NULL;
        _cleanup_failure_ struct failure failure = {};
        static const struct findings none;
        struct plan *plan = NULL;
        size_t n;

        assert_ok(resolve(host, "0000:01:00.0 0000:02:00.0", 0, &found, &n, NULL));
        assert_true(plan_make(host->model, found, n, &(struct request){ .word = "xen" }, "auto",
                              &(const struct memory){ .home = no_home }, &none, &plan, &failure) < 0);
        assert_int_equal(failure.kind, FAILURE_BACKEND_UNAVAILABLE);
        assert_null(plan);
}

#define ON_HOST(test) cmocka_unit_test_setup_teardown(test, setup, host_teardown)

UNIT_MAIN(ON_HOST(test_functions), cmocka_unit_test(test_too_many), ON_HOST(test_plans),
          ON_HOST(test_quiet_members), ON_HOST(test_remedies), ON_HOST(test_permissions),
          ON_HOST(test_force), ON_HOST(test_takes_findings), cmocka_unit_test(test_check_findings),
          ON_HOST(test_failing))
