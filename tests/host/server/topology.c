/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The text form of a host. One statement a line, # starts a comment:
 *
 *   include FILE                        beside this file, or among the standard ones
 *   iommu on|off                        whether functions are in groups
 *   node-delay MS                       between a bind to VFIO and the node, unless the function says
 *   node-major NUMBER                   of the nodes of VFIO, whose minor is the group: one that no driver has
 *                                       unless told, and with 1 some of them are files like /dev/urandom
 *   file PATH TEXT                      a plain attribute anywhere below /sys
 *   module NAME [available|builtin] depends=A,B pre=A post=B alias=GLOB parameters=NAME:N,…
 *          misc=vfio/vfio:196
 *   driver NAME module=M kind=plain|port|stub|vfio|pciback ids=8086:10d3,… vfio-ids=…
 *          classes=0200,010802 sriov unlisted probe-ms= remove-ms=
 *   function DDDD:BB:SS.F id=8086:10d3 subsystem=8086:0000 class=020000 revision=00 bus=01[-05]
 *            group=N|auto|none numa= driver= override= net= block= drm= resets=flr,bus working-resets= vfs=
 *            vf-offset= vf-stride= vf-id= vf-group= node-delay= boot-vga conventional to-pci
 *   repeat N STATEMENT                  {i}, {5+i}, {1+i/8:02x}, {i%8}, {i*2}: the count from 0, calculated
 */

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "pci.h"

static char *blanks_for_commas(const char *v) {
        char *s = must_format(" %s", v);

        for (char *p = s; *p; p++)
                if (*p == ',')
                        *p = ' ';
        return s;
}

static int parse_module(struct sim *s, char **words, size_t n) {
        struct module *m;
        const char *v;

        if (n < 2 || module_find(s, words[1]))
                return -EINVAL;
        m = module_new(s, words[1]);
        for (size_t i = 2; i < n; i++)
                if (streq(words[i], "available"))
                        m->state = MODULE_AVAILABLE;
                else if (streq(words[i], "builtin"))
                        m->state = MODULE_BUILTIN;
                else if ((v = word_value(words[i], "depends")))
                        m->depends = blanks_for_commas(v);
                else if ((v = word_value(words[i], "pre")))
                        m->pre = blanks_for_commas(v);
                else if ((v = word_value(words[i], "post")))
                        m->post = blanks_for_commas(v);
                else if ((v = word_value(words[i], "alias")))
                        m->aliases = blanks_for_commas(v);
                else if ((v = word_value(words[i], "parameters")))
                        m->parameters = blanks_for_commas(v);
                else if ((v = word_value(words[i], "misc")))
                        m->misc = must_dup(v);
                else
                        return -EINVAL;
        return 0;
}

static uint32_t parse_id_part(const char *v) {
        return !v || *v == '*' ? ANY_ID : strtoul(v, NULL, 16);
}

/* VENDOR:DEVICE[:SUBVENDOR:SUBDEVICE], * for any */
static void parse_ids(struct driver *d, const char *list, bool override_only) {
        _cleanup_free_ char *copy = must_dup(list);
        char *state = NULL;

        for (char *w = strtok_r(copy, ",", &state); w; w = strtok_r(NULL, ",", &state)) {
                struct driver_id id = { .override_only = override_only };
                char *parts = NULL;

                id.vendor = parse_id_part(strtok_r(w, ":", &parts));
                id.device = parse_id_part(strtok_r(NULL, ":", &parts));
                id.subvendor = parse_id_part(strtok_r(NULL, ":", &parts));
                id.subdevice = parse_id_part(strtok_r(NULL, ":", &parts));
                driver_add_id(d, &id);
        }
}

/* Two, four or six hex digits. */
static void parse_classes(struct driver *d, const char *list) {
        _cleanup_free_ char *copy = must_dup(list);
        char *state = NULL;

        for (char *w = strtok_r(copy, ",", &state); w; w = strtok_r(NULL, ",", &state)) {
                unsigned shift = strlen(w) >= 6 ? 0 : 24 - 4 * strlen(w);
                struct driver_id id = {
                        .vendor = ANY_ID, .device = ANY_ID, .subvendor = ANY_ID, .subdevice = ANY_ID,
                        .class = strtoul(w, NULL, 16) << shift,
                        .class_mask = 0xffffffU << shift & 0xffffff,
                };

                driver_add_id(d, &id);
        }
}

static int parse_driver(struct sim *s, char **words, size_t n) {
        struct driver *d;
        const char *v;

        if (n < 2 || driver_find(s, words[1]))
                return -EINVAL;
        d = driver_new(s, words[1], NULL);
        for (size_t i = 2; i < n; i++)
                if ((v = word_value(words[i], "module")))
                        d->module = module_find(s, v) ?: module_new(s, v);
                else if ((v = word_value(words[i], "kind"))) {
                        d->kind = kind_by_name(v);
                        if (!d->kind)
                                return -EINVAL;
                } else if ((v = word_value(words[i], "ids")))
                        parse_ids(d, v, false);
                else if ((v = word_value(words[i], "vfio-ids")))
                        parse_ids(d, v, true);
                else if ((v = word_value(words[i], "classes")))
                        parse_classes(d, v);
                else if ((v = word_value(words[i], "probe-ms")))
                        d->probe_ms = atoi(v);
                else if ((v = word_value(words[i], "remove-ms")))
                        d->remove_ms = atoi(v);
                else if (streq(words[i], "sriov"))
                        d->sriov = true;
                else if (streq(words[i], "unlisted"))
                        d->unlisted = true;
                else
                        return -EINVAL;
        if (s->started && (!d->module || d->module->state != MODULE_AVAILABLE))
                driver_register(s, d);
        return 0;
}

static int show_text(struct sim *s, struct object *o, const struct attribute *a, struct text *t) {
        text_add(t, "%s\n", (const char *) a->argument);
        return 0;
}

static int parse_file(struct sim *s, const char *rest) {
        _cleanup_free_ char *path = strndup(rest, strcspn(rest, " \t"));
        char *slash = path ? strrchr(path, '/') : NULL;
        struct attribute *a;

        if (!slash)
                return -EINVAL;
        *slash = '\0';
        rest += strlen(path) + 1 + strlen(slash + 1);
        a = must_alloc(sizeof(*a));
        *a = (struct attribute) {
                must_dup(slash + 1), 0444, show_text, .argument = must_dup(rest + strspn(rest, " \t")),
        };
        tree_file(&s->tree, tree_permanent(&s->tree, path), a, s->bus);
        return 0;
}

/* {5+i/8:02x} */
static bool expand_one(const char *expression, unsigned i, struct text *t) {
        unsigned base = 0, operand = 1;
        char operator = '*', format[8] = "u";
        const char *p = expression;

        if (isdigit((unsigned char) *p)) {
                base = strtoul(p, (char **) &p, 10);
                if (*p++ != '+')
                        return false;
        }
        if (*p++ != 'i')
                return false;
        if (strchr("/%*", *p)) {
                operator = *p++;
                operand = strtoul(p, (char **) &p, 10);
        }
        if (*p == ':' && strcspn(p + 1, "}") < sizeof(format)) {
                memset(format, 0, sizeof(format));
                memcpy(format, p + 1, strcspn(p + 1, "}"));
                p += 1 + strlen(format);
        }
        if (*p != '}' || operand == 0)
                return false;
        i = base + (operator == '/' ? i / operand : operator == '%' ? i % operand : i * operand);
        if (streq(format, "02x"))
                text_add(t, "%02x", i);
        else if (streq(format, "04x"))
                text_add(t, "%04x", i);
        else if (streq(format, "x"))
                text_add(t, "%x", i);
        else
                text_add(t, "%u", i);
        return true;
}

static int repeat(struct sim *s, const char *rest, char **ret_error) {
        char *statement;
        unsigned long n = strtoul(rest, &statement, 10);

        for (unsigned i = 0; i < n; i++) {
                _cleanup_text_ struct text t = {};
                int r;

                for (const char *p = statement; *p; p++)
                        if (*p != '{')
                                text_add_bytes(&t, p, 1);
                        else if (!expand_one(p + 1, i, &t) || !strchr(p, '}'))
                                return -EINVAL;
                        else
                                p = strchr(p, '}');
                r = topology_line(s, t.data, ret_error);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int include(struct sim *s, const char *name, char **ret_error) {
        _cleanup_free_ char *beside = must_format("%s/%s", s->directory, name);
        _cleanup_free_ char *standard = must_format("%s/%s", s->standard, name);

        return topology_file(s, access(beside, R_OK) == 0 ? beside : standard, ret_error);
}

int topology_line(struct sim *s, const char *line, char **ret_error) {
        _cleanup_free_ char *whole = strndup(line, strcspn(line, "#\n")), *copy = must_dup(whole);
        const char *rest = whole + strspn(whole, " \t");
        char *words[64];
        size_t n = split_words(copy, words, ELEMENTSOF(words));
        int r = -EINVAL;

        if (n == 0)
                return 0;
        rest += strlen(words[0]);
        rest += strspn(rest, " \t");
        if (streq(words[0], "include") && n == 2)
                return include(s, words[1], ret_error);
        if (streq(words[0], "function"))
                return slot_plug(s, whole + strspn(whole, " \t"), s->started, ret_error);
        if (streq(words[0], "repeat"))
                r = repeat(s, rest, ret_error);
        else if (streq(words[0], "module"))
                r = parse_module(s, words, n);
        else if (streq(words[0], "driver"))
                r = parse_driver(s, words, n);
        else if (streq(words[0], "file"))
                r = parse_file(s, rest);
        else if (streq(words[0], "iommu") && n == 2) {
                s->iommu = streq(words[1], "on");
                r = 0;
        } else if (streq(words[0], "node-delay") && n == 2) {
                s->node_delay_ms = atoi(words[1]);
                r = 0;
        } else if (streq(words[0], "node-major") && n == 2) {
                s->node_major = atoi(words[1]);
                r = 0;
        }
        if (r < 0 && !*ret_error)
                *ret_error = must_format("cannot make sense of: %s", whole);
        return r;
}

int topology_file(struct sim *s, const char *path, char **ret_error) {
        FILE *f = fopen(path, "re");
        _cleanup_free_ char *line = NULL;
        size_t size = 0;
        unsigned number = 0;
        int r = 0;

        if (!f) {
                r = -errno;
                *ret_error = must_format("%s: %s", path, strerror(-r));
                return r;
        }
        while (r == 0 && getline(&line, &size, f) >= 0) {
                number++;
                r = topology_line(s, line, ret_error);
                if (r < 0) {
                        char *why = *ret_error;

                        *ret_error = must_format("%s:%u: %s", path, number, why);
                        free(why);
                }
        }
        fclose(f);
        return r;
}
