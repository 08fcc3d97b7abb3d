/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What a request should come to, worked out from a plain description of a host, without a line of the
 * service: slow and obvious, for comparison with the service's plans. The rules are those of the interface's
 * manual. */

#include <stdbool.h>
#include <stddef.h>

#define WORLD_FUNCTIONS 14
#define WORLD_TEXT 16384

/* Devices, by their modules. */
enum device_kind {
        DEVICE_UNKNOWN,  /* no module knows it */
        DEVICE_LOADED,   /* its module is loaded */
        DEVICE_LOADABLE, /* its module is not loaded yet */
        DEVICE_VARIANT,  /* as DEVICE_LOADED, and there is a VFIO driver made for it */
        _DEVICE_KIND_MAX,
};

/* Where a function came from. */
enum past {
        NEVER_MOVED,
        RECORDED,
        ON_PASSTHROUGH, /* when it was first moved */
        _PAST_MAX,
};

struct world_function {
        char address[20];
        enum device_kind device;
        bool bridge_header, bridge_class;
        int group; /* -1: none */
        const char *driver, *override;
        enum past past;
        const char *home_driver, *home_override; /* with RECORDED */
        bool home_console;                       /* likewise: the console was taken off it */
        unsigned n_virtual;                      /* how many virtual functions it has enabled */
};

/* What stands in the way of a backend's module. */
enum module {
        MODULE_IS_LOADABLE,
        MODULE_IS_BLACKLISTED,
        MODULE_IS_BANNED,
        MODULE_IS_REGISTERED, /* with its driver */
        _MODULE_MAX,
};

struct world_finding {
        const char *kind, *subject, *severity;
        size_t function;
};

struct world {
        struct world_function functions[WORLD_FUNCTIONS]; /* in the order of their addresses */
        size_t n_functions;
        bool dom0;
        enum module vfio, kvm, xen, variant;
        bool igb_registered;

        struct world_finding findings[12];
        size_t n_findings;

        const char *named[WORLD_FUNCTIONS];
        size_t n_named;
        bool widen, force;
        const char *word, *configured;
};

/* Names of the module of each kind of device ("": none), and its modalias. */
const char *device_module(enum device_kind kind);
void device_modalias(enum device_kind kind, bool bridge_class, char buffer[static 128]);

/* Whether a driver is registered on the host. */
bool world_has_driver(const struct world *world, const char *driver);

/* What the request comes to: "failure WORD", or lines for movements, steps, permissions and findings. */
void reference_plan(const struct world *world, char text[static WORLD_TEXT]);
