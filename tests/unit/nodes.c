/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <acl/libacl.h>
#include <sys/acl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "tests/unit/nodes.h"
#include "tests/unit/unit.h"

#define MAJOR 511

static char *name_of(struct tree *tree, const char *name) {
        _cleanup_free_ char *path = NULL;

        assert_true(asprintf(&path, "dev/vfio/%s", name) >= 0);
        return tree_name(tree, path);
}

void node_add(struct tree *tree, const char *name, unsigned major, unsigned minor) {
        _cleanup_free_ char *path = name_of(tree, name);

        tree_directory(tree, "dev/vfio/devices");
        assert_int_equal(mknod(path, S_IFCHR | 0600, makedev(major, minor)), 0);
}

void node_add_group(struct tree *tree, int group) {
        char path[64], name[16];

        snprintf(path, sizeof(path), "sys/class/vfio/%d/dev", group);
        tree_write(tree, path, "%d:%d\n", MAJOR, group);
        snprintf(name, sizeof(name), "%d", group);
        node_add(tree, name, MAJOR, (unsigned) group);
}

void node_remove_group(struct tree *tree, int group) {
        char path[64];

        snprintf(path, sizeof(path), "sys/class/vfio/%d/dev", group);
        tree_unlink(tree, path);
        snprintf(path, sizeof(path), "dev/vfio/%d", group);
        tree_unlink(tree, path);
}

void node_add_cdev(struct tree *tree, const char *name) {
        char path[64];

        snprintf(path, sizeof(path), "devices/%s", name);
        node_add(tree, path, MAJOR, 0);
}

static unsigned rights_of(acl_entry_t entry) {
        acl_permset_t set;

        acl_get_permset(entry, &set);
        return (acl_get_perm(set, ACL_READ) > 0 ? 4u : 0u) | (acl_get_perm(set, ACL_WRITE) > 0 ? 2u : 0u);
}

const char *node_users(struct tree *tree, const char *name) {
        static char text[256];
        _cleanup_free_ char *path = name_of(tree, name);
        acl_t acl = acl_get_file(path, ACL_TYPE_ACCESS);
        unsigned mask = 6;
        acl_entry_t entry;
        acl_tag_t tag;

        text[0] = '\0';
        assert_non_null(acl);
        for (int which = ACL_FIRST_ENTRY; acl_get_entry(acl, which, &entry) == 1; which = ACL_NEXT_ENTRY)
                if (acl_get_tag_type(entry, &tag) == 0 && tag == ACL_MASK)
                        mask = rights_of(entry);
        for (int which = ACL_FIRST_ENTRY; acl_get_entry(acl, which, &entry) == 1; which = ACL_NEXT_ENTRY) {
                uid_t *uid = acl_get_tag_type(entry, &tag) == 0 && tag == ACL_USER ? acl_get_qualifier(entry)
                                                                                   : NULL;

                if (uid && (rights_of(entry) & mask) == 6)
                        snprintf(text + strlen(text), sizeof(text) - strlen(text), "%u ", *uid);
                acl_free(uid);
        }
        acl_free(acl);
        return text;
}

void node_set_mode(struct tree *tree, const char *name, unsigned mode) {
        _cleanup_free_ char *path = name_of(tree, name);

        assert_int_equal(chmod(path, mode), 0);
}
