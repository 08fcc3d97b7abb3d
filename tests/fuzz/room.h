/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A directory for the files of a target: a file system in memory that this process alone sees, and that goes
 * when it ends, however it ends. Its functions end the process where they cannot do as they say. */

#include <stdbool.h>
#include <stddef.h>

#include "service/host/model.h"

/* Where it is. Debian's systems all have it, and nothing of theirs is there. */
#define ROOM "/mnt"

/* Makes the room. The process must be root. */
void room_open(void);

/* Each replaces what is at PATH, an absolute name below the room, whose directory must exist. */
void room_write(const char *path, const void *data, size_t size);
void room_link(const char *path, const char *target);
void room_directory(const char *path);
void room_remove(const char *path);

bool room_has(const char *path);

/* The functions of room_host(). */
#define ROOM_NIC "0000:01:00.0"
#define ROOM_SIBLING "0000:01:00.1"
#define ROOM_NIC_DIRECTORY ROOM "/sys/devices/pci0000:00/0000:00:1c.0/" ROOM_NIC

/* Makes a host there, with a bridge and two functions of one slot below it, in group 7, on the driver
 * e1000e; nothing has attributes but a modalias. */
struct root *room_host(void);

/* What the model of that host knows, scanned. Its root and aliases stay until the process ends. */
struct model *room_model(void);
