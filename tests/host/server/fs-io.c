/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading and writing attributes: fs/kernfs/file.c, fs/sysfs/file.c. */

#define FUSE_USE_VERSION 35
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "fault.h"
#include "fs.h"
#include "pci.h"

#define PAGE 4096

/* An open file: what its last read from the start showed. The node is pinned while requests run. */
struct handle {
        struct node *node;
        struct text shown;
};

static struct handle *handle_of(const struct fuse_file_info *info) {
        return (struct handle *) (uintptr_t) info->fh;
}

void fs_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *info) {
        struct sim *s = fs_begin(req);
        struct node *n = fs_node(s, ino);
        int mode = info->flags & O_ACCMODE, r = 0;
        struct handle *h = NULL;

        if (!n || n->dead)
                r = ENODEV;
        else if (mode != O_WRONLY && (!n->attribute->show || !(n->mode & 0444)))
                r = EACCES;
        else if (mode != O_RDONLY && (!n->attribute->store || !(n->mode & 0222)))
                r = EACCES;
        else {
                h = must_alloc(sizeof(*h));
                h->node = n;
                tree_pin(n);
        }
        fs_end(s);

        info->fh = (uintptr_t) h;
        info->direct_io = 1;
        info->noflush = 1;
        if (r > 0)
                fuse_reply_err(req, r);
        else
                fuse_reply_open(req, info);
}

void fs_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *info) {
        struct handle *h = handle_of(info);
        struct sim *s = fs_begin(req);

        tree_unpin(&s->tree, h->node, 1);
        fs_end(s);
        text_clear(&h->shown);
        free(h);
        fuse_reply_err(req, 0);
}

/* How records and faults call an attribute: its owner's label and its name. */
static char *subject_of(const struct node *n) {
        return must_format("%s/%s", n->owner->label, n->attribute->name);
}

/* The address that a write is about: the function it belongs to, or the one it names. */
static const char *device_of(struct sim *s, const struct node *n, const char *data) {
        struct function *f = function_find(s, n->owner->label);

        if (!f && data)
                f = function_find(s, data);
        return f ? f->object.label : NULL;
}

/* ---- reading ---- */

static int show(struct sim *s, struct node *n, struct text *t) {
        _cleanup_free_ char *subject = NULL, *device = NULL;
        int r;

        if (fault_any(s, FAULT_READ)) {
                subject = subject_of(n);
                device = must_dup(device_of(s, n, NULL));
                r = fault_strike(s, FAULT_READ, false, subject, device, NULL);
                if (r < 0)
                        return r;
        }
        if (n->dead)
                return -ENODEV;
        text_add_bytes(t, "", 0);
        return n->attribute->show(s, n->owner, n->attribute, t);
}

struct io {
        fuse_req_t req;
        struct handle *handle;
        size_t size;
        off_t offset;
        uid_t uid;
        pid_t pid;
        char *data;
};

static void read_and_reply(struct sim *s, struct io *io) {
        struct text *t = &io->handle->shown, fresh = {};
        const struct attribute *a = io->handle->node->attribute;
        size_t len;
        int r = 0;

        if (io->handle->node->dead)
                r = -ENODEV;
        else if (io->offset == 0 || !t->data) {
                r = show(s, io->handle->node, &fresh);
                text_clear(t);
                *t = fresh;
        }
        len = t->len;
        if ((a->flags & ATTRIBUTE_CONFIG) && io->uid != 0)
                len = MIN(len, 64U);
        if (r < 0)
                fuse_reply_err(io->req, -r);
        else if ((size_t) io->offset >= len)
                fuse_reply_buf(io->req, NULL, 0);
        else
                fuse_reply_buf(io->req, t->data + io->offset, MIN(io->size, len - io->offset));
}

static void read_thread(struct sim *s, void *data) {
        struct io *io = data;

        pthread_mutex_lock(&s->lock);
        read_and_reply(s, io);
        pthread_mutex_unlock(&s->lock);
        free(io);
}

void fs_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *info) {
        struct sim *s = fs_begin(req);
        struct io *io = must_alloc(sizeof(*io));
        bool sleeps;

        *io = (struct io) {
                .req = req, .handle = handle_of(info), .size = size, .offset = offset,
                .uid = fuse_req_ctx(req)->uid,
        };
        sleeps = (io->handle->node->attribute->flags & ATTRIBUTE_SLEEPS) || fault_any(s, FAULT_READ);
        if (sleeps)
                sim_thread(s, read_thread, io);
        else {
                read_and_reply(s, io);
                free(io);
        }
        fs_end(s);
}

/* ---- writing ---- */

static int store(struct sim *s, const struct io *io, const char *subject) {
        struct node *n = io->handle->node;
        _cleanup_free_ char *plain = must_dup(io->data), *device = NULL;
        size_t len = strlen(plain);
        int r;

        if (len > 0 && plain[len - 1] == '\n')
                plain[len - 1] = '\0';
        device = must_dup(device_of(s, n, io->data));
        r = fault_strike(s, FAULT_WRITE, false, subject, device, plain);
        if (r < 0)
                return r;
        if (n->dead)
                return -ENODEV;
        r = n->attribute->store(s, n->owner, n->attribute, io->data, io->size);
        if (r < 0)
                return r;
        return fault_strike(s, FAULT_WRITE, true, subject, device, plain);
}

static void write_thread(struct sim *s, void *data) {
        struct io *io = data;
        _cleanup_free_ char *subject = NULL;
        struct record *record;
        int r;

        pthread_mutex_lock(&s->lock);
        subject = subject_of(io->handle->node);
        record = record_begin(s, io->pid, io->uid, subject, io->data, io->size);
        r = store(s, io, subject);
        record_end(s, record, r);
        pthread_mutex_unlock(&s->lock);

        if (r < 0)
                fuse_reply_err(io->req, -r);
        else
                fuse_reply_write(io->req, io->size);
        free(io->data);
        free(io);
}

void fs_write(fuse_req_t req, fuse_ino_t ino, const char *data, size_t size, off_t offset,
              struct fuse_file_info *info) {
        struct sim *s = fuse_req_userdata(req);
        struct io *io = must_alloc(sizeof(*io));

        *io = (struct io) {
                .req = req, .handle = handle_of(info), .size = MIN(size, (size_t) PAGE),
                .uid = fuse_req_ctx(req)->uid, .pid = fuse_req_ctx(req)->pid,
        };
        io->data = must_alloc(io->size + 1);
        memcpy(io->data, data, io->size);
        sim_thread(s, write_thread, io);
}
