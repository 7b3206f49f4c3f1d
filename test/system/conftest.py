"""Makes the harness's fixtures and the `protection` marker known to the system tests."""

import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from counted import counted  # noqa: F401
from harness.fixtures import boot, booted, built, compile_c, run_exec  # noqa: F401

# Files whose tests wait for one long boot; first, so that no worker is left with one at the end.
LONGEST = ["test_stretches", "test_bench", "test_threads", "test_stress", "test_timing",
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


def shares_boots(item):
    """What a file's fixtures made, each worker would make for itself."""
    definitions = [made[-1] for made in item._fixtureinfo.name2fixturedefs.values()]
    return {"booted", "shell"} & set(item.fixturenames) or any(
        made.scope == "module" for made in definitions)


def protections_of(item):
    return [name for marker in item.iter_markers("protection") for name in marker.args]
