/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * PCI functions, drivers, IOMMU groups and modules as the simulated kernel knows them, and what can be done
 * with them. Follows Linux 6.1: drivers/base/dd.c and bus.c, drivers/pci/pci-driver.c, pci-sysfs.c, iov.c
 * and remove.c, drivers/iommu/iommu.c, drivers/vfio/. Everything is called with the simulation's lock held;
 * what may sleep says so.
 */

#include "sim.h"

/* ---- functions: function.c ---- */

struct function {
        struct object object;                   /* label: the address */
        struct function *next, *previous;
        unsigned domain, bus, devfn;
        uint16_t vendor, device, subvendor, subdevice;
        uint32_t class;
        uint8_t revision;
        unsigned secondary, subordinate;        /* of a bridge; 0: none */
        bool conventional;                      /* not PCI Express */
        bool to_pci;                            /* a bridge from PCI Express to conventional PCI: no port */
        bool boot_vga;
        int numa_node;
        int group_id;                           /* as the topology wants it: -1 the next free, -2 none */
        char *resets, *reset_order, *working_resets;    /* names with blanks between, blank at both ends */
        unsigned total_vfs, num_vfs, vf_offset, vf_stride;
        uint16_t vf_device;
        int vf_group;                           /* first group id of its functions; -1: the next free */
        bool vf_autoprobe;
        struct function *physical;              /* of a virtual function */
        unsigned vf_index;
        int node_delay_ms;                      /* -1: as the host */
        char *wanted;                           /* driver at start; NULL: whichever takes it */
        char *blocks, *drm, *net;               /* children that a host driver makes */

        struct node *directory;
        struct gate lock;                       /* device_lock() */
        bool matchable, dead, disconnected, leaving;
        char *override;
        struct driver *driver;
        struct group *group;
        unsigned enable_count;
        struct node *vfio_device;
        bool vfio_open;
};

struct slot {
        struct slot *next;
        char *name, *line;
        struct function *function;              /* NULL: the kernel does not know it */
};

struct function *function_new(unsigned domain, unsigned bus, unsigned devfn);
/* as sysfs_streq(): one newline is fine */
struct function *function_find(struct sim *s, const char *name);
struct function *function_at(struct sim *s, unsigned domain, unsigned bus, unsigned devfn);
bool function_is_bridge(const struct function *f);
/* Makes the kernel know it: tree, links, group, "add". Takes the reference over. Sleeps only in hand_out. */
void function_register(struct sim *s, struct function *f);
/* pci_bus_add_device(): lets drivers have it. Sleeps. */
void function_hand_out(struct sim *s, struct function *f);
/* pci_stop_and_remove_bus_device(), with what is behind a bridge. The rescan gate is held. Sleeps. */
void function_unregister(struct sim *s, struct function *f);
/* The hardware goes, without warning. If wait, returns when the kernel has dealt with it; may then sleep. */
void function_vanish(struct sim *s, struct function *f, bool wait);
/* The lines of the uevent file. */
void function_properties(const struct function *f, struct text *t);
void function_uevent(struct sim *s, const char *action, struct function *f);

/* attributes.c, config.c */
void attributes_add(struct sim *s, struct function *f);
int config_show(struct sim *s, struct object *o, const struct attribute *a, struct text *t);
extern const struct attribute sriov_attributes[];
extern const size_t n_sriov_attributes;
extern const struct attribute reset_attributes[];
extern const size_t n_reset_attributes;

/* ---- slots and VFs: slot.c, sriov.c ---- */

/* Plugs in and enumerates what a topology line describes. Returns a negative errno and *ret_error. Sleeps
 * if hand_out. */
int slot_plug(struct sim *s, const char *line, bool hand_out, char **ret_error);
int slot_unplug(struct sim *s, const char *name);
/* the function is no longer known to the kernel */
void slot_forget(struct sim *s, const struct function *f);
void slot_rescan(struct sim *s);
/* Parses a line "function ADDRESS key=value…". */
int function_parse(const char *line, struct function **ret, char **ret_error);

int sriov_enable(struct sim *s, struct function *f, unsigned count);
void sriov_disable(struct sim *s, struct function *f);

/* ---- drivers: driver.c, kinds.c; the bus: bus.c ---- */

struct driver_id {
        uint32_t vendor, device, subvendor, subdevice, class, class_mask;
        bool override_only;                     /* PCI_DRIVER_OVERRIDE_DEVICE_VFIO */
        bool dynamic;                           /* written to new_id */
};
#define ANY_ID UINT32_MAX

struct driver_kind {
        const char *name;
        bool manages_dma;                       /* .driver_managed_dma: spares the group's viability */
        int (*probe)(struct sim *s, struct driver *d, struct function *f);
        void (*remove)(struct sim *s, struct driver *d, struct function *f);
        const struct attribute *attributes;     /* of the driver's directory */
        size_t n_attributes;
};

struct driver {
        struct object object;                   /* label: "drivers/NAME" */
        struct driver *next;
        char *name;
        const struct driver_kind *kind;
        struct module *module;
        struct driver_id *ids;
        size_t n_ids;
        bool sriov;                             /* has sriov_configure */
        /* no MODULE_DEVICE_TABLE: its ids are not the module's aliases */
        bool unlisted;
        unsigned probe_ms, remove_ms;
        unsigned registration;                  /* 0: not registered; order of the bus's list */
        struct node *directory;
        char *slots;                            /* pciback: addresses with a blank behind each */
};

const struct driver_kind *kind_by_name(const char *name);
struct driver *driver_find(struct sim *s, const char *name);
struct driver *driver_new(struct sim *s, const char *name, struct module *m);
void driver_add_id(struct driver *d, const struct driver_id *id);
void driver_register(struct sim *s, struct driver *d);          /* sleeps: probes what it can take */
void driver_unregister(struct sim *s, struct driver *d);        /* sleeps */
struct driver *driver_next(struct sim *s, unsigned after);      /* registered, in the bus's order */

/* pci_match_device() */
bool bus_match(const struct driver *d, const struct function *f);
/* device_driver_attach(), __driver_probe_device(): negative errno of whatever failed. Sleep. */
int bus_attach_driver(struct sim *s, struct driver *d, struct function *f);
/* device_attach(): 1 bound, 0 nobody takes it, negative: what went wrong outside of a probe. Sleeps. */
int bus_attach(struct sim *s, struct function *f);
/* device_release_driver(); only from d if that is not NULL. Sleeps. */
void bus_release(struct sim *s, struct function *f, struct driver *d);
/* Another driver takes it, whatever ids and overrides say. Sleeps. */
int bus_grab(struct sim *s, struct driver *d, struct function *f);
void bus_init(struct sim *s);

/* ---- groups and VFIO: group.c ---- */

struct group {
        struct object object;                   /* label: "groups/N" */
        struct group *next;
        int id;
        bool noiommu;
        unsigned members, vfio_members, opened;
        struct node *directory, *vfio;
        char *type;
};

void group_join(struct sim *s, struct function *f, int id, bool noiommu);
void group_leave(struct sim *s, struct function *f);
struct group *group_find(struct sim *s, int id);
/* A member is bound to VFIO, and no longer. Adding makes the node at once or after its delay. */
void group_vfio_add(struct sim *s, struct function *f);
void group_vfio_remove(struct sim *s, struct function *f);
/* iommu_device_use_default_domain(): -EBUSY while user space owns the group. */
int group_use(const struct group *g);
/* As somebody who opens the function through VFIO, and closes it. */
int group_open(struct sim *s, struct function *f, char **ret_error);
void group_close(struct sim *s, struct function *f);

/* A device of a class, with its /sys/class and /sys/dev links and, if major, its node below /dev. */
struct node *class_device_add(struct sim *s, struct node *parent, const char *class, const char *name,
                              const char *devname, unsigned major, unsigned minor, mode_t mode);
void class_device_remove(struct sim *s, struct node *n);

/* ---- modules: module.c ---- */

enum module_state { MODULE_AVAILABLE, MODULE_COMING, MODULE_LIVE, MODULE_GOING, MODULE_BUILTIN };

struct module {
        struct object object;                   /* label: "module/NAME" */
        struct module *next;
        char *name;
        enum module_state state;
        char *depends, *pre, *post, *aliases, *parameters;      /* blanks between */
        char *misc;                             /* "vfio/vfio:196" */
        struct node *directory, *misc_device;
};

struct module *module_find(struct sim *s, const char *name);
struct module *module_new(struct sim *s, const char *name);
/* What is there from the start. */
void module_start(struct sim *s, struct module *m);
/* init_module(2), delete_module(2): 0 or a negative errno. Sleep. */
int module_insert(struct sim *s, const char *name);
int module_delete(struct sim *s, const char *name);
bool module_parameter(struct module *m, const char *name, char *ret_value);
/* One line for each module: NAME STATE depends=… aliases…, for the tool that makes /lib/modules. */
void module_dump(struct sim *s, FILE *out);
