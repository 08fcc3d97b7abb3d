/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Access control lists.
 *
 * A list with the entry of a user has a mask beside it, which limits all entries but those of the owner and
 * of everybody else, and which is what chmod() changes: whoever sets the mode of the file to 0600 masks the
 * entry, and leaves those of others as they were. So before the mask is raised for one user, what it takes
 * from the others is taken from their entries. */

#include <acl/libacl.h>
#include <errno.h>
#include <stdio.h>
#include <sys/acl.h>

#include "service/host/macros.h"
#include "service/move/steps/acl.h"

#define RIGHTS_NEEDED ((unsigned) (ACL_READ | ACL_WRITE))
#define RIGHTS_ALL ((unsigned) (ACL_READ | ACL_WRITE | ACL_EXECUTE))

/* The list of a file, by a name that leads to nothing but that file. */
struct list {
        char path[32];
        acl_t acl;
};

static void list_clear(struct list *list) {
        if (list->acl)
                acl_free(list->acl);
}

static int list_read(struct list *list, int fd) {
        snprintf(list->path, sizeof(list->path), "/proc/self/fd/%d", fd);
        list->acl = acl_get_file(list->path, ACL_TYPE_ACCESS);
        return list->acl ? 0 : -errno;
}

static int list_write(struct list *list) {
        return acl_set_file(list->path, ACL_TYPE_ACCESS, list->acl) < 0 ? -errno : 1;
}

/* With a mask that lets all of its entries through. */
static int list_write_masked(struct list *list) {
        return acl_calc_mask(&list->acl) < 0 ? -errno : list_write(list);
}

static bool is_of_user(acl_entry_t entry, uid_t uid) {
        uid_t *qualifier = acl_get_qualifier(entry);
        bool same = qualifier && *qualifier == uid;

        acl_free(qualifier);
        return same;
}

/* The first entry of the kind TAG, of the user UID where it is one of a user; NULL if there is none. */
static acl_entry_t find_entry(const struct list *list, acl_tag_t tag, uid_t uid) {
        acl_entry_t entry;
        acl_tag_t found;

        for (int r = acl_get_entry(list->acl, ACL_FIRST_ENTRY, &entry); r == 1;
             r = acl_get_entry(list->acl, ACL_NEXT_ENTRY, &entry))
                if (acl_get_tag_type(entry, &found) == 0 && found == tag &&
                    (tag != ACL_USER || is_of_user(entry, uid)))
                        return entry;

        return NULL;
}

static unsigned get_rights(acl_entry_t entry) {
        static const acl_perm_t all[] = { ACL_READ, ACL_WRITE, ACL_EXECUTE };
        acl_permset_t set;
        unsigned rights = 0;

        acl_get_permset(entry, &set);
        for (size_t i = 0; i < ELEMENTSOF(all); i++)
                if (acl_get_perm(set, all[i]) > 0)
                        rights |= all[i];
        return rights;
}

static void set_rights(acl_entry_t entry, unsigned rights) {
        acl_permset_t set;

        acl_get_permset(entry, &set);
        acl_clear_perms(set);
        acl_add_perm(set, rights);
}

/* What the mask leaves of every entry that it limits. */
static unsigned get_limit(const struct list *list) {
        acl_entry_t mask = find_entry(list, ACL_MASK, 0);

        return mask ? get_rights(mask) : RIGHTS_ALL;
}

/* Gives each entry that the mask limits no more than the mask leaves of it. Returns whether any is about a
 * user or a group by name. */
static bool settle_entries(struct list *list) {
        unsigned limit = get_limit(list);
        acl_entry_t entry;
        acl_tag_t tag;
        bool named = false;

        for (int r = acl_get_entry(list->acl, ACL_FIRST_ENTRY, &entry); r == 1;
             r = acl_get_entry(list->acl, ACL_NEXT_ENTRY, &entry)) {
                if (acl_get_tag_type(entry, &tag) < 0 ||
                    (tag != ACL_USER && tag != ACL_GROUP_OBJ && tag != ACL_GROUP))
                        continue;
                set_rights(entry, get_rights(entry) & limit);
                named |= tag != ACL_GROUP_OBJ;
        }

        return named;
}

static int add_user(struct list *list, uid_t uid) {
        acl_entry_t entry;

        if (acl_create_entry(&list->acl, &entry) < 0 || acl_set_tag_type(entry, ACL_USER) < 0 ||
            acl_set_qualifier(entry, &uid) < 0)
                return -errno;
        return 0;
}

int acl_admit_user(int fd, uid_t uid) {
        _cleanup_(list_clear) struct list list = {};
        acl_entry_t entry;
        int r;

        r = list_read(&list, fd);
        if (r < 0)
                return r;

        entry = find_entry(&list, ACL_USER, uid);
        if (entry && (get_rights(entry) & get_limit(&list) & RIGHTS_NEEDED) == RIGHTS_NEEDED)
                return 0;

        settle_entries(&list);
        r = entry ? 0 : add_user(&list, uid);
        if (r < 0)
                return r;
        set_rights(find_entry(&list, ACL_USER, uid), RIGHTS_NEEDED);
        return list_write_masked(&list);
}

int acl_dismiss_user(int fd, uid_t uid) {
        _cleanup_(list_clear) struct list list = {};
        acl_entry_t entry;
        int r;

        r = list_read(&list, fd);
        if (r < 0)
                return r;

        entry = find_entry(&list, ACL_USER, uid);
        if (!entry)
                return 0;

        acl_delete_entry(list.acl, entry);
        if (settle_entries(&list))
                return list_write_masked(&list);

        /* Without names in it the list is a mode again. */
        entry = find_entry(&list, ACL_MASK, 0);
        if (entry)
                acl_delete_entry(list.acl, entry);
        return list_write(&list);
}
