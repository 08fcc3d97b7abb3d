/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The tree that /sys shows: directories, attributes, links. Like kernfs: an inode number is never used
 * twice, what is removed goes on existing, dead, for whoever still has it open.
 *
 * Everything here is called with the simulation's lock held.
 */

#include <sys/types.h>

#include "util.h"

struct sim;
struct attribute;

/* What attributes belong to. Embedded first in functions, drivers, groups and modules; counted, since
 * files outlive things. */
struct object {
        unsigned refs;
        /* how records and faults call it: "0000:01:00.0", "drivers/nvme", "bus" */
        char *label;
        /* frees what the embedding struct holds, not the struct; may be NULL */
        void (*destroy)(struct object *o);
};

void object_init(struct object *o, const char *label, void (*destroy)(struct object *o));
void object_ref(struct object *o);
void object_unref(struct object *o);

/* Shows an attribute's text (or bytes). Returns 0 or a negative errno. May sleep if the attribute SLEEPS. */
typedef int (*show_t)(struct sim *s, struct object *o, const struct attribute *a, struct text *t);
/* Stores: data is NUL-terminated behind len bytes. Returns 0 or a negative errno. May sleep. */
typedef int (*store_t)(struct sim *s, struct object *o, const struct attribute *a, const char *data,
                       size_t len);

enum {
        ATTRIBUTE_SLEEPS = 1,                   /* reading takes the device's lock */
        ATTRIBUTE_CONFIG = 2,                   /* ordinary users read only the first 64 bytes */
};

struct attribute {
        const char *name;
        mode_t mode;
        show_t show;
        store_t store;
        unsigned flags;
        size_t size;                            /* as stat shows it; 0: a page */
        bool (*visible)(const struct object *o);/* NULL: always there */
        const void *argument;
};

enum node_type { NODE_DIRECTORY, NODE_FILE, NODE_LINK };

struct node {
        uint64_t ino;
        enum node_type type;
        bool dead;
        bool permanent;                         /* never removed: the kernel may cache the lookup */
        mode_t mode;
        uid_t uid;
        gid_t gid;
        time_t born;
        unsigned pins;                          /* the kernel's lookups, open files, links to it */
        char *name;
        const struct attribute *attribute;      /* files */
        struct object *owner;                   /* files */
        struct node *target;                    /* links */
        struct node *parent, *children, *last, *next, *previous;
};

struct tree {
        void *by_ino, *by_name;                 /* tsearch(3) */
        uint64_t last_ino;
        struct node *root;                      /* inode 1 */
};

void tree_init(struct tree *t);

/* Add to the tree; the names must be free. Directories and links of an existing name are answered as they
 * are. */
struct node *tree_directory(struct tree *t, struct node *parent, const char *name);
struct node *tree_file(struct tree *t, struct node *parent, const struct attribute *a, struct object *owner);
struct node *tree_link(struct tree *t, struct node *parent, const char *name, struct node *target);
/* All attributes of a table that are visible for owner. */
void tree_files(struct tree *t, struct node *parent, const struct attribute *table, size_t n,
                struct object *owner);
/* A directory by its path from the root; what is missing is made, for ever. */
struct node *tree_permanent(struct tree *t, const char *path);

struct node *tree_child(struct tree *t, struct node *parent, const char *name);
struct node *tree_by_ino(struct tree *t, uint64_t ino);

/* Removes with everything below. NULL is fine. */
void tree_remove(struct tree *t, struct node *n);
void tree_remove_child(struct tree *t, struct node *parent, const char *name);

void tree_pin(struct node *n);
void tree_unpin(struct tree *t, struct node *n, unsigned count);

/* "/devices/pci0000:00/…", the DEVPATH. To be freed. */
char *tree_path(const struct node *n);
/* What readlink says: relative, as sysfs does it. To be freed. */
char *tree_link_text(const struct node *link);
