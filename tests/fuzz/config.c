/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The configuration file: whatever is in it, the service gets a configuration that it can work with, and the
 * administrator a number of a line that exists. */

#include <stdio.h>
#include <sys/mman.h>

#include "service/move/config.h"
#include "service/move/plan/backend.h"
#include "tests/fuzz/fuzz.h"

static const uint64_t second = 1000 * 1000;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_close_ int fd = memfd_create("config", MFD_CLOEXEC);
        struct config config;
        char path[64];
        int r, lines = 1;

        assert(fd >= 0 && write(fd, data, size) == (ssize_t) size);
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        for (size_t i = 0; i < size; i++)
                lines += data[i] == '\n';

        config_init(&config);
        r = config_read(&config, path);
        assert(r >= 0 && r <= lines);
        assert(streq(config.default_backend, "auto") || backend_by_name(config.default_backend));
        assert(config.limit_usec >= second / 10 && config.limit_usec <= 3600 * second);
        return 0;
}
