/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Making module indexes, and hiding the machine's own modules. */

#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#include "tests/unit/modules.h"
#include "tests/unit/unit.h"

void modules_make(struct tree *tree, const char *lines) {
        _cleanup_free_ char *directory = NULL, *command = NULL;
        struct utsname name;
        FILE *pipe;

        uname(&name);
        assert_true(asprintf(&directory, "%s/lib/modules/%s", tree->path, name.release) >= 0);
        assert_true(asprintf(&command, MODTREE " %s", directory) >= 0);
        pipe = popen(command, "we");
        assert_non_null(pipe);
        fputs(lines, pipe);
        assert_int_equal(pclose(pipe), 0);
}

/* A namespace of mounts that nobody else sees; once for the process. */
static void leave_namespace(void) {
        static bool left;

        if (left)
                return;
        left = true;
        if (unshare(CLONE_NEWNS) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
                fail_msg("unshare: %s", strerror(errno));
        assert_int_equal(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
}

void hide_directory(const char *path) {
        leave_namespace();
        if (mount("tmpfs", path, "tmpfs", 0, "mode=0755") < 0 && errno != ENOENT)
                fail_msg("mount on %s: %s", path, strerror(errno));
}

void modules_loaded(const char *names) {
        _cleanup_free_ char *copy = strdup(names);
        char *save = NULL;

        hide_directory("/sys/module");
        for (char *name = strtok_r(copy, " ", &save); name; name = strtok_r(NULL, " ", &save)) {
                char path[256];
                FILE *file;

                snprintf(path, sizeof(path), "/sys/module/%s", name);
                assert_int_equal(mkdir(path, 0755), 0);
                snprintf(path, sizeof(path), "/sys/module/%s/initstate", name);
                file = fopen(path, "we");
                assert_non_null(file);
                fputs("live\n", file);
                fclose(file);
        }
}
