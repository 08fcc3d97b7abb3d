/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Addresses of slots, without a function, which stand for all functions there. */

#include <json-c/json.h>
#include <stddef.h>

/* Replaces each of the `n` operands that is the address of a slot (65:00 or 0000:65:00) by those of its
 * functions. `functions` is what client_list_devices() answers. `ret` becomes a list of `ret_n` strings that
 * ends with NULL and is the caller's; its strings are borrowed from both. -ENODEV with the operand in
 * `ret_missing` where a slot is empty, -ENOMEM. */
int slot_expand(char *const *operands, size_t n, json_object *functions, char ***ret, size_t *ret_n,
                const char **ret_missing);
