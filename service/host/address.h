/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* PCI addresses: domain, bus, device and function, as lspci and sysfs write them. */

#include <stdbool.h>
#include <stdint.h>

struct pci_address {
        uint32_t domain; /* more than 16 bits: hosts with VMD number their domains from 0x10000 */
        uint8_t bus;
        uint8_t slot; /* 0 to 31; called "device" in the PCI specification, a word that means too much here
                       */
        uint16_t function; /* 0 to 7; as wide as leaves no byte undefined in what is sent to a worker */
};

/* Room for the longest address, "ffffffff:ff:1f.7", and its end. */
#define PCI_ADDRESS_SIZE 17

/* Reads "0000:65:00.0", or "65:00.0" for domain 0, in either letter case and with nothing around it.
 * Returns 0, or -EINVAL. */
int pci_address_parse(const char *text, struct pci_address *ret);

/* Writes the full address in lower case into BUFFER and returns BUFFER. */
char *pci_address_format(const struct pci_address *address, char buffer[static PCI_ADDRESS_SIZE]);

/* For expressions: the same with a buffer that lives as long as the block around the call. */
#define PCI_ADDRESS_TEXT(address) pci_address_format((address), (char[PCI_ADDRESS_SIZE]){})

/* Orders by domain, bus, slot, function: less than, equal to or greater than 0. */
int pci_address_compare(const struct pci_address *a, const struct pci_address *b);

/* Whether both are functions of one slot, that is, of one physical device. */
bool pci_address_same_slot(const struct pci_address *a, const struct pci_address *b);
