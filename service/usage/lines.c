/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Lines of a file. */

#include <errno.h>
#include <stdio.h>

#include "service/usage/lines.h"

static void filep(FILE **file) {
        if (*file)
                fclose(*file);
}

int foreach_line(const struct root *root, const char *path,
                 int (*function)(const char *line, void *userdata), void *userdata) {
        _cleanup_free_ char *name = root_path(root, path), *line = NULL;
        _cleanup_(filep) FILE *file = NULL;
        size_t size = 0;
        int r = 0;

        if (!name)
                return -ENOMEM;

        file = fopen(name, "re");
        if (!file)
                return errno == ENOENT ? 0 : -errno;

        while (r == 0 && getline(&line, &size, file) > 0) {
                line[strcspn(line, "\n")] = '\0';
                r = function(line, userdata);
        }

        return r;
}
