/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Uevents as udev passes them on, in a network namespace of this process: each block of lines of the input
 * is one. The model stays sound whatever they say, and the next scan finds the host as it is. */

#include <arpa/inet.h>
#include <linux/netlink.h>
#include <sched.h>
#include <sys/socket.h>

#include "service/host/uevents.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/room.h"

/* The group that udevd sends to, and the head of its messages (src/libsystemd/sd-device/device-monitor.c in
 * systemd). */
#define UDEV_GROUP 2

struct head {
        char prefix[8];
        uint32_t magic, size, properties_offset, properties_size;
        uint32_t subsystem_hash, devtype_hash, tags[2];
};

#define MAGIC 0xfeedcafe

/* MurmurHash2 of "pci", by which the kernel sorts out for the listener what it did not ask for. */
#define HASH_OF_PCI 0x59163b92

static struct {
        sd_event *event;
        struct model *model;
        struct uevents *uevents;
        unsigned changed;
        int socket;
} host;

static void on_changed(struct function *f, void *userdata) {
        assert(f->model == host.model);
        host.changed++;
}

static void prepare(void) {
        if (host.event)
                return;

        assert(unshare(CLONE_NEWNET) >= 0);
        host.model = room_model();
        assert(sd_event_new(&host.event) >= 0);
        assert(uevents_new(host.event, host.model, on_changed, NULL, &host.uevents) >= 0);
        host.socket = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);
        assert(host.socket >= 0);
}

/* Sends LINES with a NUL in place of each line's end. */
static void send_event(const uint8_t *lines, size_t size) {
        static const struct sockaddr_nl listeners = { .nl_family = AF_NETLINK, .nl_groups = UDEV_GROUP };
        char properties[4096] = "";
        struct head head = {
                .prefix = "libudev",
                .magic = htonl(MAGIC),
                .size = sizeof(head),
                .properties_offset = sizeof(head),
                .properties_size = (uint32_t) size + 1,
                .subsystem_hash = htonl(HASH_OF_PCI),
        };
        struct iovec parts[] = { { &head, sizeof(head) }, { properties, size + 1 } };
        struct msghdr message = {
                .msg_name = (void *) &listeners,
                .msg_namelen = sizeof(listeners),
                .msg_iov = parts,
                .msg_iovlen = ELEMENTSOF(parts),
        };

        if (size >= sizeof(properties))
                return;
        for (size_t i = 0; i < size; i++)
                properties[i] = lines[i] == '\n' ? '\0' : (char) lines[i];
        assert(sendmsg(host.socket, &message, 0) > 0);
}

static void handle_events(void) {
        int r;

        while ((r = sd_event_run(host.event, 0)) > 0)
                ;
        assert(r == 0);
}

static void assert_sound(void) {
        struct function *const *functions;
        size_t n;

        functions = model_functions(host.model, &n);
        assert(n == 3);
        for (size_t i = 0; i < n; i++) {
                assert(i == 0 ||
                       pci_address_compare(&functions[i - 1]->address, &functions[i]->address) < 0);
                assert(functions[i]->driver && functions[i]->kind < _DRIVER_KIND_MAX);
                assert((functions[i]->kind == DRIVER_NONE) == isempty(functions[i]->driver));
        }
}

static void assert_true_again(void) {
        struct function *const *functions;
        size_t n;

        assert(model_scan(host.model) >= 0);
        functions = model_functions(host.model, &n);
        for (size_t i = 0; i < n; i++) {
                assert(streq(functions[i]->driver, functions[i]->bridge ? "" : "e1000e"));
                functions[i]->seqnum = 0;
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        prepare();

        while (size > 0) {
                const uint8_t *end = memmem(data, size, "\n\n", 2);
                size_t length = end ? (size_t) (end - data) : size;

                send_event(data, length);
                data += length + (end ? 2 : 0);
                size -= length + (end ? 2 : 0);
        }

        handle_events();
        assert_sound();
        assert_true_again();
        return 0;
}
