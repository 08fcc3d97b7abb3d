/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The list of operations, and the locks that follow from it. */

#include <errno.h>

#include "service/move/mover-rooms.h"

/* An operation and whoever waits for its answer. */
struct job {
        struct job *next;
        struct mover *mover;
        struct operation *operation;
        bool settled; /* it holds nothing any more */
        moved_t done; /* NULL once the caller has been answered */
        void *userdata;
};

static const struct job *holder(const struct mover *mover, const struct function *f) {
        for (const struct job *job = mover->jobs; job; job = job->next)
                if (!job->settled && job->operation && plan_holds(operation_entry(job->operation)->plan, f))
                        return job;

        return NULL;
}

/* BEGINS: the operation is about to hold what PLAN says. Else it has ended, and others may hold some of
 * that. */
static void mark_busy(struct mover *mover, const struct plan *plan, bool begins) {
        struct function *const *functions;
        size_t n;

        functions = model_functions(mover->config.model, &n);
        for (size_t i = 0; i < n; i++)
                if (plan_holds(plan, functions[i]))
                        model_set_busy(mover->config.model, functions[i],
                                       begins || holder(mover, functions[i]));
}

int mover_check_busy(struct mover *mover, struct function *const *functions, size_t n,
                     struct failure *failure) {
        for (size_t i = 0; i < n; i++) {
                const struct job *job = holder(mover, functions[i]);
                _cleanup_free_ char *doing = job ? operation_message(job->operation) : NULL;

                if (job)
                        return fail(failure, FAILURE_BUSY,
                                    "%s is held by another operation, on it or its IOMMU group: %s",
                                    PCI_ADDRESS_TEXT(&functions[i]->address), strempty(doing));
        }

        return 0;
}

static struct job *job_of(struct mover *mover, const struct operation *operation) {
        struct job *job = mover->jobs;

        while (job->operation != operation)
                job = job->next;
        return job;
}

static void on_answer(struct operation *operation, const struct failure *failure, void *userdata) {
        struct job *job = job_of(userdata, operation);
        moved_t done = TAKE_PTR(job->done);

        if (done)
                done(operation_entry(operation), failure, job->userdata);
}

static void on_changed(struct operation *operation, void *userdata) {
        struct mover *mover = userdata;

        if (mover->listener)
                mover->listener->changed(operation, mover->listener_userdata);
}

static void on_settled(struct operation *operation, const struct failure *failure, void *userdata) {
        struct mover *mover = userdata;
        struct job *job = job_of(mover, operation);
        const struct journal_entry *entry = operation_entry(operation);
        const struct holder holder = { .name = entry->caller, .uid = entry->uid };
        bool done = failure->kind == FAILURE_NONE;

        job->settled = true;
        mark_busy(mover, entry->plan, false);
        if (done)
                leases_note(mover->leases, entry->id, entry->plan, &holder);
        leases_settle(mover->leases, entry->id, entry->plan, done);
        if (!job->done)
                leases_disown(mover->leases, entry->id);
        if (mover->listener)
                mover->listener->settled(operation, failure, !job->done, mover->listener_userdata);

        /* The operation is calling: it is freed when it has returned. */
        sd_event_source_set_enabled(mover->sweep, SD_EVENT_ONESHOT);
}

static struct job *job_free(struct job *job) {
        operation_free(job->operation);
        free(job);
        return NULL;
}

static int on_sweep(sd_event_source *source, void *userdata) {
        struct mover *mover = userdata;
        struct job **link = &mover->jobs;

        while (*link) {
                struct job *job = *link;

                if (job->settled) {
                        *link = job->next;
                        job_free(job);
                } else
                        link = &job->next;
        }

        return 0;
}

static struct job *add_job(struct mover *mover, moved_t done, void *userdata) {
        struct job *job = malloc(sizeof(*job));

        if (!job)
                return NULL;

        *job = (struct job){ .next = mover->jobs, .done = done, .userdata = userdata };
        mover->jobs = job;
        return job;
}

static void drop_job(struct mover *mover, struct job *job) {
        struct job **link = &mover->jobs;

        while (*link != job)
                link = &(*link)->next;
        *link = job->next;
        free(job);
}

static int recover(struct journal_entry *entry, void *userdata) {
        struct mover *mover = userdata;
        struct job *job;
        int r;

        if (entry->id > mover->last_id)
                mover->last_id = entry->id;

        job = add_job(mover, NULL, NULL);
        if (!job) {
                journal_entry_free(entry);
                return -ENOMEM;
        }

        r = operation_recover(&mover->context, entry, &job->operation);
        if (r < 0) {
                drop_job(mover, job);
                return r;
        }

        /* Its grants are on disk since before its first write. */
        (void) grants_begin(mover->grants, entry->plan);
        mark_busy(mover, entry->plan, true);
        return 0;
}

static int open_rooms(struct mover *mover) {
        const struct mover_config *config = &mover->config;
        const struct leases_config leases = {
                .event = config->event,
                .model = config->model,
                .directory = config->directory,
                .damaged = config->damaged,
                .userdata = config->userdata,
        };
        int r;

        r = records_new(config->model, config->directory, config->damaged, config->userdata,
                        &mover->records);
        if (r < 0)
                return r;

        r = grants_new(config->event, config->model, config->directory, config->damaged, config->userdata,
                       &mover->grants);
        if (r < 0)
                return r;

        r = journal_open(config->directory, &mover->journal);
        if (r < 0)
                return r;

        r = leases_new(&leases, &mover->leases);
        if (r < 0)
                return r;

        r = surveyor_new(mover->config.event, mover->config.workers, &mover->surveyor);
        if (r < 0)
                return r;

        r = sd_event_add_defer(mover->config.event, &mover->sweep, on_sweep, mover);
        if (r < 0)
                return r;
        return sd_event_source_set_enabled(mover->sweep, SD_EVENT_OFF);
}

int mover_new(const struct mover_config *config, struct mover **ret) {
        struct mover *mover = calloc(1, sizeof(*mover));
        int r;

        if (!mover)
                return -ENOMEM;
        mover->config = *config;

        r = open_rooms(mover);
        if (r < 0) {
                mover_free(mover);
                return r;
        }

        mover->context = (struct operation_context){
                .event = config->event,
                .model = config->model,
                .records = mover->records,
                .grants = mover->grants,
                .journal = mover->journal,
                .workers = config->workers,
                .settings = config->settings,
                .turns = &mover->turns,
                .changed = on_changed,
                .answer = on_answer,
                .settled = on_settled,
                .userdata = mover,
        };

        r = journal_recover(mover->journal, recover, mover, config->damaged, config->userdata);
        if (r < 0) {
                mover_free(mover);
                return r;
        }

        *ret = mover;
        return 0;
}

void mover_resume(struct mover *mover) {
        grants_review_all(mover->grants);
        for (struct job *job = mover->jobs; job; job = job->next)
                operation_resume(job->operation);
}

struct mover *mover_free(struct mover *mover) {
        if (!mover)
                return NULL;

        while (mover->jobs) {
                struct job *job = mover->jobs;

                mover->jobs = job->next;
                job_free(job);
        }
        sd_event_source_disable_unref(mover->sweep);
        surveyor_free(mover->surveyor);
        grants_free(mover->grants);
        leases_free(mover->leases);
        records_free(mover->records);
        journal_free(mover->journal);
        free(mover);
        return NULL;
}

static int start_operation(struct mover *mover, struct journal_entry *entry, moved_t done, void *userdata) {
        struct job *job = add_job(mover, done, userdata);
        int r;

        if (!job) {
                journal_entry_free(entry);
                return -ENOMEM;
        }

        /* Before anything else is told of them. */
        mark_busy(mover, entry->plan, true);
        r = operation_start(&mover->context, entry, &job->operation);
        if (r < 0) {
                mark_busy(mover, entry->plan, false);
                journal_entry_free(entry);
                drop_job(mover, job);
                return r;
        }

        if (mover->listener)
                mover->listener->began(job->operation, mover->listener_userdata);
        return 0;
}

int mover_start(struct mover *mover, uint32_t id, struct plan *plan, const struct asker *asker, moved_t done,
                void *userdata, struct failure *failure) {
        const struct holder holder = { asker->caller, asker->uid, asker->pid };
        struct journal_entry *entry = journal_entry_new();
        int r;

        if (!entry) {
                plan_free(plan);
                return fail_internal(failure, -ENOMEM);
        }

        entry->id = id;
        entry->begun_usec = asker->begun_usec;
        entry->uid = asker->uid;
        entry->caller = strdup(asker->caller);
        entry->word = strdup(asker->word);
        entry->plan = plan;
        r = entry->caller && entry->word ? 0 : fail_internal(failure, -ENOMEM);
        if (r >= 0 && plan->errand == ERRAND_LEASE)
                r = leases_make(mover->leases, id, plan, &holder, failure);
        if (r < 0) {
                journal_entry_free(entry);
                return r;
        }

        r = start_operation(mover, entry, done, userdata);
        if (r < 0)
                leases_abandon(mover->leases, id);
        return r < 0 ? fail_internal(failure, r) : 0;
}

void mover_note(struct mover *mover, const struct plan *plan, const struct asker *asker) {
        const struct holder holder = { .name = asker->caller, .uid = asker->uid };

        leases_note(mover->leases, 0, plan, &holder);
}

struct leases *mover_leases(const struct mover *mover) {
        return mover->leases;
}

void mover_set_listener(struct mover *mover, const struct mover_listener *listener, void *userdata) {
        mover->listener = listener;
        mover->listener_userdata = userdata;
}

uint32_t mover_next_id(struct mover *mover) {
        return ++mover->last_id;
}

const struct operation *mover_operation(const struct mover *mover, uint32_t id) {
        for (const struct job *job = mover->jobs; job; job = job->next)
                if (!job->settled && operation_entry(job->operation)->id == id)
                        return job->operation;

        return NULL;
}

int mover_foreach(const struct mover *mover,
                  int (*function)(const struct operation *operation, void *userdata), void *userdata) {
        int r = 0;

        for (const struct job *job = mover->jobs; r == 0 && job; job = job->next)
                if (!job->settled)
                        r = function(job->operation, userdata);

        return r;
}

const char *mover_default_backend(const struct mover *mover) {
        return mover->config.settings->default_backend;
}

void mover_review(struct mover *mover, struct function *f) {
        if (!f->moving)
                records_review(mover->records, f);
}

void mover_review_group(struct mover *mover, int group) {
        grants_review(mover->grants, group);
}

void mover_forget(struct mover *mover, const struct function *f) {
        (void) records_forget(mover->records, &f->address);
        leases_forget(mover->leases, f);
}
