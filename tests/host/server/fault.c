/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Faults, set from outside. */

#include <errno.h>
#include <fnmatch.h>

#include "fault.h"
#include "pci.h"

static const char *const fault_points[_FAULT_MAX] = {
        [FAULT_WRITE] = "write",
        [FAULT_READ] = "read",
        [FAULT_PROBE] = "probe",
        [FAULT_REMOVE] = "remove",
        [FAULT_RESET] = "reset",
        [FAULT_LOAD] = "load",
        [FAULT_NODE] = "node",
};

static void fault_free(struct fault *f) {
        free(f->subject);
        free(f->device);
        free(f->data);
        free(f->vanish);
        free(f->steal);
        free(f);
}

static bool set_text(char **field, const char *value) {
        free(*field);
        *field = must_dup(value);
        return true;
}

static bool set_number(unsigned *field, const char *value) {
        unsigned long v;

        if (parse_number(value, 10, UINT32_MAX, &v) < 0)
                return false;
        *field = v;
        return true;
}

static bool parse_word(struct fault *f, const char *w) {
        const char *v;

        if (streq(w, "hang"))
                return f->hang = true;
        if ((v = word_value(w, "device")))
                return set_text(&f->device, v);
        if ((v = word_value(w, "data")))
                return set_text(&f->data, v);
        if ((v = word_value(w, "vanish")))
                return set_text(&f->vanish, v);
        if ((v = word_value(w, "steal")))
                return set_text(&f->steal, v);
        if ((v = word_value(w, "delay")))
                return set_number(&f->delay_ms, v);
        if ((v = word_value(w, "skip")))
                return set_number(&f->skip, v);
        if ((v = word_value(w, "times")))
                return streq(v, "always") ? set_number(&f->times, "0") : set_number(&f->times, v);
        if ((v = word_value(w, "errno")))
                return (f->error = parse_errno(v)) >= 0;
        if ((v = word_value(w, "when")))
                return (f->after = streq(v, "after")) || streq(v, "before");
        return false;
}

int fault_parse(struct sim *s, char **words, size_t n, unsigned *ret_id, char **ret_error) {
        struct fault *f, **end;

        f = must_alloc(sizeof(*f));
        f->times = 1;
        for (f->point = 0; n > 0 && f->point < _FAULT_MAX; f->point++)
                if (streq(words[0], fault_points[f->point]))
                        break;
        if (n < 2 || f->point == _FAULT_MAX) {
                *ret_error = must_dup("expected: fault write|read|probe|remove|reset|load|node SUBJECT …");
                fault_free(f);
                return -EINVAL;
        }
        f->subject = must_dup(words[1]);
        for (size_t i = 2; i < n; i++)
                if (!parse_word(f, words[i])) {
                        *ret_error = must_format("cannot make sense of \"%s\"", words[i]);
                        fault_free(f);
                        return -EINVAL;
                }

        f->id = *ret_id = ++s->last_fault;
        for (end = &s->faults; *end; end = &(*end)->next)
                ;
        *end = f;
        return 0;
}

/* Cleared faults stay until nobody sleeps in them. */
static void collect(struct sim *s) {
        for (struct fault **p = &s->faults; *p;) {
                struct fault *f = *p;

                if (f->cleared && f->users == 0) {
                        *p = f->next;
                        fault_free(f);
                } else
                        p = &f->next;
        }
}

struct fault *fault_find(struct sim *s, unsigned id) {
        for (struct fault *f = s->faults; f; f = f->next)
                if (f->id == id && !f->cleared)
                        return f;
        return NULL;
}

bool fault_release(struct sim *s, unsigned id, int error) {
        bool found = id == 0;

        for (struct fault *f = s->faults; f; f = f->next)
                if (!f->cleared && (id == 0 || f->id == id)) {
                        f->releases++;
                        f->release_error = error;
                        found = true;
                }
        sim_changed(s);
        return found;
}

bool fault_clear(struct sim *s, unsigned id) {
        bool found = id == 0;

        for (struct fault *f = s->faults; f; f = f->next)
                if (!f->cleared && (id == 0 || f->id == id)) {
                        f->cleared = true;
                        f->release_error = 0;
                        found = true;
                }
        sim_changed(s);
        collect(s);
        return found;
}

void fault_list(struct sim *s, FILE *out) {
        for (struct fault *f = s->faults; f; f = f->next)
                if (!f->cleared)
                        fprintf(out, "%u %s %s hits=%u hanging=%u\n", f->id, fault_points[f->point],
                                f->subject, f->hits, f->hanging);
}

bool fault_any(const struct sim *s, enum fault_point point) {
        for (const struct fault *f = s->faults; f; f = f->next)
                if (!f->cleared && f->point == point)
                        return true;
        return false;
}

static bool matches(const char *pattern, const char *text) {
        return !pattern || fnmatch(pattern, text ?: "", 0) == 0;
}

/* A device's lock is held there: whatever takes the device away has to wait for its end. */
static bool under_lock(enum fault_point p) {
        return p == FAULT_PROBE || p == FAULT_REMOVE || p == FAULT_RESET;
}

static void disturb(struct sim *s, struct fault *f, const char *device) {
        struct function *victim;
        struct driver *thief;

        if (f->steal) {
                victim = device ? function_find(s, device) : NULL;
                thief = driver_find(s, f->steal);
                if (victim && thief && !under_lock(f->point))
                        (void) bus_grab(s, thief, victim);
        }
        if (f->vanish) {
                victim = function_find(s, streq(f->vanish, "this") ? device ?: "" : f->vanish);
                if (victim)
                        function_vanish(s, victim, !under_lock(f->point));
        }
}

static int carry_out(struct sim *s, struct fault *f, const char *device) {
        int error = f->error;

        f->users++;
        disturb(s, f, device);
        sim_sleep(s, f->delay_ms);
        if (f->hang && !f->cleared) {
                unsigned mine = f->releases;

                f->hanging++;
                sim_changed(s);
                while (f->releases == mine && !f->cleared)
                        sim_wait(s);
                f->hanging--;
                error = f->release_error ?: f->error;
        }
        f->users--;
        return -error;
}

int fault_strike(struct sim *s, enum fault_point point, bool after, const char *subject, const char *device,
                 const char *data) {
        unsigned done = 0;
        bool again;
        int r = 0;

        /* the list may change whenever one of them sleeps: searched again behind the last one carried out */
        do {
                again = false;
                for (struct fault *f = s->faults; f; f = f->next) {
                        if (f->id <= done || f->cleared || f->point != point || f->after != after)
                                continue;
                        if (!matches(f->subject, subject) || !matches(f->device, device) ||
                            !matches(f->data, data))
                                continue;
                        done = f->id;
                        if (f->seen++ < f->skip || (f->times > 0 && f->hits >= f->times))
                                continue;
                        f->hits++;
                        sim_changed(s);
                        r = carry_out(s, f, device);
                        again = r == 0;
                        break;
                }
        } while (again);
        return r;
}
