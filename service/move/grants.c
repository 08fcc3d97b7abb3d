/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Grants in memory and on disk, and what befalls them. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/inotify.h>

#include "service/host/array.h"
#include "service/move/access.h"
#include "service/move/grants.h"
#include "service/move/store.h"

#define FILE_NAME_SIZE 32

/* Changes of mode and owner, and a file that comes into the place of another. */
#define WATCHED (IN_ATTRIB | IN_CREATE | IN_MOVED_TO | IN_ONLYDIR)

/* An endpoint of the group: who was asked about when access was granted. */
struct member {
        struct pci_address address;
        uint64_t identity;
        bool on_vfio;
};

struct grant {
        int group;
        uint32_t uid;
        bool in_force; /* else it is to be withdrawn, or an operation is about to grant it */
        bool held;     /* by an operation */
        struct member *members;
        size_t n_members;
};

/* Where the device files of groups and of functions are. */
static const char *const directories[] = { "/dev/vfio", "/dev/vfio/devices" };

struct grants {
        sd_event *event;
        struct model *model;
        struct store *store;
        struct grant **array;
        size_t n;
        sd_event_source *watches[ELEMENTSOF(directories)]; /* NULL where there is nothing to watch */
        void (*damaged)(const char *name, void *userdata);
        void *userdata;
};

static struct grant *grant_free(struct grant *grant) {
        if (grant)
                free(grant->members);
        free(grant);
        return NULL;
}

static void grant_freep(struct grant **grant) {
        grant_free(*grant);
}

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
                        return (struct grantee){ true, grants->array[i]->uid };

        return (struct grantee){};
}

/* On disk. */

/* One for each user: who is to lose access and who has it are in no one's way. */
static char *file_name(const struct grant *grant, char buffer[static FILE_NAME_SIZE]) {
        snprintf(buffer, FILE_NAME_SIZE, "%d-%" PRIu32, grant->group, grant->uid);
        return buffer;
}

static struct json_object *member_to_json(const struct member *member) {
        struct json_object *object = json_object_new_object();

        json_object_object_add(object, "address",
                               json_object_new_string(PCI_ADDRESS_TEXT(&member->address)));
        json_object_object_add(object, "identity", json_object_new_uint64(member->identity));
        json_object_object_add(object, "on_vfio", json_object_new_boolean(member->on_vfio));
        return object;
}

static int save(struct grants *grants, const struct grant *grant) {
        _cleanup_json_ struct json_object *object = json_object_new_object();
        struct json_object *members = json_object_new_array();
        char name[FILE_NAME_SIZE];

        json_object_object_add(object, "in_force", json_object_new_boolean(grant->in_force));
        json_object_object_add(object, "members", members);
        for (size_t i = 0; i < grant->n_members; i++)
                json_object_array_add(members, member_to_json(&grant->members[i]));
        return store_write(grants->store, file_name(grant, name), object);
}

static bool json_flag(struct json_object *object, const char *key) {
        struct json_object *value;

        return json_object_object_get_ex(object, key, &value) && json_object_get_boolean(value);
}

static int member_from_json(struct json_object *object, struct grant *grant) {
        struct member *member = array_append(&grant->members, &grant->n_members, sizeof(*member));
        const char *address = json_string(object, "address");

        if (!member)
                return -ENOMEM;
        if (!address || pci_address_parse(address, &member->address) < 0 ||
            json_number(object, "identity", &member->identity) < 0)
                return -EINVAL;

        member->on_vfio = json_flag(object, "on_vfio");
        return 0;
}

static int add(struct grants *grants, struct grant *grant) {
        struct grant **slot = array_append(&grants->array, &grants->n, sizeof(*slot));

        if (!slot)
                return -ENOMEM;
        *slot = grant;
        return 0;
}

static int load(const char *name, struct json_object *object, void *userdata) {
        _cleanup_(grant_freep) struct grant *grant = calloc(1, sizeof(*grant));
        struct grants *grants = userdata;
        struct json_object *members;
        char again[FILE_NAME_SIZE];
        int r = 0;

        if (!grant)
                return -ENOMEM;
        if (sscanf(name, "%d-%" SCNu32, &grant->group, &grant->uid) != 2 ||
            !streq(file_name(grant, again), name) || grant->group < 0 ||
            !json_object_object_get_ex(object, "members", &members) ||
            !json_object_is_type(members, json_type_array))
                return -EINVAL;

        grant->in_force = json_flag(object, "in_force") && !grants_holder(grant->group, grants).somebody;
        for (size_t i = 0; r >= 0 && i < json_object_array_length(members); i++)
                r = member_from_json(json_object_array_get_idx(members, i), grant);
        if (r >= 0)
                r = add(grants, grant);
        if (r < 0)
                return r;

        TAKE_PTR(grant);
        return 0;
}

/* Forgets GRANT, and frees it: nobody has anything by it any more. */
static void drop(struct grants *grants, struct grant *grant) {
        char name[FILE_NAME_SIZE];
        size_t i = 0;

        (void) store_remove(grants->store, file_name(grant, name));
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

/* What fits. */

static bool is_on_vfio(const struct function *f) {
        return f->kind == DRIVER_VFIO;
}

static struct member *find_member(const struct grant *grant, const struct function *f) {
        for (size_t i = 0; i < grant->n_members; i++)
                if (pci_address_compare(&grant->members[i].address, &f->address) == 0 &&
                    grant->members[i].identity == f->identity)
                        return &grant->members[i];

        return NULL;
}

/* Notes who is in the group, and who is on VFIO. */
static int note_members(struct grants *grants, struct grant *grant) {
        const struct group *g = model_group(grants->model, grant->group);

        grant->n_members = 0;
        free(TAKE_PTR(grant->members));
        for (size_t i = 0; g && i < g->n_members; i++) {
                const struct function *f = g->members[i];
                struct member *member;

                if (function_is_bridge(f))
                        continue;
                member = array_append(&grant->members, &grant->n_members, sizeof(*member));
                if (!member)
                        return -ENOMEM;
                *member = (struct member){ f->address, f->identity, is_on_vfio(f) };
        }

        return 0;
}

static bool has_on_vfio(const struct group *g, const struct member *member) {
        for (size_t i = 0; g && i < g->n_members; i++)
                if (pci_address_compare(&g->members[i]->address, &member->address) == 0)
                        return g->members[i]->identity == member->identity && is_on_vfio(g->members[i]);

        return false;
}

/* Nobody has left VFIO, and nobody is there of whom nobody was asked. */
static bool fits(const struct grants *grants, const struct grant *grant) {
        const struct group *g = model_group(grants->model, grant->group);

        for (size_t i = 0; i < grant->n_members; i++)
                if (grant->members[i].on_vfio && !has_on_vfio(g, &grant->members[i]))
                        return false;
        for (size_t i = 0; g && i < g->n_members; i++)
                if (!function_is_bridge(g->members[i]) && !find_member(grant, g->members[i]))
                        return false;

        return g;
}

/* A member that has come to VFIO since can leave it as the others can. */
static bool note_arrivals(const struct grants *grants, struct grant *grant) {
        const struct group *g = model_group(grants->model, grant->group);
        bool any = false;

        for (size_t i = 0; i < g->n_members; i++) {
                struct member *member = find_member(grant, g->members[i]);

                if (member && !member->on_vfio && is_on_vfio(g->members[i]))
                        any = member->on_vfio = true;
        }

        return any;
}

/* What cannot be withdrawn now is still on disk. */
static void withdraw(struct grants *grants, struct grant *grant) {
        grant->in_force = false;
        if (access_withdraw(model_root(grants->model), grant->group, grant->uid) >= 0)
                drop(grants, grant);
        else
                (void) save(grants, grant);
}

static void review(struct grants *grants, struct grant *grant) {
        if (grant->held)
                return;
        if (!grant->in_force || !fits(grants, grant)) {
                withdraw(grants, grant);
                return;
        }

        if (note_arrivals(grants, grant))
                (void) save(grants, grant);
        (void) access_grant(model_root(grants->model), grant->group, grant->uid);
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

        r = save(grants, grant);
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

static bool is_granted(const struct plan *plan, const struct grant *grant) {
        for (size_t i = 0; i < plan->n_movements; i++) {
                const struct movement *m = &plan->movements[i];

                if (m->group == grant->group && m->grantee.somebody && m->grantee.uid == grant->uid)
                        return true;
        }

        return false;
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

                if (is_granted(plan, grant)) {
                        grant->in_force = note_members(grants, grant) >= 0;
                        (void) save(grants, grant);
                } else if (is_withdrawn(plan, grant))
                        drop(grants, grant);
        }
}

void grants_end(struct grants *grants, const struct plan *plan, bool succeeded) {
        if (succeeded)
                fulfil(grants, plan);

        for (size_t i = 0; i < plan->n_movements; i++)
                hold(grants, plan->movements[i].group, false);
        for (size_t i = 0; i < plan->n_movements; i++)
                grants_review(grants, plan->movements[i].group);
}

static void on_damaged(const char *name, void *userdata) {
        struct grants *grants = userdata;

        if (grants->damaged)
                grants->damaged(name, grants->userdata);
}

int grants_new(sd_event *event, struct model *model, const char *directory,
               void (*damaged)(const char *name, void *userdata), void *userdata, struct grants **ret) {
        struct grants *grants = malloc(sizeof(*grants));
        int r;

        if (!grants)
                return -ENOMEM;
        *grants = (struct grants){
                .event = event, .model = model, .damaged = damaged, .userdata = userdata
        };

        r = store_open(directory, "access", &grants->store);
        if (r >= 0)
                r = store_foreach(grants->store, load, on_damaged, grants);
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
