/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Asking the kernel about addresses and routes, by way of libmnl. */

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "service/host/macros.h"
#include "service/usage/netlink.h"

/* A table that changes while it is read has to be read again, but not for ever. */
#define TRIES 5

/* An answer is at most as long as what it is read into, and the kernel fills no more than this
 * (netlink_dump()). */
#define ANSWER_SIZE 32768

static void socket_closep(struct mnl_socket **socket) {
        if (*socket)
                mnl_socket_close(*socket);
}

/* Sends the question, and hands every answer to FOUND, with RET, until that has enough. */
static int ask_once(const struct nlmsghdr *question, mnl_cb_t found, bool *ret) {
        _cleanup_(socket_closep) struct mnl_socket *socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
        _cleanup_free_ char *answer = malloc(ANSWER_SIZE);
        int on = 1, r;
        ssize_t n;

        if (!answer)
                return -ENOMEM;

        /* A strict kernel looks at what the question says of the interface, and answers for that one alone:
         * a router has a million routes. */
        if (!socket || mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0 ||
            mnl_socket_setsockopt(socket, NETLINK_GET_STRICT_CHK, &on, sizeof(on)) < 0 ||
            mnl_socket_sendto(socket, question, question->nlmsg_len) < 0)
                return -errno;

        do {
                n = mnl_socket_recvfrom(socket, answer, ANSWER_SIZE);
                if (n < 0)
                        return -errno;
                r = mnl_cb_run(answer, (size_t) n, question->nlmsg_seq, mnl_socket_get_portid(socket), found,
                               ret);
        } while (r > MNL_CB_STOP);

        return r < 0 ? -errno : 0;
}

static int ask(const struct nlmsghdr *question, mnl_cb_t found) {
        int r = -EINTR;

        for (unsigned i = 0; r == -EINTR && i < TRIES; i++) {
                bool answer = false;

                r = ask_once(question, found, &answer);
                if (answer)
                        return 1;
        }

        return r;
}

static void begin(struct nlmsghdr *question, uint16_t type) {
        question->nlmsg_type = type;
        question->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
        question->nlmsg_seq = 1;
}

static int address_found(const struct nlmsghdr *message, void *userdata) {
        bool *found = userdata;

        *found = message->nlmsg_type == RTM_NEWADDR;
        return *found ? MNL_CB_STOP : MNL_CB_OK;
}

int netlink_has_address(unsigned index) {
        char buffer[256];
        struct nlmsghdr *question = mnl_nlmsg_put_header(buffer);
        struct ifaddrmsg *address;

        begin(question, RTM_GETADDR);
        address = mnl_nlmsg_put_extra_header(question, sizeof(*address));
        address->ifa_family = AF_UNSPEC;
        address->ifa_index = index;
        return ask(question, address_found);
}

static int route_found(const struct nlmsghdr *message, void *userdata) {
        const struct rtmsg *route = mnl_nlmsg_get_payload(message);
        bool *found = userdata;

        *found = message->nlmsg_type == RTM_NEWROUTE && route->rtm_protocol != RTPROT_KERNEL;
        return *found ? MNL_CB_STOP : MNL_CB_OK;
}

int netlink_has_route(unsigned index) {
        static const unsigned char families[] = { AF_INET, AF_INET6 };
        int r = 0;

        for (size_t i = 0; r == 0 && i < ELEMENTSOF(families); i++) {
                char buffer[256];
                struct nlmsghdr *question = mnl_nlmsg_put_header(buffer);
                struct rtmsg *route;

                begin(question, RTM_GETROUTE);
                route = mnl_nlmsg_put_extra_header(question, sizeof(*route));
                route->rtm_family = families[i];
                mnl_attr_put_u32(question, RTA_OIF, index);
                r = ask(question, route_found);
        }

        return r;
}
