"""Makes the harness's fixtures and the `protection` marker known to the tests that boot."""

import os
import re
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from harness import commands, fixtures, repeat
from harness.fixtures import boot, booted, built, compile_c, run_exec  # noqa: F401

SHOWN_LINES = 60
SHARED_COMMANDS = 4  # of a file, at most: each copy that is kept takes room
started_in_file = {}  # path: the first commands of its tests, what other tests there looked at
COMPLAINT = re.compile(r"^ +NO  |^BAD |: warning: |panic: ")  # what explains a failed verdict

# Files whose tests wait for one long boot; first, so that no worker is left with one at the end.
# The very first saves the machine in which an instruction is a nanosecond; two others find it.
LONGEST = ["test_stretches", "test_stress", "test_threads", "test_bench", "test_timing",
           "test_cpus", "test_proc", "test_protection"]


def pytest_addoption(parser):
    parser.addoption("--protection", help="only tests that name this protection")


def pytest_configure(config):
    config.addinivalue_line(
        "markers", "protection(name): fails in a build made WITHOUT this protection")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    for item in items:  # who shares boots runs on one worker, unless the test says otherwise
        if "counted" in item.fixturenames:
            item.add_marker(pytest.mark.xdist_group("counted"))
        elif shares_boots(item) and not item.get_closest_marker("xdist_group"):
            item.add_marker(pytest.mark.xdist_group(item.path.stem))
    items.sort(key=lambda item: LONGEST.index(item.path.stem) if item.path.stem in LONGEST
               else len(LONGEST))
    wanted = config.getoption("--protection")
    if not wanted:
        return
    chosen = [item for item in items if wanted in protections_of(item)]
    config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
    items[:] = chosen


@pytest.hookimpl(hookwrapper=True)
def pytest_fixture_setup(fixturedef, request):
    """Remembers what a fixture has started, for the tests that share it."""
    guests, started = len(fixtures.guests_of_test), len(fixtures.commands_of_test)
    yield
    fixturedef.started = fixtures.guests_of_test[guests:], fixtures.commands_of_test[started:]


def started_for(item):
    """(guests, commands) of the test, and of what it shares with others; each once."""
    guests, started = list(fixtures.guests_of_test), list(fixtures.commands_of_test)
    for made in item._fixtureinfo.name2fixturedefs.values():
        shared = getattr(made[-1], "started", ((), ()))
        guests += [guest for guest in shared[0] if guest not in guests]
        started += [command for command in shared[1] if command not in started]
    if not guests and not started:  # something that an earlier test here made for all
        started = started_in_file.get(item.path, [])
    return guests, started


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failure shows what its machines said: complaints from anywhere, then the log's end."""
    report = (yield).get_result()
    if report.when in ("setup", "call") and report.failed:
        guests, started = started_for(item)
        for guest in guests:
            lines = guest.log
            end = lines[-SHOWN_LINES:]
            complaints = [line for line in lines[:-SHOWN_LINES] if COMPLAINT.search(line)]
            report.sections.append(("the machine's log", "\n".join(complaints + end)))
            report.sections.append(("the machine again", "\n".join(repeat.lines(guest))))
        for words, live in started:
            report.sections.append(("the program again", "\n".join(commands.lines(words, live))))
    if report.when == "teardown":
        first = started_in_file.setdefault(item.path, [])
        first += fixtures.commands_of_test[:SHARED_COMMANDS - len(first)]
        fixtures.guests_of_test.clear()
        fixtures.commands_of_test.clear()


def shares_boots(item):
    """What a file's fixtures made, each worker would make for itself."""
    definitions = [made[-1] for made in item._fixtureinfo.name2fixturedefs.values()]
    return {"booted", "shell"} & set(item.fixturenames) or any(
        made.scope == "module" for made in definitions)


def protections_of(item):
    return [name for marker in item.iter_markers("protection") for name in marker.args]
