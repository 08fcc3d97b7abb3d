/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A plan in words. Steps and severities are tables; what a later service adds is shown as it is, and taken
 * for a refusal where it is a severity. */

#include <errno.h>
#include <fnmatch.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "dbus/names.h"
#include "outline.h"
#include "text.h"

typedef struct Outline {
        const Client *client;
        Terminal terminal;
        FILE *out;
        json_object *plan;
        const char *target;
        bool has_begun;
        bool out_of_memory;
} Outline;

/* The first that fits is taken. `@` stands for the address, `#` for the argument. */
static const struct {
        const char *action;
        const char *argument; /* a pattern */
        const char *sentence;
} steps[] = {
        { "load-module", "*:*", "Load the kernel module that claims @" }, /* a modalias */
        { "load-module", "*", "Load the kernel module #" },
        { "override", "", "Clear the driver override of @" },
        { "override", "*", "Set the driver override of @ to #" },
        { "unbind", "", "Unbind @ from its driver" },
        { "unbind", "*", "Unbind @ from #" },
        { "probe", "", "Let the kernel pick a driver for @" },
        { "probe", "*", "Let the kernel pick a driver for @ (#)" },
        { "bind", "*", "Bind @ to #" },
        { "wait-node", "*", "Wait for the device node /dev/vfio/# of @" },
        { "access", "*", "Let the user # open the IOMMU group of @" },
        { "withdraw-access", "*", "Let the user # open the IOMMU group of @ no longer" },
        { "release-console", "firmware", "Release the firmware's framebuffer on @" },
        { "release-console", "*", "Take the kernel's console off @" },
        { "return-console", "*", "Give the kernel's console back to @" },
        { "remove-slot", "*", "Make # forget @" },
        { "virtual-functions", "0", "Remove the virtual functions of @" },
        { "virtual-functions", "1", "Give @ 1 virtual function" },
        { "virtual-functions", "*", "Give @ # virtual functions" },
        { "autoprobe", "0", "Have new virtual functions of @ left alone by the host's drivers" },
        { "autoprobe", "*", "Have new virtual functions of @ probed" },
        { "reset", "", "Reset @" },
        { "reset", "*", "Reset @ by the method #" },
        { "reset-methods", "*", "Give @ its list of reset methods back (#)" },
};

typedef enum Section {
        SECTION_REFUSE, /* also for severities that are not known */
        SECTION_FORCE,
        SECTION_WARN,
        _SECTION_MAX,
} Section;

static const struct {
        const char *severity;
        Glyph mark;
        Style style;
        const char *heading;
        const char *heading_forced; /* where --force is given, if that changes anything */
} sections[_SECTION_MAX] = {
        [SECTION_REFUSE] = { "refuse", GLYPH_REFUSED, STYLE_BAD, "In the way, with --force or without:" },
        [SECTION_FORCE] = { "force", GLYPH_CAUTION, STYLE_CAUTION,
                            "In the way, unless --force is given:", "Cut off, since --force is given:" },
        [SECTION_WARN] = { "warn", GLYPH_REMARK, STYLE_PLAIN, "Worth knowing:" },
};

/* Writes a text made as by printf(), escaped and folded below its first column, which is `indent`. */
__attribute__((format(printf, 3, 4))) static void print_text(Outline *outline, size_t indent,
                                                             const char *format, ...) {
        _cleanup_free_ char *text = NULL, *escaped = NULL;
        va_list arguments;

        va_start(arguments, format);
        if (vasprintf(&text, format, arguments) < 0)
                text = NULL;
        va_end(arguments);

        escaped = text ? text_escape(text, outline->terminal.utf8) : NULL;
        if (escaped)
                text_print_folded(outline->out, escaped, indent, outline->terminal.columns,
                                  outline->terminal.utf8);
        else
                outline->out_of_memory = true;
}

static Section find_section(json_object *finding) {
        for (Section i = 0; i < _SECTION_MAX; i++)
                if (strcmp(sections[i].severity, json_string(finding, "severity")) == 0)
                        return i;

        return SECTION_REFUSE;
}

static size_t count_findings(const Outline *outline, Section section) {
        json_object *list = json_member(outline->plan, "findings");
        size_t n = 0;

        for (size_t i = 0; i < json_length(outline->plan, "findings"); i++)
                n += find_section(json_object_array_get_idx(list, i)) == section;
        return n;
}

static bool is_forced(const Outline *outline) {
        return outline->client->options.flags & VFIOBIND_FLAG_FORCE;
}

static bool is_refused(const Outline *outline) {
        return count_findings(outline, SECTION_REFUSE) > 0;
}

static bool waits_for_force(const Outline *outline) {
        return count_findings(outline, SECTION_FORCE) > 0 && !is_forced(outline);
}

/* Between the parts of the text. */
static void print_gap(Outline *outline) {
        if (outline->has_begun)
                putc('\n', outline->out);
        outline->has_begun = true;
}

static const char *find_sentence(json_object *step) {
        const char *action = json_string(step, "action"), *argument = json_string(step, "argument");

        for (size_t i = 0; i < ELEMENTSOF(steps); i++)
                if (strcmp(steps[i].action, action) == 0 && fnmatch(steps[i].argument, argument, 0) == 0)
                        return steps[i].sentence;

        return NULL;
}

/* The step as a sentence; a step without one as it is on the bus. NULL if memory is short. */
static char *word_step(json_object *step) {
        const char *sentence = find_sentence(step), *argument = json_string(step, "argument");
        char *words = NULL;
        size_t size;
        FILE *out;

        out = open_memstream(&words, &size);
        if (!out)
                return NULL;

        if (!sentence)
                fprintf(out, "%s %s%s%s", json_string(step, "action"), json_string(step, "address"),
                        *argument ? " " : "", argument);
        for (const char *p = sentence; p && *p; p++)
                if (*p == '@')
                        fputs(json_string(step, "address"), out);
                else if (*p == '#')
                        fputs(argument, out);
                else
                        putc(*p, out);

        if (fclose(out) == EOF) {
                free(words);
                return NULL;
        }
        return words;
}

static void print_steps(Outline *outline) {
        json_object *list = json_member(outline->plan, "steps");
        size_t n = json_length(outline->plan, "steps");
        int width = snprintf(NULL, 0, "%zu", n);

        print_gap(outline);
        for (size_t i = 0; i < n; i++) {
                _cleanup_free_ char *words = word_step(json_object_array_get_idx(list, i));

                if (!words) {
                        outline->out_of_memory = true;
                        return;
                }
                fprintf(outline->out, "%*zu. ", width, i + 1);
                print_text(outline, (size_t) width + 2, "%s", words);
        }
}

static void print_nothing(Outline *outline) {
        bool several = outline->client->n_operands > 1;

        print_gap(outline);
        print_text(outline, 0, "Nothing has to move: %s where %s should be.", several ? "they are" : "it is",
                   several ? "they" : "it");
}

static void print_finding(Outline *outline, Section section, json_object *finding) {
        const char *message = json_string(finding, "message");

        fprintf(outline->out, "  %s%s%s ", terminal_style(&outline->terminal, sections[section].style),
                terminal_glyph(&outline->terminal, sections[section].mark),
                terminal_style_end(&outline->terminal, sections[section].style));
        if (*message)
                print_text(outline, 4, "%s", message);
        else
                print_text(outline, 4, "%s: %s %s", json_string(finding, "address"),
                           json_string(finding, "kind"), json_string(finding, "subject"));
}

static void print_heading(Outline *outline, Section section) {
        const char *forced = sections[section].heading_forced;

        fprintf(outline->out, "%s%s%s\n", terminal_style(&outline->terminal, STYLE_STRONG),
                forced && is_forced(outline) ? forced : sections[section].heading,
                terminal_style_end(&outline->terminal, STYLE_STRONG));
}

static void print_findings(Outline *outline) {
        json_object *list = json_member(outline->plan, "findings");

        for (Section section = 0; section < _SECTION_MAX; section++) {
                if (count_findings(outline, section) == 0)
                        continue;

                print_gap(outline);
                print_heading(outline, section);
                for (size_t i = 0; i < json_length(outline->plan, "findings"); i++) {
                        json_object *finding = json_object_array_get_idx(list, i);

                        if (find_section(finding) == section)
                                print_finding(outline, section, finding);
                }
        }
}

static void print_permissions(Outline *outline) {
        size_t n = is_refused(outline) ? 0 : json_length(outline->plan, "actions");
        _cleanup_free_ char *names = NULL;
        size_t size;
        FILE *out;

        if (n == 0)
                return;

        out = open_memstream(&names, &size);
        for (size_t i = 0; out && i < n; i++)
                fprintf(out, "%s%s", i > 0 ? ", " : "", json_element(outline->plan, "actions", i));
        if (!out || fclose(out) == EOF) {
                outline->out_of_memory = true;
                return;
        }

        print_gap(outline);
        print_text(outline, 0, "It takes polkit's permission%s: %s",
                   geteuid() == 0 && !outline->client->options.host ? ", which root has" : "", names);
}

/* What goes on a line that is never folded, so that it can be copied. */
static void print_word(Outline *outline, const char *prefix, const char *word) {
        _cleanup_free_ char *escaped = text_escape(word, outline->terminal.utf8);

        if (escaped)
                fprintf(outline->out, "%s%s", prefix, escaped);
        else
                outline->out_of_memory = true;
}

static void print_host(Outline *outline) {
        if (outline->client->options.host)
                print_word(outline, " -H ", outline->client->options.host);
}

/* The command that does what was planned. */
static void print_command(Outline *outline, bool force) {
        const Client *client = outline->client;
        bool restores = strcmp(outline->target, "host") == 0;

        print_word(outline, "  ", "vfiobindctl");
        print_host(outline);
        print_word(outline, " ", restores ? "restore" : "bind");
        if (!restores && *outline->target)
                print_word(outline, " --driver=", outline->target);
        if (client->options.flags & VFIOBIND_FLAG_GROUP)
                print_word(outline, " ", "--group");
        if (client->options.flags & VFIOBIND_FLAG_ACCESS)
                print_word(outline, " ", "--access");
        if (force)
                print_word(outline, " ", "--force");
        for (size_t i = 0; i < client->n_operands; i++)
                print_word(outline, " ", client->operands[i]);
        putc('\n', outline->out);
}

/* For whoever wants this plan and no other: bind and restore make a new one. */
static void print_apply(Outline *outline) {
        const char *token = json_string(outline->plan, "token");

        if (!*token)
                return;

        fputs("Exactly this or nothing, within five minutes:\n  busctl", outline->out);
        print_host(outline);
        fputs(" call " VFIOBIND_BUS_NAME " " VFIOBIND_PATH " \\\n    " VFIOBIND_MANAGER_INTERFACE,
              outline->out);
        print_word(outline, " Apply s ", token);
        putc('\n', outline->out);
}

static void print_way_on(Outline *outline) {
        print_gap(outline);
        if (outline->client->command) {
                fputs("To go on anyway, give --force: it takes the permission org.vfiobind.force as well.\n",
                      outline->out);
                return;
        }
        fputs("To go on anyway, which takes the permission org.vfiobind.force as well:\n", outline->out);
        print_command(outline, true);
}

static void print_next(Outline *outline) {
        if (is_refused(outline)) {
                print_gap(outline);
                print_text(outline, 0, "It cannot be carried out while anything is marked %s.",
                           terminal_glyph(&outline->terminal, sections[SECTION_REFUSE].mark));
        } else if (waits_for_force(outline)) {
                print_way_on(outline);
        } else if (json_length(outline->plan, "steps") > 0) {
                print_gap(outline);
                fputs("To carry it out:\n", outline->out);
                print_command(outline, is_forced(outline));
                print_apply(outline);
        }
}

int outline_print(const Client *client, json_object *plan, const char *target) {
        Outline outline = {
                .client = client,
                .terminal = client->terminal,
                .out = stdout,
                .plan = plan,
                .target = target,
        };

        if (json_length(plan, "steps") > 0)
                print_steps(&outline);
        else if (!is_refused(&outline) && !waits_for_force(&outline))
                print_nothing(&outline);
        print_findings(&outline);
        print_permissions(&outline);
        print_next(&outline);
        return outline.out_of_memory ? -ENOMEM : 0;
}

/* Whether there is nothing to tell but what the error has told. */
static bool is_told(json_object *plan, const char *message) {
        json_object *first = json_object_array_get_idx(json_member(plan, "findings"), 0);

        return json_length(plan, "findings") == 1 && *json_string(first, "message") &&
               strstr(message, json_string(first, "message"));
}

int outline_print_refusal(const Client *client, json_object *plan, const char *target, const char *message) {
        Outline outline = {
                .client = client,
                .terminal = terminal_for_error(&client->terminal),
                .out = stderr,
                .plan = plan,
                .target = target,
        };

        if (!is_told(plan, message))
                print_findings(&outline);
        if (!is_refused(&outline) && waits_for_force(&outline))
                print_way_on(&outline);
        return outline.out_of_memory ? -ENOMEM : 0;
}
