/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Questions to libkmod, with the answers kept for each modalias: a host has many functions and few kinds of
 * them. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <search.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <libkmod.h>

#include "service/host/aliases.h"
#include "service/host/array.h"
#include "service/host/sysfs.h"

struct known_alias {
        char modalias[MODALIAS_SIZE];
        char *host_modules;
};

/* One line of the table for VFIO drivers. */
struct variant {
        char *pattern;
        char *module;
        size_t wildcards;
};

struct aliases {
        const struct root *root;
        char *directory; /* /lib/modules/RELEASE */
        char *index;     /* the first file that depmod(8) makes there */
        bool indexed;    /* all of them could be loaded */
        char *configuration[5];
        uint64_t edition; /* see configuration_edition() */
        struct kmod_ctx *kmod;
        void *entries; /* a tree of tsearch() with struct known_alias */
        struct variant *variants;
        size_t n_variants;
};

static void module_unrefp(struct kmod_module **module) {
        kmod_module_unref(*module);
}

static void module_listp(struct kmod_list **list) {
        kmod_module_unref_list(*list);
}

static void fclosep(FILE **file) {
        if (*file)
                fclose(*file);
}

static void closedirp(DIR **directory) {
        if (*directory)
                closedir(*directory);
}

static void free_entry(void *p) {
        struct known_alias *entry = p;

        free(entry->host_modules);
        free(entry);
}

static bool contains_word(const char *text, const char *word) {
        size_t length = strlen(word);

        for (const char *p = text; p && (p = strstr(p, word)); p += length)
                if ((p == text || p[-1] == ' ') && (p[length] == '\0' || p[length] == ' '))
                        return true;

        return false;
}

/* A module whose table names a device twice comes twice. */
static int append_word(char **text, const char *word) {
        char *joined;

        if (contains_word(*text, word))
                return 0;
        if (asprintf(&joined, "%s%s%s", strempty(*text), *text ? " " : "", word) < 0)
                return -ENOMEM;

        free(*text);
        *text = joined;
        return 0;
}

static int look_up_host_modules(struct aliases *aliases, const char *modalias, char **ret) {
        _cleanup_(module_listp) struct kmod_list *list = NULL;
        _cleanup_free_ char *modules = NULL;
        struct kmod_list *item;

        if (aliases->kmod && kmod_module_new_from_lookup(aliases->kmod, modalias, &list) >= 0)
                kmod_list_foreach(item, list) {
                        _cleanup_(module_unrefp) struct kmod_module *module = kmod_module_get_module(item);

                        if (append_word(&modules, kmod_module_get_name(module)) < 0)
                                return -ENOMEM;
                }

        *ret = modules ? TAKE_PTR(modules) : strdup("");
        return *ret ? 0 : -ENOMEM;
}

/* libkmod finds the modules of an alias but does not tell by which pattern, and the pattern decides here: so
 * the table's text form is read, as libvirt does it. */
static int read_variants(struct aliases *aliases) {
        _cleanup_free_ char *path = NULL, *line = NULL;
        _cleanup_(fclosep) FILE *file = NULL;
        size_t size = 0;

        if (asprintf(&path, "%s/modules.alias", aliases->directory) < 0)
                return -ENOMEM;

        file = fopen(path, "re");
        while (file && getline(&line, &size, file) >= 0) {
                struct variant *variant;
                char *pattern, *module, *save;

                if (!startswith(line, "alias vfio_pci:"))
                        continue;
                strtok_r(line, " \n", &save);
                pattern = strtok_r(NULL, " \n", &save);
                module = strtok_r(NULL, " \n", &save);
                if (!module)
                        continue;

                variant = array_append(&aliases->variants, &aliases->n_variants, sizeof(*variant));
                if (!variant || free_and_copy(&variant->pattern, pattern) < 0 ||
                    free_and_copy(&variant->module, module) < 0)
                        return -ENOMEM;
                for (const char *p = pattern; *p; p++)
                        variant->wildcards += *p == '*';

                /* As the kernel has it in /sys/module, whatever the table is written with. */
                for (char *p = variant->module; *p; p++)
                        if (*p == '-')
                                *p = '_';
        }

        return 0;
}

static void forget(struct aliases *aliases) {
        tdestroy(aliases->entries, free_entry);
        aliases->entries = NULL;

        for (size_t i = 0; i < aliases->n_variants; i++) {
                free(aliases->variants[i].pattern);
                free(aliases->variants[i].module);
        }
        free(aliases->variants);
        aliases->variants = NULL;
        aliases->n_variants = 0;

        kmod_unref(aliases->kmod);
        aliases->kmod = NULL;
}

static int compare_entries(const void *a, const void *b) {
        return strcmp(((const struct known_alias *) a)->modalias,
                      ((const struct known_alias *) b)->modalias);
}

static const struct known_alias *find_entry(struct aliases *aliases, const struct function *f) {
        struct known_alias *entry, **found, key;

        function_modalias(f, key.modalias);
        found = tfind(&key, &aliases->entries, compare_entries);
        if (found)
                return *found;

        entry = calloc(1, sizeof(*entry));
        if (!entry)
                return NULL;
        memcpy(entry->modalias, key.modalias, sizeof(entry->modalias));

        if (look_up_host_modules(aliases, entry->modalias, &entry->host_modules) < 0 ||
            !tsearch(entry, &aliases->entries, compare_entries)) {
                free_entry(entry);
                return NULL;
        }
        return entry;
}

const char *aliases_host_modules(struct aliases *aliases, const struct function *f) {
        const struct known_alias *entry = find_entry(aliases, f);

        return entry ? entry->host_modules : "";
}

const char *aliases_vfio_module(struct aliases *aliases, const struct function *f) {
        char modalias[MODALIAS_SIZE], wanted[MODALIAS_SIZE + sizeof("vfio_")];
        const struct variant *best = NULL;

        snprintf(wanted, sizeof(wanted), "vfio_%s", function_modalias(f, modalias));

        for (size_t i = 0; i < aliases->n_variants; i++) {
                const struct variant *variant = &aliases->variants[i];

                if ((!best || variant->wildcards < best->wildcards) &&
                    fnmatch(variant->pattern, wanted, 0) == 0)
                        best = variant;
        }

        return best ? best->module : "vfio_pci";
}

/* The kernel compares with the name that the module has in /sys/module, and has "(null)" where nothing is
 * listed (blacklisted() in kernel/module/main.c). */
static bool is_shut_out(const struct aliases *aliases, const char *module) {
        char text[SYSFS_VALUE_MAX], *save;

        if (sysfs_read(aliases->root->sys, "module/kernel/parameters/module_blacklist", text, sizeof(text)) <
            0)
                return false;

        for (char *name = strtok_r(text, ",", &save); name; name = strtok_r(NULL, ",", &save))
                if (streq(name, module))
                        return true;

        return false;
}

static bool is_locked(const struct aliases *aliases) {
        _cleanup_free_ char *path = root_path(aliases->root, "/proc/sys/kernel/modules_disabled");
        char text[8];

        return path && sysfs_read(AT_FDCWD, path, text, sizeof(text)) > 0 && streq(text, "1");
}

int aliases_module_state(struct aliases *aliases, const char *name) {
        _cleanup_(module_unrefp) struct kmod_module *module = NULL;
        _cleanup_(module_listp) struct kmod_list *list = NULL, *allowed = NULL;
        int r, state;

        r = aliases->kmod ? kmod_module_new_from_lookup(aliases->kmod, name, &list) : -ENOMEM;
        if (r < 0)
                return r;
        if (!list)
                return MODULE_MISSING;

        module = kmod_module_get_module(list);
        state = kmod_module_get_initstate(module);
        if (state == KMOD_MODULE_LIVE || state == KMOD_MODULE_BUILTIN || state == KMOD_MODULE_COMING)
                return MODULE_LIVE;

        if (kmod_module_get_install_commands(module))
                return MODULE_BANNED;

        r = kmod_module_apply_filter(aliases->kmod, KMOD_FILTER_BLACKLIST, list, &allowed);
        if (r < 0)
                return r;
        if (!allowed)
                return MODULE_BLACKLISTED;

        if (is_shut_out(aliases, kmod_module_get_name(module)))
                return MODULE_SHUT_OUT;
        return is_locked(aliases) ? MODULE_LOCKED_OUT : MODULE_LOADABLE;
}

/* Tells one state of a file, or of a directory, from every other. */
static uint64_t stat_digest(const struct stat *st) {
        const uint64_t parts[] = { st->st_ino, (uint64_t) st->st_size, (uint64_t) st->st_ctim.tv_sec,
                                   (uint64_t) st->st_ctim.tv_nsec };
        uint64_t digest = 14695981039346656037U;

        for (size_t i = 0; i < ELEMENTSOF(parts); i++)
                digest = (digest ^ parts[i]) * 1099511628211U; /* FNV-1a */

        return digest;
}

static uint64_t directory_edition(const char *path) {
        _cleanup_(closedirp) DIR *directory = opendir(path);
        uint64_t edition = 0;
        struct dirent *entry;
        struct stat st;

        while (directory && (entry = readdir(directory)))
                if (!streq(entry->d_name, "..") && fstatat(dirfd(directory), entry->d_name, &st, 0) >= 0)
                        edition += stat_digest(&st);

        return edition;
}

/* Changes whenever the configuration does. libkmod looks only at the directories that it has found, and a
 * file that is edited in place leaves its directory as it was. */
static uint64_t configuration_edition(const struct aliases *aliases) {
        uint64_t edition = 0;

        for (size_t i = 0; aliases->configuration[i]; i++)
                edition += directory_edition(aliases->configuration[i]);

        return edition;
}

static int open_index(struct aliases *aliases) {
        int r;

        aliases->edition = configuration_edition(aliases);
        aliases->kmod = kmod_new(aliases->directory, (const char *const *) aliases->configuration);
        if (!aliases->kmod)
                return -ENOMEM;

        /* A kernel without modules has no index: then lookups find nothing, which is the truth. */
        r = kmod_load_resources(aliases->kmod);
        aliases->indexed = r >= 0;
        return r == -ENOMEM ? r : read_variants(aliases);
}

/* libkmod does not look for an index that was not there, or not complete. */
static bool is_index_new(const struct aliases *aliases) {
        return !aliases->indexed && access(aliases->index, F_OK) >= 0;
}

bool aliases_refresh(struct aliases *aliases) {
        if (aliases->kmod && aliases->edition == configuration_edition(aliases) && !is_index_new(aliases) &&
            kmod_validate_resources(aliases->kmod) == KMOD_RESOURCES_OK)
                return false;

        forget(aliases);
        open_index(aliases);
        return true;
}

int aliases_new(const struct root *root, struct aliases **ret) {
        static const char *const configuration[] = {
                "/etc/modprobe.d",
                "/run/modprobe.d",
                "/usr/local/lib/modprobe.d",
                "/lib/modprobe.d",
        };
        struct aliases *aliases;
        struct utsname name;
        int r = -ENOMEM;

        aliases = calloc(1, sizeof(*aliases));
        if (!aliases)
                return -ENOMEM;
        aliases->root = root;

        uname(&name);
        if (asprintf(&aliases->directory, "%s/lib/modules/%s", root->prefix, name.release) < 0) {
                aliases->directory = NULL;
                goto failed;
        }
        if (asprintf(&aliases->index, "%s/modules.dep.bin", aliases->directory) < 0) {
                aliases->index = NULL;
                goto failed;
        }

        for (size_t i = 0; i < ELEMENTSOF(configuration); i++) {
                aliases->configuration[i] = root_path(root, configuration[i]);
                if (!aliases->configuration[i])
                        goto failed;
        }

        r = open_index(aliases);
        if (r < 0)
                goto failed;

        *ret = aliases;
        return 0;

failed:
        aliases_free(aliases);
        return r;
}

struct aliases *aliases_free(struct aliases *aliases) {
        if (!aliases)
                return NULL;

        forget(aliases);
        for (size_t i = 0; i < ELEMENTSOF(aliases->configuration); i++)
                free(aliases->configuration[i]);
        free(aliases->index);
        free(aliases->directory);
        free(aliases);
        return NULL;
}
