/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Reading and writing PCI addresses. */

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "service/host/address.h"

/* Reads at least MIN and at most MAX hexadecimal digits followed by END, and moves *TEXT behind them.
 * strtoul() would also take white space, signs and "0x". */
static int parse_field(const char **text, size_t min, size_t max, char end, uint32_t limit, uint32_t *ret) {
        const char *p = *text;
        uint32_t value = 0;
        size_t n;

        for (n = 0; n < max && isxdigit((unsigned char) p[n]); n++)
                value = value << 4 |
                        (uint32_t) (isdigit((unsigned char) p[n]) ? p[n] - '0' : (p[n] | 0x20) - 'a' + 10);

        if (n < min || p[n] != end || value > limit)
                return -EINVAL;

        *text = p + n + (end != '\0');
        *ret = value;
        return 0;
}

int pci_address_parse(const char *text, struct pci_address *ret) {
        uint32_t domain = 0, bus, slot, function;
        const char *first, *p = text;

        first = strchr(text, ':');
        if (first && strchr(first + 1, ':') && parse_field(&p, 4, 8, ':', UINT32_MAX, &domain) < 0)
                return -EINVAL;

        if (parse_field(&p, 2, 2, ':', UINT8_MAX, &bus) < 0 || parse_field(&p, 2, 2, '.', 31, &slot) < 0 ||
            parse_field(&p, 1, 1, '\0', 7, &function) < 0)
                return -EINVAL;

        *ret = (struct pci_address){
                .domain = domain,
                .bus = (uint8_t) bus,
                .slot = (uint8_t) slot,
                .function = (uint8_t) function,
        };
        return 0;
}

char *pci_address_format(const struct pci_address *address, char buffer[static PCI_ADDRESS_SIZE]) {
        snprintf(buffer, PCI_ADDRESS_SIZE, "%04x:%02x:%02x.%x", address->domain, address->bus,
                 address->slot & 0x1fu, address->function & 7u);
        return buffer;
}

static uint64_t address_rank(const struct pci_address *a) {
        return (uint64_t) a->domain << 32 | (uint64_t) a->bus << 16 | (uint64_t) a->slot << 8 | a->function;
}

int pci_address_compare(const struct pci_address *a, const struct pci_address *b) {
        uint64_t x = address_rank(a), y = address_rank(b);

        return (x > y) - (x < y);
}

bool pci_address_same_slot(const struct pci_address *a, const struct pci_address *b) {
        return a->domain == b->domain && a->bus == b->bus && a->slot == b->slot;
}
