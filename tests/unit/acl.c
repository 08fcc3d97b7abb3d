/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Access control lists of a real file: one user is let in and out again, and nobody else notices. */

#include <fcntl.h>
#include <acl/libacl.h>
#include <sys/stat.h>

#include "service/move/steps/acl.h"
#include "tests/unit/unit.h"

struct file {
        char path[64];
        int fd;
};

static int setup(void **state) {
        struct file *file = malloc(sizeof(*file));
        int fd;

        strcpy(file->path, "/dev/shm/vfiobind-acl-XXXXXX");
        fd = mkstemp(file->path);
        assert_true(fd >= 0);
        close(fd);
        file->fd = open(file->path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        assert_true(file->fd >= 0);
        *state = file;
        return 0;
}

static int teardown(void **state) {
        struct file *file = *state;

        unlink(file->path);
        close(file->fd);
        free(file);
        return 0;
}

/* The list as getfacl writes it, in one line. */
static void expect(struct file *file, const char *list) {
        acl_t acl = acl_get_file(file->path, ACL_TYPE_ACCESS);
        char *text;

        assert_non_null(acl);
        text = acl_to_any_text(acl, NULL, ',', TEXT_NUMERIC_IDS | TEXT_ABBREVIATE);
        assert_string_equal(text, list);
        acl_free(text);
        acl_free(acl);
}

static void set(struct file *file, const char *list) {
        acl_t acl = acl_from_text(list);

        assert_non_null(acl);
        assert_int_equal(acl_set_file(file->path, ACL_TYPE_ACCESS, acl), 0);
        acl_free(acl);
}

static unsigned mode(struct file *file) {
        struct stat st;

        assert_int_equal(stat(file->path, &st), 0);
        return st.st_mode & 07777;
}

/* In and out again, from and to these lists. */
static void test_in_and_out(void **state) {
        static const struct {
                const char *before, *within, *after;
        } rows[] = {
                { "u::rw-,g::---,o::---", "u::rw-,u:1001:rw-,g::---,m::rw-,o::---", "u::rw-,g::---,o::---" },
                { "u::rw-,g::rw-,o::---", "u::rw-,u:1001:rw-,g::rw-,m::rw-,o::---", "u::rw-,g::rw-,o::---" },
                { "u::rw-,g::r--,o::r--", "u::rw-,u:1001:rw-,g::r--,m::rw-,o::r--", "u::rw-,g::r--,o::r--" },
                /* somebody else's entries stay */
                { "u::rw-,u:7:r--,g::---,m::r--,o::---", "u::rw-,u:7:r--,u:1001:rw-,g::---,m::rw-,o::---",
                  "u::rw-,u:7:r--,g::---,m::r--,o::---" },
                { "u::rw-,g::---,g:9:rw-,m::rw-,o::---", "u::rw-,u:1001:rw-,g::---,g:9:rw-,m::rw-,o::---",
                  "u::rw-,g::---,g:9:rw-,m::rw-,o::---" },
                /* and so does what a mask has taken from them */
                { "u::rw-,u:7:rw-,g::rw-,m::r--,o::---", "u::rw-,u:7:r--,u:1001:rw-,g::r--,m::rw-,o::---",
                  "u::rw-,u:7:r--,g::r--,m::r--,o::---" },
                /* less than is needed */
                { "u::rw-,u:1001:r--,g::---,m::r--,o::---", "u::rw-,u:1001:rw-,g::---,m::rw-,o::---",
                  "u::rw-,g::---,o::---" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                set(*state, rows[i].before);
                assert_int_equal(acl_admit_user(((struct file *) *state)->fd, 1001), 1);
                expect(*state, rows[i].within);
                assert_int_equal(acl_admit_user(((struct file *) *state)->fd, 1001), 0);
                assert_int_equal(acl_dismiss_user(((struct file *) *state)->fd, 1001), 1);
                expect(*state, rows[i].after);
                assert_int_equal(acl_dismiss_user(((struct file *) *state)->fd, 1001), 0);
        }
}

/* As udev does, or an administrator's rule: the user is let in again, and for everybody else the mode
 * counts. */
static void test_masked(void **state) {
        struct file *file = *state;

        assert_int_equal(chmod(file->path, 0660), 0);
        assert_int_equal(acl_admit_user(file->fd, 1001), 1);
        assert_int_equal(chmod(file->path, 0600), 0);
        expect(file, "u::rw-,u:1001:rw-,g::rw-,m::---,o::---");

        assert_int_equal(acl_admit_user(file->fd, 1001), 1);
        expect(file, "u::rw-,u:1001:rw-,g::---,m::rw-,o::---");
        assert_int_equal(acl_admit_user(file->fd, 1001), 0);

        assert_int_equal(acl_dismiss_user(file->fd, 1001), 1);
        assert_int_equal(mode(file), 0600);
}

/* Masked when it is withdrawn. */
static void test_masked_to_the_end(void **state) {
        struct file *file = *state;

        assert_int_equal(chmod(file->path, 0660), 0);
        assert_int_equal(acl_admit_user(file->fd, 1001), 1);
        assert_int_equal(chmod(file->path, 0640), 0);
        assert_int_equal(acl_dismiss_user(file->fd, 1001), 1);
        expect(file, "u::rw-,g::r--,o::---");
        assert_int_equal(mode(file), 0640);
}

static void test_two_users(void **state) {
        struct file *file = *state;

        assert_int_equal(acl_admit_user(file->fd, 1001), 1);
        assert_int_equal(acl_admit_user(file->fd, 1002), 1);
        expect(file, "u::rw-,u:1001:rw-,u:1002:rw-,g::---,m::rw-,o::---");
        assert_int_equal(acl_dismiss_user(file->fd, 1001), 1);
        expect(file, "u::rw-,u:1002:rw-,g::---,m::rw-,o::---");
        assert_int_equal(acl_dismiss_user(file->fd, 1002), 1);
        assert_int_equal(mode(file), 0600);
}

static void test_no_lists(void **state) {
        _cleanup_close_ int fd = open("/proc/version", O_PATH | O_CLOEXEC);

        assert_int_equal(acl_admit_user(fd, 1001), -EOPNOTSUPP);
        assert_int_equal(acl_admit_user(-1, 1001), -ENOENT);
        assert_int_equal(acl_dismiss_user(-1, 1001), -ENOENT);
}

#define ON_FILE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

UNIT_MAIN(ON_FILE(test_in_and_out), ON_FILE(test_masked), ON_FILE(test_masked_to_the_end),
          ON_FILE(test_two_users), cmocka_unit_test(test_no_lists))
