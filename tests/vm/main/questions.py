# SPDX-License-Identifier: GPL-2.0-or-later
"""How polkit is asked, seen from its side: a stub in its place notes each question and answers as a test wants."""

import time

import bus
import kernel
import polkit
import storage
from harness import cases, equal, expect_error, test
from topology import DISK, LEGACY, NIC, TWINS

root = bus.Client()
alice = bus.Client('alice')
bob = bus.Client('bob')

# Users that every Debian system has.
CROWD = ['daemon', 'bin', 'sys', 'games', 'man', 'lp']
PER_USER, IN_ALL = 16, 96


def always(answer):
    return lambda question: answer


def ask_rules(person):
    """What polkit answers without a rule: a person has to be asked, who answers this."""
    return lambda question: person if question.interactive else polkit.ASK


def details(address, driver, target, backend, findings=''):
    """All that a rule can look up, but for the name."""
    def four(name):
        return kernel.attribute(address, name)[2:]

    group = kernel.group(address)
    return {'device': address, 'vendor-id': four('vendor'), 'device-id': four('device'),
            'subsystem-vendor-id': four('subsystem_vendor'), 'subsystem-device-id': four('subsystem_device'),
            'class': four('class'), 'group': str(group), 'group-devices': ' '.join(kernel.groups()[group]),
            'driver': driver, 'target': target, 'backend': backend, 'boot-vga': 'false', 'findings': findings}


def name_of(address):
    fields = kernel.lspci()[address]
    return f'{fields["Vendor"][0].rpartition(" [")[0]} {fields["Device"][0].rpartition(" [")[0]} ({address})'


def asked(question, address, *expected):
    """The question is about this function and says all of it, and nothing else."""
    equal(question.details, details(address, *expected) | {'name': name_of(address)}, question.action)


@test
def one_check_for_each():
    """Each function is asked about by itself, with every detail, in order, and as the caller's bus name"""
    three = [LEGACY[0], *TWINS]
    with polkit.stub(always(polkit.YES)) as (questions, _):
        alice.bind_devices(three, 'vfio')
        equal(len(questions), 3)
        for question in questions:
            equal((question.subject, question.action, question.interactive, question.cancellation_id),
                  (alice.connection.get_unique_name(), 'org.vfiobind.bind', False, ''))
        asked(questions[0], LEGACY[0], 'e1000', 'vfio-pci', 'vfio', 'group')
        asked(questions[1], TWINS[0], 'e1000e', 'vfio-pci', 'vfio')
        asked(questions[2], TWINS[1], 'e1000e', 'vfio-pci', 'vfio')
        questions.clear()
        alice.restore_devices(three)
        equal([question.action for question in questions], ['org.vfiobind.restore'] * 3)
        asked(questions[0], LEGACY[0], 'vfio-pci', 'e1000', '')


@cases([('kvm', 'pci-stub', 'kvm'), ('none', 'none', ''), ('auto', 'vfio-pci', 'vfio'), ('pci-stub', 'pci-stub', 'kvm')])
def target(name, backend):
    """The details tell what a target comes to"""
    word = {'none': 'none', 'pci-stub': 'kvm', 'vfio-pci': 'auto'}[name]
    with polkit.stub(always(polkit.NO)) as (questions, _):
        expect_error('AccessDenied', alice.bind, NIC, word)
        [question] = questions
        asked(question, NIC, 'e1000e', name, backend)


@test
def nothing_to_move():
    """What is where it should be is not asked about"""
    with polkit.stub(always(polkit.NO)) as (questions, _):
        equal(alice.restore(NIC), [])
        equal(questions, [])


@test
def the_first_no_ends_it():
    """The first plain no ends the questions"""
    def answer(question):
        return polkit.NO if question.details['device'] == TWINS[0] else polkit.ASK

    with polkit.stub(answer) as (questions, _):
        message = expect_error('AccessDenied', alice.bind_devices, [NIC, *TWINS], 'vfio', interactive=True)
        assert TWINS[0] in message, message
        equal([question.details['device'] for question in questions], [NIC, TWINS[0]])


@test
def one_is_left():
    """One that is left is asked about again, by the same action and details, with a person"""
    with polkit.stub(ask_rules(polkit.YES)) as (questions, _):
        equal(alice.bind(NIC, 'vfio', interactive=True), [(NIC, 'e1000e', 'vfio-pci')])
        first, second = questions
        equal((first.interactive, second.interactive), (False, True))
        equal((second.subject, second.action, second.details), (first.subject, first.action, first.details))
        assert second.cancellation_id
        equal(alice.restore(NIC, interactive=True), [(NIC, 'vfio-pci', 'e1000e')])


@test
def several_are_left():
    """Several that are left are asked about once, together"""
    three = [NIC, *TWINS]
    with polkit.stub(ask_rules(polkit.YES)) as (questions, _):
        equal(len(alice.bind_devices(three, 'vfio', interactive=True)), 3)
        equal([question.interactive for question in questions], [False, False, False, True])
        equal(questions[3].action, 'org.vfiobind.together')
        equal(questions[3].details, {'devices': ' '.join(three), 'actions': 'org.vfiobind.bind', 'findings': '',
                                     'name': ', '.join(name_of(address) for address in three),
                                     'what': 'take from their drivers', 'warning': ''})
    root.restore_devices(three)


@test
def a_person_says_no():
    """What the person does not allow is AccessDenied"""
    with polkit.stub(ask_rules(polkit.NO)):
        expect_error('AccessDenied', alice.bind, NIC, 'vfio', interactive=True)
        expect_error('AccessDenied', alice.bind_devices, [NIC, *TWINS], 'vfio', interactive=True)
        expect_error('InteractiveAuthorizationRequired', alice.bind, NIC, 'vfio')
    equal(kernel.driver(NIC), 'e1000e')


@cases([('without a person', False), ('with a person', True)])
def an_error(interactive):
    """An error of polkit's means no"""
    name = 'org.freedesktop.PolicyKit1.Error.Failed'
    with polkit.stub(lambda question: name if question.interactive == interactive else polkit.ASK):
        expect_error('AccessDenied', alice.bind, NIC, 'vfio', interactive=True)
    equal(kernel.driver(NIC), 'e1000e')


@test
def silence():
    """A polkit that never answers means no in the end, and everybody else is served meanwhile"""
    with polkit.stub(always(None)) as (questions, _):
        start = time.monotonic()
        waiting = alice.send(bus.MANAGER, 'Bind', '(sst)', NIC, 'vfio', 0)
        bus.wait_for(lambda: questions, 'the question')
        assert bob.call(bus.MANAGER, 'ListDevices')
        equal(bob.get(bus.device_path(NIC), bus.DEVICE, 'Driver'), 'e1000e')
        equal(root.bind(NIC, 'kvm'), [(NIC, 'e1000e', 'pci-stub')])
        equal(root.restore(NIC), [(NIC, 'pci-stub', 'e1000e')])
        assert waiting.reply is None, 'there was an answer without polkit'
        expect_error('AccessDenied', waiting.result)
        assert time.monotonic() - start < 20, 'callers give up sooner than that'
    equal(kernel.driver(NIC), 'e1000e')


@test
def leaving_cancels():
    """A caller that leaves takes its question back, and nothing is done for it"""
    with polkit.stub(ask_rules(None)) as (questions, cancelled):
        leaver = bus.Client('alice')
        leaver.send(bus.MANAGER, 'Bind', '(sst)', NIC, 'vfio', 0, interactive=True)
        bus.wait_for(lambda: len(questions) == 2, 'the question')
        equal(cancelled, [])
        leaver.close()
        bus.wait_for(lambda: cancelled, 'the question to be taken back')
        equal(cancelled, [questions[1].cancellation_id])
    equal(kernel.driver(NIC), 'e1000e')


def while_asked(meanwhile, error):
    """What is done while polkit is asked makes its yes worth nothing."""
    def answer(_question):
        meanwhile()
        return polkit.YES

    with polkit.stub(answer) as (questions, _):
        expect_error(error, alice.bind, NIC, 'vfio')
        equal(len(questions), 1)


@test
def moved_while_asked():
    """Where another program moves the device while polkit is asked, the answer is StateChanged"""
    try:
        while_asked(lambda: kernel.unbind(NIC), 'StateChanged')
        equal(kernel.driver(NIC), '')
    finally:
        kernel.bind(NIC, 'e1000e')


@test
def removed_while_asked():
    """Where the device goes while polkit is asked, the answer is NoSuchDevice"""
    try:
        while_asked(lambda: kernel.remove(NIC), 'NoSuchDevice')
    finally:
        kernel.rescan()
        bus.wait_for(lambda: kernel.driver(NIC) == 'e1000e', 'the NIC to be back')
        bus.wait_for(lambda: NIC in [row[0] for row in root.call(bus.MANAGER, 'ListDevices')], 'this to be known')


@test
def used_while_asked():
    """A disk that swap comes to stand on while polkit is asked is not moved"""
    with storage.area('swap') as node:
        def answer(_question):
            storage.run('swapon', node)
            return polkit.YES

        try:
            with polkit.stub(answer):
                expect_error('InUse', alice.bind, DISK, 'vfio')
        finally:
            storage.run('swapoff', node)


@test
def a_caller_that_left():
    """Polkit's yes for a caller that has left meanwhile moves nothing"""
    leaver = bus.Client('alice')

    def answer(_question):
        leaver.close()
        return polkit.YES

    with polkit.stub(answer) as (questions, _):
        leaver.send(bus.MANAGER, 'Bind', '(sst)', NIC, 'vfio', 0)
        bus.wait_for(lambda: questions, 'the question')
        # What is asked later is answered later, so the first answer has been dealt with by then.
        questions.clear()
        with bus.Client('bob') as other:
            expect_error('InvalidArgs', other.bind, 'nonsense', 'vfio')
        equal(root.get(bus.device_path(NIC), bus.DEVICE, 'Busy'), False)
    equal(kernel.driver(NIC), 'e1000e')


@test
def limits():
    """The number of open questions is limited for one user and in all, others are served, and leaving makes room"""
    def send(client):
        return client.send(bus.MANAGER, 'Bind', '(sst)', NIC, 'vfio', 0, interactive=True)

    with polkit.stub(ask_rules(None)) as (questions, _):
        callers = [bus.Client(user) for user in CROWD]
        for caller in callers:
            pending = [send(caller) for _ in range(PER_USER)]
            expect_error('LimitExceeded', send(caller).result)
            equal([call.reply for call in pending], [None] * PER_USER)
        equal(len(callers) * PER_USER, IN_ALL)
        expect_error('LimitExceeded', send(bob).result)
        assert bob.call(bus.MANAGER, 'ListDevices')
        root.bind(NIC, 'vfio')
        root.restore(NIC)

        callers.pop().close()
        questions.clear()
        waiting = send(bob)
        bus.wait_for(lambda: waiting.reply or [q for q in questions if q.subject == bob.connection.get_unique_name()],
                     'the question of the next one')
        equal(waiting.reply, None)
        for caller in callers:
            caller.close()
