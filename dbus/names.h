/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The names and numbers of the bus interface that the service and its clients share. This header includes
 * nothing and needs nothing, so that a client can copy it. What they mean is documented in the interface XML
 * files beside it. */

#define VFIOBIND_BUS_NAME "org.vfiobind"

#define VFIOBIND_PATH "/org/vfiobind"
#define VFIOBIND_DEVICE_PATH VFIOBIND_PATH "/device"
#define VFIOBIND_GROUP_PATH VFIOBIND_PATH "/group"
#define VFIOBIND_OPERATION_PATH VFIOBIND_PATH "/operation"

#define VFIOBIND_MANAGER_INTERFACE "org.vfiobind.Manager"
#define VFIOBIND_DEVICE_INTERFACE "org.vfiobind.Device"
#define VFIOBIND_GROUP_INTERFACE "org.vfiobind.Group"
#define VFIOBIND_OPERATION_INTERFACE "org.vfiobind.Operation"

/* The argument `flags` (D-Bus type t) of the methods that change something. */
enum {
        VFIOBIND_FLAG_FORCE = 1 << 0,   /* go on over findings of severity "force" */
        VFIOBIND_FLAG_GROUP = 1 << 1,   /* widen to every endpoint of the devices' IOMMU groups */
        VFIOBIND_FLAG_PERSIST = 1 << 2, /* the same at every boot, from now on */
        VFIOBIND_FLAG_ACCESS = 1 << 3,  /* the calling user may open the group's VFIO node */
        VFIOBIND_FLAG_ALL = (1 << 4) - 1,
};

/* Error names. The prefix and one of the words below; `service/host/failure.h` says when each is used. */
#define VFIOBIND_ERROR_PREFIX "org.vfiobind.Error."
#define VFIOBIND_ERROR_NO_SUCH_DEVICE VFIOBIND_ERROR_PREFIX "NoSuchDevice"
#define VFIOBIND_ERROR_NO_SUCH_GROUP VFIOBIND_ERROR_PREFIX "NoSuchGroup"
#define VFIOBIND_ERROR_NO_SUCH_DRIVER VFIOBIND_ERROR_PREFIX "NoSuchDriver"
#define VFIOBIND_ERROR_BACKEND_UNAVAILABLE VFIOBIND_ERROR_PREFIX "BackendUnavailable"
#define VFIOBIND_ERROR_MODULE_UNAVAILABLE VFIOBIND_ERROR_PREFIX "ModuleUnavailable"
#define VFIOBIND_ERROR_IN_USE VFIOBIND_ERROR_PREFIX "InUse"
#define VFIOBIND_ERROR_NOT_VIABLE VFIOBIND_ERROR_PREFIX "NotViable"
#define VFIOBIND_ERROR_BUSY VFIOBIND_ERROR_PREFIX "Busy"
#define VFIOBIND_ERROR_STATE_CHANGED VFIOBIND_ERROR_PREFIX "StateChanged"
#define VFIOBIND_ERROR_MOVE_FAILED VFIOBIND_ERROR_PREFIX "MoveFailed"
#define VFIOBIND_ERROR_UNDO_FAILED VFIOBIND_ERROR_PREFIX "UndoFailed"
#define VFIOBIND_ERROR_STUCK VFIOBIND_ERROR_PREFIX "Stuck"
#define VFIOBIND_ERROR_NO_SUCH_PLAN VFIOBIND_ERROR_PREFIX "NoSuchPlan"
#define VFIOBIND_ERROR_NOT_SUPPORTED VFIOBIND_ERROR_PREFIX "NotSupported"
#define VFIOBIND_ERROR_LIMIT_EXCEEDED VFIOBIND_ERROR_PREFIX "LimitExceeded"
