/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The limit on locked memory. */

#include <fnmatch.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "cleanup.h"
#include "failure.h"
#include "memlock.h"

#define MEBIBYTE (UINT64_C(1) << 20)

/* What a machine needs beside its memory, for firmware, screens and the like: libvirt's estimate. */
#define BESIDE (1024 * MEBIBYTE)

/* QEMU's own, without -m. */
#define QEMU_DEFAULT (128 * MEBIBYTE)

#define HINT                                                                                                \
        "Raise it where the machine is started: LimitMEMLOCK= in a unit, memlock in limits.conf(5), or "    \
        "'prlimit --memlock'"

/* The value of QEMU's -m: "2G", "2048" (mebibytes), "size=2G,slots=4". 0 where it cannot be read. */
static uint64_t parse_memory(const char *text) {
        static const char units[] = "KMGT";
        unsigned long long number;
        const char *unit;
        char *end;

        if (strncmp(text, "size=", strlen("size=")) == 0)
                text += strlen("size=");
        number = strtoull(text, &end, 10);
        if (end == text || number > UINT32_MAX)
                return 0;

        unit = *end && *end != ',' ? strchr(units, *end & ~0x20) : strchr(units, 'M');
        return unit ? (uint64_t) number << (10 * (unit - units + 1)) : 0;
}

/* The memory of the virtual machine that the command starts, 0 if that is not known. */
static uint64_t find_memory(char *const *command) {
        bool is_qemu = false;

        for (; command && *command; command++) {
                if (is_qemu && strcmp(*command, "-m") == 0 && command[1])
                        return parse_memory(command[1]);
                is_qemu = is_qemu || fnmatch("*qemu-system-*", *command, 0) == 0;
        }
        return is_qemu ? QEMU_DEFAULT : 0;
}

void memlock_tell(const Terminal *terminal, char *const *command) {
        uint64_t memory = find_memory(command);
        _cleanup_free_ char *sentence = NULL;
        struct rlimit limit;
        int k;

        /* CAP_IPC_LOCK, which root has, knows no limit. */
        if (geteuid() == 0 || getrlimit(RLIMIT_MEMLOCK, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY ||
            limit.rlim_cur >= (memory ? memory + BESIDE : UINT64_MAX))
                return;

        if (memory)
                k = asprintf(&sentence,
                             "Locked memory is limited to %.6g MiB here, and this virtual machine needs up to "
                             "%.6g MiB: its own %.6g MiB and up to %.6g MiB more",
                             (double) limit.rlim_cur / MEBIBYTE, (double) (memory + BESIDE) / MEBIBYTE,
                             (double) memory / MEBIBYTE, (double) BESIDE / MEBIBYTE);
        else
                k = asprintf(&sentence,
                             "Locked memory is limited to %.6g MiB here, and a virtual machine needs as much as "
                             "it has memory, and up to %.6g MiB more",
                             (double) limit.rlim_cur / MEBIBYTE, (double) BESIDE / MEBIBYTE);
        if (k >= 0)
                failure_print(terminal, sentence, HINT);
}
