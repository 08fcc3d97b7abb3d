/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Real processes that have nodes open: those of a function, and those through which a guest has it. */

#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/devices.h"
#include "tests/unit/unit.h"

#define CARD "0000:01:00.0"
#define SOUND "0000:01:00.1"
#define PHYSICAL "0000:02:00.0"
#define VIRTUAL "0000:02:00.1"
#define NOBODY 65534

/* A character device that nobody else can have open: a terminal that the test has just made. The trees say that it is a
 * function's. */
static int terminal = -EBADF;
static char node[64], number[32];
static unsigned node_major, node_minor;

static void make_node(void) {
        struct stat st;

        terminal = assert_ok(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
        assert_ok(grantpt(terminal));
        assert_ok(unlockpt(terminal));
        assert_int_equal(ptsname_r(terminal, node, sizeof(node)), 0);
        assert_ok(stat(node, &st));
        node_major = major(st.st_rdev);
        node_minor = minor(st.st_rdev);
        snprintf(number, sizeof(number), "%u:%u", node_major, node_minor);
}

static const struct fake_function functions[] = {
        { .address = CARD, .class_code = 0x030000, .group = "14", .driver = "amdgpu" },
        { .address = SOUND, .class_code = 0x040300, .group = "14", .driver = "snd_hda_intel" },
        { .address = PHYSICAL, .class_code = 0x020000, .group = "15", .driver = "igb", .total_vfs = "7",
          .vfs = VIRTUAL },
        { .address = VIRTUAL, .class_code = 0x020000, .group = "16", .driver = "vfio-pci", .physical = PHYSICAL },
};

static int setup(void **state) {
        struct setting *setting = setting_new(functions, ELEMENTSOF(functions));

        /* The others are asked about where a test says so. */
        setting->n = 2;
        tree_link(setting->tree, "proc", "/proc");
        make_node();
        *state = setting;
        return 0;
}

static int teardown(void **state) {
        struct setting *setting = *state;

        close(terminal);
        setting->n = ELEMENTSOF(functions);
        *state = setting_free(setting);
        return 0;
}

/* A process of the user UID that has opened the node N times with FLAGS. */
static pid_t start_opener_with(int flags, uid_t uid, unsigned n) {
        int ready[2];
        char byte;
        pid_t pid;

        assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                for (unsigned i = 0; i < n; i++)
                        if (open(node, flags | O_NOCTTY | O_CLOEXEC) < 0)
                                _exit(1);

                /* Who changes his user hides his descriptors from it, unless he says otherwise. */
                if ((uid != 0 && setresuid(uid, uid, uid) < 0) || prctl(PR_SET_DUMPABLE, 1) < 0 ||
                    write(ready[1], "", 1) != 1)
                        _exit(1);
                for (;;)
                        pause();
        }

        close(ready[1]);
        assert_int_equal(read(ready[0], &byte, 1), 1);
        close(ready[0]);
        return pid;
}

static pid_t start_opener(uid_t uid, unsigned n) {
        return start_opener_with(O_RDWR, uid, n);
}

static void stop(pid_t pid) {
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void expect_process(struct setting *setting, const char *format, pid_t pid) {
        _cleanup_free_ char *expected = NULL;
        const char *mark = strchr(format, '#');

        assert_true(asprintf(&expected, "%.*s%d%s", (int) (mark - format), format, pid, mark + 1) > 0);
        expect_findings(setting, expected);
}

static void test_open(void **state) {
        struct setting *setting = *state;
        pid_t pid;

        tree_device(setting->tree, "devices/pci0000:01/" SOUND "/sound/card0/pcmC0D0p", "sound", number);
        expect_findings(setting, "");
        pid = start_opener(0, 3);
        expect_process(setting, "open " SOUND " # force,", pid);
        stop(pid);
        expect_findings(setting, "");
}

/* Only who holds a node is in the way: for reading, for writing, or for ioctl(2) alone (open(2)). */
static void test_ways_to_open(void **state) {
        static const int ways[] = { O_RDONLY, O_WRONLY, O_RDWR, O_WRONLY | O_RDWR };
        struct setting *setting = *state;
        pid_t pid;

        tree_device(setting->tree, "devices/pci0000:01/" SOUND "/sound/card0/pcmC0D0p", "sound", number);
        for (size_t i = 0; i < ELEMENTSOF(ways); i++) {
                pid = start_opener_with(ways[i], 0, 1);
                expect_process(setting, "open " SOUND " # force,", pid);
                stop(pid);
        }

        pid = start_opener_with(O_PATH, 0, 1);
        expect_findings(setting, "");
        stop(pid);
}

/* A disk of the same number is another device. */
static void test_disk_of_same_number(void **state) {
        struct setting *setting = *state;
        pid_t pid = start_opener(0, 1);

        tree_device(setting->tree, "devices/pci0000:01/" SOUND "/block/ram7", "block", number);
        expect_findings(setting, "");
        stop(pid);
}

static void test_drm_client(void **state) {
        struct setting *setting = *state;
        pid_t pid = start_opener(0, 1);

        tree_device(setting->tree, "devices/pci0000:01/" CARD "/drm/renderD128", "drm", number);
        expect_process(setting, "open " CARD " # force,display " CARD " DRM client force,", pid);
        stop(pid);
        expect_findings(setting, "");
}

/* NVIDIA's driver has nodes that sysfs does not know. The tree's processes are real ones, its drivers are not. */
static void test_nvidia(void **state) {
        struct setting *setting = *state;
        pid_t pid = start_opener(0, 1);
        _cleanup_free_ char *link = NULL, *target = NULL;

        assert_true(asprintf(&link, "proc/%d", pid) > 0 && asprintf(&target, "/proc/%d", pid) > 0);
        tree_unlink(setting->tree, "proc");
        tree_link(setting->tree, link, target);
        tree_write(setting->tree, "proc/devices", "Character devices:\n  4 tty\n%3u nvidia-frontend\n", node_major);
        expect_findings(setting, "");
        tree_write(setting->tree, "proc/driver/nvidia/gpus/" CARD "/information",
                   "Model: \t\t NVIDIA T400\nIRQ:   \t\t 95\nDevice Minor: \t %u\nGPU Excluded:\t No\n", node_minor);
        expect_process(setting, "open " CARD " # force,", pid);
        stop(pid);
        expect_findings(setting, "");
}

/* Who may know which process it is. */
static void test_privacy(void **state) {
        struct setting *setting = *state;
        const struct usage_query query = { setting->tree->root, setting->functions, setting->n };
        _cleanup_findings_ struct findings findings = {};
        const struct finding *f;
        char subject[16];
        pid_t pid;

        tree_device(setting->tree, "devices/pci0000:01/" SOUND "/sound/card0/pcmC0D0p", "sound", number);
        pid = start_opener(NOBODY, 1);
        assert_ok(usage_look(&query, &findings));
        stop(pid);

        assert_int_equal(findings.n, 1);
        f = &findings.array[0];
        snprintf(subject, sizeof(subject), "%d", pid);
        assert_int_equal(f->privacy.owner, NOBODY);
        assert_non_null(strstr(f->message, subject));
        assert_non_null(strstr(f->message, "unit-open"));
        assert_non_null(strstr(f->message, node));
        assert_null(strstr(f->discreet, subject));
        assert_null(strstr(f->discreet, "unit-open"));
        assert_null(strstr(f->discreet, node));
}

/* What udev starts looks at new devices for a moment: while it is at work, what root has open is looked at again. */
static void test_udev(void **state) {
        struct setting *setting = *state;
        _cleanup_free_ char *queue = tree_name(setting->tree, "run/udev/queue");
        struct itimerval soon = { .it_value.tv_usec = 300000 };
        pid_t pid;

        tree_device(setting->tree, "devices/pci0000:01/" SOUND "/sound/card0/pcmC0D0p", "sound", number);
        tree_write(setting->tree, "run/udev/queue", "%s", "");
        pid = start_opener(0, 1);

        /* It stays, and so does its queue. */
        expect_process(setting, "open " SOUND " # force,", pid);
        stop(pid);

        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                sigset_t alarm;
                int signal;

                sigemptyset(&alarm);
                sigaddset(&alarm, SIGALRM);
                sigprocmask(SIG_BLOCK, &alarm, NULL);
                if (open(node, O_RDWR | O_NOCTTY | O_CLOEXEC) < 0 || setitimer(ITIMER_REAL, &soon, NULL) < 0)
                        _exit(1);
                sigwait(&alarm, &signal);
                close_range(3, ~0U, 0);
                unlink(queue);
                _exit(0);
        }
        expect_findings(setting, "");
        assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* A process in the tree closes the node while its own name is being read. */
struct fleeting {
        struct tree *tree;
        const char *heir; /* the descriptor of another process that has the node from then on, or NULL */
};

static void *close_when_asked(void *userdata) {
        static const char command[] = "(udev-worker)";
        struct fleeting *fleeting = userdata;
        _cleanup_free_ char *name = tree_name(fleeting->tree, "proc/4711/comm");
        _cleanup_close_ int pipe = assert_ok(open(name, O_WRONLY | O_CLOEXEC));

        if (fleeting->heir)
                tree_link(fleeting->tree, fleeting->heir, node);
        tree_unlink(fleeting->tree, "proc/4711/fd/5");
        assert_int_equal(write(pipe, command, strlen(command)), strlen(command));
        return NULL;
}

static void expect_after_closing(struct setting *setting, const char *heir, const char *findings) {
        struct fleeting fleeting = { setting->tree, heir };
        pthread_t thread;

        tree_device(setting->tree, "devices/pci0000:01/" SOUND "/sound/card0/pcmC0D0p", "sound", number);
        tree_unlink(setting->tree, "proc");
        tree_link(setting->tree, "proc/4711/fd/5", node);
        tree_pipe(setting->tree, "proc/4711/comm");

        assert_int_equal(pthread_create(&thread, NULL, close_when_asked, &fleeting), 0);
        expect_findings(setting, findings);
        pthread_join(thread, NULL);
}

/* udev closes the node and is done while the processes are looked at: nothing is left to wait for. */
static void test_udev_is_done_at_once(void **state) {
        expect_after_closing(*state, NULL, "");
}

/* A process that is new has what another one has closed. */
static void test_handed_on(void **state) {
        expect_after_closing(*state, "proc/4712/fd/3", "open " SOUND " 4712 force,");
}

/* Many processes are enough to know of. */
static void test_crowd(void **state) {
        struct setting *setting = *state;
        const struct usage_query query = { setting->tree->root, setting->functions, setting->n };
        _cleanup_findings_ struct findings findings = {};
        pid_t pids[80];

        tree_device(setting->tree, "devices/pci0000:01/" SOUND "/sound/card0/pcmC0D0p", "sound", number);
        for (size_t i = 0; i < ELEMENTSOF(pids); i++)
                pids[i] = start_opener(0, 1);
        assert_ok(usage_look(&query, &findings));
        for (size_t i = 0; i < ELEMENTSOF(pids); i++)
                stop(pids[i]);
        assert_int_equal(findings.n, 64);
}

/* The group's node is a guest's way to every member of the group. */
static void test_vfio_group(void **state) {
        struct setting *setting = *state;
        pid_t pid = start_opener(0, 1);
        _cleanup_free_ char *expected = NULL;

        tree_device(setting->tree, "devices/virtual/vfio/14", "vfio", number);
        assert_true(asprintf(&expected, "vfio " CARD " %d refuse,vfio " SOUND " %d refuse,", pid, pid) > 0);
        expect_findings(setting, expected);

        /* Its name where there is no IOMMU. */
        tree_unlink(setting->tree, "sys/class/vfio/14");
        tree_device(setting->tree, "devices/virtual/vfio/noiommu-14", "vfio", number);
        expect_findings(setting, expected);
        stop(pid);
        expect_findings(setting, "");
}

/* So is the node of any member itself, where the kernel has such. */
static void test_vfio_cdev(void **state) {
        struct setting *setting = *state;
        pid_t pid = start_opener(0, 1);
        _cleanup_free_ char *expected = NULL;

        tree_device(setting->tree, "devices/pci0000:01/" SOUND "/vfio-dev/vfio0", "vfio-dev", number);
        tree_sys_link(setting->tree, "kernel/iommu_groups/14/devices/" SOUND, "devices/pci0000:01/" SOUND);
        tree_sys_link(setting->tree, "kernel/iommu_groups/14/devices/" CARD, "devices/pci0000:01/" CARD);
        assert_true(asprintf(&expected, "vfio " CARD " %d refuse,vfio " SOUND " %d refuse,", pid, pid) > 0);
        expect_findings(setting, expected);
        stop(pid);
        expect_findings(setting, "");
}

static void test_virtual_functions(void **state) {
        struct setting *setting = *state;
        pid_t pid;

        setting->n = 3;
        expect_findings(setting, "virtual-functions " PHYSICAL " 1 force,");

        tree_device(setting->tree, "devices/virtual/vfio/16", "vfio", number);
        expect_findings(setting, "virtual-functions " PHYSICAL " 1 force,");
        pid = start_opener(0, 1);
        expect_findings(setting, "virtual-functions " PHYSICAL " 1 refuse,");
        stop(pid);
        expect_findings(setting, "virtual-functions " PHYSICAL " 1 force,");
}

#define ON_HOST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

UNIT_MAIN(ON_HOST(test_open), ON_HOST(test_ways_to_open), ON_HOST(test_disk_of_same_number), ON_HOST(test_drm_client),
          ON_HOST(test_nvidia), ON_HOST(test_privacy), ON_HOST(test_udev), ON_HOST(test_udev_is_done_at_once),
          ON_HOST(test_handed_on), ON_HOST(test_crowd), ON_HOST(test_vfio_group), ON_HOST(test_vfio_cdev),
          ON_HOST(test_virtual_functions))
