/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The simulated host as a whole: what is shared by all its files.
 *
 * There is one lock. Whatever in a real kernel would sleep (a device's lock, a driver that takes its time, a
 * fault) waits for `changed`, which gives the lock up; every such request runs in a thread of its own, so
 * code here reads as the kernel's.
 */

#include <pthread.h>
#include <stdio.h>

#include "tree.h"

struct function;
struct driver;
struct group;
struct module;
struct slot;
struct fault;
struct record;

/* A mutex of the simulated kernel. */
struct gate {
        bool held;
};

struct sim {
        pthread_mutex_t lock;
        pthread_cond_t changed;

        struct tree tree;
        struct node *devices, *bus_devices, *bus_drivers, *groups_dir, *modules_dir;
        struct object *bus;                     /* owner of the bus's own attributes */

        struct function *functions;             /* as the bus lists them: in order of appearance */
        struct function *last_function;
        struct slot *slots;                     /* what is plugged in, whether the kernel knows it or not */
        struct driver *drivers;
        struct group *groups;
        struct module *modules;
        unsigned registrations;                 /* of drivers, ever */
        struct gate rescan;                     /* pci_lock_rescan_remove() */
        bool iommu;
        bool autoprobe;
        bool started;                           /* before: no delays, nobody listens */
        unsigned node_delay_ms;
        unsigned node_major;
        unsigned vfio_index;                    /* of the next vfio-dev device */
        unsigned net_index;

        struct fault *faults;
        unsigned last_fault;
        struct record *records, *last_record;
        uint64_t last_seq;
        unsigned busy;                          /* requests being carried out, nodes on their way */

        uint64_t aliases;                       /* node ids given to lookups of files that can be written */

        int uevent_fd, uevent_number_fd;
        bool uevents_off;
        unsigned uevents_to_drop;
        const char *directory;                  /* of the topology file: for include */
        const char *standard;                   /* directory that include looks in next */
};

/* All with the lock held. */
void sim_changed(struct sim *s);
void sim_wait(struct sim *s);
/* Waits until the CLOCK_MONOTONIC time deadline_us at most. Returns false if that has come. */
bool sim_wait_until(struct sim *s, uint64_t deadline_us);
void sim_sleep(struct sim *s, unsigned ms);
uint64_t now_us(void);

void gate_enter(struct sim *s, struct gate *g);
void gate_leave(struct sim *s, struct gate *g);

/* Runs f(s, data) in a detached thread; it takes the lock itself. */
void sim_thread(struct sim *s, void (*f)(struct sim *s, void *data), void *data);

/* ---- topology.c: the text form ---- */

/* One line of a topology. Returns 0, or a negative errno and *ret_error says why (to be freed). */
int topology_line(struct sim *s, const char *line, char **ret_error);
int topology_file(struct sim *s, const char *path, char **ret_error);

/* ---- control.c: commands from outside ---- */

/* Serves the socket, a thread for each connection. */
void control_serve(struct sim *s, int fd);
/* One command; writes its answer's lines. Returns 0 or a negative errno with *ret_error set. */
int control_command(struct sim *s, char *line, FILE *out, char **ret_error);

/* ---- fs.c: FUSE ---- */

/* Serves /sys at the given place until it is unmounted. ready() is called once it is mounted. */
int fs_serve(struct sim *s, const char *place, void (*ready)(void *data), void *data);

/* ---- insertion.c: init_module(2) and its kin, answered for processes below simexec ---- */

/* Takes over a seccomp listener descriptor. */
void insertion_serve(struct sim *s, int listener);

/* ---- uevent.c ---- */

int uevent_open(struct sim *s);
/* Sends an event for the node's path. properties: lines "KEY=value\n", may be NULL. */
void uevent_send(struct sim *s, const char *action, const struct node *n, const char *subsystem,
                 const char *properties);
/* What writing to an uevent file does. Returns -EINVAL for text the kernel would not take. */
int uevent_synthesize(struct sim *s, const struct node *n, const char *subsystem, const char *properties,
                      const char *data);
