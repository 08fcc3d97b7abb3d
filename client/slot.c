/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses of slots. */

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "json.h"
#include "slot.h"

/* "0000:65:00." for "65:00", or false where the operand is no address of a slot. */
static bool find_prefix(const char *operand, char prefix[static ADDRESS_SIZE]) {
        size_t n = strlen(operand), n_domain = strspn(operand, "0123456789abcdefABCDEF");
        bool has_domain = n_domain >= 4;
        const char *bus = has_domain && operand[n_domain] == ':' ? operand + n_domain + 1 : operand;

        if (n + strlen("0000:.") >= ADDRESS_SIZE || strlen(bus) != strlen("65:00") || bus[2] != ':' ||
            strspn(bus, "0123456789abcdefABCDEF:") != strlen(bus))
                return false;

        snprintf(prefix, ADDRESS_SIZE, "%s%s.", has_domain ? "" : "0000:", operand);
        for (char *p = prefix; *p; p++)
                *p = (char) tolower((unsigned char) *p);
        return true;
}

static size_t add_functions(json_object *functions, const char *prefix, char **list) {
        size_t n = 0;

        for (size_t i = 0; i < json_object_array_length(functions); i++) {
                const char *address = json_string(json_object_array_get_idx(functions, i), "address");

                if (strncmp(address, prefix, strlen(prefix)) == 0)
                        list[n++] = (char *) address;
        }
        return n;
}

int slot_expand(char *const *operands, size_t n, json_object *functions, char ***ret, size_t *ret_n,
                const char **ret_missing) {
        /* Whoever names a slot more than once is told so by the service. */
        size_t room = n * (json_object_array_length(functions) + 1) + 1, n_list = 0;
        char prefix[ADDRESS_SIZE];
        char **list;

        list = calloc(room, sizeof(char *));
        if (!list)
                return -ENOMEM;

        for (size_t i = 0; i < n; i++) {
                size_t found = 1;

                if (find_prefix(operands[i], prefix))
                        found = add_functions(functions, prefix, list + n_list);
                else
                        list[n_list] = operands[i];
                if (found == 0) {
                        *ret_missing = operands[i];
                        free(list);
                        return -ENODEV;
                }
                n_list += found;
        }

        *ret = list;
        *ret_n = n_list;
        return 0;
}
