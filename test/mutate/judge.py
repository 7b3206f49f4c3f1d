"""Is a mutant caught? Host tests first, then boots one after the other, then pytest; the first that
notices ends it. Verdicts are taken from outside: init's lines, deaths by fault, the orderly end."""

import fnmatch
import os
import re
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass

from harness.guest import Guest
from harness.log import came_back, failure_line
from harness.machine import Machine
from harness.media import Media
from mutate.tree import DoesNotBuild

VERDICT = re.compile(r"^init: (\S+) pid \d+ (exited \d+|killed by \w+)$")
DEATH = re.compile(r"^\[ *\d+\.\d+\] process: \d+ \((\S+)\) killed by (\w+): ")
BAD = re.compile(r"^(?:BAD |escape: .* SHORT\b)")  # whoever says so is going to exit 1
EXITS = re.compile(r" (\d+) exits by SYSRET, (\d+) by IRETQ$")
HOST_FAILURE = re.compile(r"^FAIL (\S+)")
TEST_FAILURE = re.compile(r"^(?:FAILED|ERROR) (\S+)", re.MULTILINE)
HOST_SECONDS = 600
CASE_LIMIT = ("prlimit", "--cpu=20")  # seconds of a processor: each case is a process of its own
TESTS_SECONDS = 1800
TICK_SECONDS = 0.5
# Judged by what the emulator computed, not by the clock: other work here changes nothing.
COMPUTED_FACTOR, COMPUTED_EXTRA = 1.5, 3.0  # seconds of a processor
FIRMWARE_SECONDS = 20.0  # where it could not be left out
QUIET_TICKS, QUIET_SECONDS = 80, 0.5  # halted for good: so little was computed in so many ticks
EXITS_FACTOR = 3  # more or fewer by IRETQ: how many depends a little on the time that all takes
CLOCK = os.sysconf("SC_CLK_TCK")
CERTAIN = ("panic: ", "hangs, ")  # all else is looked at twice: the machine may be loaded

CAUGHT, SURVIVED, DISCARDED = "caught", "survived", "discarded"


@dataclass(frozen=True)
class Boot:
    name: str
    programs: tuple  # each must exit 0
    words: str = ""
    build: str = "debug"
    smp: str = "1"
    cpu: str = ""
    machine: str = "q35"
    counted: tuple = ("escape",)  # programs whose children's deaths are compared


@dataclass
class Reference:
    """A boot, of the unchanged kernel to compare with."""

    computed: float
    deaths: dict
    exits: tuple = (0, 0)  # by SYSRET, by IRETQ, as the kernel counted


class Judge:
    def __init__(self, tree, boots, quick=False):
        self.tree, self.boots, self.quick = tree, boots, quick
        self.trusted = set()  # tests that pass when nothing is changed

    def judge(self, mutant, file):
        """(outcome, by whom or why)"""
        self.tree.change(mutant)
        try:
            noticed = self.run_host(file.host) if file.host else None
            if noticed:
                return CAUGHT, noticed
            self.tree.build()
            same = self.tree.is_the_original("debug")
            plan = [self.boots.plan[name] for name in file.boots]
            if same and all(boot.build == "debug" for boot in plan):
                return DISCARDED, "the same code"
            plan = [boot for boot in plan if not (same and boot.build == "debug")]
            likely, others = in_order(file, mutant)
            noticed = self.run_boots(plan[:1])
            if not noticed and not self.quick:
                noticed = self.run_tests(likely) or self.run_boots(plan[1:]) or \
                    self.run_tests(others)
        except DoesNotBuild as error:
            return DISCARDED, "does not build: " + last_error(str(error))
        return (CAUGHT, noticed) if noticed else (SURVIVED, "")

    def run_host(self, filters):
        self.tree.build_host_tests()
        for words in filters:
            failed = first_failure([*CASE_LIMIT, "build/host/tests", words], self.tree.root)
            if failed:
                return f"host: {failed}"
        return None

    def run_boots(self, boots):
        for boot in boots:
            if boot.build != "debug":
                self.tree.build(boot.build)
                if self.tree.is_the_original(boot.build):
                    continue
            noticed = self.run_boot(boot)
            if noticed and not noticed.startswith(CERTAIN):
                noticed = self.run_boot(boot)
            if noticed:
                return f"boot {boot.name}: {noticed}"
        return None

    def run_boot(self, boot):
        reference = self.boots.reference(boot.name)
        complaint, seen = watch(self.tree.path(f"build/{boot.build}"), boot, reference)
        return complaint or compare_deaths(seen.deaths, reference.deaths) or \
            compare_exits(seen.exits, reference.exits)

    def run_tests(self, tests):
        """What fails must fail twice, and pass when nothing is changed."""
        failed = self.pytest(tests) if tests else None
        if not failed or not self.pytest([failed]):
            return None
        if failed not in self.trusted:
            self.trust(failed)
        return failed

    def trust(self, test):
        self.tree.restore()
        self.tree.build()
        if self.pytest([test]):
            raise RuntimeError(f"{test} fails on the unchanged kernel as well")
        self.trusted.add(test)

    def pytest(self, tests):
        try:
            result = subprocess.run([sys.executable, "-m", "pytest", "-q", "-x", "--tb=no",
                                     "-rfE", *tests], cwd=self.tree.path("test"), text=True,
                                    errors="replace", stdin=subprocess.DEVNULL, check=False,
                                    stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                    env={**os.environ, "RINGFENCE_BUILD": "build/debug"},
                                    timeout=TESTS_SECONDS)
        except subprocess.TimeoutExpired:
            return tests[0]
        found = TEST_FAILURE.search(result.stdout)
        if result.returncode == 0:
            return None
        if not found:
            raise RuntimeError(f"the tests do not run:\n{result.stdout}")
        return found[1]


def first_failure(command, folder):
    """The case of a host test program that fails first; the others are not waited for."""
    with subprocess.Popen(command, cwd=folder, text=True, errors="replace",
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, env={
                              **os.environ, "ASAN_OPTIONS":
                              "detect_leaks=0:allocator_may_return_null=1"}) as program:
        limit = threading.Timer(HOST_SECONDS, program.kill)
        limit.start()
        try:
            for line in program.stdout:
                failed = HOST_FAILURE.match(line)
                if failed:
                    program.kill()
                    return failed[1]
            return " ".join(command) if program.wait() else None
        finally:
            limit.cancel()


def in_order(file, mutant):
    """The tests of which one is likely to notice, the others."""
    likely = [test for pattern, test in file.likely
              if fnmatch.fnmatchcase(mutant.function, pattern)]
    return likely, [test for test in file.tests if test not in likely]


def last_error(text):
    lines = [line for line in text.splitlines() if "error:" in line]
    return (lines or text.splitlines() or ["?"])[0].strip()[-100:]


def compare_deaths(deaths, expected):
    for key in sorted({*deaths, *expected}):
        if deaths.get(key, 0) != expected.get(key, 0):
            return f"{key} {deaths.get(key, 0)} times, not {expected.get(key, 0)}"
    return None


def compare_exits(exits, expected):
    if (exits[0] == 0) != (expected[0] == 0) or exits[1] * EXITS_FACTOR < expected[1] or \
            exits[1] > expected[1] * EXITS_FACTOR:
        return f"{exits[0]} exits by SYSRET, {exits[1]} by IRETQ, not {expected[0]}, {expected[1]}"
    return None


def take_reference(boot, build):
    """Boots the unchanged kernel, which must pass."""
    complaint, seen = watch(build, boot, None)
    if complaint:
        raise RuntimeError(f"the unchanged kernel fails boot {boot.name}: {complaint}")
    return seen


def watch(build, boot, reference):
    """(complaint or None, what was seen) of one boot; stopped as soon as it is lost."""
    machine = Machine(smp=boot.smp, cpu=boot.cpu, machine=boot.machine)
    guest = Guest(machine, Media(build=build, cmdline=command_line(boot)), timeout=None)
    try:
        return follow(guest, boot, reference)
    finally:
        guest.stop()


def command_line(boot):
    return f"panic=1 {boot.words} -- {' '.join(boot.programs)}"


def follow(guest, boot, reference):
    due = [program.split(",")[0] for program in boot.programs]
    limit = COMPUTED_FACTOR * reference.computed + COMPUTED_EXTRA if reference else float("inf")
    limit += 0 if guest.went_on else FIRMWARE_SECONDS
    seen, computed, history, deaths, complaint = 0, 0.0, [], Counter(), None
    while complaint is None:
        ended = guest.ended
        lines = guest.log
        for line in lines[seen:]:
            complaint = complaint or judge_line(line, due, deaths, boot.counted)
        seen = len(lines)
        if ended:
            break
        computed = computed_seconds(guest.process.pid) or computed
        history.append(computed)
        if computed > limit:
            complaint = complaint or f"hangs, computing; awaited {due[:1]}"
        elif len(history) > QUIET_TICKS and computed - history[-QUIET_TICKS] < QUIET_SECONDS:
            complaint = complaint or f"hangs, halted; awaited {due[:1]}"
        time.sleep(TICK_SECONDS)
    if complaint is None:
        complaint = judge_end(guest, due)
    return complaint, Reference(computed, {f"{name} killed by {signal}": count
                                           for (name, signal), count in deaths.items()},
                                count_exits(guest.log))


def count_exits(lines):
    found = [match for match in map(EXITS.search, lines) if match]
    return tuple(map(int, found[-1].groups())) if found else (0, 0)


def judge_line(line, due, deaths, counted):
    if failure_line([line]) or BAD.match(line):
        return line.split("] ", 1)[-1]
    death = DEATH.match(line)
    if death and death[1] in counted:
        deaths[death[1], death[2]] += 1
    verdict = VERDICT.match(line)
    if not verdict:
        return None
    if not due or verdict[1] != due[0] or verdict[2] != "exited 0":
        return f"{verdict[1]} {verdict[2]}"
    due.pop(0)
    return None


def judge_end(guest, due):
    guest.process.wait()
    guest.control.finish()
    if due:
        return f"ended before {due[0]} did"
    if not guest.orderly:
        return f"no orderly end ({guest.end_reason})" if came_back(guest.log) else \
            "not everything came back"
    return None


def computed_seconds(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            words = file.read().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return (int(words[11]) + int(words[12])) / CLOCK
