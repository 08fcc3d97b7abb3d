/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Preloaded into the polkitd of guests and simulated hosts. polkitd 122 notes that a rule has been evaluated
 * without the lock that belongs to the note (runaway_killer_thread_call_js() in
 * polkitbackendduktapeauthority.c): its main thread can miss the wake-up that follows, waits until its limit
 * for scripts that never end has passed, 15 seconds, and denies. It looks at the note again whenever it is woken,
 * so here it never sleeps for long. */

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <time.h>

#define NAP_NSEC (20 * 1000 * 1000L)
#define NSEC_PER_SEC (1000 * 1000 * 1000L)

static bool is_before(const struct timespec *a, const struct timespec *b) {
        return a->tv_sec != b->tv_sec ? a->tv_sec < b->tv_sec : a->tv_nsec < b->tv_nsec;
}

/* In place of the C library's. polkitd's condition variables go by CLOCK_MONOTONIC, and POSIX allows a wake-up
 * without a signal. */
int pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex, const struct timespec *end) {
        struct timespec nap;
        int r;

        clock_gettime(CLOCK_MONOTONIC, &nap);
        nap.tv_nsec += NAP_NSEC;
        if (nap.tv_nsec >= NSEC_PER_SEC) {
                nap.tv_sec++;
                nap.tv_nsec -= NSEC_PER_SEC;
        }
        if (!is_before(&nap, end))
                return pthread_cond_clockwait(condition, mutex, CLOCK_MONOTONIC, end);

        r = pthread_cond_clockwait(condition, mutex, CLOCK_MONOTONIC, &nap);
        return r == ETIMEDOUT ? 0 : r;
}
