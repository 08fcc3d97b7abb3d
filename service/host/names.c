/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Looking names up in libpci, and keeping one copy of each. */

#include <malloc.h>
#include <search.h>
#include <setjmp.h>
#include <stdarg.h>
#include <pci/pci.h>

#include "service/host/macros.h"
#include "service/host/names.h"

struct name {
        uint64_t key; /* what was asked: flags, first and second number */
        char text[];
};

struct names {
        struct pci_access *database; /* NULL while it is not loaded */
        void *known;                 /* a tree of tsearch() with each struct name that was asked for */
};

/* libpci's own handler ends the process. It wants one that does not return, so this one jumps back to the
 * lookup, which then answers that there is no name. libpci takes no context, and it calls the handler in the
 * thread that called it. */
static _Thread_local jmp_buf lookup_failed;

static void on_error(char *format, ...) _printf_(1, 2) __attribute__((noreturn));
static void on_error(char *format, ...) {
        longjmp(lookup_failed, 1);
}

static void on_message(char *format, ...) _printf_(1, 2);
static void on_message(char *format, ...) {
}

static int compare_names(const void *a, const void *b) {
        const struct name *x = a, *y = b;

        return (x->key > y->key) - (x->key < y->key);
}

static const char *keep(struct names *names, uint64_t key, const char *text) {
        struct name *name = malloc(sizeof(*name) + strlen(text) + 1);

        if (!name)
                return "";

        name->key = key;
        strcpy(name->text, text);
        if (!tsearch(name, &names->known, compare_names)) {
                free(name);
                return "";
        }
        return name->text;
}

static const char *ask_database(struct names *names, int flags, int first, int second, char *buffer,
                                int size) {
        if (setjmp(lookup_failed) != 0)
                return NULL;

        if (!names->database) {
                names->database = pci_alloc();
                names->database->error = on_error;
                names->database->warning = names->database->debug = on_message;
        }

        /* No numbers in place of names. */
        return pci_lookup_name(names->database, buffer, size, flags | PCI_LOOKUP_NO_NUMBERS, first, second);
}

static const char *look_up(struct names *names, int flags, unsigned first, unsigned second) {
        struct name key = { .key = (uint64_t) flags << 32 | first << 16 | second }, **found;
        char buffer[256];

        found = tfind(&key, &names->known, compare_names);
        if (found)
                return (*found)->text;

        return keep(names, key.key,
                    strempty(ask_database(names, flags, (int) first, (int) second, buffer, sizeof(buffer))));
}

const char *names_vendor(struct names *names, uint16_t vendor) {
        return look_up(names, PCI_LOOKUP_VENDOR, vendor, 0);
}

const char *names_device(struct names *names, uint16_t vendor, uint16_t device) {
        return look_up(names, PCI_LOOKUP_DEVICE, vendor, device);
}

const char *names_class(struct names *names, uint32_t class_code) {
        return look_up(names, PCI_LOOKUP_CLASS, class_code >> 8 & 0xffff, 0);
}

void names_unload(struct names *names) {
        if (!names->database)
                return;

        pci_free_name_list(names->database);
        pci_cleanup(names->database);
        names->database = NULL;
        malloc_trim(0);
}

struct names *names_new(void) {
        return calloc(1, sizeof(struct names));
}

struct names *names_free(struct names *names) {
        if (!names)
                return NULL;

        names_unload(names);
        tdestroy(names->known, free);
        free(names);
        return NULL;
}
