/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Stands in for vfiobind-worker: speaks its protocol, and plays a simple kernel on the tree that it is
 * started from (its own name is TREE/worker). It binds by making links, keeps overrides in TREE/overrides,
 * and writes each order down in TREE/log.
 *
 * What goes wrong is in TREE/faults/KIND-ADDRESS, a line after the other: how many times, and then any of
 * these words, in their order:
 *
 *  - pass: nothing goes wrong;
 *  - hang: wait until there is a byte in the pipe TREE/release;
 *  - error NUMBER: answer this errno and do nothing;
 *  - lie NUMBER: do it, and answer this errno all the same;
 *  - grab DRIVER: another driver takes the function first; answer EBUSY;
 *  - vanish: the function disappears;
 *  - die: end before doing it;
 *  - done-die: end after doing it. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "service/host/function.h"
#include "service/host/sysfs.h"
#include "service/move/steps/access.h"
#include "service/move/steps/step.h"
#include "service/move/workers/message.h"
#include "service/usage/finding.h"

struct kernel {
        struct root *root;
        int tree;
        const struct order *order;
        struct report *report;
        char address[PCI_ADDRESS_SIZE];
        char directory[64]; /* of the function, in the tree */
};

static void note(struct kernel *kernel) {
        _cleanup_close_ int fd =
                        openat(kernel->tree, "log", O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);

        dprintf(fd, "%s %s", step_kind_name(kernel->order->kind), kernel->address);
        if (kernel->order->virtual_function > 0)
                dprintf(fd, "#%u", kernel->order->virtual_function);
        dprintf(fd, "%s%s\n", *kernel->order->argument ? " " : "", kernel->order->argument);
}

static void set_driver(struct kernel *kernel, const char *driver) {
        char link[128], target[NAME_MAX + 64];

        snprintf(link, sizeof(link), "%s/driver", kernel->directory);
        (void) unlinkat(kernel->tree, link, 0);
        snprintf(target, sizeof(target), "../../../bus/pci/drivers/%.*s", NAME_MAX, driver);
        if (*driver && symlinkat(target, kernel->tree, link) < 0)
                _exit(EXIT_FAILURE);
}

static void set_override(struct kernel *kernel, const char *override) {
        char path[64];
        _cleanup_close_ int fd = -EBADF;

        (void) mkdirat(kernel->tree, "overrides", 0700);
        snprintf(path, sizeof(path), "overrides/%s", kernel->address);
        fd = openat(kernel->tree, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        dprintf(fd, "%s\n", override);
}

static void look(struct kernel *kernel) {
        struct report *report = kernel->report;
        char path[128];

        snprintf(path, sizeof(path), "%s/driver", kernel->directory);
        if (sysfs_read_link(kernel->tree, path, report->driver, sizeof(report->driver)) < 0)
                report->driver[0] = '\0';
        snprintf(path, sizeof(path), "overrides/%s", kernel->address);
        if (sysfs_read_locked(kernel->tree, path, report->override, sizeof(report->override)) < 0)
                report->override[0] = '\0';
        report->has_state = true;
}

static bool is_registered(struct kernel *kernel, const char *driver) {
        char path[2 * STEP_ARGUMENT_SIZE];

        snprintf(path, sizeof(path), "sys/bus/pci/drivers/%s", driver);
        return *driver && faccessat(kernel->tree, path, F_OK, 0) >= 0;
}

static int group_of(struct kernel *kernel) {
        char path[128], group[16];

        snprintf(path, sizeof(path), "%s/iommu_group", kernel->directory);
        return sysfs_read_link(kernel->tree, path, group, sizeof(group)) < 0 ? -1 : atoi(group);
}

/* The driver that the kernel picks is called as the first host module is. */
static int act(struct kernel *kernel) {
        const char *argument = kernel->order->argument;
        char driver[STEP_ARGUMENT_SIZE + 64];

        /* There are none on the tree. */
        if (kernel->order->virtual_function > 0)
                return 0;

        switch (kernel->order->kind) {
        case STEP_LOAD_MODULE:
                snprintf(driver, sizeof(driver), "sys/bus/pci/drivers/%s",
                         streq(argument, "vfio_pci") ? "vfio-pci" : argument);
                return mkdirat(kernel->tree, driver, 0755) < 0 && errno != EEXIST ? -errno : 0;
        case STEP_OVERRIDE:
                set_override(kernel, argument);
                return 0;
        case STEP_UNBIND:
                set_driver(kernel, "");
                return 0;
        case STEP_BIND:
                if (!is_registered(kernel, argument))
                        return -ENOENT;
                set_driver(kernel, argument);
                return 0;
        case STEP_ACCESS:
                return access_grant(kernel->root, group_of(kernel), (uid_t) atoi(argument));
        case STEP_WITHDRAW_ACCESS:
                return access_withdraw(kernel->root, group_of(kernel), (uid_t) atoi(argument));
        case STEP_RESET:
                snprintf(kernel->report->value, sizeof(kernel->report->value), "%.*s", NAME_MAX,
                         *argument ? argument : "flr");
                return 0;
        case STEP_PROBE:
                snprintf(driver, sizeof(driver), "%.*s", (int) strcspn(argument, " "), argument);
                if (!is_registered(kernel, driver))
                        return -ENODEV;
                set_driver(kernel, driver);
                return 0;
        default:
                return 0;
        }
}

/* Reads the fault for this order, the first line, and counts it down. */
static bool take_fault(struct kernel *kernel, char words[static 256]) {
        char path[128], *rest;
        _cleanup_close_ int fd = -EBADF;
        unsigned n;
        int offset;

        snprintf(path, sizeof(path), "faults/%s-%s", step_kind_name(kernel->order->kind), kernel->address);
        if (sysfs_read_locked(kernel->tree, path, words, 256) < 0 ||
            sscanf(words, "%u %n", &n, &offset) != 1)
                return false;

        memmove(words, words + offset, strlen(words + offset) + 1);
        rest = words + strcspn(words, "\n");
        if (*rest)
                *rest++ = '\0';
        fd = openat(kernel->tree, path, O_WRONLY | O_TRUNC | O_CLOEXEC);
        if (n > 1)
                dprintf(fd, "%u %s\n", n - 1, words);
        dprintf(fd, "%s\n", rest);
        return true;
}

static void hang(struct kernel *kernel) {
        _cleanup_close_ int fd = openat(kernel->tree, "release", O_RDONLY | O_CLOEXEC);
        char byte;

        while (read(fd, &byte, 1) < 0)
                ;
}

static void vanish(struct kernel *kernel) {
        _cleanup_free_ char *link = NULL, *directory = NULL;
        char name[64];

        if (asprintf(&link, "%s/%s", kernel->root->prefix, kernel->directory) < 0)
                _exit(EXIT_FAILURE);
        directory = realpath(link, NULL);
        (void) mkdirat(kernel->tree, "vanished", 0700);
        snprintf(name, sizeof(name), "vanished/%s-%d", kernel->address, getpid());
        (void) renameat(AT_FDCWD, directory, kernel->tree, name);
        (void) unlink(link);
}

static int play(struct kernel *kernel, char *words) {
        char *save = NULL;

        for (char *word = strtok_r(words, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
                if (streq(word, "hang"))
                        hang(kernel);
                else if (streq(word, "error"))
                        return -atoi(strtok_r(NULL, " ", &save));
                else if (streq(word, "lie"))
                        return act(kernel), -atoi(strtok_r(NULL, " ", &save));
                else if (streq(word, "grab"))
                        return set_driver(kernel, strtok_r(NULL, " ", &save)), -EBUSY;
                else if (streq(word, "vanish"))
                        vanish(kernel);
                else if (streq(word, "die"))
                        _exit(EXIT_FAILURE);
                else if (streq(word, "done-die")) {
                        act(kernel);
                        _exit(EXIT_FAILURE);
                }
        }
        return 1;
}

static int check_identity(struct kernel *kernel) {
        struct stat st;

        if (fstatat(kernel->tree, kernel->directory, &st, 0) < 0)
                return -ENODEV;
        return st.st_ino == kernel->order->identity ? 0 : -ESTALE;
}

static bool is_in_use(struct kernel *kernel, const char *address) {
        char path[64];

        snprintf(path, sizeof(path), "in-use/%s", address);
        return faccessat(kernel->tree, path, F_OK, 0) >= 0;
}

/* Each of the functions noted is open: the subject is how many were noted, the message which survey it is.
 * Where there is a file TREE/in-use/ADDRESS it is open through VFIO, by a process that lives on: the test's.
 */
static int survey(struct kernel *kernel, char *noted) {
        static unsigned n_surveys;
        struct finding_record record;
        unsigned n = 0;
        char *save = NULL;

        n_surveys++;
        for (const char *p = noted; *p; p += strcspn(p, " ") + (p[strcspn(p, " ")] != '\0'))
                n++;
        for (char *word = strtok_r(noted, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
                struct finding finding = { .kind = FINDING_OPEN, .severity = SEVERITY_FORCE };
                char subject[16], message[32];

                snprintf(subject, sizeof(subject), "%u", n);
                if (is_in_use(kernel, word)) {
                        finding.kind = FINDING_VFIO;
                        finding.severity = SEVERITY_REFUSE;
                        snprintf(subject, sizeof(subject), "%d", (int) getppid());
                }
                snprintf(message, sizeof(message), "survey %u", n_surveys);
                finding.subject = subject;
                finding.message = message;
                finding.privacy.owner = OWNER_NOBODY;
                if (pci_address_parse(word, &finding.address) < 0)
                        _exit(EXIT_FAILURE);
                finding_pack(&finding, &record);
                if (send(STDIN_FILENO, &record, sizeof(record), MSG_NOSIGNAL) < 0)
                        _exit(EXIT_FAILURE);
        }

        *noted = '\0';
        return 0;
}

static int note_functions(struct kernel *kernel) {
        static char noted[64 * 1024];

        if (kernel->order->kind == STEP_SURVEY)
                return survey(kernel, noted);

        snprintf(noted + strlen(noted), sizeof(noted) - strlen(noted), "%s%s", *noted ? " " : "",
                 kernel->order->argument);
        return 0;
}

/* As the worker's own table says. A look that fails has seen nothing. */
static bool reports_state(const struct kernel *kernel) {
        switch (kernel->order->kind) {
        case STEP_OVERRIDE:
        case STEP_UNBIND:
        case STEP_PROBE:
        case STEP_BIND:
                return true;
        case STEP_LOOK:
                return kernel->report->error >= 0;
        default:
                return false;
        }
}

static void carry_out(struct kernel *kernel) {
        struct report *report = kernel->report;
        bool about_many = kernel->order->kind == STEP_NOTE || kernel->order->kind == STEP_SURVEY;
        bool about_module = kernel->order->kind == STEP_LOAD_MODULE || about_many;
        char words[256];

        note(kernel);
        report->error = take_fault(kernel, words) ? play(kernel, words) : 1;
        if (!about_module && check_identity(kernel) < 0) {
                report->error = check_identity(kernel);
                return;
        }

        if (report->error > 0)
                report->error = about_many ? note_functions(kernel) : act(kernel);
        if (reports_state(kernel))
                look(kernel);
}

/* What is opened for somebody is the pipe TREE/release. */
static int send_report(struct kernel *kernel) {
        _cleanup_close_ int descriptor = -EBADF;

        if (kernel->order->kind == STEP_OPEN && kernel->report->error == 0) {
                descriptor = openat(kernel->tree, "release", O_RDWR | O_CLOEXEC);
                strcpy(kernel->report->value, "/dev/vfio/1");
        }
        close(kernel->tree);
        return message_send(STDIN_FILENO, kernel->report, sizeof(*kernel->report), descriptor);
}

int main(int argc, char *argv[]) {
        _cleanup_(root_freep) struct root *root = NULL;
        char *slash = strrchr(argv[0], '/');
        struct order order;

        *slash = '\0';
        if (root_open(argv[0], &root) < 0)
                return EXIT_FAILURE;

        while (recv(STDIN_FILENO, &order, sizeof(order), 0) == (ssize_t) sizeof(order)) {
                struct report report = {};
                struct kernel kernel = { root, open(argv[0], O_PATH | O_DIRECTORY | O_CLOEXEC), &order,
                                         &report };

                pci_address_format(&order.address, kernel.address);
                snprintf(kernel.directory, sizeof(kernel.directory), "sys/bus/pci/devices/%s",
                         kernel.address);
                carry_out(&kernel);
                if (send_report(&kernel) < 0)
                        break;
        }
        return EXIT_SUCCESS;
}
