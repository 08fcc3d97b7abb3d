/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tree that /sys shows. */

#include <errno.h>
#include <search.h>
#include <sys/stat.h>
#include <time.h>

#include "tree.h"

void object_init(struct object *o, const char *label, void (*destroy)(struct object *o)) {
        *o = (struct object) { .refs = 1, .label = must_dup(label), .destroy = destroy };
}

void object_ref(struct object *o) {
        o->refs++;
}

void object_unref(struct object *o) {
        if (!o || --o->refs > 0)
                return;
        if (o->destroy)
                o->destroy(o);
        free(o->label);
        free(o);
}

static int compare_ino(const void *a, const void *b) {
        const struct node *x = a, *y = b;

        return x->ino < y->ino ? -1 : x->ino > y->ino;
}

static int compare_name(const void *a, const void *b) {
        const struct node *x = a, *y = b;

        if (x->parent != y->parent)
                return x->parent->ino < y->parent->ino ? -1 : 1;
        return strcmp(x->name, y->name);
}

static struct node *node_new(struct tree *t, struct node *parent, const char *name, enum node_type type,
                             mode_t mode) {
        struct node *n = must_alloc(sizeof(*n));

        n->ino = ++t->last_ino;
        n->type = type;
        n->mode = mode;
        n->born = time(NULL);
        n->name = must_dup(name);
        n->parent = parent;
        tsearch(n, &t->by_ino, compare_ino);
        if (!parent)
                return n;

        tsearch(n, &t->by_name, compare_name);
        n->previous = parent->last;
        if (parent->last)
                parent->last->next = n;
        else
                parent->children = n;
        parent->last = n;
        return n;
}

void tree_init(struct tree *t) {
        *t = (struct tree) {};
        t->root = node_new(t, NULL, "", NODE_DIRECTORY, S_IFDIR | 0755);
        t->root->permanent = true;
}

struct node *tree_child(struct tree *t, struct node *parent, const char *name) {
        struct node key = { .parent = parent, .name = (char *) name };
        struct node **found;

        if (parent->dead)
                return NULL;
        found = tfind(&key, &t->by_name, compare_name);
        return found ? *found : NULL;
}

struct node *tree_by_ino(struct tree *t, uint64_t ino) {
        struct node key = { .ino = ino }, **found = tfind(&key, &t->by_ino, compare_ino);

        return found ? *found : NULL;
}

struct node *tree_directory(struct tree *t, struct node *parent, const char *name) {
        return tree_child(t, parent, name) ?: node_new(t, parent, name, NODE_DIRECTORY, S_IFDIR | 0755);
}

struct node *tree_link(struct tree *t, struct node *parent, const char *name, struct node *target) {
        struct node *n = tree_child(t, parent, name);

        if (n)
                return n;
        n = node_new(t, parent, name, NODE_LINK, S_IFLNK | 0777);
        n->target = target;
        tree_pin(target);
        return n;
}

struct node *tree_file(struct tree *t, struct node *parent, const struct attribute *a,
                       struct object *owner) {
        struct node *n = node_new(t, parent, a->name, NODE_FILE, S_IFREG | a->mode);

        n->attribute = a;
        n->owner = owner;
        object_ref(owner);
        return n;
}

void tree_files(struct tree *t, struct node *parent, const struct attribute *table, size_t n,
                struct object *owner) {
        for (size_t i = 0; i < n; i++)
                if (!table[i].visible || table[i].visible(owner))
                        tree_file(t, parent, table + i, owner);
}

struct node *tree_permanent(struct tree *t, const char *path) {
        _cleanup_free_ char *copy = must_dup(path);
        char *state = NULL;
        struct node *n = t->root;

        for (char *w = strtok_r(copy, "/", &state); w; w = strtok_r(NULL, "/", &state)) {
                n = tree_directory(t, n, w);
                n->permanent = true;
        }
        return n;
}

static void node_bury(struct tree *t, struct node *n) {
        if (!n->dead || n->pins > 0)
                return;
        tdelete(n, &t->by_ino, compare_ino);
        object_unref(n->owner);
        free(n->name);
        free(n);
}

void tree_remove(struct tree *t, struct node *n) {
        struct node *target;

        if (!n || n->dead)
                return;
        while (n->children)
                tree_remove(t, n->children);

        tdelete(n, &t->by_name, compare_name);
        if (n->previous)
                n->previous->next = n->next;
        else
                n->parent->children = n->next;
        if (n->next)
                n->next->previous = n->previous;
        else
                n->parent->last = n->previous;

        n->dead = true;
        n->parent = n->next = n->previous = NULL;
        target = n->target;
        n->target = NULL;
        node_bury(t, n);
        if (target)
                tree_unpin(t, target, 1);
}

void tree_remove_child(struct tree *t, struct node *parent, const char *name) {
        tree_remove(t, tree_child(t, parent, name));
}

void tree_pin(struct node *n) {
        n->pins++;
}

void tree_unpin(struct tree *t, struct node *n, unsigned count) {
        n->pins -= MIN(count, n->pins);
        node_bury(t, n);
}

char *tree_path(const struct node *n) {
        _cleanup_free_ char *above = NULL;

        if (!n->parent)
                return must_dup("");
        above = tree_path(n->parent);
        return must_format("%s/%s", above, n->name);
}

char *tree_link_text(const struct node *link) {
        _cleanup_free_ char *from = NULL, *to = NULL;
        struct text t = {};
        size_t common = 0;

        if (!link->target || link->target->dead)
                return NULL;
        from = tree_path(link->parent);
        to = tree_path(link->target);
        for (size_t i = 0;; i++) {
                if ((from[i] == '/' || !from[i]) && (to[i] == '/' || !to[i]))
                        common = i;
                if (from[i] != to[i] || !from[i])
                        break;
        }
        for (const char *p = from + common; *p; p++)
                if (*p == '/')
                        text_add(&t, "../");
        text_add(&t, "%s", to[common] == '/' ? to + common + 1 : ".");
        return t.data;
}
