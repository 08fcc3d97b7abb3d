/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The table of steps. */

#include <stdio.h>

#include "service/host/macros.h"
#include "service/move/steps/step.h"

static const struct {
        const char *name;
        const char *sentence; /* with the address and the argument, in this order */
        const char *sentence_without_argument;
} kinds[_STEP_KIND_MAX] = {
        [STEP_LOAD_MODULE] = { "load-module", "loading a module for %s (%s)", NULL },
        [STEP_OVERRIDE] = { "override", "setting the driver override of %s to %s",
                            "clearing the driver override of %s" },
        [STEP_UNBIND] = { "unbind", "unbinding %s from %s", NULL },
        [STEP_PROBE] = { "probe", "probing %s with its host drivers (%s)", "probing %s" },
        [STEP_BIND] = { "bind", "binding %s to %s", NULL },
        [STEP_WAIT_NODE] = { "wait-node", "waiting for the VFIO node of %s (group %s)", NULL },
        [STEP_ACCESS] = { "access", "giving access to the VFIO node of %s to the user %s", NULL },
        [STEP_WITHDRAW_ACCESS] = { "withdraw-access",
                                   "taking access to the VFIO node of %s from the user %s", NULL },
        [STEP_OPEN] = { "open", "opening %s", "opening %s" },
        [STEP_RELEASE_CONSOLE] = { "release-console", "releasing, for %s, the console (%s)", NULL },
        [STEP_RETURN_CONSOLE] = { "return-console", "giving back, for %s, the console (%s)", NULL },
        [STEP_REMOVE_SLOT] = { "remove-slot", "removing %s from the slots of %s", NULL },
        [STEP_VIRTUAL_FUNCTIONS] = { "virtual-functions",
                                     "setting the number of virtual functions of %s to %s", NULL },
        [STEP_AUTOPROBE] = { "autoprobe", "setting whether new virtual functions of %s are probed, to %s",
                             NULL },
        [STEP_RESET] = { "reset", "resetting %s (%s)", "resetting %s" },
        [STEP_RESET_METHODS] = { "reset-methods", "giving %s back its list of reset methods (%s)",
                                 "giving %s back its list of reset methods" },
        [STEP_READ] = { "read", "reading of %s the attribute %s", NULL },
        [STEP_NOTE] = { "note", "noting, with %s, %s", NULL },
        [STEP_SURVEY] = { "survey", "finding out who uses %s", "finding out who uses %s" },
        [STEP_LOOK] = { "look", "reading the state of %s", "reading the state of %s" },
};

const char *step_kind_name(enum step_kind kind) {
        return kinds[kind].name;
}

/* The formats come from the table above. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
char *step_describe(enum step_kind kind, const struct pci_address *address, unsigned virtual_function,
                    const char *argument) {
        const char *format = kinds[kind].sentence;
        char subject[PCI_ADDRESS_SIZE + 64], *text;

        pci_address_format(address, subject);
        if (virtual_function > 0)
                snprintf(subject, sizeof(subject), "virtual function %u of %s", virtual_function,
                         PCI_ADDRESS_TEXT(address));

        if (*argument == '\0' && kinds[kind].sentence_without_argument)
                format = kinds[kind].sentence_without_argument;

        return asprintf(&text, format, subject, argument) < 0 ? NULL : text;
}
#pragma GCC diagnostic pop
