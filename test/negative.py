#!/usr/bin/env python3
"""Sees every protection's tests fail in a build without it (make test-negative).

  negative.py [protection...]      all of test/protections.txt by default

A test names a protection with @pytest.mark.protection("name"); a host test by running when
test/host/run.sh is called with WITHOUT=name in its environment. Every test that names it must fail
in the build made WITHOUT it; a protection that no test names counts as failed. The tests are the
same files that `make test` sees pass.
"""

import os
import subprocess
import sys

import run_tests
from harness.make import forget_make

ROOT = os.path.dirname(run_tests.TEST)
PROTECTIONS = os.path.join(run_tests.TEST, "protections.txt")


def main():
    forget_make()
    known = read_protections()
    chosen = sys.argv[1:] or known
    unknown = [name for name in chosen if name not in known]
    if unknown:
        print(f"not in test/protections.txt: {' '.join(unknown)}", file=sys.stderr)
        return 2
    table = [(name, *judge(name)) for name in chosen]
    print(f"\n{'protection':<16} {'noticed':>7} {'missed':>7}  verdict")
    for name, noticed, missed, verdict in table:
        print(f"{name:<16} {noticed:>7} {missed:>7}  {verdict}")
    held = sum(verdict == "ok" for *_, verdict in table)
    print(f"{held} passed, {len(table) - held} failed")
    return 0 if held == len(table) else 1


def read_protections():
    with open(PROTECTIONS, encoding="ascii") as file:
        return [line.strip() for line in file if line.strip() and not line.startswith("#")]


def judge(name):
    """(tests that failed, as they must; tests that passed; verdict)."""
    print(f"== without {name}", flush=True)
    build = subprocess.run(["make", "-s", "-j2", f"WITHOUT={name}", "all"], cwd=ROOT, check=False)
    if build.returncode:
        return 0, 0, "does not build"
    os.environ["RINGFENCE_BUILD"] = f"build/debug-without-{name}"
    booted = run_tests.run_pytest("system", ["--protection", name])
    on_host = run_tests.run_host({**os.environ, "WITHOUT": name})
    if booted is None or on_host is None:
        return 0, 0, "tests do not run"
    missed, noticed = booted[0] + on_host[0], booted[1] + on_host[1]
    if missed:
        return noticed, missed, "MISSED"
    return noticed, missed, "ok" if noticed else "NO TEST"


if __name__ == "__main__":
    sys.exit(main())
