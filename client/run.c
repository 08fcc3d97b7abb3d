/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vfiobindctl run: devices are leased for as long as one command runs.
 *
 * This process holds the lease, and the command does not inherit it. So the devices go back when the command
 * has ended, whatever that leaves running in the background; and when this process is killed, however that
 * happens, they go back as well, each as soon as nothing has it open through VFIO any more. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "client.h"
#include "dbus/names.h"
#include "driver.h"
#include "launch.h"
#include "lease.h"
#include "memlock.h"
#include "placeholder.h"
#include "refusal.h"
#include "request.h"
#include "slot.h"

typedef struct Run {
        Client *client;
        json_object *functions; /* as client_list_devices() answers */
        char **operands;        /* the functions that were asked for */
        Lease lease;
        bool ended;         /* somebody has broken it */
        json_object *moves; /* the answer to Acquire(): every function leased */
        char **addresses;   /* theirs */
        char **command;     /* with its placeholders filled in */
        Launch launch;
} Run;

/* What is told beside the command's own output. */
__attribute__((format(printf, 2, 3))) static void tell(const Run *run, const char *format, ...) {
        _cleanup_free_ char *sentence = NULL;
        va_list arguments;
        int k;

        if (run->client->options.quiet)
                return;

        va_start(arguments, format);
        k = vasprintf(&sentence, format, arguments);
        va_end(arguments);
        if (k >= 0)
                failure_print(&run->client->terminal, sentence, NULL);
}

static int find_functions(Run *run, sd_bus_error *error, const char **ret_missing) {
        Client *client = run->client;
        int r;

        r = client_list_devices(client, &run->functions, error);
        if (r >= 0)
                r = slot_expand(client->operands, client->n_operands, run->functions, &run->operands,
                                &client->n_operands, ret_missing);
        if (r >= 0)
                client->operands = run->operands;
        return r;
}

static Status fail_empty_slot(const Client *client, const char *slot) {
        _cleanup_free_ char *sentence = NULL;

        if (asprintf(&sentence, "There is no PCI function in the slot %s", slot) < 0)
                sentence = NULL;
        failure_print(&client->terminal, sentence ?: "Out of memory",
                      "'vfiobindctl list' shows what there is");
        return STATUS_NO_SUCH;
}

static int read_lease(Run *run, sd_bus_message *reply) {
        _cleanup_json_ json_object *structures = NULL;
        size_t n;
        int r;

        r = lease_take(&run->lease, run->client->bus, reply);
        if (r >= 0)
                r = json_read(reply, &structures);
        if (r >= 0)
                r = json_name_structures(structures, client_move_keys, &run->moves);
        if (r < 0)
                return r;

        n = json_object_array_length(run->moves);
        run->addresses = calloc(n + 1, sizeof(char *));
        if (!run->addresses)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                run->addresses[i] =
                                (char *) json_string(json_object_array_get_idx(run->moves, i), "address");
        return 0;
}

static Status acquire(Run *run) {
        _cleanup_bus_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_bus_message_ sd_bus_message *reply = NULL;
        _cleanup_free_ char *words = NULL;
        Client *client = run->client;
        const char *missing = NULL;
        int r;

        r = find_functions(run, &error, &missing);
        if (missing)
                return fail_empty_slot(client, missing);
        if (r < 0)
                return client_fail(client, "list the devices", &error, r);

        words = request_words(client, "lease");
        r = words ? request_call(client, words, "Acquire", client->options.driver,
                                 client->options.ask_password, &error, &reply)
                  : -ENOMEM;
        if (r >= 0)
                r = read_lease(run, reply);
        return r < 0 ? refusal_report(client, words ?: "lease", "bind", client->options.driver, &error, r)
                     : STATUS_DONE;
}

/* Where the function was on its way to: what it is leased on. */
static void tell_moves(const Run *run) {
        for (size_t i = 0; i < json_object_array_length(run->moves); i++) {
                json_object *move = json_object_array_get_idx(run->moves, i);
                const char *from = driver_or_none(json_string(move, "from"));
                const char *to = driver_or_none(json_string(move, "to"));

                if (strcmp(from, to) == 0)
                        tell(run, "%s is leased, and on %s already", run->addresses[i], to);
                else
                        tell(run, "%s is leased, and moved from %s to %s", run->addresses[i], from, to);
        }
}

static const char *find_group(const Run *run, const char *address) {
        for (size_t i = 0; i < json_object_array_length(run->functions); i++) {
                json_object *function = json_object_array_get_idx(run->functions, i);

                if (strcmp(json_string(function, "address"), address) != 0)
                        continue;
                return json_number(function, "group") < 0
                                       ? ""
                                       : json_object_get_string(json_member(function, "group"));
        }
        return "";
}

static int fill_command(Run *run) {
        size_t n = json_object_array_length(run->moves);
        _cleanup_free_ Place *places = calloc(n + 1, sizeof(Place));

        if (!places)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                places[i] = (Place){ run->addresses[i], find_group(run, run->addresses[i]) };

        run->command = placeholder_fill(run->client->command, places, n);
        return run->command ? 0 : -ENOMEM;
}

static void on_lease_ended(Lease *lease) {
        Run *run = lease->userdata;

        run->ended = true;
        tell(run, "The lease has ended: somebody has taken or given back what %s was lent", run->command[0]);
}

/* The command from its start to its end. */
static int launch(Run *run) {
        _cleanup_event_ sd_event *loop = NULL;
        sd_bus *bus = run->client->bus;
        int r;

        run->lease.ended = on_lease_ended;
        run->lease.userdata = run;

        r = sd_event_new(&loop);
        if (r >= 0)
                r = sd_bus_set_close_on_exit(bus, false);
        if (r >= 0)
                r = sd_bus_attach_event(bus, loop, SD_EVENT_PRIORITY_NORMAL);
        if (r >= 0)
                r = lease_watch(&run->lease, loop);
        if (r >= 0)
                r = launch_start(&run->launch, loop, run->command, &run->client->terminal);
        if (r >= 0)
                r = sd_event_loop(loop);

        sd_bus_detach_event(bus);
        return r;
}

/* Of what somebody else has by now there is nothing to give back, and nothing more to tell. */
static void give_back(Run *run) {
        int r;

        if (run->ended)
                return;

        r = lease_give_back(&run->lease, run->addresses);
        if (r > 0)
                tell(run, "What %s was lent is back", run->command[0]);
        else
                tell(run,
                     "What %s was lent goes back when nothing has it open any more: see 'vfiobindctl leases'",
                     run->command[0]);
}

static Status run_command(Run *run) {
        Client *client = run->client;
        int r;

        if (acquire(run) != STATUS_DONE)
                return STATUS_NOT_STARTED;

        tell_moves(run);
        r = fill_command(run);
        if (r >= 0) {
                if (client->options.flags & VFIOBIND_FLAG_ACCESS && !client->options.quiet)
                        memlock_tell(&client->terminal, run->command);
                r = launch(run);
        }
        if (r < 0) {
                client_fail(client, "run the command", &SD_BUS_ERROR_NULL, r);
                return STATUS_NOT_STARTED;
        }

        launch_finish(&run->launch);
        give_back(run);
        return run->launch.status;
}

Status verb_run(Client *client) {
        Run run = { .client = client, .lease.descriptor = -1 };
        Status status;

        status = run_command(&run);
        lease_done(&run.lease);
        placeholder_free(run.command);
        free(run.addresses);
        free(run.operands);
        json_object_put(run.moves);
        json_object_put(run.functions);
        return status;
}
