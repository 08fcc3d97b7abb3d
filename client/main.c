/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vfiobindctl: sees and moves PCI devices through the vfiobind service. The table of verbs, and the help it
 * gives. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "client.h"

typedef struct Verb {
        const char *name;
        const char *operands; /* as the help shows them */
        size_t n_min, n_max;
        const char *options; /* names of those it takes beside the general ones */
        Status (*run)(Client *client);
        const char *summary;
        const char *more; /* what else its own help says */
        bool launches;    /* a command, which stands behind "--" and runs here: ends as env(1) does */
} Verb;

static const Verb verbs[] = {
        { "list", "", 0, 0, "json no-legend", verb_list, "every PCI function with its group and driver",
          "The same without a verb. Addresses are DOMAIN:BUS:SLOT.FUNCTION; where the\n"
          "domain is 0, every verb takes them without it as well: 65:00.0.\n" },
        { "groups", "", 0, 0, "json no-legend", verb_groups, "the IOMMU groups, and what spoils them",
          "VFIO opens a group as a whole, if it is viable: no member may be bound to a\n"
          "driver that does its own DMA, as most host drivers do. Such a member spoils it,\n"
          "and has to be moved, too: 'vfiobindctl bind --group ADDRESS' takes them all.\n" },
        { "show", "ADDRESS...", 1, SIZE_MAX, "json", verb_show, "all about a device",
          "Power and link are read from the device itself, which may wake it.\n" },
        { "backends", "", 0, 0, "json no-legend", verb_backends,
          "the ways to hand over a device, and the default",
          "A backend that this host cannot serve is shown with the reason.\n" },
        { "leases", "", 0, 0, "json no-legend", verb_leases, "who has devices for a while",
          "A lease lasts as long as a program holds it, and what was leased goes back by\n"
          "itself: at once, or when nothing has it open through VFIO any more, for which\n"
          "it waits as 'returning'. 'vfiobindctl run' leases devices for a command.\n" },
        { "monitor", "", 0, 0, "json", verb_monitor, "what changes, a line each, until Ctrl+C",
          "Tells of moves, whoever makes them, of devices that come and go, and of what\n"
          "the service does for whom. With --json=short each is an object on a line.\n" },
        { "plan", "ADDRESS...", 1, SIZE_MAX, "driver group force access json", verb_plan,
          "what bind would do, and what is in the way",
          "Changes nothing, and asks for no password. Shows each step in its order, what\n"
          "uses the devices and would be cut off, and the command that carries it out.\n\n"
          "  vfiobindctl plan 65:00.0                 what 'bind' would do\n"
          "  vfiobindctl plan --driver=host 65:00.0   what 'restore' would do\n" },
        { "bind", "ADDRESS...", 1, SIZE_MAX, "driver group force access dry-run json", verb_bind,
          "take devices from the host, for VFIO",
          "Several are moved together, or none of them. What is where it should go is left\n"
          "alone. VFIO opens groups as a whole: see 'vfiobindctl groups --help'.\n\n"
          "  vfiobindctl bind 65:00.0                 to the default backend, mostly VFIO\n"
          "  vfiobindctl bind --group 65:00.0         with everything in its group\n"
          "  vfiobindctl bind --driver=kvm 65:00.0    to the legacy stub pci-stub\n" },
        { "restore", "ADDRESS...", 1, SIZE_MAX, "group force dry-run json", verb_restore,
          "give them back to where they were",
          "Back to the driver and the driver override that they had before they were first\n"
          "moved. Several are moved together, or none of them.\n" },
        { "reset", "ADDRESS", 1, 1, "method force json", verb_reset, "reset a device where it is",
          "The kernel's methods are tried one after the other; the one that has worked is\n"
          "told. What uses the device is in the way, as it is in the way of a move.\n\n"
          "  vfiobindctl reset 65:00.0                by the first method that works\n"
          "  vfiobindctl reset --method=flr 65:00.0   by this one, or not at all\n" },
        { "vfs", "ADDRESS [COUNT]", 1, 2, "driver force json", verb_vfs,
          "virtual functions: show them, or set how many",
          "Without a count, what there is. With one, as many are made, and those that are\n"
          "made for VFIO or a stub are never seen by a host driver. The kernel makes or\n"
          "removes them all at once: from one number to another, those that are there go.\n\n"
          "  vfiobindctl vfs 65:00.0                  how many there are, and where\n"
          "  vfiobindctl vfs 65:00.0 4                four, on the default backend\n"
          "  vfiobindctl vfs --driver=host 65:00.0 4  four, for the host's drivers\n"
          "  vfiobindctl vfs 65:00.0 0                none\n" },
        { "run", "--device=ADDRESS... -- COMMAND...", 1, SIZE_MAX, "device driver group force access",
          verb_run, "a command that has them meanwhile",
          "They go back when the command has ended, and also if vfiobindctl is killed.\n"
          "Its exit status is the command's, or 125 if it never started. In the command,\n"
          "{vfio-args} stands for QEMU's arguments, {address} and {group} for these.\n\n"
          "  vfiobindctl run --access --device 65:00 -- qemu-system-x86_64 {vfio-args} ...\n",
          .launches = true },
};

static const Verb *find_verb(const char *name) {
        for (size_t i = 0; i < ELEMENTSOF(verbs); i++)
                if (strcmp(verbs[i].name, name) == 0)
                        return verbs + i;

        return NULL;
}

static void print_help(void) {
        puts("vfiobindctl [OPTION...] [VERB] [ADDRESS...]: moves PCI devices to VFIO and back\n");

        for (size_t i = 0; i < ELEMENTSOF(verbs); i++)
                printf("  %-8s %-15s %s\n", verbs[i].name, verbs[i].operands, verbs[i].summary);

        putchar('\n');
        options_print_help(stdout, NULL);
        puts("Examples: vfiobindctl bind --help. Exit status and the rest: man vfiobindctl.");
}

static void print_verb_help(const Verb *verb) {
        printf("vfiobindctl %s [OPTION...]%s%s\n\n%s: %s.\n\n%s", verb->name, *verb->operands ? " " : "",
               verb->operands, verb->name, verb->summary, verb->more);
        putchar('\n');
        options_print_help(stdout, verb->options);
        puts("\nOptions for all verbs: vfiobindctl --help");
}

__attribute__((format(printf, 3, 4))) static Status complain(Client *client, const Verb *verb,
                                                             const char *format, ...) {
        _cleanup_free_ char *sentence = NULL, *hint = NULL;
        va_list arguments;
        int k;

        va_start(arguments, format);
        k = vasprintf(&sentence, format, arguments);
        va_end(arguments);
        if (k < 0)
                sentence = NULL;
        if (asprintf(&hint, "See 'vfiobindctl %s%s--help'", verb ? verb->name : "", verb ? " " : "") < 0)
                hint = NULL;

        failure_print(&client->terminal, sentence ?: "Out of memory", hint);
        return verb && verb->launches ? STATUS_NOT_STARTED : STATUS_USAGE;
}

static Status check_usage(Client *client, const Verb *verb) {
        const char *misfit = options_misfit(&client->options, verb->options);

        if (misfit)
                return complain(client, verb, "Option '--%s' does not go with '%s'", misfit, verb->name);
        if (client->n_operands < verb->n_min)
                return complain(client, verb, "'%s' needs an address", verb->name);
        if (client->n_operands > verb->n_max)
                return complain(client, verb, "'%s' does not take '%s'", verb->name,
                                client->operands[verb->n_max]);
        if (verb->launches && !*client->command)
                return complain(client, verb, "'%s' needs a command, behind '--'", verb->name);
        if (verb->launches && client->options.host)
                return complain(client, verb, "Option '--host' does not go with '%s'", verb->name);

        return STATUS_DONE;
}

/* Text on the bus is UTF-8, and sd-bus takes nothing else. */
static bool is_speakable(Client *client, const char *text) {
        _cleanup_bus_message_ sd_bus_message *message = NULL;

        return sd_bus_message_new(client->bus, &message, SD_BUS_MESSAGE_METHOD_CALL) < 0 ||
               sd_bus_message_append_basic(message, 's', text) != -EINVAL;
}

/* Of what the service would be told, the first that it cannot be told; NULL for none. */
static const char *find_unspeakable(Client *client) {
        const char *const texts[] = { client->options.driver, client->options.method };

        for (size_t i = 0; i < client->n_operands; i++)
                if (!is_speakable(client, client->operands[i]))
                        return client->operands[i];
        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                if (!is_speakable(client, texts[i]))
                        return texts[i];

        return NULL;
}

static Status fail_to_connect(Client *client, const Verb *verb, int r) {
        Status status = failure_report_connection(&client->terminal, client->options.host, r);

        return verb->launches ? STATUS_NOT_STARTED : status;
}

static Status connect_and_run(Client *client, const Verb *verb) {
        const char *host = client->options.host, *unspeakable;
        Status status;
        int r;

        r = host ? sd_bus_open_system_remote(&client->bus, host) : sd_bus_open_system(&client->bus);
        if (r < 0)
                return fail_to_connect(client, verb, r);

        unspeakable = find_unspeakable(client);
        status = unspeakable ? complain(client, verb, "'%s' is not UTF-8", unspeakable) : verb->run(client);
        sd_bus_flush_close_unref(client->bus);
        return status;
}

/* Output that did not get to where it should go is a failure, unless somebody has closed the pager. */
static Status finish_output(Client *client, Status status) {
        bool lost = fflush(stdout) == EOF || ferror(stdout);

        if (client->pager.pid > 0)
                pager_close(&client->pager);
        else if (lost && status == STATUS_DONE) {
                failure_print(&client->terminal, "Cannot write the output", NULL);
                return STATUS_FAILED;
        }
        return status;
}

static Status run(Client *client, int argc, char **argv) {
        _cleanup_free_ char *message = NULL;
        const Verb *verb;
        Status status;
        int r;

        r = options_parse(argc, argv, &client->options, &message);
        verb = find_verb(client->options.verb ?: "list");
        if (r < 0)
                return complain(client, client->options.verb ? verb : NULL, "%s",
                                message ?: "Out of memory");
        if (client->options.version) {
                puts("vfiobindctl " VFIOBIND_VERSION);
                return STATUS_DONE;
        }
        if (client->options.help && !client->options.verb) {
                print_help();
                return STATUS_DONE;
        }

        if (!verb)
                return complain(client, NULL, "There is no verb '%s'", client->options.verb);
        if (client->options.help) {
                print_verb_help(verb);
                return STATUS_DONE;
        }

        client->operands = client->options.operands;
        client->n_operands = verb->launches ? client->options.n_before : client->options.n_operands;
        client->command = verb->launches ? client->operands + client->n_operands : NULL;
        status = check_usage(client, verb);
        return status == STATUS_DONE ? connect_and_run(client, verb) : status;
}

int main(int argc, char **argv) {
        Client client = { .terminal = terminal_probe() };
        Status status;

        status = finish_output(&client, run(&client, argc, argv));
        options_done(&client.options);
        return status;
}
