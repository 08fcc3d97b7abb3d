/* SPDX-License-Identifier: GPL-2.0-or-later */

/* PCI addresses: what is taken is answered in full and lower case, and that is taken again. */

#include <ctype.h>

#include "service/host/address.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_free_ char *text = fuzz_text(data, size);
        struct pci_address address, again;
        char full[PCI_ADDRESS_SIZE];
        size_t length;

        if (pci_address_parse(text, &address) < 0)
                return 0;

        pci_address_format(&address, full);
        for (const char *p = full; *p; p++)
                assert(isdigit((unsigned char) *p) || (*p >= 'a' && *p <= 'f') || *p == ':' || *p == '.');
        assert(pci_address_parse(full, &again) == 0);
        assert(pci_address_compare(&address, &again) == 0);

        /* The answer ends in what was given, but for the letter case. Only of the domain may zeros have been
         * left out, or a domain of zeros been given more of them. */
        length = strlen("00:00.0");
        assert(strlen(text) >= length);
        assert(strcasecmp(full + strlen(full) - length, text + strlen(text) - length) == 0);
        return 0;
}
