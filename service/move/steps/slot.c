/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The slots of pciback, and the quarantine of Xen. */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/pidfd.h>
#include <sys/wait.h>

#include "service/move/steps/slot.h"
#include "service/move/steps/step.h"
#include "service/move/steps/write.h"
#include "service/usage/xenstore.h"

#define XL "/usr/sbin/xl"

static int forget(const struct root *root, int break_fd, const char *driver,
                  const struct pci_address *address) {
        const struct place place = { root->sys, break_fd };
        char path[STEP_ARGUMENT_SIZE + sizeof("bus/pci/drivers//remove_slot")];
        int r;

        snprintf(path, sizeof(path), "bus/pci/drivers/%s/remove_slot", driver);
        r = sysfs_write(&place, path, PCI_ADDRESS_TEXT(address));

        /* It was not there, or the driver is not. */
        return r == -ENOENT ? 0 : r;
}

/* libxl keeps a key of every function that it has made assignable or given to a domain (libxl_pci.c): below
 * one of these, the second before Xen 4.15. Returns 1, 0, or a negative errno. */
static int toolstack_has_had(const struct root *root, const struct pci_address *address) {
        static const char *const places[] = { "/libxl/pci", "/libxl/pciback" };
        _cleanup_close_ int xenstore = xenstore_open(root);
        int r = -ENOENT;

        if (xenstore < 0)
                return xenstore == -ENOENT || xenstore == -ECONNREFUSED ? 0 : xenstore;

        for (size_t i = 0; r == -ENOENT && i < ELEMENTSOF(places); i++) {
                _cleanup_free_ char *value = NULL;
                char key[64];

                snprintf(key, sizeof(key), "%s/%04x-%02x-%02x-%01x", places[i], address->domain,
                         address->bus, address->slot, address->function);
                r = xenstore_read(xenstore, key, &value);
        }
        if (r == -ENOENT)
                return 0;
        return r < 0 ? r : 1;
}

static int spawn(const char *program, const char *address, pid_t *ret) {
        char *arguments[] = { (char *) "xl", (char *) "pci-assignable-remove", (char *) address, NULL };
        posix_spawn_file_actions_t actions;
        int r;

        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDWR, 0);
        posix_spawn_file_actions_adddup2(&actions, STDIN_FILENO, STDOUT_FILENO);
        posix_spawn_file_actions_adddup2(&actions, STDIN_FILENO, STDERR_FILENO);
        posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
        r = posix_spawn(ret, program, &actions, NULL, arguments, environ);
        posix_spawn_file_actions_destroy(&actions);
        return -r;
}

/* Xen has no stable interface for this but the program. It fails for a function that is not in quarantine,
 * which there is no way to ask for: so its answer says nothing. */
static int leave_quarantine(const struct root *root, const char *address, unsigned limit_msec) {
        _cleanup_free_ char *program = root_path(root, XL);
        _cleanup_close_ int pidfd = -EBADF;
        int r, ended;
        pid_t pid;

        if (!program)
                return -ENOMEM;
        r = spawn(program, address, &pid);
        if (r < 0)
                return r == -ENOENT ? 0 : r;

        pidfd = pidfd_open(pid, 0);
        ended = poll(&(struct pollfd){ .fd = pidfd, .events = POLLIN }, 1, (int) limit_msec);
        if (ended <= 0)
                (void) kill(pid, SIGKILL);
        (void) waitpid(pid, NULL, 0);
        return ended > 0 ? 0 : -ETIMEDOUT;
}

int slot_remove(const struct root *root, int break_fd, const char *driver, const struct pci_address *address,
                unsigned limit_msec) {
        int r;

        r = forget(root, break_fd, driver, address);
        if (r >= 0)
                r = toolstack_has_had(root, address);
        if (r > 0 && !write_is_wanted(break_fd))
                return -ECANCELED;
        return r > 0 ? leave_quarantine(root, PCI_ADDRESS_TEXT(address), limit_msec) : r;
}
