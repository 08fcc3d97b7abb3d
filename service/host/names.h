/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Names of vendors, devices and classes, from the PCI id database of libpci.
 *
 * The database takes 2 MiB once it is loaded, and is needed only while functions are being added. So it is
 * loaded with the first question and dropped by names_unload(); the answers are kept, each once, for as long
 * as the object lives. */

#include <stdint.h>

struct names;

/* Returns the object, or NULL where memory is short. The caller frees it with names_free(). */
struct names *names_new(void);
struct names *names_free(struct names *names);

/* Each returns a name that lives as long as NAMES, or "" where the database has none. Never NULL. Names are
 * the database's own words: nothing that a device could choose. */
const char *names_vendor(struct names *names, uint16_t vendor);
const char *names_device(struct names *names, uint16_t vendor, uint16_t device);
const char *names_class(struct names *names, uint32_t class_code);

/* Gives the database's memory back. The next question loads it again. */
void names_unload(struct names *names);
