/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What each word for a target comes to, for functions in each state and with each past. */

#include "service/move/plan/target.h"
#include "tests/unit/host.h"
#include "tests/unit/modules.h"
#include "tests/unit/unit.h"

#define NIC "0000:01:00.0" /* e1000e, whose module can be loaded */
#define MLX "0000:02:00.0" /* mlx5_core, whose module is loaded; it has a variant of VFIO */
#define ODD "0000:03:00.0" /* no module knows it */
#define MODALIAS_OF_NIC "pci:v00008086d000010D3sv00000000sd00000000bc02sc00i00"

#define NO_DRIVER "no such driver"
#define NO_BACKEND "backend unavailable"
#define NO_MODULE "module unavailable"

static const char *const failures[_FAILURE_KIND_MAX] = {
        [FAILURE_NO_SUCH_DRIVER] = NO_DRIVER,
        [FAILURE_BACKEND_UNAVAILABLE] = NO_BACKEND,
        [FAILURE_MODULE_UNAVAILABLE] = NO_MODULE,
};

static const struct fake_function functions[] = {
        { .address = NIC, .vendor = 0x8086, .device = 0x10d3, .class_code = 0x020000, .group = "1" },
        { .address = MLX, .vendor = 0x15b3, .device = 0x1017, .class_code = 0x020000, .group = "2" },
        { .address = ODD, .vendor = 0x1234, .device = 0x5678, .class_code = 0xff0000, .group = "3" },
};

static int setup(void **state) {
        struct host *host = calloc(1, sizeof(*host));

        host_init(host, functions, ELEMENTSOF(functions));
        modules_make(host->tree, "e1000e loadable alias=pci:v00008086d000010D3sv*sd*bc*sc*i*\n"
                                 "mlx5_core loadable alias=pci:v000015B3d00001017sv*sd*bc*sc*i*\n"
                                 "mlx5_vfio_pci loadable alias=vfio_pci:v000015B3d00001017sv*sd*bc*sc*i*\n"
                                 "vfio_pci loadable\npci_stub loadable\nxen_pciback loadable\n");
        modules_loaded("mlx5_core");
        tree_directory(host->tree, "etc/modprobe.d");
        tree_driver(host->tree, "vfio-pci");
        tree_driver(host->tree, "mlx5_core");
        tree_driver(host->tree, "other");
        host_open(host);
        host_scan(host);
        *state = host;
        return 0;
}

/* "BACKEND driver/override load=… pick=…"; in place of the backend "host" where the target is home, "own"
 * where it is a host driver. */
static void describe(const struct target *t, char buffer[static 512]) {
        int n = snprintf(buffer, 512, "%s %s/%s",
                         t->backend                  ? t->backend->name
                         : t->home                   ? "host"
                         : t->bind_with_own_override ? "own"
                                                     : "-",
                         t->driver, t->override);

        if (*t->load)
                n += snprintf(buffer + n, 512 - (size_t) n, " load=%s", t->load);
        if (t->pick)
                snprintf(buffer + n, 512 - (size_t) n, " pick=%s", t->modules);
}

static void resolve(struct host *host, const char *address, const char *word, const char *configured,
                    const struct home *home, char buffer[static 512]) {
        _cleanup_failure_ struct failure failure = {};
        struct target target = {};
        int r = target_resolve(host->model, host_function(host, address), word, configured, home, &target,
                               &failure);

        if (r < 0) {
                snprintf(buffer, 512, "%s", strempty(failures[failure.kind]));
                assert_int_equal(r, -failure_errno(failure.kind));
                assert_row(strstr(failure.message, address), "%s", failure.message);
        } else
                describe(&target, buffer);
}

struct row {
        const char *address, *driver, *override; /* now */
        const char *word, *configured;
        const struct home *home;
        const char *expected;
};

static void check(struct host *host, const struct row *rows, size_t n) {
        for (size_t i = 0; i < n; i++) {
                char text[512];

                host_move(host, rows[i].address, rows[i].driver, rows[i].override);
                resolve(host, rows[i].address, rows[i].word, rows[i].configured ?: "auto", rows[i].home,
                        text);
                assert_row(streq(text, rows[i].expected), "row %zu (%s to \"%s\"): %s", i, rows[i].address,
                           rows[i].word, text);
        }
}

/* Where a function comes from does not matter on the way to a guest. */
static void test_passthrough(void **state) {
        static const struct home home = { "e1000e", "mine", false }, unknown = { .unknown = true };
        static const struct {
                const char *driver, *override;
        } states[] = {
                { "e1000e", "" },           { NULL, "" },        { NULL, "none" },
                { "vfio-pci", "vfio-pci" }, { "other", "mine" }, { "vfio-pci", "" },
        };
        static const struct home *const homes[] = { NULL, &home, &unknown };
        static const struct {
                const char *address, *word, *configured, *expected;
        } words[] = {
                { NIC, "", "auto", "vfio vfio-pci/vfio-pci" },
                { NIC, "auto", "auto", "vfio vfio-pci/vfio-pci" },
                { NIC, "", "vfio", "vfio vfio-pci/vfio-pci" },
                { NIC, "", "kvm", "kvm pci-stub/pci-stub load=pci_stub" },
                { NIC, "auto", "kvm", "kvm pci-stub/pci-stub load=pci_stub" },
                { NIC, "", "xen", NO_BACKEND },
                { NIC, "vfio", "kvm", "vfio vfio-pci/vfio-pci" },
                { NIC, "kvm", "xen", "kvm pci-stub/pci-stub load=pci_stub" },
                { NIC, "xen", "auto", NO_BACKEND },
                { NIC, "vfio-pci", "auto", "vfio vfio-pci/vfio-pci" },
                { NIC, "pci-stub", "auto", "kvm pci-stub/pci-stub load=pci_stub" },
                { NIC, "pciback", "auto", NO_BACKEND },
                { NIC, "none", "auto", "- /none" },
                { MLX, "vfio", "auto", "vfio mlx5_vfio_pci/mlx5_vfio_pci load=mlx5_vfio_pci" },
                { MLX, "", "auto", "vfio mlx5_vfio_pci/mlx5_vfio_pci load=mlx5_vfio_pci" },
                { MLX, "vfio-pci", "auto", "vfio vfio-pci/vfio-pci" },
                { MLX, "mlx5_vfio_pci", "auto", "vfio mlx5_vfio_pci/mlx5_vfio_pci load=mlx5_vfio_pci" },
        };
        struct host *host = *state;

        for (size_t i = 0; i < ELEMENTSOF(words); i++)
                for (size_t j = 0; j < ELEMENTSOF(states); j++)
                        for (size_t k = 0; k < ELEMENTSOF(homes); k++) {
                                const struct row row = { words[i].address,    states[j].driver,
                                                         states[j].override,  words[i].word,
                                                         words[i].configured, homes[k],
                                                         words[i].expected };

                                check(host, &row, 1);
                        }
}

static void test_variant_is_loaded(void **state) {
        static const struct row rows[] = {
                { MLX, NULL, "", "vfio", NULL, NULL, "vfio mlx5-vfio-pci/mlx5-vfio-pci" },
                { MLX, NULL, "", "mlx5-vfio-pci", NULL, NULL, "vfio mlx5-vfio-pci/mlx5-vfio-pci" },
                { NIC, NULL, "", "vfio", NULL, NULL, "vfio vfio-pci/vfio-pci" },
        };
        struct host *host = *state;

        /* A module's driver may have another name. */
        tree_link(host->tree, "sys/module/mlx5_vfio_pci/drivers/pci:mlx5-vfio-pci",
                  "../../../bus/pci/drivers/mlx5-vfio-pci");
        tree_driver(host->tree, "mlx5-vfio-pci");
        check(host, rows, ELEMENTSOF(rows));
}

static void test_home(void **state) {
        static const struct home nic = { "e1000e", "", false }, mine = { "e1000e", "mine", false },
                                 nothing = {}, none_mine = { "", "mine", false },
                                 unknown = { .unknown = true }, other = { "other", "", false };
        static const struct row rows[] = {
                /* as recorded */
                { NIC, "vfio-pci", "vfio-pci", "host", NULL, &other, "host other/" },
                { NIC, "vfio-pci", "vfio-pci", "host", NULL, &nic, "host e1000e/ load=" MODALIAS_OF_NIC },
                { NIC, "vfio-pci", "vfio-pci", "host", NULL, &mine,
                  "host e1000e/mine load=" MODALIAS_OF_NIC },
                { NIC, "vfio-pci", "vfio-pci", "host", NULL, &nothing, "host /" },
                { NIC, NULL, "none", "host", NULL, &none_mine, "host /mine" },
                /* nobody knows */
                { NIC, "vfio-pci", "vfio-pci", "host", NULL, &unknown,
                  "host / load=" MODALIAS_OF_NIC " pick=e1000e" },
                { MLX, "vfio-pci", "vfio-pci", "host", NULL, &unknown, "host / pick=mlx5_core" },
                { MLX, "vfio-pci", "vfio-pci", "host", NULL, NULL, "host / pick=mlx5_core" },
                { MLX, "pci-stub", "pci-stub", "host", NULL, NULL, "host / pick=mlx5_core" },
                { MLX, NULL, "none", "host", NULL, NULL, "host / pick=mlx5_core" },
                { MLX, NULL, "", "host", NULL, NULL, "host / pick=mlx5_core" },
                { MLX, NULL, "mine", "host", NULL, NULL, "host /mine pick=mlx5_core" },
                { ODD, "vfio-pci", "vfio-pci", "host", NULL, NULL, "host /" },
                { ODD, NULL, "none", "host", NULL, NULL, "host /" },
                { ODD, "vfio-pci", "vfio-pci", "host", NULL, &unknown, "host /" },
                /* it is there: whatever it is */
                { MLX, "mlx5_core", "", "host", NULL, NULL, "host mlx5_core/" },
                { MLX, "other", "other", "host", NULL, NULL, "host other/other" },
                { MLX, "other", "", "host", NULL, &unknown, "host other/" },
        };
        static const struct row registered[] = {
                { NIC, "e1000e", "none", "host", NULL, &nic, "host e1000e/" },
                { NIC, "other", "", "host", NULL, &nic, "host e1000e/" },
                { NIC, "vfio-pci", "vfio-pci", "host", NULL, &nic, "host e1000e/" },
        };
        struct host *host = *state;

        check(host, rows, ELEMENTSOF(rows));
        check(host, registered, ELEMENTSOF(registered));
}

static void test_host_drivers(void **state) {
        static const struct home mine = { "other", "mine", false };
        static const struct row rows[] = {
                { NIC, "vfio-pci", "vfio-pci", "other", NULL, NULL, "own other/" },
                { NIC, "vfio-pci", "vfio-pci", "other", NULL, &mine, "own other/mine" },
                { NIC, NULL, "mine", "other", NULL, NULL, "own other/mine" },
                { NIC, NULL, "none", "other", NULL, NULL, "own other/" },
                /* registered once the device's own module is loaded, perhaps */
                { NIC, "vfio-pci", "vfio-pci", "e1000e", NULL, NULL, "own e1000e/ load=" MODALIAS_OF_NIC },
                { NIC, "vfio-pci", "vfio-pci", "missing", NULL, NULL, "own missing/ load=" MODALIAS_OF_NIC },
                /* there is nothing to load, and a driver's name is never a module's */
                { MLX, "vfio-pci", "vfio-pci", "missing", NULL, NULL, NO_DRIVER },
                { ODD, "vfio-pci", "vfio-pci", "e1000e", NULL, NULL, NO_DRIVER },
                { MLX, NULL, "", "VFIO", NULL, NULL, NO_DRIVER },
                { MLX, NULL, "", "Host", NULL, NULL, NO_DRIVER },
                { MLX, NULL, "", "vfio_pci", NULL, NULL, NO_DRIVER },
                { MLX, NULL, "", " ", NULL, NULL, NO_DRIVER },
                { MLX, NULL, "", "\xff\n", NULL, NULL, NO_DRIVER },
                /* what no driver can be called */
                { NIC, NULL, "", "../e1000e", NULL, NULL, NO_DRIVER },
                { NIC, NULL, "", "other/", NULL, NULL, NO_DRIVER },
                { NIC, NULL, "", "/", NULL, NULL, NO_DRIVER },
                { NIC, NULL, "", ".", NULL, NULL, NO_DRIVER },
                { NIC, NULL, "", "..", NULL, NULL, NO_DRIVER },
        };
        struct host *host = *state;
        _cleanup_free_ char *huge = calloc(1, 100001);
        struct row long_name = { NIC, NULL, "", huge, NULL, NULL, NO_DRIVER };

        check(host, rows, ELEMENTSOF(rows));
        memset(huge, 'x', 100000);
        check(host, &long_name, 1);
        huge[256] = '\0';
        check(host, &long_name, 1);
        huge[255] = '\0';
        long_name.address = MLX;
        check(host, &long_name, 1);
}

static void test_bans(void **state) {
        static const struct row rows[] = {
                { NIC, NULL, "", "kvm", NULL, NULL, NO_MODULE },
                { NIC, NULL, "", "pci-stub", NULL, NULL, NO_MODULE },
                { NIC, NULL, "", "vfio", NULL, NULL,
                  "vfio vfio-pci/vfio-pci" }, /* it is registered, so nothing is loaded */
                { NIC, NULL, "", "other", NULL, NULL, "own other/" },
                /* the only module of its own is kept out */
                { NIC, NULL, "", "missing", NULL, NULL, NO_DRIVER },
                { NIC, NULL, "", "host", NULL, NULL, "host / pick=e1000e" },
        };
        struct host *host = *state;

        tree_write(host->tree, "etc/modprobe.d/local.conf",
                   "install pci_stub /bin/false\ninstall vfio_pci /bin/false\nblacklist e1000e\n");
        aliases_refresh(host->aliases);
        check(host, rows, ELEMENTSOF(rows));
}

/* No other driver stands in for a variant that is kept out; by its own name, vfio-pci serves. */
static void test_variant_is_kept_out(void **state) {
        static const struct row rows[] = {
                { MLX, NULL, "", "vfio", NULL, NULL, NO_BACKEND },
                { MLX, NULL, "", "auto", NULL, NULL, NO_BACKEND },
                { MLX, NULL, "", "mlx5_vfio_pci", NULL, NULL, NO_BACKEND },
                { MLX, NULL, "", "vfio-pci", NULL, NULL, "vfio vfio-pci/vfio-pci" },
                { NIC, NULL, "", "vfio", NULL, NULL, "vfio vfio-pci/vfio-pci" },
        };
        struct host *host = *state;

        tree_write(host->tree, "etc/modprobe.d/local.conf", "blacklist mlx5_vfio_pci\n");
        aliases_refresh(host->aliases);
        check(host, rows, ELEMENTSOF(rows));
}

static void test_reached(void **state) {
        static const struct {
                const char *address, *driver, *override, *word;
                bool reached;
        } rows[] = {
                { NIC, "vfio-pci", "vfio-pci", "vfio", true },
                { NIC, "vfio-pci", "", "vfio", true },
                { NIC, "vfio-pci", "other", "vfio-pci", true },
                { NIC, "other", "vfio-pci", "vfio", false },
                { NIC, NULL, "vfio-pci", "vfio", false },
                { NIC, "pci-stub", "pci-stub", "vfio", false },
                { NIC, "pci-stub", "pci-stub", "kvm", true },
                { MLX, "vfio-pci", "vfio-pci", "vfio", false },
                { MLX, "vfio-pci", "vfio-pci", "vfio-pci", true },
                { NIC, NULL, "none", "none", true },
                { NIC, NULL, "", "none", false },
                { NIC, "other", "none", "none", false },
                { NIC, "other", "", "other", true },
                { NIC, "other", "vfio-pci", "other", false },
                { NIC, "other", "mine", "other", true },
                { MLX, "mlx5_core", "", "host", true },
                { MLX, "other", "mine", "host", true },
                { MLX, NULL, "", "host", false },
                { MLX, "pci-stub", "", "host", false },
                { ODD, NULL, "", "host", true },
                { ODD, NULL, "none", "host", false },
                { ODD, "vfio-pci", "vfio-pci", "host", false },
        };
        struct host *host = *state;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                const struct function *f = host_function(host, rows[i].address);
                struct target target;

                host_move(host, rows[i].address, rows[i].driver, rows[i].override);
                assert_ok(target_resolve(host->model, f, rows[i].word, "auto", NULL, &target, NULL));
                assert_row(target_is_reached(&target, f) == rows[i].reached, "row %zu (%s to %s)", i,
                           rows[i].address, rows[i].word);
        }
}

#define ON_HOST(test) cmocka_unit_test_setup_teardown(test, setup, host_teardown)

UNIT_MAIN(ON_HOST(test_passthrough), ON_HOST(test_variant_is_loaded), ON_HOST(test_home),
          ON_HOST(test_host_drivers), ON_HOST(test_bans), ON_HOST(test_variant_is_kept_out),
          ON_HOST(test_reached))
