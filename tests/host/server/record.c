/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The record of everything that was written, so that tests can tell who did what, and that nothing
 * happened. */

#include <fcntl.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <unistd.h>

#include "fault.h"

static void read_comm(pid_t pid, char *ret, size_t size) {
        _cleanup_free_ char *path = must_format("/proc/%d/comm", pid);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? -1 : read(fd, ret, size - 1);

        if (fd >= 0)
                close(fd);
        ret[n > 0 ? n - 1 : 0] = '\0';
}

struct record *record_begin(struct sim *s, pid_t pid, uid_t uid, const char *subject, const char *data,
                            size_t len) {
        struct record *r = must_alloc(sizeof(*r));
        struct text t = {};

        text_add_escaped(&t, data, len);
        *r = (struct record) {
                .seq = ++s->last_seq, .began_us = now_us(), .pid = pid, .uid = uid,
                .subject = must_dup(subject), .data = t.data,
        };
        read_comm(pid, r->comm, sizeof(r->comm));
        if (s->last_record)
                s->last_record->next = r;
        else
                s->records = r;
        s->last_record = r;
        s->busy++;
        sim_changed(s);
        return r;
}

void record_end(struct sim *s, struct record *r, int result) {
        r->done = true;
        r->result = result;
        r->ended_us = now_us();
        s->busy--;
        sim_changed(s);
}

void record_clear(struct sim *s) {
        struct record *kept = NULL;

        for (struct record **p = &s->records; *p;) {
                struct record *r = *p;

                if (!r->done) {
                        kept = r;
                        p = &r->next;
                        continue;
                }
                *p = r->next;
                free(r->subject);
                free(r->data);
                free(r);
        }
        s->last_record = kept;
}

static void record_print(const struct record *r, FILE *out) {
        fprintf(out, "%" PRIu64 " %s(%d) uid=%u %s \"%s\" ", r->seq, r->comm, r->pid, r->uid, r->subject,
                r->data);
        if (!r->done)
                fputs("pending\n", out);
        else
                fprintf(out, "%s %" PRIu64 "us\n", r->result < 0 ? strerrorname_np(-r->result) : "ok",
                        r->ended_us - r->began_us);
}

void record_list(struct sim *s, uint64_t after, FILE *out) {
        for (const struct record *r = s->records; r; r = r->next)
                if (r->seq > after)
                        record_print(r, out);
}

/* A newline at the end is what echo adds, and rarely the point. */
static bool data_matches(const char *pattern, const char *data) {
        _cleanup_free_ char *copy = must_dup(data);
        size_t n = strlen(copy);

        if (n >= 2 && streq(copy + n - 2, "\\n"))
                copy[n - 2] = '\0';
        return fnmatch(pattern, copy, FNM_NOESCAPE) == 0;
}

bool record_match(struct sim *s, uint64_t after, const char *subject, const char *data, bool done,
                  uint64_t *ret_seq) {
        for (const struct record *r = s->records; r; r = r->next) {
                if (r->seq <= after || (done && !r->done))
                        continue;
                if (subject && fnmatch(subject, r->subject, 0) != 0)
                        continue;
                if (data && !data_matches(data, r->data))
                        continue;
                *ret_seq = r->seq;
                return true;
        }
        return false;
}
