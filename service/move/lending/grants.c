/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Grants in memory and on disk, and what befalls them. */

#include <errno.h>
#include <sys/inotify.h>

#include "service/host/array.h"
#include "service/move/lending/grant.h"
#include "service/move/lending/grants.h"
#include "service/move/steps/access.h"

/* Changes of mode and owner, and a file that comes into the place of another. */
#define WATCHED (IN_ATTRIB | IN_CREATE | IN_MOVED_TO | IN_ONLYDIR)

/* Where the device files of groups and of functions are. */
static const char *const directories[] = { "/dev/vfio", "/dev/vfio/devices" };

struct grants {
        sd_event *event;
        struct model *model;
        struct store *store;
        struct grant **array;
        size_t n;
        sd_event_source *watches[ELEMENTSOF(directories)]; /* NULL where there is nothing to watch */
};

static struct grant *find(const struct grants *grants, int group, uint32_t uid) {
        for (size_t i = 0; i < grants->n; i++)
                if (grants->array[i]->group == group && grants->array[i]->uid == uid)
                        return grants->array[i];

        return NULL;
}

struct grantee grants_holder(int group, void *userdata) {
        const struct grants *grants = userdata;

        for (size_t i = 0; i < grants->n; i++)
                if (grants->array[i]->group == group && grants->array[i]->in_force)
                        return (struct grantee){ true, grants->array[i]->uid, grants->array[i]->leased };

        return (struct grantee){};
}

static int add(struct grants *grants, struct grant *grant) {
        struct grant **slot = array_append(&grants->array, &grants->n, sizeof(*slot));

        if (!slot)
                return -ENOMEM;
        *slot = grant;
        return 0;
}

static int load(const char *name, struct json_object *object, void *userdata) {
        _cleanup_(grant_freep) struct grant *grant = NULL;
        struct grants *grants = userdata;
        int r;

        r = grant_load(name, object, &grant);
        if (r < 0)
                return r;

        /* Two that serve one group would be somebody else's work. */
        grant->in_force = grant->in_force && !grants_holder(grant->group, grants).somebody;
        r = add(grants, grant);
        if (r < 0)
                return r;

        TAKE_PTR(grant);
        return 0;
}

/* Forgets GRANT, and frees it: nobody has anything by it any more. */
static void drop(struct grants *grants, struct grant *grant) {
        size_t i = 0;

        (void) grant_remove(grant, grants->store);
        while (grants->array[i] != grant)
                i++;
        grants->array[i] = grants->array[--grants->n];
        grant_free(grant);
}

/* Watching. */

static int on_change(sd_event_source *source, const struct inotify_event *event, void *userdata) {
        grants_review_all(userdata);
        return 0;
}

static void watch(struct grants *grants) {
        for (size_t i = 0; i < ELEMENTSOF(directories); i++) {
                _cleanup_free_ char *path = root_path(model_root(grants->model), directories[i]);

                /* A kernel without cdevs has no such directory. */
                if (grants->n > 0 && !grants->watches[i] && path)
                        (void) sd_event_add_inotify(grants->event, &grants->watches[i], path, WATCHED,
                                                    on_change, grants);
                else if (grants->n == 0)
                        grants->watches[i] = sd_event_source_disable_unref(grants->watches[i]);
        }
}

/* What cannot be withdrawn now is still on disk. */
static void withdraw(struct grants *grants, struct grant *grant) {
        grant->in_force = false;
        if (access_withdraw(model_root(grants->model), grant->group, grant->uid) >= 0)
                drop(grants, grant);
        else
                (void) grant_save(grant, grants->store);
}

static void review(struct grants *grants, struct grant *grant) {
        if (grant->held)
                return;
        if (!grant->in_force || !grant_fits(grant, grants->model)) {
                withdraw(grants, grant);
                return;
        }

        if (grant_note_arrivals(grant, grants->model))
                (void) grant_save(grant, grants->store);
        (void) access_grant(model_root(grants->model), grant->group, grant->uid);
}

void grants_end_leased(struct grants *grants, int group, uint32_t uid) {
        struct grant *grant = find(grants, group, uid);

        if (grant && grant->in_force && grant->leased && !grant->held)
                withdraw(grants, grant);
}

void grants_review(struct grants *grants, int group) {
        for (size_t i = grants->n; i-- > 0;)
                if (grants->array[i]->group == group)
                        review(grants, grants->array[i]);
        watch(grants);
}

void grants_review_all(struct grants *grants) {
        for (size_t i = grants->n; i-- > 0;)
                review(grants, grants->array[i]);
        watch(grants);
}

/* Operations. */

static void hold(struct grants *grants, int group, bool held) {
        for (size_t i = 0; i < grants->n; i++)
                if (grants->array[i]->group == group)
                        grants->array[i]->held = held;
}

/* On disk, and to be withdrawn unless the operation succeeds. */
static int promise(struct grants *grants, int group, const struct grantee *grantee) {
        _cleanup_(grant_freep) struct grant *grant = NULL;
        int r;

        if (!grantee->somebody || find(grants, group, grantee->uid))
                return 0;

        grant = calloc(1, sizeof(*grant));
        if (!grant)
                return -ENOMEM;
        *grant = (struct grant){ .group = group, .uid = grantee->uid };

        r = grant_save(grant, grants->store);
        if (r >= 0)
                r = add(grants, grant);
        if (r < 0)
                return r;

        TAKE_PTR(grant);
        return 0;
}

int grants_begin(struct grants *grants, const struct plan *plan) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < plan->n_movements; i++)
                r = promise(grants, plan->movements[i].group, &plan->movements[i].grantee);
        for (size_t i = 0; i < plan->n_movements; i++)
                hold(grants, plan->movements[i].group, true);
        return r;
}

/* What PLAN gives, if it is what GRANT says. */
static const struct grantee *find_given(const struct plan *plan, const struct grant *grant) {
        for (size_t i = 0; i < plan->n_movements; i++) {
                const struct movement *m = &plan->movements[i];

                if (m->group == grant->group && m->grantee.somebody && m->grantee.uid == grant->uid)
                        return &m->grantee;
        }

        return NULL;
}

static bool is_withdrawn(const struct plan *plan, const struct grant *grant) {
        for (size_t i = 0; i < plan->n_movements; i++) {
                const struct movement *m = &plan->movements[i];

                if (m->group == grant->group && m->old_grantee.somebody && m->old_grantee.uid == grant->uid)
                        return true;
        }

        return false;
}

/* The steps of PLAN have come true. */
static void fulfil(struct grants *grants, const struct plan *plan) {
        for (size_t i = grants->n; i-- > 0;) {
                struct grant *grant = grants->array[i];
                const struct grantee *given = find_given(plan, grant);

                if (given) {
                        grant->leased = given->leased;
                        grant->in_force = grant_note_members(grant, grants->model) >= 0;
                        (void) grant_save(grant, grants->store);
                } else if (is_withdrawn(plan, grant))
                        drop(grants, grant);
        }
}

/* What an undo has bound again is where it was. */
static void note_returns(struct grants *grants, const struct plan *plan) {
        for (size_t i = 0; i < plan->n_movements; i++) {
                const struct movement *m = &plan->movements[i];
                const struct function *f = model_function(grants->model, &m->address);

                for (size_t k = 0; f && k < grants->n; k++) {
                        struct grant *grant = grants->array[k];

                        if (grant->group != m->group || !grant->in_force)
                                continue;
                        grant_note_return(grant, f);
                        (void) grant_save(grant, grants->store);
                }
        }
}

void grants_end(struct grants *grants, const struct plan *plan, bool succeeded) {
        if (succeeded)
                fulfil(grants, plan);
        else
                note_returns(grants, plan);

        for (size_t i = 0; i < plan->n_movements; i++)
                hold(grants, plan->movements[i].group, false);
        for (size_t i = 0; i < plan->n_movements; i++)
                grants_review(grants, plan->movements[i].group);
}

int grants_new(sd_event *event, struct model *model, const char *directory,
               void (*damaged)(const char *name, void *userdata), void *userdata, struct grants **ret) {
        struct grants *grants = malloc(sizeof(*grants));
        int r;

        if (!grants)
                return -ENOMEM;
        *grants = (struct grants){ .event = event, .model = model };

        r = store_open(directory, "access", &grants->store);
        if (r >= 0)
                r = store_foreach(grants->store, load, grants, damaged, userdata);
        if (r < 0) {
                grants_free(grants);
                return r;
        }

        *ret = grants;
        return 0;
}

struct grants *grants_free(struct grants *grants) {
        if (!grants)
                return NULL;

        for (size_t i = 0; i < ELEMENTSOF(directories); i++)
                sd_event_source_disable_unref(grants->watches[i]);
        for (size_t i = 0; i < grants->n; i++)
                grant_free(grants->array[i]);
        free(grants->array);
        if (grants->store)
                store_free(grants->store);
        free(grants);
        return NULL;
}
