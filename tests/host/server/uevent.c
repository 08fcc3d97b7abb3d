/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Uevents. The text goes to the real kernel, which numbers it (SEQNUM) and hands it to every listener in
 * this network namespace: lib/kobject_uevent.c, uevent_net_broadcast().
 */

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "sim.h"

/* The kernel's own file, which is below our mount point: read anew from its beginning. */
static int show_number(struct sim *s, struct object *o, const struct attribute *a, struct text *t) {
        char number[32];
        ssize_t n = pread(s->uevent_number_fd, number, sizeof(number), 0);

        if (n < 0)
                return -errno;
        text_add_bytes(t, number, (size_t) n);
        return 0;
}

static const struct attribute attributes[] = {
        { "uevent_seqnum", 0444, show_number },
};

int uevent_open(struct sim *s) {
        struct sockaddr_nl address = { .nl_family = AF_NETLINK };

        s->uevent_fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);
        if (s->uevent_fd < 0)
                return -errno;
        if (bind(s->uevent_fd, (struct sockaddr *) &address, sizeof(address)) < 0)
                return -errno;

        s->uevent_number_fd = open("/sys/kernel/uevent_seqnum", O_RDONLY | O_CLOEXEC);
        if (s->uevent_number_fd < 0)
                return -errno;
        tree_files(&s->tree, tree_permanent(&s->tree, "kernel"), attributes, ELEMENTSOF(attributes), s->bus);
        return 0;
}

static void add_lines(struct text *t, const char *lines) {
        for (const char *end; lines && (end = strchr(lines, '\n')); lines = end + 1) {
                text_add_bytes(t, lines, end - lines);
                text_add_bytes(t, "", 1);
        }
}

static void send_event(struct sim *s, const char *action, const struct node *n, const char *subsystem,
                       const char *extra, const char *properties) {
        struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
        struct nlmsghdr header = { .nlmsg_type = NLMSG_MIN_TYPE, .nlmsg_flags = NLM_F_REQUEST };
        _cleanup_free_ char *path = tree_path(n);
        _cleanup_text_ struct text t = {};
        struct iovec parts[2];
        struct msghdr message = {
                .msg_name = &kernel, .msg_namelen = sizeof(kernel), .msg_iov = parts, .msg_iovlen = 2,
        };

        if (s->uevent_fd < 0 || s->uevents_off)
                return;
        if (s->uevents_to_drop > 0) {
                s->uevents_to_drop--;
                return;
        }

        text_add(&t, "%s@%s%cACTION=%s%cDEVPATH=%s%cSUBSYSTEM=%s%c", action, path, 0, action, 0, path, 0,
                 subsystem, 0);
        add_lines(&t, extra);
        add_lines(&t, properties);
        header.nlmsg_len = NLMSG_LENGTH(t.len);
        parts[0] = (struct iovec) { &header, NLMSG_HDRLEN };
        parts[1] = (struct iovec) { t.data, t.len };
        if (sendmsg(s->uevent_fd, &message, 0) < 0)
                perror("uevent");
}

void uevent_send(struct sim *s, const char *action, const struct node *n, const char *subsystem,
                 const char *properties) {
        send_event(s, action, n, subsystem, NULL, properties);
}

/* kobject_action_type(): ACTION [UUID [KEY=value…]] */
int uevent_synthesize(struct sim *s, const struct node *n, const char *subsystem, const char *properties,
                      const char *data) {
        static const char *const actions[] = {
                "add", "remove", "change", "move", "online", "offline", "bind", "unbind",
        };
        _cleanup_free_ char *copy = must_dup(data);
        _cleanup_text_ struct text extra = {};
        char *words[16];
        size_t count = split_words(copy, words, ELEMENTSOF(words));
        bool known = false;

        for (size_t i = 0; count > 0 && i < ELEMENTSOF(actions); i++)
                known = known || streq(words[0], actions[i]);
        if (!known || (count > 1 && strlen(words[1]) != 36))
                return -EINVAL;

        text_add(&extra, "SYNTH_UUID=%s\n", count > 1 ? words[1] : "0");
        for (size_t i = 2; i < count; i++)
                text_add(&extra, "SYNTH_ARG_%s\n", words[i]);
        send_event(s, words[0], n, subsystem, extra.data, properties);
        return 0;
}
