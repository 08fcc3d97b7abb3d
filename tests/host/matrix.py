# SPDX-License-Identifier: GPL-2.0-or-later
"""What the fault matrix is made of: the operations, their steps, and what must be true whatever happened to them.

The steps are what an undisturbed run of an operation has written. Faults come from tests/host/faults.
"""

import contextlib
import dataclasses
import glob
import json
import os
import re
import time

import busclient
import simhost

NIC = '0000:01:00.0'
CARD = ['0000:02:00.0', '0000:02:00.1', '0000:02:00.2']
OTHER = '0000:03:00.0'  # in a group of its own: what goes on while another operation is stuck
ROUTE, THIEF = 'e1000x', 'snd_hda_intel'
HOME = {NIC: ('e1000e', ''), CARD[0]: ('e1000e', ''), CARD[1]: ('e1000e', 'e1000e'), CARD[2]: ('e1000', ''),
        OTHER: ('e1000e', '')}
FUNCTIONS = {
    NIC: 'id=8086:10d3 class=020000 group=9',
    CARD[0]: 'id=8086:10d3 class=020000 group=10',
    CARD[1]: 'id=8086:10d3 class=020000 group=10 override=e1000e',
    CARD[2]: 'id=8086:100e class=020000 group=10',
    OTHER: 'id=8086:10d3 class=020000 group=11',
}
TOPOLOGY = '\n'.join(['include standard', f'driver {ROUTE} module={ROUTE} ids=8086:10d3',
                      *(f'function {address} {words}' for address, words in FUNCTIONS.items()), ''])
VFIO = ('vfio-pci', 'vfio-pci')
STUB = ('pci-stub', 'pci-stub')
DEVICES = '/sys/bus/pci/devices'
# The service's limit in seconds where a fault lets it pass, at least, and otherwise; and how many times what an operation takes it is,
# since looking counts as well, a worker waits for a node half as long, and other programs are busy, too.
SHORT, LONG = 1, 20
SHARE = 8
ERROR = 'org.vfiobind.Error.'
OPERATION = 'org.vfiobind.Operation'


class Stranded(AssertionError):
    """A function is not where it has to be."""


@dataclasses.dataclass(frozen=True)
class Operation:
    name: str
    functions: list
    before: tuple  # driver and override of each; None: home
    after: tuple
    call: tuple    # of the Manager: member, signature, arguments
    setup: tuple = None
    module: str = None  # one that it loads
    foreign: bool = False  # somebody else has moved them before, and the service has no record of their home

    def states(self, which):
        return {**HOME, **({a: which for a in self.functions} if which else {})}


BIND_ONE = ('Bind', '(sst)', (NIC, 'vfio', 0))
BIND_GROUP = ('BindGroup', '(ust)', (10, 'vfio', 0))
OPERATIONS = [
    Operation('bind one', [NIC], None, VFIO, BIND_ONE, module='vfio_pci'),
    Operation('bind a group', CARD, None, VFIO, BIND_GROUP, module='vfio_pci'),
    Operation('restore one', [NIC], VFIO, None, ('Restore', '(st)', (NIC, 0)), BIND_ONE),
    Operation('restore a group', CARD, VFIO, None, ('RestoreGroup', '(ut)', (10, 0)), BIND_GROUP),
    Operation('to none', [NIC], None, ('', 'none'), ('Bind', '(sst)', (NIC, 'none', 0))),
    Operation('to a host driver', [NIC], None, (ROUTE, ''), ('Bind', '(sst)', (NIC, ROUTE, 0))),
    Operation('to another backend', [NIC], VFIO, STUB, ('Bind', '(sst)', (NIC, 'kvm', 0)), BIND_ONE, module='pci_stub'),
    Operation('restore without a record', CARD[2:], VFIO, None, ('Restore', '(st)', (CARD[2], 0)), foreign=True),
]


@dataclasses.dataclass(frozen=True)
class Step:
    kind: str
    address: str
    name: str     # of the driver, module or group
    writes: int   # how many writes come before it

    @property
    def label(self):
        return ' '.join(word for word in (self.kind, self.address[-4:] if self.kind != 'load' else '', self.name) if word)

    @property
    def write(self):
        """The fault point at which the kernel is asked."""
        return self.kernel if self.kind in ('load', 'node') else f'write * skip={self.writes}'

    @property
    def kernel(self):
        """Where the kernel is at work, the device's lock held if it needs to be."""
        return {'load': f'load {self.name}', 'node': f'node {self.name}', 'override': f'write * skip={self.writes}',
                'unbind': f'remove {self.name} device={self.address}',
                'bind': f'probe {self.name} device={self.address}',
                'probe': f'probe * device={self.address}'}[self.kind]


KINDS = [
    (r'module/(?P<name>\w+)/insert', 'load'),
    (r'(?P<address>[\da-f:.]+)/driver_override', 'override'),
    (r'drivers/(?P<name>.*)/(?P<kind>unbind|bind)', None),
]


def steps_from(log, operation, node):
    """The steps that were written; node: whether a VFIO node had to appear, after the first bind."""
    steps, writes = [], 0
    for subject, data, _ in log:
        match, kind = next((m, kind) for pattern, kind in KINDS if (m := re.fullmatch(pattern, subject)))
        found, text = match.groupdict(), data.removesuffix('\\n')
        kind = kind or found['kind']
        # Without a record it is the first of the drivers that might take the function, and not the only one that is tried.
        if kind == 'bind' and operation.foreign:
            kind = 'probe'
        address = found.get('address') or (operation.functions[0] if kind == 'load' else text)
        steps.append(Step(kind, address, found.get('name') or text, writes))
        writes += kind != 'load'
        if kind == 'bind' and node:
            node = False
            steps.append(Step('node', address, FUNCTIONS[address].split('group=')[1].split()[0], writes))
    return steps


class Stage:
    """A host on which cases of one operation are played, one after the other, and brought back before each."""

    def __init__(self, tree, limit, descriptors=None):
        self.limit = limit
        self.descriptors = descriptors  # that the service has at rest
        self.foreign = set()  # functions that somebody else has moved
        self.host = simhost.Host(TOPOLOGY, tree)
        try:
            self._start()
        except BaseException:
            self.host.close()
            raise

    def _start(self):
        host = self.host
        path = host.path('/etc/vfiobind/vfiobind.conf')
        with open(path, 'w', encoding='ascii') as file:
            file.write(f'[Manager]\nOperationTimeoutSec={int(self.limit * 1000)}ms\n')
        # What a sanitizer finds in a worker, whose output nobody reads, is found in a file.
        log = f'log_path={host.file("sanitizer")}'
        host.daemon_command = f'ASAN_OPTIONS={log} UBSAN_OPTIONS={log}:print_stacktrace=1 {host.daemon_command}'
        host.start_udev()
        host.start_bus(polkit=False)
        self.root = host.client()
        self.root.subscribe()

    def close(self):
        self.host.close()

    def move(self, member, signature, arguments):
        """The moves of a call that must succeed, if need be later than the limit."""
        self.root.drain()
        try:
            return self.root.call(member, signature, arguments)[0]
        except busclient.Error as error:
            if error.name != f'{ERROR}Stuck':
                raise
        ended = self.root.wait_signal(lambda s: s['member'] == 'OperationFinished')['args']
        assert ended[2] == '', ended
        return ended[4]

    # ---- what is there ----

    def states(self):
        return {address: ('' if state['driver'] == 'none' else state['driver'],
                          '' if state['override'] == '(null)' else state['override'])
                for address, state in self.host.state().items()}

    def files(self, directory):
        """What the service has noted: name → contents."""
        path, found = self.host.path(f'/run/vfiobind/{directory}'), {}
        with contextlib.suppress(FileNotFoundError):
            for name in os.listdir(path):
                with contextlib.suppress(FileNotFoundError), open(f'{path}/{name}', encoding='utf-8') as file:
                    found[name] = json.load(file)
        return found

    def kill_worker(self):
        """The one at work: that of the modules comes before that of the group."""
        entry, = self.files('operations').values()
        self.host.run(['kill', '-9', str(entry['workers'][-1]['pid'])])

    def operations(self):
        return [path for path, interfaces in self.root.managed_objects().items() if OPERATION in interfaces]

    def count_descriptors(self):
        pid = self.host.daemon_pid(self.root)
        return len(os.listdir(self.host.path(f'/proc/{pid}/fd')))

    def eventually(self, what, check):
        """Until check() is content, as long as the service has something to do: each round is a call that it answers."""
        deadline = time.monotonic() + simhost.DEADLINE
        while (found := check()) and time.monotonic() < deadline:
            self.host.await_workers()
            self.root.call('Get', '(ss)', (busclient.MANAGER, 'Version'), interface='org.freedesktop.DBus.Properties')
        assert not found, f'{what}: {found}'

    # ---- what must be so ----

    def left_over(self):
        """What an operation that is over has left."""
        found = [f'operation {name} on disk' for name in self.files('operations')]
        found += [path for path, interfaces in self.root.managed_objects().items() if OPERATION in interfaces]
        return found + [f'worker {pid}' for pid in self.host.workers()]

    def is_true_record(self, address, state, home):
        if state == HOME[address]:
            return home is None
        if address in self.foreign:
            return home is None or home['unknown']
        return home is not None and (home['driver'], home['override']) == HOME[address]

    def untrue(self):
        """Where what the service shows and notes differs from what is."""
        states, homes, found = self.states(), self.files('moved'), []
        shown = {interfaces['org.vfiobind.Device']['Address']: interfaces['org.vfiobind.Device']
                 for interfaces in self.root.managed_objects().values() if 'org.vfiobind.Device' in interfaces}
        found += [f'{address} is there or not' for address in shown.keys() ^ states.keys()]
        for address in shown.keys() & states.keys():
            device, home = shown[address], homes.get(address)
            if (device['Driver'], device['DriverOverride'], device['Busy']) != (*states[address], False):
                found.append(f'{address} shows {device["Driver"]}, {device["DriverOverride"]}, busy {device["Busy"]} '
                             f'where {states[address]} is true')
            if not self.is_true_record(address, states[address], home):
                found.append(f'{address}: home is recorded as {home}')
            if device['HostDriver'] != (home['driver'] if home else ''):
                found.append(f'{address}: HostDriver {device["HostDriver"]}')
        return found + [f'{address} is recorded and gone' for address in homes.keys() - states.keys()]

    def check_quiet(self):
        """Nothing is left behind, and all that is noted is true."""
        self.host.wait('idle now')
        self.eventually('left behind', self.left_over)
        self.eventually('untrue', self.untrue)
        if self.descriptors is not None:
            self.eventually('descriptors', lambda: max(0, self.count_descriptors() - self.descriptors))
        assert not (found := self.sanitizers()), found

    def sanitizers(self):
        """What a sanitizer has found."""
        found = ''
        for path in glob.glob(f'{self.host.file("sanitizer")}*'):
            with open(path, encoding='utf-8', errors='replace') as file:
                found += file.read()
        return found[:6000]

    # ---- between cases ----

    def bring_back(self):
        """Everything home, as any administrator would."""
        states = self.states()
        for address in HOME.keys() - states.keys():
            self.host.ask(f'add function {address} {FUNCTIONS[address]}')
        self.eventually('not seen again', self.untrue)
        away = [address for address, state in self.states().items() if state != HOME[address]]
        if away:
            self.move('RestoreDevices', '(ast)', (away, 0))

    def take(self, address):
        """To VFIO, with the bare writes of somebody who does without the service."""
        self.foreign.add(address)
        self.host.run(['modprobe', 'vfio-pci'])
        self.host.write(f'{DEVICES}/{address}/driver_override', 'vfio-pci')
        self.host.write(f'{DEVICES}/{address}/driver/unbind', address)
        self.host.write('/sys/bus/pci/drivers/vfio-pci/bind', address)
        self.eventually('not seen', self.untrue)

    def arrange(self, operation):
        """Everything where it is before the operation."""
        if self.states() != operation.states(operation.before):
            self.bring_back()
            if operation.setup:
                self.move(*operation.setup)
            if operation.foreign:
                self.take(*operation.functions)

    def prepare(self, operation, load):
        """To where the operation begins; load: with its module yet to be loaded."""
        self.host.clear()
        try:
            self.arrange(operation)
        except (busclient.Error, AssertionError):
            # a short limit and other programs: once more is enough
            self.check_quiet()
            self.arrange(operation)
        if load and operation.module and os.path.exists(self.host.path(f'/sys/module/{operation.module}')):
            self.host.run(['rmmod', operation.module])
        found = self.states()
        if found != operation.states(operation.before):
            raise Stranded(f'before: {found}')
        self.root.drain()

    def discover(self, operation):
        """The steps of an undisturbed run, its seconds, and the service's descriptors at rest."""
        for _ in range(2):
            self.prepare(operation, load=True)
            witness = self.host.fault('node * delay=0 times=always')
            mark = self.host.mark()
            start = time.monotonic()
            self.move(*operation.call)
            took = time.monotonic() - start
            log = self.host.writes(mark)
            node = any(re.match(rf'{witness} .* hits=[^0]', line) for line in self.host.ask('faults'))
            if self.states() != operation.states(operation.after):
                raise Stranded(f'{operation.name}: {self.states()}')
            self.check_quiet()
        return steps_from(log, operation, node), took, self.count_descriptors()
