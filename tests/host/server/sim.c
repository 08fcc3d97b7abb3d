/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The simulation's lock, waiting, threads. */

#include <time.h>

#include "sim.h"

void sim_changed(struct sim *s) {
        pthread_cond_broadcast(&s->changed);
}

void sim_wait(struct sim *s) {
        pthread_cond_wait(&s->changed, &s->lock);
}

uint64_t now_us(void) {
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return t.tv_sec * UINT64_C(1000000) + t.tv_nsec / 1000;
}

bool sim_wait_until(struct sim *s, uint64_t deadline_us) {
        struct timespec t = { .tv_sec = deadline_us / 1000000, .tv_nsec = deadline_us % 1000000 * 1000 };

        pthread_cond_timedwait(&s->changed, &s->lock, &t);
        return now_us() < deadline_us;
}

void sim_sleep(struct sim *s, unsigned ms) {
        uint64_t deadline = now_us() + ms * UINT64_C(1000);

        if (ms > 0)
                while (sim_wait_until(s, deadline))
                        ;
}

void gate_enter(struct sim *s, struct gate *g) {
        while (g->held)
                sim_wait(s);
        g->held = true;
}

void gate_leave(struct sim *s, struct gate *g) {
        g->held = false;
        sim_changed(s);
}

struct start {
        struct sim *sim;
        void (*f)(struct sim *s, void *data);
        void *data;
};

static void *thread_main(void *p) {
        struct start start = *(struct start *) p;

        free(p);
        start.f(start.sim, start.data);
        return NULL;
}

void sim_thread(struct sim *s, void (*f)(struct sim *s, void *data), void *data) {
        struct start *start = must_alloc(sizeof(*start));
        pthread_attr_t attributes;
        pthread_t thread;

        *start = (struct start) { s, f, data };
        pthread_attr_init(&attributes);
        pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
        pthread_attr_setstacksize(&attributes, 256 * 1024);
        if (pthread_create(&thread, &attributes, thread_main, start) != 0)
                abort();
        pthread_attr_destroy(&attributes);
}
