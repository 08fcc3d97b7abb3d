/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The command line's options, one table: an option is a line of it. Which verb takes which is the verb's
 * business. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "json.h"

typedef struct Options {
        JsonMode json;
        bool legend, pager, ask_password; /* true unless given --no-… */
        bool quiet, dry_run, help, version;
        const char *host;   /* [USER@]HOST of another machine's bus, or NULL */
        const char *driver; /* the target, "" unless given */
        const char *method; /* of a reset, "" unless given */
        uint64_t flags;     /* VFIOBIND_FLAG_… */

        const char *verb;  /* the first word that is no option, or NULL */
        char **operands;   /* those that follow; ends with NULL */
        size_t n_operands; /* all of them */
        size_t n_before;   /* of these, how many stand before "--"; without "--", all */

        uint32_t given; /* for options_misfit() */
} Options;

/* Reads `argv` and fills `ret`, also where it fails, as far as it came. -EINVAL with a message, owned by the
 * caller, in `ret_message` (or NULL if memory is short). Arguments stay borrowed; what `ret` holds of its
 * own is let go by options_done(). */
int options_parse(int argc, char **argv, Options *ret, char **ret_message);
void options_done(Options *options);

/* The first option given, or NULL, that is neither for every verb nor in `accepted`, a list of names with
 * spaces. */
const char *options_misfit(const Options *options, const char *accepted);

/* Writes help on the options that are for every verb (`accepted` NULL), or on those in `accepted`. */
void options_print_help(FILE *file, const char *accepted);
