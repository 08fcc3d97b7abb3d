# SPDX-License-Identifier: GPL-2.0-or-later
"""A host whose network card can have 500 virtual functions, and looking whether the service knows what is there."""

import contextlib
import os
import time

import simhost

# Between two looks, in seconds: each costs the service as much as some uevents that it should deal with meanwhile.
PAUSE = 0.1
PHYSICAL, COUNT = '0000:10:00.0', 500
TOPOLOGY = '''include standard
function 0000:00:1c.0 id=1b36:000c class=060400 bus=01 group=2
function 0000:00:1c.1 id=1b36:000c class=060400 bus=10-1f group=3
function 0000:01:00.0 id=8086:10d3 subsystem=8086:0000 class=020000 group=9 net=eth0
function 0000:10:00.0 id=8086:10c9 subsystem=8086:0000 class=020000 group=10 vfs=512 vf-offset=128 vf-id=10ca vf-group=1000
'''


def set_count(host, count):
    host.write(f'/sys/bus/pci/devices/{PHYSICAL}/sriov_numvfs', str(count))


def truth(host):
    """As ListDevices should have it: address → group, driver."""
    return {address: (int(state['group']), state['driver'].replace('none', '')) for address, state in host.state().items()}


def known(client):
    return {device[0]: (device[5], device[6]) for device in client.call('ListDevices')[0]}


class Clock:
    """Seconds, but those in which the service, its workers and the simulation were ready to run and waited for others' use of
    the processors: other tests on the machine."""

    def __init__(self, host):
        self.host = host
        self.waits = {}
        self.others = self.waited()
        self.start = time.monotonic()

    def waited(self):
        """Workers come and go: what one has waited for until it was last seen counts on."""
        for pid in (self.host.init, *self.host.pids_of('vfiobindd'), *self.host.workers()):
            with contextlib.suppress(OSError):
                for task in os.listdir(f'/proc/{pid}/task'):
                    with open(f'/proc/{pid}/task/{task}/schedstat', encoding='ascii') as file:
                        self.waits[task] = int(file.read().split()[1]) / 1e9
        return sum(self.waits.values())

    def seconds(self):
        return time.monotonic() - self.start - (self.waited() - self.others)


def await_truth(host, client, seconds, but=None):
    """Waits until the service knows all that is there, and answers how long it took."""
    expected, clock = truth(host), Clock(host)
    while (found := known(client)) != expected:
        wrong = {address for address in found.keys() | expected.keys() if found.get(address) != expected.get(address)} - {but}
        if not wrong:
            break
        took = clock.seconds()
        assert took <= seconds, f'after {took:.2f} s {len(wrong)} functions are not right: {sorted(wrong)[:5]}'
        time.sleep(PAUSE)
    return clock.seconds()


def change(host, root, count, seconds=simhost.DEADLINE):
    """How long the service took from the last uevent on."""
    set_count(host, count)
    host.settle()
    return await_truth(host, root, seconds)


def memory(host, pid):
    """A process's own memory, in kB. Its pid is the one inside."""
    for line in host.read(f'/proc/{pid}/status').splitlines():
        if line.startswith('RssAnon:'):
            return int(line.split()[1])
    raise ProcessLookupError(pid)


def count_descriptors(host, pid):
    return len(os.listdir(host.path(f'/proc/{pid}/fd')))


def with_service(topology, prepare=None):
    """Calls with a host, its client as root and the service's pid."""
    def mark(test):
        def run(tree):
            with simhost.Host(topology, tree) as host:
                if prepare:
                    prepare(host)
                host.start_udev()
                host.start_bus(polkit=False)
                root = host.client()
                root.call('ListDevices')
                test(host, root, host.daemon_pid(root))
        return run
    return mark
