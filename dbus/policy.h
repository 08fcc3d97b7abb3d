/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What the manager shows of the policy, which decides where the target `auto` goes: the default backend as
 * it is configured, what that comes to, and what this host can serve. */

#include "dbus/service.h"

struct policy;

/* Remembers what the properties are, so that policy_announce() has something to compare with. */
int policy_new(struct service *service, struct policy **ret);
struct policy *policy_free(struct policy *policy);

/* Tells of the properties that are other than what was last told. */
void policy_announce(struct service *service);

/* The host that the policy is decided on: the model, and modprobe's configuration as it is now, of whose
 * changes nobody tells. */
const struct model *policy_model(const struct service *service);

/* What the target `auto` comes to: a backend's name; "" where this host cannot serve the one that is
 * configured, or any. */
const char *policy_selected_backend(const struct service *service);

/* Whether there are IOMMU groups. */
bool policy_iommu_present(const struct service *service);
