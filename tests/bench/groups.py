#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The second half of tests/bench/groups: the measurements. Peers and the service take turns on the same simulated host."""

import os
import statistics
import subprocess
import time

import report
import simhost

NIC = '0000:01:00.0'
ROUNDS = 15
GROUPS = [f'0000:{1 + i:02x}:00.0' for i in range(64)]
ONE_BY_ONE = 8  # of the 64: the rest would take as long each
PROBE_MS = 100


def timed(function, *arguments):
    start = time.monotonic()
    function(*arguments)
    return time.monotonic() - start


def service(tree, topology):
    host = simhost.Host(topology, tree)
    host.start_udev()
    host.start_bus(polkit=False)
    root = host.client()
    root.call('ListDevices')
    host.run(['modprobe', 'vfio-pci'])
    host.run(['modprobe', 'pci-stub'])
    return host, root


def replay(host, writes):
    for subject, data, _ in writes:
        path = f'/sys/bus/pci/{subject}' if subject.startswith('drivers') else f'/sys/bus/pci/devices/{subject}'
        host.write(path, data.encode().decode('unicode_escape'))


def recorded(host, function, *arguments):
    mark = host.mark()
    function(*arguments)
    return host.writes(mark)


class Writes:
    """A small program that makes the writes of a move to VFIO and back, and waits for nothing but udev's dealing with the node."""

    def __init__(self, host):
        words = host.command([host.program(f'{os.environ["VFIOBIND_BUILD"]}/tests/bench/bench-writes'), NIC])
        self.process = subprocess.Popen(words, env=simhost.ENVIRONMENT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        host.processes.append(self.process)

    def __call__(self):
        print(file=self.process.stdin, flush=True)
        there, back, _ = map(float, self.process.stdout.readline().split())
        return there, back


class Replay:
    """The service's own writes, recorded, and made again without it."""

    def __init__(self, host, root, there, back):
        self.host = host
        self.ways = recorded(host, root.call, *there), recorded(host, root.call, *back)

    def __call__(self):
        return tuple(timed(replay, self.host, writes) for writes in self.ways)


def one_device(tree):
    """What comes on top of the same writes made bare: where the target is VFIO, by a program that waits for udev as well."""
    host, root = service(tree, 'desk')
    with host:
        for target in 'kvm', 'vfio':
            there, back = ('Bind', '(sst)', (NIC, target, 0)), ('Restore', '(st)', (NIC, 0))
            bare = Writes(host) if target == 'vfio' else Replay(host, root, there, back)

            def served():
                return timed(root.call, *there), timed(root.call, *back)

            def settled(contestant):
                answer = contestant()
                host.settle()
                return answer

            ours, theirs = report.take_turns(ROUNDS, lambda: settled(served), lambda: settled(bare))
            for leg, name in enumerate((f'bind to {target}', f'restore from {target}')):
                mine, plain = [pair[leg] for pair in ours], [pair[leg] for pair in theirs]
                extra = statistics.median(mine) - statistics.median(plain)
                report.line(f'{name}: on top of bare writes', f'{extra * 1000:.1f} ms',
                            f'{report.milliseconds(mine)}, bare {report.milliseconds(plain)}',
                            report.Goal(10, ' ms').hold(extra * 1000))


def many_groups(tree):
    host, root = service(tree, 'many')
    with host:
        host.fault(f'probe vfio-pci delay={PROBE_MS} times=always')
        both = (('bind', 'vfio-pci', ('BindDevices', '(asst)'), lambda devices: (devices, 'vfio', 0)),
                ('restore', 'slownic', ('RestoreDevices', '(ast)'), lambda devices: (devices, 0)))
        times = {}
        for _ in range(5):
            for devices in GROUPS[:1], GROUPS:
                for name, driver, call, arguments in both:
                    took = timed(root.call, *call, arguments(devices))
                    times.setdefault((name, len(devices)), []).append(took)
                    assert {host.driver(address) for address in devices} == {driver}
        one_by_one = [timed(host.run, ['driverctl', '--nosave', 'set-override', address, 'vfio-pci'])
                      for address in GROUPS[:ONE_BY_ONE]]
        for name, *_ in both:
            one, all_ = times[name, 1], times[name, len(GROUPS)]
            report.line(f'{name} {len(GROUPS)} groups, {PROBE_MS} ms each to probe', report.milliseconds(all_),
                        f'× {statistics.median(all_) / statistics.median(one):.1f} of one ({report.milliseconds(one)})',
                        report.Goal(1, ' s').hold(statistics.median(all_)) if name == 'bind' else '')
        total = statistics.mean(one_by_one) * len(GROUPS)
        report.line(f'driverctl one by one ({ONE_BY_ONE} measured, × {len(GROUPS) // ONE_BY_ONE})', f'{total:.1f} s',
                    f'× {total / statistics.median(times["bind", len(GROUPS)]):.0f} of one BindDevices')


if __name__ == '__main__':
    with simhost.installation() as installed:
        one_device(installed)
        many_groups(installed)
