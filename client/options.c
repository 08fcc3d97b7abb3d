/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line's options. */

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "dbus/names.h"
#include "options.h"

typedef enum Effect {
        EFFECT_SET,   /* a bool becomes true */
        EFFECT_CLEAR, /* a bool becomes false */
        EFFECT_TEXT,  /* a string is the argument */
        EFFECT_JSON,  /* the mode that the argument names */
        EFFECT_FLAG,  /* a bit for the service */
        EFFECT_WORD,  /* one more operand */
} Effect;

typedef enum Scope {
        SCOPE_VERB, /* for the verbs that take it, and told in their help */
        SCOPE_ALL,  /* for every verb */
} Scope;

typedef struct Option {
        const char *name;
        char letter;
        const char *argument; /* NULL: takes none */
        Effect effect;
        size_t target; /* offset in Options, or the flag */
        Scope scope;
        const char *help;
} Option;

#define WORD 1 /* what getopt_long() answers for a word that is no option */

#define FIELD(name) offsetof(Options, name)

static const Option options_table[] = {
        { "driver", 0, "TARGET", EFFECT_TEXT, FIELD(driver), SCOPE_VERB,
          "where to: auto (the default), vfio, kvm, xen,\n"
          "                           a driver's name, none or host" },
        { "group", 0, NULL, EFFECT_FLAG, VFIOBIND_FLAG_GROUP, SCOPE_VERB,
          "with every endpoint of its IOMMU group" },
        { "force", 0, NULL, EFFECT_FLAG, VFIOBIND_FLAG_FORCE, SCOPE_VERB,
          "even if something in use is cut off by it" },
        { "method", 0, "METHOD", EFFECT_TEXT, FIELD(method), SCOPE_VERB,
          "one of those that 'show' tells, instead of the\n"
          "                           first that works" },
        { "access", 0, NULL, EFFECT_FLAG, VFIOBIND_FLAG_ACCESS, SCOPE_VERB,
          "you may open its VFIO node, until it leaves VFIO" },
        { "device", 0, "ADDRESS", EFFECT_WORD, 0, SCOPE_VERB,
          "which, or which slot (65:00): all its functions" },
        { "dry-run", 0, NULL, EFFECT_SET, FIELD(dry_run), SCOPE_VERB,
          "only say what it would do, as 'plan' does" },
        { "json", 0, "short|pretty|off", EFFECT_JSON, FIELD(json), SCOPE_VERB,
          "the answer as JSON, for programs" },
        { "no-legend", 0, NULL, EFFECT_CLEAR, FIELD(legend), SCOPE_VERB,
          "neither header nor closing words" },
        { "no-pager", 0, NULL, EFFECT_CLEAR, FIELD(pager), SCOPE_ALL,
          "long output straight to the terminal" },
        { "no-ask-password", 0, NULL, EFFECT_CLEAR, FIELD(ask_password), SCOPE_ALL,
          "fail rather than ask for one" },
        { "host", 'H', "[USER@]HOST", EFFECT_TEXT, FIELD(host), SCOPE_ALL, "on another machine, over ssh" },
        { "quiet", 'q', NULL, EFFECT_SET, FIELD(quiet), SCOPE_ALL,
          "do not tell what was done, only what failed" },
        { "help", 'h', NULL, EFFECT_SET, FIELD(help), SCOPE_ALL,
          "this; 'vfiobindctl VERB --help' tells more" },
        { "version", 0, NULL, EFFECT_SET, FIELD(version), SCOPE_ALL, "the release" },
};

static const struct {
        const char *name;
        JsonMode mode;
} json_modes[] = {
        { "short", JSON_SHORT },
        { "pretty", JSON_PRETTY },
        { "off", JSON_OFF },
};

static int apply(const Option *option, char *argument, Options *options) {
        char *field = (char *) options + option->target;

        switch (option->effect) {
        case EFFECT_SET:
        case EFFECT_CLEAR:
                *(bool *) field = option->effect == EFFECT_SET;
                return 0;
        case EFFECT_TEXT:
                *(const char **) field = argument;
                return 0;
        case EFFECT_FLAG:
                options->flags |= option->target;
                return 0;
        case EFFECT_WORD:
                options->operands[options->n_operands++] = argument;
                return 0;
        case EFFECT_JSON:
                for (size_t i = 0; i < ELEMENTSOF(json_modes); i++)
                        if (strcmp(json_modes[i].name, argument) == 0) {
                                *(JsonMode *) field = json_modes[i].mode;
                                return 0;
                        }
        }
        return -EINVAL;
}

/* What getopt_long() wants to know: long options answer with 256 + their index in the table. */
static void make_getopt_tables(struct option *ret_long, char *ret_short) {
        *ret_short++ = '-'; /* words that are no options come in their order, as if of an option 1 */
        *ret_short++ = ':'; /* tell a missing argument from an unknown option */

        for (size_t i = 0; i < ELEMENTSOF(options_table); i++) {
                const Option *o = options_table + i;

                ret_long[i] = (struct option){ o->name, o->argument ? required_argument : no_argument, NULL,
                                               (int) (256 + i) };
                if (!o->letter)
                        continue;
                *ret_short++ = o->letter;
                if (o->argument)
                        *ret_short++ = ':';
        }
        ret_long[ELEMENTSOF(options_table)] = (struct option){};
        *ret_short = 0;
}

static const Option *find_option(int c) {
        if (c >= 256)
                return options_table + (c - 256);

        for (size_t i = 0; i < ELEMENTSOF(options_table); i++)
                if (options_table[i].letter && options_table[i].letter == c)
                        return options_table + i;

        return NULL;
}

/* The first is the verb. There is room for every word of the command line. */
static void add_word(Options *options, char *word) {
        if (options->verb)
                options->operands[options->n_operands++] = word;
        else
                options->verb = word;
}

__attribute__((format(printf, 2, 3))) static int complain(char **ret_message, const char *format, ...) {
        va_list arguments;

        va_start(arguments, format);
        if (vasprintf(ret_message, format, arguments) < 0)
                *ret_message = NULL;
        va_end(arguments);
        return -EINVAL;
}

/* What getopt_long() answered with: a word, or an option, which is applied. */
static int take(int c, char **argv, Options *options, char **ret_message) {
        const Option *option = c == '?' || c == ':' ? NULL : find_option(c);

        if (c == WORD) {
                add_word(options, optarg);
                return 0;
        }
        if (c == ':')
                return complain(ret_message, "Option '%s' takes an argument", argv[optind - 1]);
        if (!option && optopt > 0 && optopt < 256)
                return complain(ret_message, "There is no option '-%c'", optopt);
        if (!option && optopt >= 256)
                return complain(ret_message, "Option '--%s' takes no argument", find_option(optopt)->name);
        if (!option)
                return complain(ret_message, "There is no option '%s'", argv[optind - 1]);
        if (apply(option, optarg, options) < 0)
                return complain(ret_message, "Option '--%s' takes %s, not '%s'", option->name,
                                option->argument, optarg);

        options->given |= UINT32_C(1) << (option - options_table);
        return 0;
}

int options_parse(int argc, char **argv, Options *ret, char **ret_message) {
        Options options = {
                .legend = true, .pager = true, .ask_password = true, .driver = "", .method = ""
        };
        struct option long_options[ELEMENTSOF(options_table) + 1];
        char short_options[ELEMENTSOF(options_table) * 2 + 3];
        int c, r = 0;

        options.operands = calloc((size_t) argc + 1, sizeof(char *));
        if (!options.operands) {
                *ret_message = NULL;
                *ret = options;
                return -EINVAL;
        }

        make_getopt_tables(long_options, short_options);
        opterr = 0;

        while (r >= 0 && (c = getopt_long(argc, argv, short_options, long_options, NULL)) >= 0)
                r = take(c, argv, &options, ret_message);

        options.n_before = options.n_operands;
        for (int i = optind; r >= 0 && i < argc; i++)
                add_word(&options, argv[i]);

        *ret = options;
        return r;
}

void options_done(Options *options) {
        free(options->operands);
}

static bool list_contains(const char *list, const char *word) {
        size_t n = strlen(word);

        for (const char *p = list; (p = strstr(p, word)); p += n)
                if ((p == list || p[-1] == ' ') && (p[n] == ' ' || p[n] == 0))
                        return true;

        return false;
}

const char *options_misfit(const Options *options, const char *accepted) {
        for (size_t i = 0; i < ELEMENTSOF(options_table); i++)
                if (options->given & (UINT32_C(1) << i) && options_table[i].scope != SCOPE_ALL &&
                    !list_contains(accepted, options_table[i].name))
                        return options_table[i].name;

        return NULL;
}

void options_print_help(FILE *file, const char *accepted) {
        for (size_t i = 0; i < ELEMENTSOF(options_table); i++) {
                const Option *o = options_table + i;
                char names[64], letter[] = { '-', o->letter, ',', ' ', 0 };

                if (accepted ? !list_contains(accepted, o->name) : o->scope != SCOPE_ALL)
                        continue;

                snprintf(names, sizeof(names), "%s--%s%s%s", o->letter ? letter : "", o->name,
                         o->argument ? "=" : "", o->argument ?: "");
                fprintf(file, "  %-24s %s\n", names, o->help);
        }
}
