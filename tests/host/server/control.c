/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Commands from outside: a line each on a stream socket, answered by lines and then "ok" or "error TEXT". A
 * connection that sends a descriptor instead brings the listener of a simexec.
 */

#include <errno.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fault.h"
#include "pci.h"

#define MAX_WORDS 64

struct command {
        const char *name;
        size_t least;                           /* words, the name not counted */
        /* words[0] is the first behind the name, line the same as text */
        int (*run)(struct sim *s, char **words, size_t n, const char *line, FILE *out, char **ret_error);
        const char *help;
};

static struct function *find(struct sim *s, const char *name, char **ret_error) {
        struct function *f = function_find(s, name);

        if (!f)
                *ret_error = must_format("no function %s", name);
        return f;
}

static int run_add(struct sim *s, char **words, size_t n, const char *line, FILE *out, char **ret_error) {
        int r;

        gate_enter(s, &s->rescan);
        r = topology_line(s, line, ret_error);
        gate_leave(s, &s->rescan);
        return r;
}

static int run_unplug(struct sim *s, char **words, size_t n, const char *line, FILE *out, char **ret_error) {
        struct function *f = find(s, words[0], ret_error);

        if (!f)
                return -ENODEV;
        function_vanish(s, f, n < 2 || !streq(words[1], "nowait"));
        return 0;
}

static int run_grab(struct sim *s, char **words, size_t n, const char *line, FILE *out, char **ret_error) {
        struct function *f = find(s, words[0], ret_error);
        struct driver *d;
        int r;

        if (!f)
                return -ENODEV;
        if (streq(words[1], "none")) {
                bus_release(s, f, NULL);
                return 0;
        }
        d = driver_find(s, words[1]);
        r = d ? bus_grab(s, d, f) : -ENOENT;
        if (r < 0)
                *ret_error = must_format("%s: %s", words[1], strerror(-r));
        return r;
}

static int run_fault(struct sim *s, char **words, size_t n, const char *line, FILE *out, char **ret_error) {
        unsigned id;
        int r;

        r = fault_parse(s, words, n, &id, ret_error);
        if (r >= 0)
                fprintf(out, "%u\n", id);
        return r;
}

static int no_fault(char **ret_error) {
        *ret_error = must_dup("no such fault");
        return -ENOENT;
}

static int run_release(struct sim *s, char **words, size_t n, const char *line, FILE *out,
                       char **ret_error) {
        int error = n > 1 ? parse_errno(words[1]) : 0;
        unsigned id;

        if (error < 0) {
                *ret_error = must_format("no errno \"%s\"", words[1]);
                return error;
        }
        id = streq(words[0], "all") ? 0 : atoi(words[0]);
        return fault_release(s, id, error) ? 0 : no_fault(ret_error);
}

static int run_clear(struct sim *s, char **words, size_t n, const char *line, FILE *out, char **ret_error) {
        return fault_clear(s, streq(words[0], "all") ? 0 : atoi(words[0])) ? 0 : no_fault(ret_error);
}

static int run_faults(struct sim *s, char **words, size_t n, const char *line, FILE *out, char **ret_error) {
        fault_list(s, out);
        return 0;
}

static int run_log(struct sim *s, char **words, size_t n, const char *line, FILE *out, char **ret_error) {
        if (n > 0 && streq(words[0], "clear"))
                record_clear(s);
        else
                record_list(s, n > 0 ? strtoull(words[0], NULL, 10) : 0, out);
        return 0;
}

static int run_mark(struct sim *s, char **words, size_t n, const char *line, FILE *out, char **ret_error) {
        fprintf(out, "%" PRIu64 "\n", s->last_seq);
        return 0;
}

/* What the kernel knows, without asking anybody's lock. */
static int run_state(struct sim *s, char **words, size_t n, const char *line, FILE *out, char **ret_error) {
        for (const struct function *f = s->functions; f; f = f->next)
                if (n == 0 || fnmatch(words[0], f->object.label, 0) == 0) {
                        fprintf(out, "%s driver=%s override=%s ", f->object.label,
                                f->driver ? f->driver->name : "none", f->override ?: "(null)");
                        fprintf(out, "group=%d locked=%d vfs=%u open=%d ino=%" PRIu64 "\n",
                                f->group ? f->group->id : -1, f->lock.held, f->num_vfs, f->vfio_open,
                                f->directory->ino);
                }
        return 0;
}

static int run_open(struct sim *s, char **words, size_t n, const char *line, FILE *out, char **ret_error) {
        struct function *f = find(s, words[0], ret_error);

        return f ? group_open(s, f, ret_error) : -ENODEV;
}

static int run_close(struct sim *s, char **words, size_t n, const char *line, FILE *out, char **ret_error) {
        struct function *f = find(s, words[0], ret_error);

        if (f)
                group_close(s, f);
        return f ? 0 : -ENODEV;
}

static int run_uevents(struct sim *s, char **words, size_t n, const char *line, FILE *out,
                       char **ret_error) {
        const char *v;

        if ((v = word_value(words[0], "drop")))
                s->uevents_to_drop = atoi(v);
        else
                s->uevents_off = streq(words[0], "off");
        return 0;
}

static int run_modules(struct sim *s, char **words, size_t n, const char *line, FILE *out,
                       char **ret_error) {
        module_dump(s, out);
        return 0;
}

static int run_wait(struct sim *s, char **words, size_t n, const char *line, FILE *out, char **ret_error);

static const struct command commands[] = {
        { "add", 1, run_add, "STATEMENT: a line of topology, now" },
        { "unplug", 1, run_unplug, "ADDRESS [nowait]: the hardware goes" },
        { "grab", 2, run_grab,
                "ADDRESS DRIVER|none: somebody else binds it, whatever ids and override say" },
        { "fault", 2, run_fault, "POINT SUBJECT …: answers the fault's number" },
        { "release", 1, run_release, "ID|all [ERRNO]: what hangs goes on" },
        { "clear", 1, run_clear, "ID|all: removes faults" },
        { "faults", 0, run_faults, "lists them" },
        { "log", 0, run_log, "[AFTER|clear]: what was written" },
        { "mark", 0, run_mark, "the number of the last record" },
        { "state", 0, run_state, "[PATTERN]: functions, their drivers and overrides" },
        { "open", 1, run_open, "ADDRESS: somebody opens it through VFIO" },
        { "close", 1, run_close, "ADDRESS: and closes it" },
        { "uevents", 1, run_uevents, "on|off|drop=N" },
        { "modules", 0, run_modules, "lists modules and their aliases" },
        { "wait", 2, run_wait,
                "MS hang ID | hits ID N | write SUBJECT [data=] [after=] [done] | driver ADDRESS NAME | "
                "gone ADDRESS | idle now" },
};

/* ---- wait: 1 it is so, 0 not yet, negative: never ---- */

static int test_fault(struct sim *s, char **words, size_t n, FILE *out) {
        struct fault *f = n > 1 ? fault_find(s, atoi(words[1])) : NULL;

        if (!f)
                return -ENOENT;
        if (streq(words[0], "hang"))
                return f->hanging > 0;
        return f->hits >= (n > 2 ? (unsigned) atoi(words[2]) : 1);
}

static int test_write(struct sim *s, char **words, size_t n, FILE *out) {
        const char *data = NULL, *v;
        uint64_t after = 0, seq;
        bool done = false;

        for (size_t i = 2; i < n; i++)
                if ((v = word_value(words[i], "data")))
                        data = v;
                else if ((v = word_value(words[i], "after")))
                        after = strtoull(v, NULL, 10);
                else if (streq(words[i], "done"))
                        done = true;
                else
                        return -EINVAL;
        if (n < 2 || !record_match(s, after, words[1], data, done, &seq))
                return n < 2 ? -EINVAL : 0;
        fprintf(out, "%" PRIu64 "\n", seq);
        return 1;
}

static int test_driver(struct sim *s, char **words, size_t n, FILE *out) {
        struct function *f = n == 3 ? function_find(s, words[1]) : NULL;

        if (n != 3)
                return -EINVAL;
        return f && !f->lock.held && streq(f->driver ? f->driver->name : "none", words[2]);
}

static int test_gone(struct sim *s, char **words, size_t n, FILE *out) {
        return n < 2 ? -EINVAL : !function_find(s, words[1]);
}

static int test_idle(struct sim *s, char **words, size_t n, FILE *out) {
        return s->busy == 0;
}

static const struct {
        const char *name;
        int (*test)(struct sim *s, char **words, size_t n, FILE *out);
} conditions[] = {
        { "hang", test_fault },
        { "hits", test_fault },
        { "write", test_write },
        { "driver", test_driver },
        { "gone", test_gone },
        { "idle", test_idle },
};

static int run_wait(struct sim *s, char **words, size_t n, const char *line, FILE *out, char **ret_error) {
        uint64_t deadline = now_us() + strtoull(words[0], NULL, 10) * 1000;

        for (size_t i = 0; i < ELEMENTSOF(conditions); i++) {
                int r;

                if (!streq(conditions[i].name, words[1]))
                        continue;
                while ((r = conditions[i].test(s, words + 1, n - 1, out)) == 0)
                        if (!sim_wait_until(s, deadline)) {
                                *ret_error = must_dup("timed out");
                                return -ETIMEDOUT;
                        }
                return r < 0 ? r : 0;
        }
        return -EINVAL;
}

int control_command(struct sim *s, char *line, FILE *out, char **ret_error) {
        _cleanup_free_ char *copy = must_dup(line);
        const char *rest = line + strspn(line, " \t");
        char *words[MAX_WORDS];
        size_t n = split_words(copy, words, MAX_WORDS);

        if (n == 0)
                return 0;
        if (streq(words[0], "help")) {
                for (size_t i = 0; i < ELEMENTSOF(commands); i++)
                        fprintf(out, "%s %s\n", commands[i].name, commands[i].help);
                return 0;
        }
        rest += strlen(words[0]);
        for (size_t i = 0; i < ELEMENTSOF(commands); i++)
                if (streq(commands[i].name, words[0])) {
                        if (n - 1 >= commands[i].least)
                                return commands[i].run(s, words + 1, n - 1, rest + strspn(rest, " \t"), out,
                                                       ret_error);
                        *ret_error = must_format("%s %s", commands[i].name, commands[i].help);
                        return -EINVAL;
                }
        return -EINVAL;
}

/* ---- connections ---- */

/* Either the first byte comes with a descriptor, or it is the first of a line, and stays for the reader. */
static int receive_descriptor(int fd) {
        union {
                char buffer[CMSG_SPACE(sizeof(int))];
                struct cmsghdr align;
        } control = {};
        char byte;
        struct iovec part = { &byte, 1 };
        struct msghdr m = {
                .msg_iov = &part, .msg_iovlen = 1,
                .msg_control = &control, .msg_controllen = sizeof(control),
        };
        struct cmsghdr *c;
        int got;

        if (recvmsg(fd, &m, MSG_PEEK | MSG_CMSG_CLOEXEC) <= 0)
                return -EIO;
        c = CMSG_FIRSTHDR(&m);
        if (!c || c->cmsg_type != SCM_RIGHTS)
                return -ENOMSG;
        memcpy(&got, CMSG_DATA(c), sizeof(got));
        return got;
}

static void connection_thread(struct sim *s, void *data) {
        int fd = (int) (intptr_t) data, listener = receive_descriptor(fd);
        _cleanup_free_ char *line = NULL;
        size_t size = 0;
        FILE *in, *out;

        if (listener != -ENOMSG) {
                if (listener >= 0)
                        insertion_serve(s, listener);
                close(fd);
                return;
        }
        in = fdopen(fd, "r");
        out = fdopen(dup(fd), "w");
        if (!in || !out)
                abort();
        while (getline(&line, &size, in) >= 0) {
                _cleanup_free_ char *error = NULL, *answer = NULL;
                size_t length = 0;
                FILE *memory = open_memstream(&answer, &length);
                int r;

                line[strcspn(line, "\n")] = '\0';
                pthread_mutex_lock(&s->lock);
                r = control_command(s, line, memory, &error);
                pthread_mutex_unlock(&s->lock);
                fclose(memory);
                if (r < 0)
                        fprintf(out, "error %s\n", error ?: strerror(-r));
                else
                        fprintf(out, "%sok\n", answer);
                if (fflush(out) != 0)
                        break;
        }
        fclose(in);
        fclose(out);
}

static void accept_thread(struct sim *s, void *data) {
        for (;;) {
                int fd = accept4((int) (intptr_t) data, NULL, NULL, SOCK_CLOEXEC);

                if (fd >= 0)
                        sim_thread(s, connection_thread, (void *) (intptr_t) fd);
                else if (errno != EINTR && errno != ECONNABORTED)
                        return;
        }
}

void control_serve(struct sim *s, int fd) {
        sim_thread(s, accept_thread, (void *) (intptr_t) fd);
}
