/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Faults, set from outside while the simulation runs, and the record of everything that was asked of it.
 *
 * Everything is called with the simulation's lock held.
 */

#include "sim.h"

/* Where a fault can strike; fault_points[] names them. */
enum fault_point {
        /* an attribute is written; subject "ADDRESS/driver_override", "drivers/x/bind" */
        FAULT_WRITE,
        FAULT_READ,                             /* an attribute is read */
        /* in a driver's probe, device lock held, link there; subject: the driver */
        FAULT_PROBE,
        FAULT_REMOVE,                           /* in a driver's remove, device lock held, link gone */
        FAULT_RESET,                            /* in a reset, device lock held; subject: the address */
        FAULT_LOAD,                             /* a module's insertion; subject: the module */
        FAULT_NODE,                             /* a VFIO node appears; subject: the group's number */
        _FAULT_MAX,
};

struct fault {
        struct fault *next;
        unsigned id;
        enum fault_point point;
        char *subject, *device, *data;          /* fnmatch(3) patterns; NULL matches all */
        bool after;                             /* strikes when the deed is done, not before */
        int error;                              /* positive errno; 0: none */
        bool hang;
        unsigned delay_ms;
        char *vanish, *steal;                   /* "this" or an address; a driver's name */
        unsigned skip, times;                   /* times 0: always */
        unsigned seen, hits, hanging, releases, users;
        int release_error;
        bool cleared;
};

/* Words: POINT SUBJECT [device=] [data=] [when=after] [errno=] [hang] [delay=MS] [vanish=] [steal=]
 * [skip=] [times=N|always] */
int fault_parse(struct sim *s, char **words, size_t n, unsigned *ret_id, char **ret_error);
/* Lets whatever hangs go on, with this (positive) errno unless 0. id 0: all. Returns false if none. */
bool fault_release(struct sim *s, unsigned id, int error);
/* Removes; what hangs goes on without error. id 0: all. */
bool fault_clear(struct sim *s, unsigned id);
struct fault *fault_find(struct sim *s, unsigned id);
void fault_list(struct sim *s, FILE *out);
/* Is there any fault for reads? Then they leave the fast path. */
bool fault_any(const struct sim *s, enum fault_point point);

/* Carries out the faults set for this. Returns 0 to go on, or a negative errno. Sleeps.
 * device may be NULL. */
int fault_strike(struct sim *s, enum fault_point point, bool after, const char *subject, const char *device,
                 const char *data);

/* ---- record.c ---- */

struct record {
        struct record *next;
        uint64_t seq, began_us, ended_us;
        pid_t pid;
        uid_t uid;
        char comm[16];
        char *subject, *data;                   /* data escaped */
        bool done;
        int result;                             /* 0 or a negative errno */
};

struct record *record_begin(struct sim *s, pid_t pid, uid_t uid, const char *subject, const char *data,
                            size_t len);
void record_end(struct sim *s, struct record *r, int result);
/* Forgets everything that is done. */
void record_clear(struct sim *s);
void record_list(struct sim *s, uint64_t after, FILE *out);
/* Is there a record behind `after` that matches (NULL: all match), done if asked for? Answers its number. */
bool record_match(struct sim *s, uint64_t after, const char *subject, const char *data, bool done,
                  uint64_t *ret_seq);
