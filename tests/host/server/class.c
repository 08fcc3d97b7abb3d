/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Devices of a class, and their nodes below /dev as devtmpfs makes them: drivers/base/core.c, devtmpfs.c. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "pci.h"

/* Of every network interface: the real kernel knows none of them. */
#define IFINDEX 1000

struct class_device {
        struct object object;
        char *class, *devname;
        unsigned major, minor;
        struct node *directory;                 /* NULL once removed */
};

static void class_device_destroy(struct object *o) {
        free(((struct class_device *) o)->class);
        free(((struct class_device *) o)->devname);
}

static void add_properties(const struct class_device *c, struct text *t) {
        if (c->devname)
                text_add(t, "MAJOR=%u\nMINOR=%u\nDEVNAME=%s\n", c->major, c->minor, c->devname);
        else if (streq(c->class, "net"))
                text_add(t, "INTERFACE=%s\nIFINDEX=%d\n", c->directory->name, IFINDEX);
}

static int show_uevent(struct sim *s, struct object *o, const struct attribute *a, struct text *t) {
        add_properties((struct class_device *) o, t);
        return 0;
}

static int store_uevent(struct sim *s, struct object *o, const struct attribute *a, const char *data,
                        size_t len) {
        const struct class_device *c = (struct class_device *) o;
        _cleanup_text_ struct text t = {};

        if (!c->directory)
                return -ENODEV;
        add_properties(c, &t);
        return uevent_synthesize(s, c->directory, c->class, t.data, data);
}

static int show_dev(struct sim *s, struct object *o, const struct attribute *a, struct text *t) {
        const struct class_device *c = (struct class_device *) o;

        text_add(t, "%u:%u\n", c->major, c->minor);
        return 0;
}

static bool has_node(const struct object *o) {
        return ((const struct class_device *) o)->devname;
}

/* An interface that is down, as its driver leaves it. */
static bool is_net(const struct object *o) {
        return streq(((const struct class_device *) o)->class, "net");
}

static int show_flags(struct sim *s, struct object *o, const struct attribute *a, struct text *t) {
        text_add(t, "0x1002\n");
        return 0;
}

static int show_ifindex(struct sim *s, struct object *o, const struct attribute *a, struct text *t) {
        text_add(t, "%d\n", IFINDEX);
        return 0;
}

static const struct attribute attributes[] = {
        { "uevent", 0644, show_uevent, store_uevent },
        { "dev", 0444, show_dev, .visible = has_node },
        { "flags", 0444, show_flags, .visible = is_net },
        { "ifindex", 0444, show_ifindex, .visible = is_net },
};

/* In a directory of its own below /dev at most, which is all that is needed here. */
static void make_node(const struct class_device *c, mode_t mode) {
        _cleanup_free_ char *path = must_format("/dev/%s", c->devname), *directory = must_dup(path);

        *strrchr(directory, '/') = '\0';
        if (mkdir(directory, 0755) < 0 && errno != EEXIST)
                perror(directory);
        if (mknod(path, S_IFCHR | mode, makedev(c->major, c->minor)) < 0 || chmod(path, mode) < 0)
                perror(path);
}

static void remove_node(const struct class_device *c) {
        _cleanup_free_ char *path = must_format("/dev/%s", c->devname);

        if (unlink(path) < 0 && errno != ENOENT)
                perror(path);
}

static struct node *number_directory(struct sim *s) {
        return tree_permanent(&s->tree, "dev/char");
}

static struct node *class_directory(struct sim *s, const char *class) {
        _cleanup_free_ char *path = must_format("class/%s", class);

        return tree_permanent(&s->tree, path);
}

struct node *class_device_add(struct sim *s, struct node *parent, const char *class, const char *name,
                              const char *devname, unsigned major, unsigned minor, mode_t mode) {
        struct class_device *c = must_alloc(sizeof(*c));
        _cleanup_free_ char *label = must_format("%s/%s", class, name);
        _cleanup_text_ struct text t = {};
        char number[32];

        object_init(&c->object, label, class_device_destroy);
        c->class = must_dup(class);
        c->devname = must_dup(devname);
        c->major = major;
        c->minor = minor;
        c->directory = tree_directory(&s->tree, parent, name);
        tree_files(&s->tree, c->directory, attributes, ELEMENTSOF(attributes), &c->object);
        tree_link(&s->tree, c->directory, "subsystem", class_directory(s, class));
        tree_link(&s->tree, class_directory(s, class), name, c->directory);
        if (tree_child(&s->tree, parent->parent, "vendor"))
                tree_link(&s->tree, c->directory, "device", parent->parent);
        if (devname) {
                snprintf(number, sizeof(number), "%u:%u", major, minor);
                tree_link(&s->tree, number_directory(s), number, c->directory);
                make_node(c, mode);
        }
        add_properties(c, &t);
        uevent_send(s, "add", c->directory, class, t.data);
        return c->directory;
}

void class_device_remove(struct sim *s, struct node *n) {
        struct class_device *c;
        _cleanup_text_ struct text t = {};
        char number[32];

        if (!n)
                return;
        c = (struct class_device *) tree_child(&s->tree, n, "uevent")->owner;
        object_ref(&c->object);
        if (c->devname) {
                snprintf(number, sizeof(number), "%u:%u", c->major, c->minor);
                tree_remove_child(&s->tree, number_directory(s), number);
                remove_node(c);
        }
        tree_remove_child(&s->tree, class_directory(s, c->class), n->name);
        add_properties(c, &t);
        uevent_send(s, "remove", n, c->class, t.data);
        tree_remove(&s->tree, n);
        c->directory = NULL;
        object_unref(&c->object);
        object_unref(&c->object);
}
