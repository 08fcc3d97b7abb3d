/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What ACCESS adds to plans, and what those who have been admitted mean for the plans of others. */

#include "service/move/plan/plan.h"
#include "tests/unit/host.h"
#include "tests/unit/unit.h"

#define NIC "0000:01:00.0"
#define NIC2 "0000:01:00.1"
#define HELD "0000:02:00.0"
#define HELD2 "0000:02:00.1"
#define STUB "0000:02:00.2"
#define LONE "0000:03:00.0"
#define FREE "0000:04:00.0"

#define ALICE 1001
#define BOB 1002

static const struct fake_function functions[] = {
        { .address = "0000:00:1c.0",
          .class_code = 0x060400,
          .bridge = true,
          .driver = "pcieport",
          .group = "1" },
        { .address = NIC, .class_code = 0x020000, .driver = "e1000e", .group = "1" },
        { .address = NIC2, .class_code = 0x020000, .driver = "igb", .group = "1" },
        { .address = HELD, .class_code = 0x020000, .driver = "vfio-pci", .group = "2" },
        { .address = HELD2, .class_code = 0x020000, .driver = "vfio-pci", .group = "2" },
        { .address = STUB, .class_code = 0x020000, .driver = "pci-stub", .group = "2" },
        { .address = LONE, .class_code = 0x020000, .driver = "vfio-pci" },
        { .address = FREE, .class_code = 0x020000, .group = "4" },
};

static const struct home *no_home(const struct function *f, void *userdata) {
        return NULL;
}

/* Alice may open group 2 where USERDATA says so. */
static struct grantee holder(int group, void *userdata) {
        const struct grantee *alice = userdata;

        return group == 2 ? *alice : (struct grantee){};
}

static int setup(void **state) {
        static const char *const drivers[] = { "e1000e", "igb", "vfio-pci", "pci-stub" };
        struct host *host = calloc(1, sizeof(*host));

        host_init(host, functions, ELEMENTSOF(functions));
        for (size_t i = 0; i < ELEMENTSOF(drivers); i++)
                tree_driver(host->tree, drivers[i]);
        host_open(host);
        host_scan(host);
        *state = host;
        return 0;
}

struct row {
        const char *named, *word;
        unsigned flags;
        uint32_t uid;
        bool held;
        enum failure_kind kind;
        enum errand errand;
        bool leased;             /* what alice has came with a lease */
        const char *steps;       /* those about access: "withdraw-access address uid; " */
        const char *findings;    /* those about access: the addresses */
        const char *permissions; /* "action address; " */
};

static void describe(const struct plan *plan, char steps[static 512], char findings[static 512],
                     char permissions[static 512]) {
        *steps = *findings = *permissions = '\0';
        for (size_t i = 0; i < plan->n_steps; i++)
                if (plan->steps[i].kind == STEP_ACCESS || plan->steps[i].kind == STEP_WITHDRAW_ACCESS)
                        sprintf(steps + strlen(steps), "%s %s %.16s; ", step_kind_name(plan->steps[i].kind),
                                PCI_ADDRESS_TEXT(&plan->movements[plan->steps[i].movement].address),
                                plan->steps[i].argument);
        for (size_t i = 0; i < plan->findings.n; i++)
                if (plan->findings.array[i].kind == FINDING_ACCESS) {
                        assert_int_equal(plan->findings.array[i].severity, SEVERITY_FORCE);
                        assert_string_equal(plan->findings.array[i].subject, "1001");
                        sprintf(findings + strlen(findings), "%s ",
                                PCI_ADDRESS_TEXT(&plan->findings.array[i].address));
                }
        for (size_t i = 0; i < plan->n_permissions; i++)
                sprintf(permissions + strlen(permissions), "%s %s; ", plan->permissions[i].action,
                        PCI_ADDRESS_TEXT(&plan_permission_subject(plan, &plan->permissions[i])->address));
}

static void check(struct host *host, const struct row *row, size_t i) {
        _cleanup_free_ char *copy = strdup(row->named);
        const struct request request = {
                .errand = row->errand, .word = row->word, .flags = row->flags, .uid = row->uid
        };
        const struct grantee alice = { row->held, ALICE, row->leased };
        const struct memory memory = { .home = no_home, .grantee = holder, .grants = (void *) &alice };
        _cleanup_failure_ struct failure failure = {};
        _cleanup_(plan_freep) struct plan *plan = NULL;
        char steps[512], findings[512], permissions[512], *save = NULL;
        static const struct findings none;
        struct function *named[8];
        size_t n = 0;

        for (char *word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save))
                named[n++] = host_function(host, word);
        plan_make(host->model, named, n, &request, "auto", &memory, &none, &plan, &failure);
        assert_row(failure.kind == row->kind, "row %zu: %s", i, strempty(failure.message));
        if (!plan)
                return;

        describe(plan, steps, findings, permissions);
        assert_row(streq(steps, row->steps), "row %zu: %s", i, steps);
        assert_row(streq(findings, row->findings), "row %zu: %s", i, findings);
        assert_row(streq(permissions, row->permissions), "row %zu: %s", i, permissions);
}

static void test_plans(void **state) {
        static const struct row rows[] = {
                /* every endpoint is asked about, and no bridge */
                { NIC " " NIC2, "vfio", PLAN_ACCESS, BOB, .steps = "access " NIC2 " 1002; ", .findings = "",
                  .permissions = "bind " NIC "; bind " NIC2 "; access " NIC "; access " NIC2 "; " },
                { HELD, "vfio", PLAN_ACCESS, BOB, .steps = "access " HELD " 1002; ", .findings = "",
                  .permissions = "access " HELD "; access " HELD2 "; access " STUB "; " },
                { HELD " " FREE, "vfio", PLAN_ACCESS | PLAN_FORCE, 0,
                  .steps = "access " HELD " 0; access " FREE " 0; ", .findings = "",
                  .permissions = "force " HELD "; bind " FREE "; force " FREE "; access " HELD
                                 "; access " HELD2 "; access " STUB "; access " FREE "; " },
                /* who has access already needs no step, and the permission all the same */
                { HELD2, "vfio", PLAN_ACCESS, ALICE, true, .steps = "", .findings = "",
                  .permissions = "access " HELD "; access " HELD2 "; access " STUB "; " },
                { HELD " " STUB, "vfio", PLAN_ACCESS, ALICE, true, .steps = "", .findings = "",
                  .permissions = "bind " STUB "; access " HELD "; access " HELD2 "; access " STUB "; " },
                /* for longer than the lease that it came with */
                { HELD, "vfio", PLAN_ACCESS, ALICE, true, .leased = true, .steps = "access " HELD " 1001; ",
                  .findings = "", .permissions = "access " HELD "; access " HELD2 "; access " STUB "; " },
                { HELD, "vfio", PLAN_ACCESS, ALICE, true, .leased = true, .errand = ERRAND_LEASE,
                  .steps = "", .findings = "",
                  .permissions = "bind " HELD "; access " HELD "; access " HELD2 "; access " STUB "; " },
                /* from one user to the next */
                { HELD " " HELD2, "vfio", PLAN_ACCESS, BOB, true,
                  .steps = "withdraw-access " HELD " 1001; access " HELD2 " 1002; ",
                  .findings = HELD " " HELD2 " ",
                  .permissions = "access " HELD "; access " HELD2 "; access " STUB "; " },
                /* without the flag: nothing for whoever stays, an end where a member leaves VFIO */
                { HELD, "vfio", 0, BOB, true, .steps = "", .findings = "", .permissions = "" },
                /* a member that is leased to one user is opened by no other */
                { HELD, "vfio", 0, BOB, true, .errand = ERRAND_LEASE,
                  .steps = "withdraw-access " HELD " 1001; ", .findings = HELD " ",
                  .permissions = "bind " HELD "; " },
                { STUB, "vfio", 0, BOB, true, .leased = true, .errand = ERRAND_LEASE,
                  .steps = "withdraw-access " STUB " 1001; ", .findings = STUB " ",
                  .permissions = "bind " STUB "; " },
                { HELD, "vfio", 0, ALICE, true, .errand = ERRAND_LEASE, .steps = "", .findings = "",
                  .permissions = "bind " HELD "; " },
                { HELD2, "none", 0, ALICE, true, .steps = "withdraw-access " HELD2 " 1001; ", .findings = "",
                  .permissions = "bind " HELD2 "; " },
                { STUB " " HELD2, "none", 0, 0, true, .steps = "withdraw-access " STUB " 1001; ",
                  .findings = STUB " " HELD2 " ", .permissions = "bind " STUB "; bind " HELD2 "; " },
                { STUB, "none", 0, BOB, true, .steps = "", .findings = STUB " ",
                  .permissions = "bind " STUB "; " },
                /* not to be had */
                { NIC, "vfio", PLAN_ACCESS, BOB, .kind = FAILURE_NOT_VIABLE },
                { LONE, "vfio", PLAN_ACCESS, BOB, .kind = FAILURE_NOT_VIABLE },
                { FREE, "kvm", PLAN_ACCESS, BOB, .kind = FAILURE_INVALID_ARGUMENT },
                { FREE, "none", PLAN_ACCESS, BOB, .kind = FAILURE_INVALID_ARGUMENT },
                { HELD, "host", PLAN_ACCESS, BOB, .kind = FAILURE_INVALID_ARGUMENT },
                { STUB, "pci-stub", PLAN_ACCESS, BOB, .kind = FAILURE_INVALID_ARGUMENT },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                check(*state, &rows[i], i);
}

/* Whatever is done to a function in a group that somebody else may open. */
static void test_reset(void **state) {
        static const struct grantee alice = { true, ALICE };
        static const struct findings none;
        const struct memory memory = { .home = no_home, .grantee = holder, .grants = (void *) &alice };
        const struct request request = { .errand = ERRAND_RESET, .word = "", .uid = BOB };
        struct host *host = *state;
        _cleanup_failure_ struct failure failure = {};
        _cleanup_(plan_freep) struct plan *plan = NULL;
        struct function *f;

        tree_write(host->tree, "sys/bus/pci/devices/" HELD "/reset_method", "%s", "flr\n");
        host_update(host, HELD, MOVED_BY_KERNEL);
        f = host_function(host, HELD);
        assert_ok(plan_make(host->model, &f, 1, &request, "auto", &memory, &none, &plan, &failure));
        assert_int_equal(plan->findings.n, 1);
        assert_int_equal(plan->findings.array[0].kind, FINDING_ACCESS);
        assert_int_equal(plan->n_steps, 1);
}

#define ON_GROUPS(test) cmocka_unit_test_setup_teardown(test, setup, host_teardown)

UNIT_MAIN(ON_GROUPS(test_plans), ON_GROUPS(test_reset))
