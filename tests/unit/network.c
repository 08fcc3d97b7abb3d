/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Which interfaces are used. Addresses and routes are real, in a network namespace of the test's own, whose loopback
 * plays the part of a card. */

#include <fcntl.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>

#include "tests/unit/devices.h"
#include "tests/unit/unit.h"

#define NIC "0000:01:00.0"
#define VIRTIO "0000:02:00.0"
#define ETH "devices/pci0000:01/" NIC "/net/eth0"
#define RENAMED "devices/pci0000:01/" NIC "/net/enp1s0"
#define UP "0x1003"
#define DOWN "0x1002"

static const struct fake_function functions[] = {
        { .address = NIC, .class_code = 0x020000, .driver = "e1000e" },
        { .address = VIRTIO, .class_code = 0x020000, .driver = "virtio-pci" },
};

static void run(const char *command) {
        assert_int_equal(system(command), 0);
}

static int setup(void **state) {
        struct setting *setting = setting_new(functions, ELEMENTSOF(functions));

        if (unshare(CLONE_NEWNET) < 0)
                return -errno;
        tree_directory(setting->tree, "proc");
        tree_device(setting->tree, ETH, "net", NULL);
        tree_attribute(setting->tree, ETH, "ifindex", "1");
        tree_attribute(setting->tree, ETH, "flags", UP);
        *state = setting;
        return 0;
}

static int teardown(void **state) {
        *state = setting_free(*state);
        return 0;
}

#define USED "network " NIC " eth0 force,"

static void test_address(void **state) {
        struct setting *setting = *state;

        expect_findings(setting, "");
        run("ip address add 192.0.2.1/32 dev lo");
        expect_findings(setting, USED);

        /* Nothing goes through an interface that is down. */
        tree_attribute(setting->tree, ETH, "flags", DOWN);
        expect_findings(setting, "");

        /* Of the other family. */
        tree_attribute(setting->tree, ETH, "flags", UP);
        run("ip address flush dev lo");
        expect_findings(setting, "");
        run("ip address add 2001:db8::1/128 dev lo");
        expect_findings(setting, USED);

        /* Somebody else's address. */
        tree_attribute(setting->tree, ETH, "ifindex", "4711");
        expect_findings(setting, "");

        tree_attribute(setting->tree, ETH, "ifindex", "1");
        run("ip address flush dev lo");
        expect_findings(setting, "");
}

/* The loopback gets an address as soon as it is up; a route without one needs another kind of interface. */
static void add_bridge(struct setting *setting) {
        char index[16];

        run("ip link add card type bridge && ip link set card addrgenmode none && ip link set card up");
        snprintf(index, sizeof(index), "%u", if_nametoindex("card"));
        tree_attribute(setting->tree, ETH, "ifindex", index);
}

static void test_route(void **state) {
        static const char *const routes[] = {
                "192.0.2.0/24 dev card",
                "default dev card table 1234",
                "-6 2001:db8::/64 dev card",
                "-6 default dev card table 1234",
                "192.0.2.0/24 nexthop dev other nexthop dev card",
                "-6 2001:db8::/64 nexthop via fe80::1 dev other nexthop via fe80::2 dev card",
                "192.0.2.0/24 nhid 2",
        };
        struct setting *setting = *state;
        char command[128];

        run("ip link add other type bridge && ip link set other addrgenmode none && ip link set other up");
        add_bridge(setting);
        run("ip nexthop add id 2 dev card && ip route add 198.51.100.0/24 dev other");

        /* What the kernel adds for multicast does not count. */
        expect_findings(setting, "");
        for (size_t i = 0; i < ELEMENTSOF(routes); i++) {
                const char *family = startswith(routes[i], "-6 ");

                snprintf(command, sizeof(command), "ip %s route add %s", family ? "-6" : "", family ?: routes[i]);
                run(command);
                expect_findings(setting, USED);
                snprintf(command, sizeof(command), "ip %s route del %s", family ? "-6" : "", family ?: routes[i]);
                run(command);
                expect_findings(setting, "");
        }
}

static void test_above(void **state) {
        static const char *const links[] = { ETH "/upper_br0", ETH "/upper_eth0.5" };
        struct setting *setting = *state;

        for (size_t i = 0; i < ELEMENTSOF(links); i++) {
                _cleanup_free_ char *link = NULL;

                assert_true(asprintf(&link, "sys/%s", links[i]) > 0);
                tree_sys_link(setting->tree, links[i], "devices/virtual/net/x");
                expect_findings(setting, USED);
                tree_unlink(setting->tree, link);
                expect_findings(setting, "");
        }

        /* What it stands on itself is no use of it. */
        tree_sys_link(setting->tree, ETH "/lower_x", "devices/virtual/net/x");
        expect_findings(setting, "");
}

static void test_below_virtio(void **state) {
        struct setting *setting = *state;
        static const char interface[] = "devices/pci0000:02/" VIRTIO "/virtio0/net/ens2";

        tree_device(setting->tree, "devices/pci0000:02/" VIRTIO "/virtio0", "virtio", NULL);
        tree_device(setting->tree, interface, "net", NULL);
        tree_attribute(setting->tree, interface, "ifindex", "1");
        tree_attribute(setting->tree, interface, "flags", UP);
        tree_attribute(setting->tree, ETH, "flags", DOWN);
        run("ip address add 192.0.2.1/32 dev lo");
        expect_findings(setting, "network " VIRTIO " ens2 force,");
}

/* It is not shown, but the directory that it stood in is. */
static void test_elsewhere(void **state) {
        struct setting *setting = *state;

        tree_device(setting->tree, "devices/pci0000:02/" VIRTIO "/virtio0", "virtio", NULL);
        expect_findings(setting, "");
        tree_directory(setting->tree, "sys/devices/pci0000:02/" VIRTIO "/virtio0/net");
        expect_findings(setting, "network " VIRTIO "  force,");
        tree_sys_link(setting->tree, "devices/pci0000:02/" VIRTIO "/subsystem", "bus/pci");
        tree_directory(setting->tree, "sys/devices/pci0000:02/" VIRTIO "/net");
        tree_device(setting->tree, "devices/pci0000:02/" VIRTIO "/virtio0/net/ens2", "net", NULL);
        tree_attribute(setting->tree, "devices/pci0000:02/" VIRTIO "/virtio0/net/ens2", "ifindex", "4711");
        tree_attribute(setting->tree, "devices/pci0000:02/" VIRTIO "/virtio0/net/ens2", "flags", DOWN);
        expect_findings(setting, "network " VIRTIO "  force,");
}

/* While the interface's flags are read, it gets its name. Returns NULL if it has. */
static void *rename_it(void *userdata) {
        struct tree *tree = userdata;
        _cleanup_free_ char *old = tree_name(tree, "sys/" ETH), *new = tree_name(tree, "sys/" RENAMED);
        _cleanup_free_ char *flags = tree_name(tree, "sys/" ETH "/flags");
        _cleanup_close_ int pipe = open(flags, O_WRONLY | O_CLOEXEC);

        tree_attribute(tree, ETH, "flags", UP);
        return pipe >= 0 && rename(old, new) == 0 && write(pipe, UP, strlen(UP)) > 0 ? NULL : userdata;
}

static void test_renamed(void **state) {
        struct setting *setting = *state;
        void *trouble = NULL;
        pthread_t thread;

        run("ip address add 192.0.2.1/32 dev lo");
        tree_pipe(setting->tree, "sys/" ETH "/flags");
        assert_int_equal(pthread_create(&thread, NULL, rename_it, setting->tree), 0);
        expect_findings(setting, "network " NIC " enp1s0 force,");
        assert_int_equal(pthread_join(thread, &trouble), 0);
        assert_null(trouble);
}

/* Nobody may conclude that it is idle. */
static void test_never_readable(void **state) {
        struct setting *setting = *state;

        tree_unlink(setting->tree, "sys/" ETH "/flags");
        assert_int_equal(look_fails(setting), -ESTALE);
}

#define ON_HOST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

UNIT_MAIN(ON_HOST(test_address), ON_HOST(test_route), ON_HOST(test_above), ON_HOST(test_below_virtio),
          ON_HOST(test_elsewhere), ON_HOST(test_renamed), ON_HOST(test_never_readable))
