/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Who may read what was found. */

#include <sys/sysmacros.h>

#include "service/usage/viewer.h"
#include "tests/unit/tree.h"
#include "tests/unit/unit.h"

#define ALICE 1000
#define BOB 1001
#define SEES_IT 42
#define SEES_OTHERS 43
#define GONE 44

static const struct {
        const char *who;
        uid_t uid;
        pid_t pid;
        bool process_of_alice, mount, no_secret; /* may read a finding about this */
} rows[] = {
        { "root", 0, SEES_OTHERS, true, true, true },
        { "the owner", ALICE, SEES_OTHERS, true, false, true },
        { "another user", BOB, SEES_OTHERS, false, false, true },
        { "a user who sees the mount", BOB, SEES_IT, false, true, true },
        { "a user whose process has gone", BOB, GONE, false, false, true },
        { "a user whose process nobody knows", BOB, 0, false, false, true },
};

static bool may_read(struct viewer *viewer, const struct finding *finding) {
        bool subject = streq(viewer_subject(viewer, finding), "subject");

        assert_string_equal(viewer_subject(viewer, finding), subject ? "subject" : "");
        assert_string_equal(viewer_message(viewer, finding), subject ? "message" : "discreet");
        return subject;
}

static void test_viewers(void **state) {
        struct tree *tree = *state;
        struct finding process = { .subject = (char *) "subject",
                                   .message = (char *) "message",
                                   .discreet = (char *) "discreet",
                                   .privacy.owner = ALICE },
                       mount = process, open = process;

        mount.privacy = (struct finding_privacy){ .owner = OWNER_NOBODY, .mount = makedev(8, 1), .elsewhere = true };
        open.privacy = (struct finding_privacy){ .owner = OWNER_NOBODY };
        open.discreet = NULL;
        tree_write(tree, "proc/42/mountinfo", "29 1 8:1 / /mnt rw - ext4 /dev/sda1 rw\n");
        tree_write(tree, "proc/43/mountinfo", "29 1 8:2 / /mnt rw - ext4 /dev/sda2 rw\n");

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(viewer_freep) struct viewer *viewer = NULL;

                assert_ok(viewer_new(tree->root, rows[i].uid, rows[i].pid, &viewer));
                assert_row(may_read(viewer, &process) == rows[i].process_of_alice, "%s, a process", rows[i].who);
                assert_row(may_read(viewer, &mount) == rows[i].mount, "%s, a mount", rows[i].who);
                assert_row(may_read(viewer, &open) == rows[i].no_secret, "%s, no secret", rows[i].who);
        }

        assert_true(may_read(NULL, &process));
        assert_false(may_read(viewer_nobody(), &process));
        assert_false(may_read(viewer_nobody(), &mount));
        assert_true(may_read(viewer_nobody(), &open));
}

UNIT_MAIN(ON_TREE(test_viewers))
