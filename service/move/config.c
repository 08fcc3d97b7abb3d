/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Reading the configuration file. */

#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <stdio.h>

#include "service/host/macros.h"
#include "service/move/config.h"
#include "service/move/plan/backend.h"

#define USEC_PER_MSEC 1000ULL
#define USEC_PER_SEC (1000 * USEC_PER_MSEC)
#define USEC_PER_MINUTE (60 * USEC_PER_SEC)
#define USEC_PER_HOUR (60 * USEC_PER_MINUTE)

/* Shorter, and hardly any driver could be bound; longer, and every caller has given up long ago. */
#define LIMIT_MIN_USEC (100 * USEC_PER_MSEC)
#define LIMIT_MAX_USEC USEC_PER_HOUR

#define DEFAULT_LIMIT_USEC (20 * USEC_PER_SEC)

static const struct {
        const char *name;
        uint64_t usec;
} units[] = {
        { "us", 1 },
        { "usec", 1 },
        { "ms", USEC_PER_MSEC },
        { "msec", USEC_PER_MSEC },
        { "", USEC_PER_SEC },
        { "s", USEC_PER_SEC },
        { "sec", USEC_PER_SEC },
        { "second", USEC_PER_SEC },
        { "seconds", USEC_PER_SEC },
        { "m", USEC_PER_MINUTE },
        { "min", USEC_PER_MINUTE },
        { "minute", USEC_PER_MINUTE },
        { "minutes", USEC_PER_MINUTE },
        { "h", USEC_PER_HOUR },
        { "hr", USEC_PER_HOUR },
        { "hour", USEC_PER_HOUR },
        { "hours", USEC_PER_HOUR },
};

static int parse_unit(const char **text, uint64_t *ret) {
        size_t length = 0;

        while (isalpha((unsigned char) (*text)[length]))
                length++;

        for (size_t i = 0; i < ELEMENTSOF(units); i++)
                if (strlen(units[i].name) == length && strncmp(units[i].name, *text, length) == 0) {
                        *text += length;
                        *ret = units[i].usec;
                        return 0;
                }

        return -EINVAL;
}

static const char *skip_space(const char *text) {
        while (*text == ' ' || *text == '\t')
                text++;
        return text;
}

int time_span_parse(const char *text, uint64_t *ret_usec) {
        uint64_t total = 0;

        text = skip_space(text);
        if (*text == '\0')
                return -EINVAL;

        while (*text != '\0') {
                uint64_t value = 0, unit;

                if (!isdigit((unsigned char) *text))
                        return -EINVAL;
                for (; isdigit((unsigned char) *text); text++)
                        if (__builtin_mul_overflow(value, 10, &value) ||
                            __builtin_add_overflow(value, (uint64_t) (*text - '0'), &value))
                                return -EINVAL;

                text = skip_space(text);
                if (parse_unit(&text, &unit) < 0 || __builtin_mul_overflow(value, unit, &value) ||
                    __builtin_add_overflow(total, value, &total))
                        return -EINVAL;
                text = skip_space(text);
        }

        *ret_usec = total;
        return 0;
}

static int set_default_backend(struct config *config, const char *value) {
        if (!streq(value, "auto") && !backend_by_name(value))
                return -EINVAL;

        snprintf(config->default_backend, sizeof(config->default_backend), "%s", value);
        return 0;
}

static int set_limit(struct config *config, const char *value) {
        uint64_t usec;

        if (time_span_parse(value, &usec) < 0 || usec < LIMIT_MIN_USEC || usec > LIMIT_MAX_USEC)
                return -EINVAL;

        config->limit_usec = usec;
        return 0;
}

/* In the words that systemd.syntax(7) has. */
static int parse_boolean(const char *text, bool *ret) {
        static const struct {
                const char *word;
                bool value;
        } words[] = {
                { "yes", true }, { "true", true },   { "on", true },   { "1", true },
                { "no", false }, { "false", false }, { "off", false }, { "0", false },
        };

        for (size_t i = 0; i < ELEMENTSOF(words); i++)
                if (streq(words[i].word, text)) {
                        *ret = words[i].value;
                        return 0;
                }

        return -EINVAL;
}

static int set_reset_after_lease(struct config *config, const char *value) {
        return parse_boolean(value, &config->reset_after_lease);
}

static const struct {
        const char *section, *key;
        int (*set)(struct config *config, const char *value);
} settings[] = {
        { "Manager", "DefaultBackend", set_default_backend },
        { "Manager", "OperationTimeoutSec", set_limit },
        { "Manager", "ResetAfterLease", set_reset_after_lease },
};

/* For inih: 1 if the line is good. */
static int on_line(void *userdata, const char *section, const char *key, const char *value) {
        for (size_t i = 0; i < ELEMENTSOF(settings); i++)
                if (streq(settings[i].section, section) && streq(settings[i].key, key))
                        return settings[i].set(userdata, value) >= 0;

        return 0;
}

void config_init(struct config *config) {
        *config = (struct config){ .default_backend = "auto", .limit_usec = DEFAULT_LIMIT_USEC };
}

/* For inih: as fgets(), which would make the rest of a line that is longer than the buffer a line of its
 * own. */
static char *read_line(char *buffer, int size, void *file) {
        int c, n = 0;

        while ((c = getc(file)) != EOF && c != '\n')
                if (n < size - 1)
                        buffer[n++] = (char) c;

        buffer[n] = '\0';
        return n == 0 && c == EOF ? NULL : buffer;
}

int config_read(struct config *config, const char *path) {
        FILE *file = fopen(path, "re");
        int r;

        if (!file)
                return errno == ENOENT ? 0 : -errno;

        r = ini_parse_stream(read_line, file, on_line, config);
        fclose(file);
        return r == -2 ? -ENOMEM : r;
}
