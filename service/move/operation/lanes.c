/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Dividing a plan. */

#include <errno.h>

#include "service/host/array.h"
#include "service/host/variant.h"
#include "service/move/operation/lanes.h"

struct lanes {
        struct lane **array;
        size_t n;
};

void lanes_free(struct lane **lanes, size_t n) {
        for (size_t i = 0; i < n; i++)
                lane_free(lanes[i]);
        free(lanes);
}

static int add_lane(struct lanes *lanes, const struct lane_context *context, struct lane **ret) {
        struct lane **slot, *lane;

        lane = lane_new(context);
        if (!lane)
                return -ENOMEM;

        slot = array_append(&lanes->array, &lanes->n, sizeof(*slot));
        if (!slot) {
                lane_free(lane);
                return -ENOMEM;
        }

        *slot = *ret = lane;
        return 0;
}

/* The lane of a movement: that of the earliest movement of the same group. Functions without a group have
 * lanes of their own. */
static size_t first_of_group(const struct plan *plan, size_t movement) {
        for (size_t i = 0; plan->movements[movement].group >= 0 && i < movement; i++)
                if (plan->movements[i].group == plan->movements[movement].group)
                        return i;

        return movement;
}

static int divide(struct lanes *lanes, const struct lane_context *context) {
        const struct plan *plan = context->plan;
        _cleanup_free_ struct lane **lane_of = calloc(plan->n_movements + 1, sizeof(*lane_of));
        struct lane *modules;
        int r;

        if (!lane_of)
                return -ENOMEM;

        r = add_lane(lanes, context, &modules);
        for (size_t i = 0; r >= 0 && i < plan->n_movements; i++) {
                size_t first = first_of_group(plan, i);

                if (first == i)
                        r = add_lane(lanes, context, &lane_of[i]);
                lane_of[i] = lane_of[first];
                if (r >= 0)
                        r = lane_add_movement(lane_of[i], i);
        }

        for (size_t i = 0; r >= 0 && i < plan->n_steps; i++)
                r = lane_add_step(plan->steps[i].kind == STEP_LOAD_MODULE ? modules
                                                                          : lane_of[plan->steps[i].movement],
                                  &plan->steps[i]);
        return r;
}

int lanes_new(const struct lane_context *context, struct lane ***ret, size_t *ret_n) {
        struct lanes lanes = {};
        int r;

        r = divide(&lanes, context);
        if (r < 0) {
                lanes_free(lanes.array, lanes.n);
                return r;
        }

        *ret = lanes.array;
        *ret_n = lanes.n;
        return 0;
}

void lanes_name_drivers(struct plan *plan, const struct model *model, struct lane **lanes, size_t n) {
        for (size_t i = 0; i < plan->n_movements; i++) {
                struct movement *m = &plan->movements[i];
                struct target *target = m->offspring ?: &m->target;
                char driver[NAME_MAX + 1];

                if (!target->backend || target->backend->kind != DRIVER_VFIO || *target->load == '\0' ||
                    driver_is_registered(model, target->driver) ||
                    !module_driver(model_root(model), target->load, driver))
                        continue;

                steps_rename_driver(plan->steps, plan->n_steps, i, target->driver, driver);
                for (size_t l = 0; l < n; l++)
                        lane_rename_driver(lanes[l], i, target->driver, driver);
                strcpy(target->driver, driver);
                strcpy(target->override, driver);
        }
}
