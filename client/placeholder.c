/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What stands for devices in a command that runs with them. */

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "placeholder.h"

#define ARGUMENTS "{vfio-args}"
#define ADDRESS "{address}"
#define GROUP "{group}"

typedef struct Words {
        char **words;
        size_t n;
        bool out_of_memory;
} Words;

/* Takes `word`, which is NULL if memory was short. */
static void add(Words *words, char *word) {
        char **more = word ? reallocarray(words->words, words->n + 2, sizeof(char *)) : NULL;

        if (!more) {
                free(word);
                words->out_of_memory = true;
                return;
        }
        words->words = more;
        words->words[words->n++] = word;
        words->words[words->n] = NULL;
}

static void write_arguments(FILE *out, const Place *places, size_t n) {
        for (size_t i = 0; i < n; i++)
                fprintf(out, "%s-device vfio-pci,host=%s", i > 0 ? " " : "", places[i].address);
}

/* The word for one function, or for none in particular. */
static char *fill(const char *word, const Place *place, const Place *places, size_t n) {
        char *filled = NULL;
        size_t size;
        FILE *out;

        out = open_memstream(&filled, &size);
        if (!out)
                return NULL;

        while (*word)
                if (strncmp(word, ARGUMENTS, strlen(ARGUMENTS)) == 0) {
                        write_arguments(out, places, n);
                        word += strlen(ARGUMENTS);
                } else if (place && strncmp(word, ADDRESS, strlen(ADDRESS)) == 0) {
                        fputs(place->address, out);
                        word += strlen(ADDRESS);
                } else if (place && strncmp(word, GROUP, strlen(GROUP)) == 0) {
                        fputs(place->group, out);
                        word += strlen(GROUP);
                } else
                        fputc(*word++, out);

        if (fclose(out) == EOF) {
                free(filled);
                return NULL;
        }
        return filled;
}

static void add_arguments(Words *words, const Place *places, size_t n) {
        for (size_t i = 0; i < n; i++) {
                char *value;

                add(words, strdup("-device"));
                add(words, asprintf(&value, "vfio-pci,host=%s", places[i].address) < 0 ? NULL : value);
        }
}

static bool is_first_of_group(const Place *places, size_t i) {
        for (size_t k = 0; k < i; k++)
                if (strcmp(places[k].group, places[i].group) == 0)
                        return false;

        return true;
}

static void add_word(Words *words, const char *word, const Place *places, size_t n) {
        bool for_each_function = strstr(word, ADDRESS), for_each_group = strstr(word, GROUP);

        if (strcmp(word, ARGUMENTS) == 0) {
                add_arguments(words, places, n);
                return;
        }
        if (!for_each_function && !for_each_group) {
                add(words, fill(word, NULL, places, n));
                return;
        }
        for (size_t i = 0; i < n; i++)
                if (for_each_function || is_first_of_group(places, i))
                        add(words, fill(word, places + i, places, n));
}

char **placeholder_fill(char *const *command, const Place *places, size_t n) {
        Words words = {};

        for (; *command; command++)
                add_word(&words, *command, places, n);

        return words.out_of_memory ? placeholder_free(words.words) : words.words;
}

char **placeholder_free(char **command) {
        for (char **word = command; word && *word; word++)
                free(*word);
        free(command);
        return NULL;
}
