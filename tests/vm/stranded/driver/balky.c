/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A PCI driver for tests that balks on command: its probe fails, its probe and its remove take their time or sleep in the kernel, out of
 * reach of any signal, until they are let go. It drives nothing, so any device will do. Everything is commanded by parameters that are
 * written while it runs. (A driver's remove cannot fail: the PCI core gives it no way to say so.) */

#include <linux/delay.h>
#include <linux/errno.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/wait.h>

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("A driver that balks on command, for tests");

static DECLARE_WAIT_QUEUE_HEAD(let_go);

static int set_hang(const char *value, const struct kernel_param *parameter) {
        int r = param_set_bool(value, parameter);

        wake_up_all(&let_go);
        return r;
}

static const struct kernel_param_ops hang_ops = {
        .set = set_hang,
        .get = param_get_bool,
};

static char only[32];
module_param_string(only, only, sizeof(only), 0644);
MODULE_PARM_DESC(only, "the address of the one device that it balks at; empty: all");

static int probe_error;
module_param(probe_error, int, 0644);
MODULE_PARM_DESC(probe_error, "the errno that probe fails with, once it has waited; 0: it takes the device");

static unsigned int probe_delay, remove_delay;
module_param(probe_delay, uint, 0644);
MODULE_PARM_DESC(probe_delay, "how long probe sleeps, in milliseconds");
module_param(remove_delay, uint, 0644);
MODULE_PARM_DESC(remove_delay, "how long remove sleeps, in milliseconds");

static bool probe_hang, remove_hang;
module_param_cb(probe_hang, &hang_ops, &probe_hang, 0644);
MODULE_PARM_DESC(probe_hang, "probe sleeps until this is N");
module_param_cb(remove_hang, &hang_ops, &remove_hang, 0644);
MODULE_PARM_DESC(remove_hang, "remove sleeps until this is N");

static bool talkative;
module_param(talkative, bool, 0644);
MODULE_PARM_DESC(talkative, "a message names the device before it sleeps, so that whoever reads the log looks at it");

static atomic_t n_held = ATOMIC_INIT(0);

static int get_held(char *buffer, const struct kernel_param *parameter) {
        return sysfs_emit(buffer, "%d\n", atomic_read(&n_held));
}

static const struct kernel_param_ops held_ops = {
        .get = get_held,
};
module_param_cb(held, &held_ops, NULL, 0444);
MODULE_PARM_DESC(held, "how many devices sleep until they are let go");

/* A function of its own, so that it is what /proc/PID/wchan names. */
static noinline void balky_hold(struct pci_dev *device, const bool *hang) {
        if (!READ_ONCE(*hang))
                return;

        if (talkative)
                pci_warn(device, "balks\n");
        atomic_inc(&n_held);
        wait_event(let_go, !READ_ONCE(*hang));
        atomic_dec(&n_held);
}

static bool balks_at(struct pci_dev *device) {
        size_t length = strcspn(only, "\n");

        return length == 0 || (strlen(pci_name(device)) == length && strncmp(only, pci_name(device), length) == 0);
}

static int balky_probe(struct pci_dev *device, const struct pci_device_id *id) {
        if (!balks_at(device))
                return 0;

        msleep(probe_delay);
        balky_hold(device, &probe_hang);
        return -probe_error;
}

static void balky_remove(struct pci_dev *device) {
        if (!balks_at(device))
                return;

        msleep(remove_delay);
        balky_hold(device, &remove_hang);
}

/* The network cards of QEMU, whose own drivers have been there before. */
static const struct pci_device_id ids[] = {
        { PCI_VDEVICE(INTEL, 0x100e) },
        { PCI_VDEVICE(INTEL, 0x10d3) },
        {},
};

static struct pci_driver balky_driver = {
        .name = "balky",
        .id_table = ids,
        .probe = balky_probe,
        .remove = balky_remove,
};
module_pci_driver(balky_driver);
