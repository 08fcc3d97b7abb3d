#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs the suites of the table below, counts what their programs say in TAP, and ends in "N passed, N failed".

A program that dies, is cut off at its deadline, runs fewer tests than it announced, or none, is a failed test, and so is
a test that was skipped. Everything that a program prints is kept below BUILDS/logs. Called by tests/run.
"""

import argparse
import concurrent.futures
import dataclasses
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SANITIZER_OPTIONS = {
    'ASAN_OPTIONS': 'detect_stack_use_after_return=1:strict_string_checks=1',
    'UBSAN_OPTIONS': 'print_stacktrace=1',
}
# After how many seconds a guest is given up: the longest suite takes 9 minutes on two cores that it shares with another one. Before
# the guest boots, its image may have to be made, and one that another suite is making may have to be waited for.
GUEST, MAKING = 1200, 900


@dataclasses.dataclass
class Program:
    name: str
    command: list
    deadline: int
    environment: dict = dataclasses.field(default_factory=dict)


def meson(build, suite):
    """The programs that meson.build files list as tests of this suite."""
    def programs(builds):
        answer = subprocess.run(['meson', 'introspect', '--tests', f'{builds}/{build}'], check=True, capture_output=True)
        return [Program(test['name'], test['cmd'], test['timeout'], test['env'] | SANITIZER_OPTIONS)
                for test in json.loads(answer.stdout)
                if suite in (name.split(':')[-1] for name in test['suite'])]
    return programs


def guest(topology, command, *options, build='release'):
    """One command that prints TAP, in a guest of its own."""
    def programs(builds):
        return [Program(command, [f'{TOP}/tests/vm/guest', '--topology', topology, '--build', f'{builds}/{build}',
                                  '--deadline', str(GUEST), *options, command], MAKING + GUEST)]
    return programs


def script(name, *arguments, build=None, deadline=300):
    """One program below tests/ that prints TAP. {build} in its arguments is a build directory."""
    def programs(builds):
        words = [argument.format(build=f'{builds}/{build}') for argument in arguments]
        return [Program(' '.join([name, *arguments]), [f'{TOP}/tests/{name}', *words], deadline, SANITIZER_OPTIONS)]
    return programs


# The functions of tests/vm/topology/conformance, by the names that the scenarios have for them.
CONFORMANCE = 'nic=0000:01:00.0 left=0000:02:00.0 right=0000:02:00.1 bridge=0000:00:13.0 disk=0000:03:00.0 vf=0000:03:00.1'

# The quick ones first, then the long ones, so that two at a time end together.
SUITES = {
    'scripts': script('scripts'),
    'data': script('manual/data.py'),
    'manuals': script('manual/manuals.py', '{build}/client/vfiobindctl', build='release'),
    'client': script('client/run', '{build}', build='release'),
    'client-sanitize': script('client/run', '{build}', build='sanitize', deadline=600),
    'unit': meson('sanitize', 'unit'),
    'vm': guest('main', 'main/run'),
    'host': meson('sanitize', 'host'),
    'vm-findings': guest('findings', 'findings/run', '--packages', 'tests/vm/findings/packages'),
    'vm-functions': guest('conformance', 'functions/run'),
    'vm-policy': guest('main', 'policy/run iommu reload'),
    'vm-xen': guest('xen', 'xen/run', '--packages', 'tests/vm/xen/packages'),
    'vm-leases': guest('leases', 'leases/run machines agent', '--packages', 'tests/vm/leases/packages'),
    'vm-others': guest('leases', 'leases/run restarts others domains', '--packages', 'tests/vm/leases/packages'),
    'faults': meson('sanitize', 'faults'),
    'vm-killed': guest('main', 'stranded/run killed', '--module', 'stranded/driver'),
    'load': meson('sanitize', 'load'),
    'vm-stranded': guest('main', 'stranded/run refused hanging', '--module', 'stranded/driver'),
    'fuzz': meson('sanitize', 'fuzz'),
    'vm-policy-amd': guest('amd', 'policy/run iommu'),
    'vm-policy-off': guest('no-iommu', 'policy/run off'),
    'vm-sanitize': guest('main', 'main/sanitized bad_input outside', build='sanitize'),
    'pace': meson('release', 'pace'),
    'valgrind': meson('release', 'valgrind'),
    'vm-conformance': guest('conformance', f'../host/conformance/check {CONFORMANCE}'),
    'vm-framebuffer': guest('framebuffer', 'findings/run firmware'),
}


class Tap:
    """Counts one program's tests."""

    LINE = re.compile(r'(not )?ok\b(?: +\d+)?(?: +- )?(.*)')

    def __init__(self, program):
        self.program = program
        self.plan = None
        self.passed = 0
        self.failures = []

    def read(self, line):
        if plan := re.fullmatch(r'1\.\.(\d+)\s*', line):
            self.plan = (self.plan or 0) + int(plan[1])
        elif (test := self.LINE.match(line)) is None:
            if self.failures and line.startswith('#'):
                self.failures[-1] += f'\n    {line.rstrip()}'
        elif test[1] or re.search(r'# *skip', test[2], re.IGNORECASE):
            self.failures.append(test[2].strip())
        else:
            self.passed += 1

    def end(self, status):
        ran = self.passed + len(self.failures)
        if ran == 0 or (self.plan is not None and ran != self.plan):
            self.failures.append(f'{ran} tests of {self.plan or "an unknown number"} were run, exit status {status}')
        elif status != 0 and not self.failures:
            self.failures.append(f'exit status {status} though no test failed')


def run_program(program, log):
    """Runs it, its TAP counted and all that it prints written to the log as it comes."""
    tap = Tap(program)
    log.write(f'== {program.name}\n')
    log.flush()
    with subprocess.Popen(program.command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, cwd=TOP,
                          text=True, errors='replace', bufsize=1, env=os.environ | program.environment) as process:
        # The children of a program that is cut off may hold its output open: what they say is not waited for.
        cut = threading.Timer(program.deadline, process.kill)
        cut.start()
        for line in process.stdout:
            log.write(line)
            log.flush()
            tap.read(line)
        status = process.wait()
        cut.cancel()
    tap.end(status)
    return tap


def run_suite(name, builds):
    start = time.monotonic()
    os.makedirs(f'{builds}/logs', exist_ok=True)
    with open(f'{builds}/logs/{name}', 'w', encoding='utf-8') as log:
        taps = [run_program(program, log) for program in SUITES[name](builds)]
    passed = sum(tap.passed for tap in taps)
    failures = [f'{tap.program.name}: {failure}' for tap in taps for failure in tap.failures]
    if not taps:
        failures = ['the suite has no tests']
    return passed, failures, time.monotonic() - start


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('builds')
    parser.add_argument('suite', nargs='*', choices=[*SUITES, []])
    arguments = parser.parse_args()
    names = arguments.suite or list(SUITES)

    # Of nohup and of shells that run this in the background, children would inherit that these are ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

    passed = failed = 0

    # A guest keeps a good core busy and the others seldom do, so two at a time suit a machine of two cores.
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        runs = {pool.submit(run_suite, name, arguments.builds): name for name in names}
        for run in concurrent.futures.as_completed(runs):
            good, failures, seconds = run.result()
            name = runs[run]
            print(f'{name}: {good} passed, {len(failures)} failed ({seconds:.0f} s, {arguments.builds}/logs/{name})',
                  *(f'  not ok: {failure}' for failure in failures), sep='\n', flush=True)
            passed += good
            failed += len(failures)

    print(f'{passed} passed, {failed} failed')
    return failed != 0


if __name__ == '__main__':
    sys.exit(main())
