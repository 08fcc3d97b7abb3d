/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The steps that a move is made of: data, planned in the service and carried out one at a time by the
 * worker. */

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "service/host/address.h"

/* Longest argument: a driver's name, an override or a list of modules. */
#define STEP_ARGUMENT_SIZE 1024

enum step_kind {
        STEP_LOAD_MODULE,       /* argument: a module's name, or a modalias */
        STEP_OVERRIDE,          /* argument: the driver override to set, "" to clear it */
        STEP_UNBIND,            /* argument: the driver that has the function */
        STEP_PROBE,             /* argument: the host modules of which one shall take it */
        STEP_BIND,              /* argument: the driver that shall take it */
        STEP_WAIT_NODE,         /* argument: the number of the IOMMU group, "" where only the kernel knows */
        STEP_ACCESS,            /* argument: the user who may open the group from now on */
        STEP_WITHDRAW_ACCESS,   /* argument: the user who may no longer open it, and must not have it open */
        STEP_RELEASE_CONSOLE,   /* argument: what shows it, CONSOLE_KERNEL or CONSOLE_FIRMWARE */
        STEP_RETURN_CONSOLE,    /* argument: CONSOLE_KERNEL */
        STEP_REMOVE_SLOT,       /* argument: the driver that shall not take it again by itself, pciback */
        STEP_VIRTUAL_FUNCTIONS, /* argument: how many there shall be */
        STEP_AUTOPROBE,         /* argument: whether the kernel probes new virtual functions, "0" or "1" */
        STEP_RESET,             /* argument: the method, "" for the first that works */
        STEP_RESET_METHODS,     /* argument: the list to put back, where it is another one now */
        STEP_OPEN,              /* no step that `Plan` shows: opens the function for whoever asks */
        STEP_LOOK,              /* no step of a plan: only observes the function */
        STEP_READ,              /* no step of a plan: reads the attribute that the argument names */
        STEP_NOTE, /* no step of a plan: the functions whose addresses are in the argument are of interest */
        STEP_SURVEY, /* no step of a plan: finds out who uses the functions noted. The findings come before
                        the report, each as a struct finding_record (service/usage/finding.h) */
        _STEP_KIND_MAX,
};

/* The kernel's console on framebuffers (fbcon), and the framebuffer that the firmware has set up. */
#define CONSOLE_KERNEL "fbcon"
#define CONSOLE_FIRMWARE "firmware"

/* "load-module", "override" … as `Plan` and error messages word it. */
const char *step_kind_name(enum step_kind kind);

/* What a step does, as a sentence's end: "binding 0000:65:00.0 to vfio-pci". VIRTUAL_FUNCTION as in the
 * order. The caller frees it. */
char *step_describe(enum step_kind kind, const struct pci_address *address, unsigned virtual_function,
                    const char *argument);

/* One step for the worker. Service and worker come from one build and talk over a socket of their own, so
 * the structure itself is the message. */
struct order {
        enum step_kind kind;
        unsigned virtual_function; /* 0: it is about the function itself; else the how manieth virtual one of
                                      it, counted from 1 */
        struct pci_address address;
        uint64_t identity; /* of the function, checked right before the write; unused where the step is about
                              none */
        unsigned limit_msec; /* how long the worker may wait for what only others can do; the kernel is not
                                bound by it */
        char argument[STEP_ARGUMENT_SIZE];
};

/* The worker's answer, once its write has returned and it has looked. */
struct report {
        int error;      /* 0: it is true now; a negative errno: the kernel's answer */
        bool has_state; /* whether the fields below were observed */
        char driver[NAME_MAX + 1];
        char override[NAME_MAX + 1];
        char value[NAME_MAX + 1]; /* what STEP_READ has read; the method that STEP_RESET has used; the file
                                     that STEP_OPEN has opened, whose descriptor comes with the report */
};
