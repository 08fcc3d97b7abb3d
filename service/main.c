/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The service: puts the parts together and runs the event loop. */

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>

#include "dbus/policy.h"
#include "dbus/service.h"
#include "service/host/uevents.h"
#include "service/move/config.h"
#include "service/move/workers/observer.h"

#define RUNTIME_DIRECTORY "/run/vfiobind"
#define CONFIG_FILE SYSCONFDIR "/vfiobind/vfiobind.conf"

/* How long operations that make progress may go on after the service was told to stop, in microseconds.
 * Nothing is lost where that is not enough, or where it is killed: the next start brings the functions back.
 * But nobody may start it for a while. */
#define STOP_USEC (5 * 1000 * 1000ULL)

/* How soon it is looked again whether what an ended lease waits for is over, where nobody tells, in
 * microseconds. */
#define LOOK_AGAIN_USEC (30 * 1000 * 1000ULL)

struct daemon {
        struct config config;
        struct root *root;
        struct aliases *aliases;
        struct uevents *uevents;
        struct observer *observer;
        struct service service;
        sd_event_source *stop; /* the end of the respite, once the service was told to stop */
        bool named;
        bool explained; /* the log has it why the event loop ends */
};

/* A log that cannot take a line at once loses it: journald itself may be waiting in the kernel for the
 * device that the line is about. */
static void log_line(const char *priority, const char *format, ...) _printf_(2, 3);
static void log_line(const char *priority, const char *format, ...) {
        char line[2048];
        va_list arguments;
        int n, m;

        n = snprintf(line, sizeof(line), "%s", priority);
        va_start(arguments, format);
        m = vsnprintf(line + n, sizeof(line) - (size_t) n - 1, format, arguments);
        va_end(arguments);
        if (m < 0)
                return;

        n = (int) strlen(line);
        line[n++] = '\n';
        if (send(STDERR_FILENO, line, (size_t) n, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && errno == ENOTSOCK)
                (void) !write(STDERR_FILENO, line, (size_t) n);
}

static void on_damaged(const char *name, void *userdata) {
        log_line(SD_WARNING,
                 "The file %s below " RUNTIME_DIRECTORY " is damaged and was set aside as %s.damaged.", name,
                 name);
}

/* Only what nobody is told by an answer belongs in the log. */
static void on_settled_late(const struct journal_entry *entry, const struct failure *failure) {
        log_line(failure->kind == FAILURE_NONE ? SD_NOTICE : SD_WARNING,
                 "Operation %u (%s, for uid %u) is settled: %s.", entry->id, entry->word, entry->uid,
                 failure->kind == FAILURE_NONE ? "done" : strempty(failure->message));
}

/* Of what comes back at once the log tells as of any operation that nobody waits for. */
static void on_delayed(const struct lease *lease, const struct failure *failure) {
        log_line(SD_NOTICE, "The lease of %s (uid %u) has ended, and not everything can return now. %s.",
                 lease->holder.name, lease->holder.uid, strempty(failure->message));
}

static int open_homecomings(struct daemon *daemon) {
        const struct homecomings_config config = {
                .event = daemon->service.event,
                .model = daemon->service.model,
                .mover = daemon->service.mover,
                .again_usec = LOOK_AGAIN_USEC,
                .delayed = on_delayed,
        };

        return homecomings_new(&config, &daemon->service.homecomings);
}

static void give_up(struct daemon *daemon, const char *why, int error) {
        log_line(SD_ERR, "%s: %s", why, strerror(-error));
        daemon->explained = true;
        sd_event_exit(daemon->service.event, error);
}

static void on_function_event(struct function *f, void *userdata) {
        struct daemon *daemon = userdata;

        (void) observer_add(daemon->observer, f);
}

/* Everything has been looked at: for the first time, the service is complete and may be found. */
static void on_observed(void *userdata) {
        struct daemon *daemon = userdata;
        struct function *const *functions;
        size_t n;
        int r;

        if (daemon->named)
                return;

        functions = model_functions(daemon->service.model, &n);
        for (size_t i = 0; i < n; i++)
                mover_review(daemon->service.mover, functions[i]);
        model_trim(daemon->service.model);

        r = service_request_name(&daemon->service);
        if (r < 0) {
                give_up(daemon, "The bus name cannot be had", r);
                return;
        }

        daemon->named = true;
        mover_resume(daemon->service.mover);
        r = open_homecomings(daemon);
        if (r < 0) {
                give_up(daemon, "What has been leased cannot be brought back", r);
                return;
        }
        sd_notify(false, "READY=1");
}

static int is_progressing(const struct operation *operation, void *userdata) {
        return operation_state(operation) != OPERATION_STUCK;
}

/* Called whenever the event loop comes round, once the service was told to stop. */
static int on_round(sd_event_source *source, void *userdata) {
        struct daemon *daemon = userdata;

        if (mover_foreach(daemon->service.mover, is_progressing, NULL) == 0)
                sd_event_exit(daemon->service.event, 0);
        return 0;
}

static int on_signal(sd_event_source *source, const struct signalfd_siginfo *si, void *userdata) {
        struct daemon *daemon = userdata;
        sd_event *event = daemon->service.event;

        if (daemon->stop || !daemon->service.mover ||
            mover_foreach(daemon->service.mover, is_progressing, NULL) == 0)
                return sd_event_exit(event, 0);

        /* Its callback is the default one, which ends the event loop. */
        if (sd_event_add_time_relative(event, &daemon->stop, CLOCK_MONOTONIC, STOP_USEC, 0, NULL, NULL) <
                            0 ||
            sd_event_add_post(event, NULL, on_round, daemon) < 0)
                return sd_event_exit(event, 0);
        return 0;
}

/* Reads the file over the defaults, and tells the log what comes of it where that is not everything. */
static int read_config(struct config *config, const char *if_malformed, const char *if_unreadable) {
        int r;

        config_init(config);
        r = config_read(config, CONFIG_FILE);
        if (r > 0)
                log_line(SD_WARNING, CONFIG_FILE ":%d: cannot be understood; %s.", r, if_malformed);
        else if (r < 0)
                log_line(SD_WARNING, CONFIG_FILE ": cannot be read, so %s: %s", if_unreadable, strerror(-r));
        return r;
}

/* All of the file or nothing: half of a change would be a configuration that nobody has written. */
static int on_reload(sd_event_source *source, const struct signalfd_siginfo *si, void *userdata) {
        struct daemon *daemon = userdata;
        struct config config;

        if (read_config(&config, "the settings stay as they were", "the settings stay as they were") == 0) {
                daemon->config = config;
                log_line(SD_INFO, "The configuration has been read again.");
        }
        policy_announce(&daemon->service);
        return 0;
}

static int open_loop(struct daemon *daemon) {
        static const struct {
                int signal;
                sd_event_signal_handler_t handler;
                int64_t priority;
        } signals[] = {
                { SIGTERM, on_signal, SD_EVENT_PRIORITY_NORMAL },
                { SIGINT, on_signal, SD_EVENT_PRIORITY_NORMAL },
                /* Whoever has sent it may call right after, and finds the new settings. */
                { SIGHUP, on_reload, SD_EVENT_PRIORITY_IMPORTANT },
        };
        sigset_t blocked;
        int r;

        sigemptyset(&blocked);
        sigaddset(&blocked, SIGCHLD);
        for (size_t i = 0; i < ELEMENTSOF(signals); i++)
                sigaddset(&blocked, signals[i].signal);
        sigprocmask(SIG_BLOCK, &blocked, NULL);

        r = sd_event_new(&daemon->service.event);
        if (r >= 0)
                r = workers_new(daemon->service.event, LIBEXECDIR "/vfiobind-worker",
                                &daemon->service.workers);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(signals); i++) {
                _cleanup_(sd_event_source_unrefp) sd_event_source *source = NULL;

                r = sd_event_add_signal(daemon->service.event, &source, signals[i].signal,
                                        signals[i].handler, daemon);
                if (r >= 0)
                        r = sd_event_source_set_priority(source, signals[i].priority);
                if (r >= 0)
                        r = sd_event_source_set_floating(source, true);
        }
        return r < 0 ? r : sd_event_set_watchdog(daemon->service.event, true);
}

static int open_host(struct daemon *daemon) {
        struct service *service = &daemon->service;
        int r;

        r = root_open("", &daemon->root);
        if (r >= 0)
                r = aliases_new(daemon->root, &daemon->aliases);
        if (r >= 0)
                r = model_new(daemon->root, daemon->aliases, &service->model);
        if (r >= 0)
                r = observer_new(service->event, service->model, service->workers, on_observed, daemon,
                                 &daemon->observer);
        if (r >= 0)
                r = uevents_new(service->event, service->model, on_function_event, daemon, &daemon->uevents);
        return r < 0 ? r : model_scan(service->model);
}

static int open_mover(struct daemon *daemon) {
        const struct mover_config config = {
                .event = daemon->service.event,
                .model = daemon->service.model,
                .directory = RUNTIME_DIRECTORY,
                .workers = daemon->service.workers,
                .settings = &daemon->config,
                .damaged = on_damaged,
        };

        return mover_new(&config, &daemon->service.mover);
}

static int open_bus(struct daemon *daemon) {
        int r;

        r = sd_bus_open_system(&daemon->service.bus);
        if (r >= 0)
                r = sd_bus_set_exit_on_disconnect(daemon->service.bus, true);
        if (r >= 0)
                r = sd_bus_attach_event(daemon->service.bus, daemon->service.event,
                                        SD_EVENT_PRIORITY_NORMAL);
        return r < 0 ? r : service_publish(&daemon->service);
}

static int observe_all(struct daemon *daemon) {
        struct function *const *functions;
        size_t n;
        int r = 0;

        functions = model_functions(daemon->service.model, &n);
        for (size_t i = 0; r >= 0 && i < n; i++)
                r = observer_add(daemon->observer, functions[i]);
        if (n == 0)
                on_observed(daemon);
        return r;
}

/* Nobody should have to guess why the service has gone. That the bus is closed says so only as long as
 * nothing else does: sd-bus itself closes it when the event loop ends. */
static int loop(struct daemon *daemon) {
        int r = sd_event_loop(daemon->service.event);

        if (daemon->explained)
                return r;
        if (r != 0 && sd_bus_is_open(daemon->service.bus) <= 0)
                log_line(SD_ERR, "The system bus has closed the connection.");
        else if (r != 0)
                log_line(SD_ERR, "The event loop has ended: %s",
                         r < 0 ? strerror(-r) : "something that it serves has failed");
        return r > 0 ? -EIO : r;
}

static int run(struct daemon *daemon) {
        static const struct {
                int (*open)(struct daemon *daemon);
                const char *what;
        } parts[] = {
                { open_loop, "The event loop" },
                { open_host, "The host's devices" },
                { open_mover, "The run-time directory " RUNTIME_DIRECTORY },
                { open_bus, "The system bus" },
                { observe_all, "The worker" },
        };

        (void) read_config(&daemon->config, "what cannot be understood is ignored", "the defaults are used");
        for (size_t i = 0; i < ELEMENTSOF(parts); i++) {
                int r = parts[i].open(daemon);

                if (r < 0) {
                        log_line(SD_ERR, "%s cannot be used: %s", parts[i].what, strerror(-r));
                        return r;
                }
        }

        return loop(daemon);
}

static void close_daemon(struct daemon *daemon) {
        sd_notify(false, "STOPPING=1");

        if (daemon->service.model)
                model_set_listener(daemon->service.model, NULL, NULL);
        service_close(&daemon->service);
        homecomings_free(daemon->service.homecomings);
        mover_free(daemon->service.mover);
        uevents_free(daemon->uevents);
        observer_free(daemon->observer);
        workers_free(daemon->service.workers);
        model_free(daemon->service.model);
        aliases_free(daemon->aliases);
        root_free(daemon->root);
        sd_event_source_unref(daemon->stop);
        sd_event_unref(daemon->service.event);
}

int main(int argc, char *argv[]) {
        static const struct option options[] = { { "help", no_argument, NULL, 'h' },
                                                 { "version", no_argument, NULL, 'v' },
                                                 {} };
        struct daemon daemon = { .service = {
                                                 .settled_late = on_settled_late,
                                 } };
        int option, r;

        while ((option = getopt_long(argc, argv, "h", options, NULL)) >= 0)
                switch (option) {
                case 'h':
                        puts("Usage: vfiobindd [--help] [--version]\n\n"
                             "The service behind vfiobindctl. D-Bus starts it. See vfiobindd(8).");
                        return EXIT_SUCCESS;
                case 'v':
                        puts("vfiobind " VERSION);
                        return EXIT_SUCCESS;
                default:
                        return 2;
                }

        if (optind < argc) {
                fputs("vfiobindd takes no arguments.\n", stderr);
                return 2;
        }

        r = run(&daemon);
        close_daemon(&daemon);
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
