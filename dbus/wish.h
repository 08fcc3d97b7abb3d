/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Reading what a message asks for: one reader for each shape of the methods that change something. */

#include "dbus/road.h"

/* Manager: Bind (sst), BindDevices (asst), BindGroup (ust), Restore (st), RestoreDevices (ast), RestoreGroup
 * (ut). */
int wish_bind(struct service *service, sd_bus_message *message, struct wish *ret, struct failure *failure);
int wish_bind_devices(struct service *service, sd_bus_message *message, struct wish *ret,
                      struct failure *failure);
int wish_bind_group(struct service *service, sd_bus_message *message, struct wish *ret,
                    struct failure *failure);
int wish_restore(struct service *service, sd_bus_message *message, struct wish *ret,
                 struct failure *failure);
int wish_restore_devices(struct service *service, sd_bus_message *message, struct wish *ret,
                         struct failure *failure);
int wish_restore_group(struct service *service, sd_bus_message *message, struct wish *ret,
                       struct failure *failure);

/* Device and Group: Bind (st), Restore (t), about the object that the message was sent to. */
int wish_bind_object(struct service *service, sd_bus_message *message, struct wish *ret,
                     struct failure *failure);
int wish_restore_object(struct service *service, sd_bus_message *message, struct wish *ret,
                        struct failure *failure);

/* Manager: Acquire (asst). */
int wish_acquire(struct service *service, sd_bus_message *message, struct wish *ret,
                 struct failure *failure);

/* Manager: Reset (sst). Device: Reset (st). */
int wish_reset(struct service *service, sd_bus_message *message, struct wish *ret, struct failure *failure);
int wish_reset_object(struct service *service, sd_bus_message *message, struct wish *ret,
                      struct failure *failure);

/* Manager: OpenDevice (s). */
int wish_open(struct service *service, sd_bus_message *message, struct wish *ret, struct failure *failure);

/* Manager: SetVirtualFunctions (sust). */
int wish_virtual_functions(struct service *service, sd_bus_message *message, struct wish *ret,
                           struct failure *failure);

/* The handlers of those of an object. */
int method_bind_object(sd_bus_message *message, void *userdata, sd_bus_error *error);
int method_restore_object(sd_bus_message *message, void *userdata, sd_bus_error *error);
int method_reset_object(sd_bus_message *message, void *userdata, sd_bus_error *error);

/* Fails, since there is no IOMMU group of this number. */
int wish_no_group(const struct service *service, unsigned id, struct failure *failure);

/* Parses the address that a caller gave, for messages that name one. */
int parse_address(const char *text, struct pci_address *ret, struct failure *failure);
