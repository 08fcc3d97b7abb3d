/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* Shared by the two halves of the file system: the tree (fs.c), and reading and writing (fs-io.c). */

#include <fuse_lowlevel.h>

#include "sim.h"

/* Takes the lock. */
struct sim *fs_begin(fuse_req_t req);
void fs_end(struct sim *s);
/* NULL if there is none; may be dead. */
struct node *fs_node(struct sim *s, fuse_ino_t id);

void fs_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *info);
void fs_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *info);
void fs_write(fuse_req_t req, fuse_ino_t ino, const char *data, size_t size, off_t offset,
              struct fuse_file_info *info);
void fs_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *info);
