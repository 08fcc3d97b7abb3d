/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * /sys as a FUSE file system. One thread reads requests and answers at once what cannot sleep; every write,
 * and every read that takes a device's lock, gets a thread of its own and is answered when it is done.
 *
 * A file that can be written gets a new node id with each lookup, so that writers to the same file (a
 * driver's bind) do not queue up for its inode's lock in the real kernel: in sysfs they do not.
 *
 * Every name is looked up anew, but for what is never removed. What a lookup tells of a node is kept: modes
 * and owners change by the kernel's own hand only, and nothing else of it changes at all.
 */

#define FUSE_USE_VERSION 35
#include <errno.h>
#include <fuse_lowlevel.h>
#include <stdio.h>
#include <sys/mount.h>
#include <unistd.h>

#include "fault.h"
#include "fs.h"

#define INO_BITS 40
#define INO_MASK ((UINT64_C(1) << INO_BITS) - 1)
#define FOREVER 3600.0

struct sim *fs_begin(fuse_req_t req) {
        struct sim *s = fuse_req_userdata(req);

        pthread_mutex_lock(&s->lock);
        return s;
}

void fs_end(struct sim *s) {
        pthread_mutex_unlock(&s->lock);
}

struct node *fs_node(struct sim *s, fuse_ino_t id) {
        return tree_by_ino(&s->tree, id & INO_MASK);
}

static void fill(const struct node *n, struct stat *ret) {
        *ret = (struct stat) {
                .st_ino = n->ino, .st_mode = n->mode, .st_uid = n->uid, .st_gid = n->gid,
                .st_nlink = n->type == NODE_DIRECTORY ? 2 : 1,
                .st_size = n->type == NODE_FILE ? (off_t) (n->attribute->size ?: 4096) : 0,
                .st_blksize = 4096, .st_atime = n->born, .st_mtime = n->born, .st_ctime = n->born,
        };
}

static void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name) {
        struct sim *s = fs_begin(req);
        struct node *p = fs_node(s, parent), *n = p ? tree_child(&s->tree, p, name) : NULL;
        struct fuse_entry_param e = {};

        if (n) {
                e.ino = n->ino;
                if (n->type == NODE_FILE && n->attribute->store)
                        e.ino |= (++s->aliases << INO_BITS);
                e.attr_timeout = FOREVER;
                e.entry_timeout = n->permanent ? FOREVER : 0;
                fill(n, &e.attr);
                tree_pin(n);
        }
        fs_end(s);
        if (n)
                fuse_reply_entry(req, &e);
        else
                fuse_reply_err(req, ENOENT);
}

static void forget_one(struct sim *s, fuse_ino_t ino, uint64_t count) {
        struct node *n = fs_node(s, ino);

        if (n && n != s->tree.root)
                tree_unpin(&s->tree, n, count);
}

static void op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t count) {
        struct sim *s = fs_begin(req);

        forget_one(s, ino, count);
        fs_end(s);
        fuse_reply_none(req);
}

static void op_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *all) {
        struct sim *s = fs_begin(req);

        for (size_t i = 0; i < count; i++)
                forget_one(s, all[i].ino, all[i].nlookup);
        fs_end(s);
        fuse_reply_none(req);
}

static void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *info) {
        struct sim *s = fs_begin(req);
        struct node *n = fs_node(s, ino);
        struct stat st = {};

        if (n)
                fill(n, &st);
        fs_end(s);
        if (n)
                fuse_reply_attr(req, &st, FOREVER);
        else
                fuse_reply_err(req, ENOENT);
}

/* chmod and chown work in sysfs; truncation and times are accepted and mean nothing. */
static void op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int what,
                       struct fuse_file_info *info) {
        struct sim *s = fs_begin(req);
        struct node *n = fs_node(s, ino);
        struct stat st = {};

        if (n) {
                if (what & FUSE_SET_ATTR_MODE)
                        n->mode = (n->mode & S_IFMT) | (attr->st_mode & 07777);
                if (what & FUSE_SET_ATTR_UID)
                        n->uid = attr->st_uid;
                if (what & FUSE_SET_ATTR_GID)
                        n->gid = attr->st_gid;
                fill(n, &st);
        }
        fs_end(s);
        if (n)
                fuse_reply_attr(req, &st, FOREVER);
        else
                fuse_reply_err(req, ENOENT);
}

static void op_readlink(fuse_req_t req, fuse_ino_t ino) {
        struct sim *s = fs_begin(req);
        struct node *n = fs_node(s, ino);
        _cleanup_free_ char *text = n && !n->dead ? tree_link_text(n) : NULL;

        fs_end(s);
        if (text)
                fuse_reply_readlink(req, text);
        else
                fuse_reply_err(req, ENOENT);
}

/* ---- directories: as they were when they were opened ---- */

struct listing {
        size_t n;
        struct {
                char *name;
                struct stat st;
        } entries[];
};

static struct listing *list(const struct node *n) {
        struct listing *l;
        size_t count = 2;

        for (const struct node *c = n->children; c; c = c->next)
                count++;
        l = must_alloc(sizeof(*l) + count * sizeof(l->entries[0]));
        for (l->n = 0; l->n < 2; l->n++) {
                const struct node *which = l->n == 1 && n->parent ? n->parent : n;

                l->entries[l->n].name = must_dup(l->n == 0 ? "." : "..");
                fill(which, &l->entries[l->n].st);
        }
        for (const struct node *c = n->children; c; c = c->next, l->n++) {
                l->entries[l->n].name = must_dup(c->name);
                fill(c, &l->entries[l->n].st);
        }
        return l;
}

static void listing_free(struct listing *l) {
        for (size_t i = 0; i < l->n; i++)
                free(l->entries[i].name);
        free(l);
}

static void op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *info) {
        struct sim *s = fs_begin(req);
        struct node *n = fs_node(s, ino);
        struct listing *l = n ? list(n) : NULL;

        fs_end(s);
        info->fh = (uintptr_t) l;
        if (!l)
                fuse_reply_err(req, ENOENT);
        else if (fuse_reply_open(req, info) < 0)
                listing_free(l);
}

static void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
                       struct fuse_file_info *info) {
        struct listing *l = (struct listing *) (uintptr_t) info->fh;
        struct sim *s = fs_begin(req);
        struct node *node = fs_node(s, ino);
        _cleanup_free_ char *buffer = must_alloc(size);
        bool dead = !node || node->dead;
        size_t used = 0;

        fs_end(s);
        for (size_t i = offset; i < (dead ? 2 : l->n); i++) {
                size_t more = fuse_add_direntry(req, buffer + used, size - used, l->entries[i].name,
                                                &l->entries[i].st, i + 1);

                if (more > size - used)
                        break;
                used += more;
        }
        fuse_reply_buf(req, buffer, used);
}

static void op_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *info) {
        listing_free((struct listing *) (uintptr_t) info->fh);
        fuse_reply_err(req, 0);
}

/* ---- what sysfs does not do ---- */

static void op_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
                      struct fuse_file_info *info) {
        fuse_reply_err(req, EACCES);
}

static void op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t device) {
        fuse_reply_err(req, EACCES);
}

static void op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode) {
        fuse_reply_err(req, EPERM);
}

static void op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name) {
        fuse_reply_err(req, EPERM);
}

static void op_rename(fuse_req_t req, fuse_ino_t a, const char *from, fuse_ino_t b, const char *to,
                      unsigned flags) {
        fuse_reply_err(req, EPERM);
}

static void op_symlink(fuse_req_t req, const char *text, fuse_ino_t parent, const char *name) {
        fuse_reply_err(req, EPERM);
}

static void op_init(void *userdata, struct fuse_conn_info *c) {
        c->want &= ~(FUSE_CAP_READDIRPLUS | FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE |
                     FUSE_CAP_SPLICE_MOVE);
}

static const struct fuse_lowlevel_ops operations = {
        .init = op_init,
        .lookup = op_lookup,
        .forget = op_forget,
        .forget_multi = op_forget_multi,
        .getattr = op_getattr,
        .setattr = op_setattr,
        .readlink = op_readlink,
        .opendir = op_opendir,
        .readdir = op_readdir,
        .releasedir = op_releasedir,
        .open = fs_open,
        .read = fs_read,
        .write = fs_write,
        .release = fs_release,
        .create = op_create,
        .mknod = op_mknod,
        .mkdir = op_mkdir,
        .unlink = op_unlink,
        .rmdir = op_unlink,
        .rename = op_rename,
        .symlink = op_symlink,
};

int fs_serve(struct sim *s, const char *place, void (*ready)(void *data), void *data) {
        char *arguments[] = {
                (char *) "sysfs",
                (char *) "-oallow_other,default_permissions,fsname=sysfs,subtype=simhost",
        };
        struct fuse_args args = FUSE_ARGS_INIT(ELEMENTSOF(arguments), arguments);
        struct fuse_session *session;
        int r = -EIO;

        session = fuse_session_new(&args, &operations, sizeof(operations), s);
        if (!session)
                return -EINVAL;
        if (fuse_session_mount(session, place) == 0) {
                ready(data);
                r = fuse_session_loop(session);
                fuse_session_unmount(session);
        }
        fuse_session_destroy(session);
        fuse_opt_free_args(&args);
        return r;
}
