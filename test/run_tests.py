#!/usr/bin/env python3
"""Runs suites one after the other; the last line is `N passed, N failed` over all of them.

  run_tests.py [host] [tooling] [system] [escape] [-- pytest arguments]

host      test/host/run.sh, whose last line is `N passed, N failed`
tooling   pytest on the harness itself
system    pytest on the booted machine, two boots at a time, and one boot of the next
escape    pytest: the escape suite on every model
Exit status 0 only when something ran and nothing failed.
"""

import glob
import os
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as xml

from harness.make import forget_make

TEST = os.path.dirname(os.path.abspath(__file__))
FOLDERS = {"tooling": ["tooling"], "system": ["system", "escape/test_part.py"],
           "escape": ["escape/test_escape.py"]}
ORDERLY_ENDS = (0, 1, 5)  # of pytest: all passed, some failed, no test chosen
SUMMARY = re.compile(rb"^(\d+) passed, (\d+) failed$")


def main():
    forget_make()
    suites, _, pytest_arguments = partition(sys.argv[1:], "--")
    passed = failed = 0
    for suite in suites:
        print(f"== {suite}", flush=True)
        counts = run_host() if suite == "host" else run_pytest(suite, pytest_arguments)
        ok, bad = counts or (0, 1)
        passed, failed = passed + ok, failed + bad
    print(f"{passed} passed, {failed} failed")
    return 0 if passed and not failed else 1


def run_host(environment=None):
    """(passed, failed), or None when the tests could not be built or run to their end."""
    script = os.path.join(TEST, "host", "run.sh")
    process = subprocess.Popen([script], stdout=subprocess.PIPE, env=environment)
    summary = None
    for line in process.stdout:
        if summary:
            show(summary.string)
        summary = SUMMARY.match(line.rstrip(b"\n"))
        if not summary:
            show(line)
    status = process.wait()
    if not summary or (status and not int(summary[2])):
        return None
    return int(summary[1]), int(summary[2])


def run_pytest(suite, arguments=()):
    """(passed, failed) of a suite, errors of fixtures included; None as run_host."""
    with tempfile.TemporaryDirectory(prefix="ringfence-") as folder:
        report = os.path.join(folder, "report.xml")
        command = [sys.executable, "-B", "-m", "pytest", "-v", "--tb=short"]
        command += [f"--junitxml={report}"]
        command += ["-n", "2", "--dist", "loadgroup"]
        command += [*FOLDERS[suite], *arguments]
        saved = os.path.join(folder, "saved")  # machines, as harness/saved.py leaves them
        os.mkdir(saved)
        environment = {**os.environ, "RINGFENCE_SAVED": saved}
        status = subprocess.run(command, cwd=TEST, env=environment, check=False).returncode
        for failure in glob.glob(os.path.join(saved, "*.failed")):
            print("slow, from the firmware on:", open(failure, encoding="utf-8").read())
        return read_report(report) if status in ORDERLY_ENDS else None


def read_report(path):
    suites = xml.parse(path).getroot().iter("testsuite")
    counts = [{key: int(suite.get(key)) for key in ("tests", "failures", "errors", "skipped")}
              for suite in suites]
    failed = sum(count["failures"] + count["errors"] for count in counts)
    return sum(count["tests"] - count["skipped"] for count in counts) - failed, failed


def show(line):
    sys.stdout.buffer.write(line if line.endswith(b"\n") else line + b"\n")
    sys.stdout.buffer.flush()


def partition(items, separator):
    at = items.index(separator) if separator in items else len(items)
    return items[:at], separator, items[at + 1 :]


if __name__ == "__main__":
    sys.exit(main())
