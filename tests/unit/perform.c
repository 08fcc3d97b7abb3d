/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The worker's steps on a tree, whose files take every write and change nothing: what is only written is not
 * done. */

#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "service/host/function.h"
#include "service/move/steps/perform.h"
#include "tests/unit/tree.h"
#include "tests/unit/unit.h"

#define NIC "0000:01:00.0"
#define DEVICE "sys/bus/pci/devices/" NIC "/"

struct desk {
        struct tree *tree;
        struct performer *performer;
        int pair[2];
        struct report report;
};

static const struct fake_function nic = {
        .address = NIC, .class_code = 0x020000, .override = "(null)", .group = "14"
};

static int setup(void **state) {
        struct desk *desk = calloc(1, sizeof(*desk));

        desk->tree = tree_new();
        tree_add(desk->tree, &nic);
        tree_driver(desk->tree, "e1000e");
        tree_driver(desk->tree, "vfio-pci");
        tree_write(desk->tree, "sys/bus/pci/drivers/e1000e/bind", "%s", "");
        tree_write(desk->tree, "sys/bus/pci/drivers/e1000e/unbind", "%s", "");
        tree_write(desk->tree, "sys/bus/pci/drivers/vfio-pci/bind", "%s", "");
        tree_write(desk->tree, "sys/bus/pci/drivers_probe", "%s", "");
        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, desk->pair), 0);
        desk->performer = performer_new(desk->tree->root, desk->pair[0]);
        *state = desk;
        return 0;
}

static int teardown(void **state) {
        struct desk *desk = *state;

        performer_free(desk->performer);
        close(desk->pair[0]);
        close(desk->pair[1]);
        tree_free(desk->tree);
        free(desk);
        return 0;
}

static ino_t identity_of(struct desk *desk) {
        _cleanup_free_ char *name = tree_name(desk->tree, DEVICE ".");
        struct stat st;

        assert_int_equal(stat(name, &st), 0);
        return st.st_ino;
}

static int perform_step(struct desk *desk, enum step_kind kind, const char *argument) {
        struct order order = {
                .kind = kind, .address = at(NIC), .identity = identity_of(desk), .limit_msec = 1000
        };

        strcpy(order.argument, argument);
        perform(desk->performer, &order, &desk->report);
        return desk->report.error;
}

static void assert_file(struct desk *desk, const char *path, const char *content) {
        _cleanup_free_ char *text = tree_read(desk->tree, path);

        assert_string_equal(text, content);
}

static void test_identity(void **state) {
        static const enum step_kind kinds[] = { STEP_OVERRIDE,  STEP_UNBIND, STEP_PROBE, STEP_BIND,
                                                STEP_WAIT_NODE, STEP_LOOK,   STEP_READ };
        struct desk *desk = *state;
        struct order order = { .address = at(NIC), .identity = identity_of(desk) + 1, .argument = "e1000e" };

        tree_set_driver(desk->tree, NIC, "e1000e");
        for (size_t i = 0; i < ELEMENTSOF(kinds); i++) {
                order.kind = kinds[i];
                perform(desk->performer, &order, &desk->report);
                assert_row(desk->report.error == -ESTALE && !desk->report.has_state, "%s",
                           step_kind_name(kinds[i]));
        }

        tree_remove(desk->tree, NIC);
        for (size_t i = 0; i < ELEMENTSOF(kinds); i++) {
                order.kind = kinds[i];
                perform(desk->performer, &order, &desk->report);
                assert_row(desk->report.error == -ENODEV && !desk->report.has_state, "%s",
                           step_kind_name(kinds[i]));
        }
        assert_file(desk, "sys/bus/pci/drivers_probe", "");
        assert_file(desk, "sys/bus/pci/drivers/e1000e/bind", "");
}

/* An order that was on its way when the service ended. */
static void test_nobody_wants_it(void **state) {
        struct desk *desk = *state;

        tree_set_driver(desk->tree, NIC, "e1000e");
        assert_int_equal(shutdown(desk->pair[1], SHUT_RDWR), 0);
        for (enum step_kind kind = 0; kind < _STEP_KIND_MAX; kind++)
                assert_row(perform_step(desk, kind, "e1000e") == -ECANCELED && !desk->report.has_state, "%s",
                           step_kind_name(kind));
        assert_file(desk, DEVICE "driver_override", "(null)\n");
        assert_file(desk, "sys/bus/pci/drivers/e1000e/unbind", "");
}

/* A write that waits until somebody has read what is in the way. */
struct slow_write {
        struct desk *desk;
        void (*meanwhile)(struct desk *desk);
        int pipe, opened;
};

static void *come_between(void *userdata) {
        struct slow_write *write = userdata;
        char text[PIPE_BUF];

        assert_true(read(write->opened, text, sizeof(text)) > 0);
        write->meanwhile(write->desk);
        while (read(write->pipe, text, sizeof(text)) > 0)
                ;
        return NULL;
}

/* Has the function probed by the drivers `first` and `second`, which take nothing; MEANWHILE the first is at
 * it. */
static int probe_slowly(struct desk *desk, void (*meanwhile)(struct desk *desk)) {
        _cleanup_free_ char *name = tree_name(desk->tree, "sys/bus/pci/drivers/first/bind");
        _cleanup_close_ int pipe = -EBADF, opened = inotify_init1(IN_CLOEXEC);
        static const char page[PIPE_BUF] = {};
        struct slow_write slow;
        pthread_t thread;
        int r;

        tree_pipe(desk->tree, "sys/bus/pci/drivers/first/bind");
        tree_write(desk->tree, "sys/bus/pci/drivers/second/bind", "%s", "");
        tree_link(desk->tree, "sys/module/one/drivers/pci:first", "../../../bus/pci/drivers/first");
        tree_link(desk->tree, "sys/module/other/drivers/pci:second", "../../../bus/pci/drivers/second");
        pipe = open(name, O_RDWR | O_NONBLOCK | O_CLOEXEC);
        while (write(pipe, page, sizeof(page)) > 0)
                ;
        assert_true(inotify_add_watch(opened, name, IN_OPEN) >= 0);

        slow = (struct slow_write){ desk, meanwhile, pipe, opened };
        assert_int_equal(pthread_create(&thread, NULL, come_between, &slow), 0);
        r = perform_step(desk, STEP_PROBE, "one other");
        assert_int_equal(pthread_join(thread, NULL), 0);
        return r;
}

static void do_nothing(struct desk *desk) {
}

static void hang_up(struct desk *desk) {
        shutdown(desk->pair[1], SHUT_RDWR);
}

static void replace(struct desk *desk) {
        tree_remove(desk->tree, NIC);
        tree_add(desk->tree, &nic);
}

/* Of a step that is several writes, no other is made once the service has gone, or the function. */
static void test_no_further_write(void **state) {
        static const struct {
                void (*meanwhile)(struct desk *desk);
                int error;
                const char *written;
        } rows[] = { { do_nothing, -ENODEV, NIC "\n" },
                     { replace, -ESTALE, "" },
                     { hang_up, -ECANCELED, "" } };
        struct desk *desk = *state;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                tree_write(desk->tree, "sys/bus/pci/drivers_probe", "%s", "");
                assert_int_equal(probe_slowly(desk, rows[i].meanwhile), rows[i].error);
                assert_file(desk, "sys/bus/pci/drivers/second/bind", rows[i].written);
                assert_file(desk, "sys/bus/pci/drivers_probe", rows[i].written);
        }
}

static void test_look(void **state) {
        static const struct {
                const char *driver, *attribute, *override;
        } rows[] = { { NULL, "(null)\n", "" },
                     { "e1000e", "\n", "" },
                     { "e1000e", "mine\n", "mine" },
                     { "vfio-pci", "vfio-pci\n", "vfio-pci" } };
        struct desk *desk = *state;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                tree_set_driver(desk->tree, NIC, rows[i].driver);
                tree_write(desk->tree, DEVICE "driver_override", "%s", rows[i].attribute);
                assert_int_equal(perform_step(desk, STEP_LOOK, ""), 0);
                assert_true(desk->report.has_state);
                assert_string_equal(desk->report.driver, strempty(rows[i].driver));
                assert_string_equal(desk->report.override, rows[i].override);
        }
}

/* An override that could not be put back is not to be replaced by half of it. */
static void test_long_override(void **state) {
        static const size_t lengths[] = { 250, 254, 255, 256, 4095 };
        struct desk *desk = *state;

        for (size_t i = 0; i < ELEMENTSOF(lengths); i++) {
                _cleanup_free_ char *text = calloc(1, lengths[i] + 1);
                int r;

                memset(text, 'x', lengths[i]);
                tree_write(desk->tree, DEVICE "driver_override", "%s\n", text);
                r = perform_step(desk, STEP_LOOK, "");
                assert_row(r == 0 || r == -E2BIG, "%zu: %d", lengths[i], r);
                assert_int_equal(desk->report.has_state, r == 0);
                if (r == 0)
                        assert_string_equal(desk->report.override, text);
                assert_row((r == 0) == (lengths[i] < 255), "%zu", lengths[i]);
        }
}

static void test_override(void **state) {
        struct desk *desk = *state;

        tree_write(desk->tree, DEVICE "driver_override", "\n");
        assert_int_equal(perform_step(desk, STEP_OVERRIDE, "vfio-pci"), 0);
        assert_file(desk, DEVICE "driver_override", "vfio-pci\n");
        assert_string_equal(desk->report.override, "vfio-pci");

        /* Clearing is a newline; what does not come true is an error. */
        tree_write(desk->tree, DEVICE "driver_override", "%s", "");
        assert_int_equal(perform_step(desk, STEP_OVERRIDE, ""), 0);
        assert_file(desk, DEVICE "driver_override", "\n");
        tree_link(desk->tree, DEVICE "driver_override", "/dev/null");
        assert_int_equal(perform_step(desk, STEP_OVERRIDE, "vfio-pci"), -EBUSY);
}

static void test_unbind(void **state) {
        struct desk *desk = *state;

        assert_int_equal(perform_step(desk, STEP_UNBIND, "e1000e"), 0);
        tree_set_driver(desk->tree, NIC, "e1000e");
        assert_int_equal(perform_step(desk, STEP_UNBIND, "vfio-pci"), -EBUSY);
        assert_file(desk, "sys/bus/pci/drivers/e1000e/unbind", "");

        assert_int_equal(perform_step(desk, STEP_UNBIND, "e1000e"), -EBUSY);
        assert_file(desk, "sys/bus/pci/drivers/e1000e/unbind", NIC "\n");
        assert_string_equal(desk->report.driver, "e1000e");

        tree_set_driver(desk->tree, NIC, "vfio-pci");
        assert_int_equal(perform_step(desk, STEP_UNBIND, "vfio-pci"), -ENOENT);
}

static void test_bind(void **state) {
        struct desk *desk = *state;

        assert_int_equal(perform_step(desk, STEP_BIND, "missing"), -ENOENT);
        assert_int_equal(perform_step(desk, STEP_BIND, "e1000e"), -ENXIO);
        assert_file(desk, "sys/bus/pci/drivers/e1000e/bind", NIC "\n");
        assert_true(desk->report.has_state);
        assert_string_equal(desk->report.driver, "");

        /* The link decides: already there is success, and another driver is not touched. */
        tree_write(desk->tree, "sys/bus/pci/drivers/e1000e/bind", "%s", "");
        tree_set_driver(desk->tree, NIC, "e1000e");
        assert_int_equal(perform_step(desk, STEP_BIND, "e1000e"), 0);
        assert_file(desk, "sys/bus/pci/drivers/e1000e/bind", "");
        assert_int_equal(perform_step(desk, STEP_BIND, "vfio-pci"), -EBUSY);
        assert_file(desk, "sys/bus/pci/drivers/vfio-pci/bind", "");
}

static void test_probe(void **state) {
        struct desk *desk = *state;

        /* The drivers of the host modules first, then the kernel's choice. */
        tree_link(desk->tree, "sys/module/e1000e/drivers/pci:e1000e", "../../../bus/pci/drivers/e1000e");
        tree_link(desk->tree, "sys/module/odd/drivers/pci:vfio-pci", "../../../bus/pci/drivers/vfio-pci");
        tree_link(desk->tree, "sys/module/odd/drivers/usb:e1000e", "../../../bus/usb/drivers/e1000e");
        assert_int_equal(perform_step(desk, STEP_PROBE, "missing odd e1000e"), -ENODEV);
        assert_file(desk, "sys/bus/pci/drivers/e1000e/bind", NIC "\n");
        assert_file(desk, "sys/bus/pci/drivers/vfio-pci/bind", "");
        assert_file(desk, "sys/bus/pci/drivers_probe", NIC "\n");

        tree_set_driver(desk->tree, NIC, "e1000e");
        assert_int_equal(perform_step(desk, STEP_PROBE, ""), 0);
        tree_set_driver(desk->tree, NIC, "vfio-pci");
        assert_int_equal(perform_step(desk, STEP_PROBE, ""), -ENODEV);
}

/* Without a udev in the tree, the file is enough. */
static void test_wait_node(void **state) {
        struct desk *desk = *state;

        tree_set_driver(desk->tree, NIC, "vfio-pci");
        assert_int_equal(perform_step(desk, STEP_WAIT_NODE, "14"), -ENXIO);
        tree_write(desk->tree, "dev/vfio/14", "%s", "");
        assert_int_equal(perform_step(desk, STEP_WAIT_NODE, "14"), 0);
}

static void test_remove_slot(void **state) {
        struct desk *desk = *state;

        /* Nothing to forget it. */
        assert_int_equal(perform_step(desk, STEP_REMOVE_SLOT, "pciback"), 0);
        tree_write(desk->tree, "sys/bus/pci/drivers/pciback/remove_slot", "%s", "");
        assert_int_equal(perform_step(desk, STEP_REMOVE_SLOT, "pciback"), 0);
        assert_file(desk, "sys/bus/pci/drivers/pciback/remove_slot", NIC "\n");
}

static void test_read(void **state) {
        struct desk *desk = *state;

        tree_write(desk->tree, DEVICE "power_state", "D3cold\n");
        assert_int_equal(perform_step(desk, STEP_READ, "power_state"), 0);
        assert_string_equal(desk->report.value, "D3cold");
        assert_int_equal(perform_step(desk, STEP_READ, "missing"), -ENOENT);
        assert_string_equal(desk->report.value, "");
}

static void test_load(void **state) {
        struct desk *desk = *state;

        assert_true(perform_step(desk, STEP_LOAD_MODULE, "no_module_has_this_name") < 0);
        assert_true(perform_step(desk, STEP_LOAD_MODULE,
                                 "pci:v0000FFFEd0000FFFEsv00000000sd00000000bcFEscFEiFE") < 0);
        assert_false(desk->report.has_state);
}

#define ON_DESK(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

UNIT_MAIN(ON_DESK(test_identity), ON_DESK(test_nobody_wants_it), ON_DESK(test_no_further_write),
          ON_DESK(test_look), ON_DESK(test_long_override), ON_DESK(test_override), ON_DESK(test_unbind),
          ON_DESK(test_bind), ON_DESK(test_probe), ON_DESK(test_wait_node), ON_DESK(test_remove_slot),
          ON_DESK(test_read), ON_DESK(test_load))
