/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What the kernel's routing tables of this network namespace say about an interface. */

/* Whether the interface of the number INDEX has an address, of any family. Returns 1, 0, or a negative
 * errno: -ENODEV if there is no such interface. */
int netlink_has_address(unsigned index);

/* Whether a route of any table goes out through it, also as one of several next hops. What the kernel adds
 * by itself does not count: it comes with each address, and with nothing more than an interface that is up.
 */
int netlink_has_route(unsigned index);
