/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Plans for random hosts and requests, against the reference. What is random follows from the seed that is
 * printed. */

#include "service/move/plan/plan.h"
#include "tests/unit/host.h"
#include "tests/unit/modules.h"
#include "tests/unit/reference.h"
#include "tests/unit/unit.h"

#define SEED 20240229
#define TOPOLOGIES 110
#define REQUESTS 110 /* for each */

static const char *const drivers[] = { "", "e1000e", "ahci", "pcieport", "vfio-pci", "pci-stub", "pciback" };
static const char *const overrides[] = { "", "", "none", "vfio-pci", "pci-stub", "mine", "e1000e" };
static const char *const homes[] = { "", "e1000e", "ahci", "igb" };
static const char *const words[] = { "",         "auto",     "vfio",    "kvm",           "xen",
                                     "vfio-pci", "pci-stub", "pciback", "made_vfio_pci", "none",
                                     "host",     "host",     "e1000e",  "igb",           "missing" };
static const char *const configured[] = { "auto", "auto", "auto", "vfio", "kvm", "xen" };

static uint64_t random_state;

/* Knuth's MMIX generator: the same everywhere. */
static unsigned number_below(unsigned n) {
        random_state = random_state * 6364136223846793005ULL + 1442695040888963407ULL;
        return (unsigned) (random_state >> 33) % n;
}

static bool one_in(unsigned n) {
        return number_below(n) == 0;
}

#define one_of(array) ((array)[number_below(ELEMENTSOF(array))])

/* The topology: what the tree shows. */
static void make_functions(struct world *world) {
        unsigned bus = 0, n = 1 + number_below(WORLD_FUNCTIONS - 1);
        bool iommu = !one_in(4);

        while (world->n_functions < n) {
                struct world_function *f = &world->functions[world->n_functions++];
                bool bridge = one_in(4);

                bus += 1 + number_below(3);
                snprintf(f->address, sizeof(f->address), "%04x:%02x:%02x.%x", one_in(9) ? 0x10000 + bus : 0,
                         bus, number_below(32), number_below(8));
                f->device = number_below(_DEVICE_KIND_MAX);
                f->bridge_header = bridge && !one_in(3);
                f->bridge_class = bridge && (!f->bridge_header || !one_in(3));
                f->group = iommu && !one_in(5) ? (int) number_below(4) : -1;
                f->n_virtual = one_in(4) ? number_below(3) : 0;
        }
}

static int compare_functions(const void *a, const void *b) {
        struct pci_address x = at(((const struct world_function *) a)->address),
                           y = at(((const struct world_function *) b)->address);

        return pci_address_compare(&x, &y);
}

static void make_topology(struct world *world) {
        *world = (struct world){
                .dom0 = one_in(4),
                .vfio = number_below(_MODULE_MAX),
                .kvm = number_below(_MODULE_MAX),
                .xen = number_below(_MODULE_MAX),
                .variant = one_in(2) ? MODULE_IS_REGISTERED : number_below(_MODULE_MAX),
                .igb_registered = one_in(2),
        };
        make_functions(world);
        qsort(world->functions, world->n_functions, sizeof(world->functions[0]), compare_functions);
}

static void add_functions(struct host *host, const struct world *world) {
        for (size_t i = 0; i < world->n_functions; i++) {
                const struct world_function *f = &world->functions[i];
                char group[16];
                struct fake_function fake = {
                        .address = f->address,
                        .vendor = 0x1234,
                        .device = (uint16_t) (0x5600 + f->device),
                        .class_code = f->bridge_class ? 0x060000 : 0x020000,
                        .bridge = f->bridge_header,
                        .group = f->group < 0 ? NULL : group,
                        .total_vfs = "2",
                        .vfs = f->n_virtual == 0   ? NULL
                               : f->n_virtual == 1 ? "7777:01:00.0"
                                                   : "7777:01:00.0 7777:01:00.1",
                };

                snprintf(group, sizeof(group), "%d", f->group);
                tree_add(host->tree, &fake);
        }
}

/* The tree, modprobe.d and the model follow the world. */
static void build(struct host *host, const struct world *world) {
        static const char *const lines[] = {
                [MODULE_IS_BLACKLISTED] = "blacklist", [MODULE_IS_BANNED] = "install"
        };
        const struct {
                const char *driver, *module;
                enum module state;
        } all[] = { { "vfio-pci", "vfio_pci", world->vfio },
                    { "pci-stub", "pci_stub", world->kvm },
                    { "pciback", "xen_pciback", world->xen },
                    { "made_vfio_pci", "made_vfio_pci", world->variant },
                    { "igb", "igb", world->igb_registered ? MODULE_IS_REGISTERED : MODULE_IS_LOADABLE } };
        char configuration[512] = "";

        for (size_t i = 0; i < ELEMENTSOF(all); i++) {
                (all[i].state == MODULE_IS_REGISTERED ? tree_driver : tree_no_driver)(host->tree,
                                                                                      all[i].driver);
                if (all[i].state == MODULE_IS_BLACKLISTED || all[i].state == MODULE_IS_BANNED)
                        sprintf(configuration + strlen(configuration), "%s %s /bin/false\n",
                                lines[all[i].state], all[i].module);
        }
        tree_write(host->tree, "etc/modprobe.d/local.conf", "%s", configuration);
        tree_write(host->tree, "sys/hypervisor/properties/features", "%08x\n",
                   world->dom0 ? 0x800u : 0x7ffu);

        add_functions(host, world);
        host_close(host);
        host_open(host);
        host_scan(host);
}

static void tear_down(struct host *host, const struct world *world) {
        for (size_t i = 0; i < world->n_functions; i++)
                tree_remove(host->tree, world->functions[i].address);
}

/* The state of the functions: in the model alone, as after uevents. */
static void make_state(struct host *host, struct world *world, uint64_t seqnum) {
        for (size_t i = 0; i < world->n_functions; i++) {
                struct world_function *f = &world->functions[i];
                struct function *function = host_function(host, f->address);

                f->driver = one_of(drivers);
                f->override = one_of(overrides);
                f->past = number_below(_PAST_MAX);
                f->home_driver = one_of(homes);
                f->home_override = one_of(overrides);
                f->home_console = one_in(3);
                assert_ok(model_note_driver(host->model, function, f->driver, seqnum));
                assert_ok(model_set_override(host->model, function, f->override));
                assert_string_equal(function->driver, f->driver);
        }
        host->witness = (struct witness){};
}

static void make_findings(struct world *world) {
        static const struct world_finding kinds[] = {
                { "mounted", "/mnt", "force" },         { "mounted", "/", "refuse" },
                { "swap", "/dev/sda3", "refuse" },      { "mounted", "/home", "force" },
                { "swap", "/swapfile", "refuse" },      { "display", "console", "force" },
                { "display", "boot display", "force" }, { "framebuffer", "efifb", "warn" },
                { "network", "eth0", "force" },
        };

        /* Each kind and subject once: what is said twice is another test's business. */
        world->n_findings = 0;
        for (size_t i = 0; i < ELEMENTSOF(kinds); i++)
                if (one_in(2)) {
                        world->findings[world->n_findings] = kinds[i];
                        world->findings[world->n_findings++].function =
                                        number_below((unsigned) world->n_functions);
                }
}

static void make_request(struct world *world) {
        bool careless = one_in(10);

        world->word = one_of(words);
        world->configured = one_of(configured);
        world->widen = one_in(2);
        world->force = one_in(3);
        world->n_named = 0;
        for (size_t i = 0; i < world->n_functions; i++) {
                size_t place = number_below((unsigned) world->n_functions);
                bool known = false;

                for (size_t j = 0; j < world->n_named; j++)
                        known |= streq(world->named[j], world->functions[place].address);
                if (one_in(3) && (!known || careless))
                        world->named[world->n_named++] = world->functions[place].address;
        }
        if (careless && world->n_named > 0 && one_in(2))
                world->named[number_below((unsigned) world->n_named)] = "7777:00:00.0";
}

/* The service's answer, in the reference's words. */
static const struct home *home_of(const struct function *f, void *userdata) {
        static struct home home;
        const struct world *world = userdata;

        for (size_t i = 0; i < world->n_functions; i++) {
                const struct world_function *w = &world->functions[i];

                if (!streq(w->address, PCI_ADDRESS_TEXT(&f->address)) || w->past == NEVER_MOVED)
                        continue;
                home = (struct home){ .unknown = w->past == ON_PASSTHROUGH };
                if (w->past == RECORDED) {
                        strcpy(home.driver, w->home_driver);
                        strcpy(home.override, w->home_override);
                        home.console = w->home_console;
                }
                return &home;
        }
        return NULL;
}

static enum finding_kind kind_of(const char *name) {
        enum finding_kind kind = 0;

        while (!streq(finding_kind_name(kind), name))
                kind++;
        return kind;
}

static enum severity severity_of(const char *name) {
        enum severity severity = 0;

        while (!streq(severity_name(severity), name))
                severity++;
        return severity;
}

static int take_findings(const struct world *world, struct findings *findings) {
        for (size_t i = 0; i < world->n_findings; i++) {
                const struct world_finding *f = &world->findings[i];
                struct pci_address address = at(world->functions[f->function].address);

                assert_ok(findings_add(findings, kind_of(f->kind), severity_of(f->severity), &address,
                                       f->subject, "x"));
        }
        return 0;
}

static void describe(const struct plan *plan, char text[static WORLD_TEXT]) {
        char *p = text;

        for (size_t i = 0; i < plan->n_permissions; i++) {
                const struct movement *m = plan_permission_subject(plan, &plan->permissions[i]);

                p += sprintf(p, "%s %s from %s/%s\n", plan->permissions[i].action,
                             PCI_ADDRESS_TEXT(&m->address), m->old_driver, m->old_override);
        }
        for (size_t i = 0; i < plan->n_steps; i++)
                p += sprintf(p, "%s %s %s\n", step_kind_name(plan->steps[i].kind),
                             PCI_ADDRESS_TEXT(&plan->movements[plan->steps[i].movement].address),
                             plan->steps[i].argument);
        for (size_t i = 0; i < plan->findings.n; i++) {
                const struct finding *f = &plan->findings.array[i];
                bool about_class = f->kind == FINDING_BRIDGE || f->kind == FINDING_IOMMU;

                p += sprintf(p, "finding %s %s %s%s%s\n", finding_kind_name(f->kind),
                             PCI_ADDRESS_TEXT(&f->address), about_class ? "" : f->subject,
                             about_class ? "" : " ", severity_name(f->severity));
        }
}

static void service_plan(struct host *host, const struct world *world, char text[static WORLD_TEXT]) {
        static const char *const failures[_FAILURE_KIND_MAX] = {
                [FAILURE_INVALID_ARGUMENT] = "argument", [FAILURE_NO_SUCH_DEVICE] = "device",
                [FAILURE_NO_SUCH_DRIVER] = "driver",     [FAILURE_BACKEND_UNAVAILABLE] = "backend",
                [FAILURE_MODULE_UNAVAILABLE] = "module",
        };
        _cleanup_findings_ struct findings findings = {};
        _cleanup_failure_ struct failure failure = {};
        _cleanup_(plan_freep) struct plan *plan = NULL;
        _cleanup_free_ struct function **functions = NULL;
        struct pci_address addresses[WORLD_FUNCTIONS];
        const struct request request = {
                .addresses = addresses,
                .n_addresses = world->n_named,
                .word = world->word,
                .flags = (world->widen ? PLAN_GROUP : 0u) | (world->force ? PLAN_FORCE : 0u),
        };
        const struct memory memory = { .home = home_of, .homes = (void *) world };
        size_t n = 0;
        int r;

        text[0] = '\0';
        for (size_t i = 0; i < world->n_named; i++)
                addresses[i] = at(world->named[i]);
        take_findings(world, &findings);

        r = plan_functions(host->model, &request, &functions, &n, &failure);
        if (r >= 0)
                r = plan_make(host->model, functions, n, &request, world->configured, &memory, &findings,
                              &plan, &failure);
        if (r < 0)
                sprintf(text, "failure %s\n", strempty(failures[failure.kind]));
        else
                describe(plan, text);
}

static void test_against_reference(void **state) {
        static char ours[WORLD_TEXT], theirs[WORLD_TEXT];
        unsigned failures = 0, empty = 0;
        struct host host = {};
        struct world world;

        printf("# seed %d, %d plans\n", SEED, TOPOLOGIES * REQUESTS);
        random_state = SEED;
        host_init(&host, NULL, 0);
        modules_make(host.tree, "here loadable alias=pci:v00001234d00005601sv*sd*bc*sc*i*\n"
                                "there loadable alias=pci:v00001234d00005602sv*sd*bc*sc*i*\n"
                                "here_too loadable alias=pci:v00001234d00005603sv*sd*bc*sc*i*\n"
                                "made_vfio_pci loadable alias=vfio_pci:v00001234d00005603sv*sd*bc*sc*i*\n"
                                "vfio_pci loadable\npci_stub loadable\nxen_pciback loadable\n");
        modules_loaded("here here_too");
        for (size_t i = 0; i < ELEMENTSOF(drivers); i++)
                if (*drivers[i])
                        tree_driver(host.tree, drivers[i]);

        for (unsigned topology = 0; topology < TOPOLOGIES; topology++) {
                make_topology(&world);
                build(&host, &world);
                for (unsigned i = 0; i < REQUESTS; i++) {
                        make_state(&host, &world, i + 1);
                        make_findings(&world);
                        make_request(&world);
                        reference_plan(&world, ours);
                        service_plan(&host, &world, theirs);
                        if (!streq(ours, theirs))
                                fail_msg("seed %d, topology %u, request %u, target \"%s\" "
                                         "(%s):\nexpected\n%sbut the plan is\n%s",
                                         SEED, topology, i, world.word, world.configured, ours, theirs);
                        failures += startswith(theirs, "failure") != NULL;
                        empty += isempty(theirs);
                }
                tear_down(&host, &world);
        }

        /* The comparison is worth something only if there is enough to compare. */
        printf("# %u failures, %u empty plans\n", failures, empty);
        assert_in_range(failures, 1, TOPOLOGIES * REQUESTS / 2);
        assert_in_range(empty, 1, TOPOLOGIES * REQUESTS / 2);
        host_clear(&host);
}

UNIT_MAIN(cmocka_unit_test(test_against_reference))
