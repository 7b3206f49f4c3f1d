#!/usr/bin/env python3
"""What this kernel costs, beside Linux on the same emulated machine.

  bench.py run [--runs N]     the tables, and build/bench.json
  bench.py accept --why TEXT  measures this kernel and writes test/bench/expected.json
"""

import os
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[0] = os.path.dirname(HERE)

from bench import command, events, expected, linux, report
from bench import rows as rows_table
from bench.machines import (ISOLATED, LINUX, OURS, TUNED, BenchError, Progress, Systems,
                            measure_ours, run_batch, script)
from harness.machine import QEMU
from harness.media import ROOT

OUTPUT = os.path.join(ROOT, "build", "bench.json")
PLAIN_RUNS = 5


def main():
    options = parse()
    return command.run("bench", {"run": run, "accept": accept}[options.mode], options)


def run(options):
    progress = Progress()
    table_rows = rows_table.load()
    layout_rows = [row.name for row in table_rows.values() if row.layout]
    kernel = linux.kernel(progress.say)
    with tempfile.TemporaryDirectory(prefix="ringfence-bench-") as folder:
        systems = Systems(options.build_dir, script(layout_rows), folder, kernel)
        results = run_batch(systems, [OURS, ISOLATED, LINUX, TUNED], True, progress)
        show_instructions(results, table_rows, kernel)
        systems = Systems(options.build_dir, script([]), folder, kernel)
        runs = run_plain(systems, options.runs, progress)
    show_time(runs, options.runs)
    counts = events.count(options.build_dir, timed_rows(results[OURS], table_rows), progress)
    show_events(counts)
    report.write_json(OUTPUT, {
        "qemu": qemu_version(), "linux": os.path.basename(kernel),
        "instructions": {name: report.plain(result) for name, result in results.items()},
        "time": {name: [report.plain(result) for result in each] for name, each in runs.items()},
        "events": counts})
    progress.say(f"wrote {os.path.relpath(OUTPUT)}")
    return 0


def timed_rows(result, table_rows):
    rows = [table_rows.get(name, rows_table.Row(name))
            for name, value in result.rows.rows.items() if value.unit == "cycles"]
    return [row for row in rows if row.timed]


def run_plain(systems, count, progress):
    """Interleaved, so that what else the host does hits all alike."""
    runs = {OURS: [], LINUX: [], TUNED: []}
    for _ in range(count):
        for name, result in run_batch(systems, list(runs), False, progress).items():
            runs[name].append(result)
    return runs


def show_instructions(results, table_rows, kernel):
    heading("Instructions, one CPU: an instruction is a nanosecond",
            f"Linux: {kernel_name(kernel)} {linux.MITIGATIONS_OFF}", f"tuned: {linux.TUNED}",
            "kpti=on: ours, with page tables of ring 3's own: on by default where a CPU needs it",
            "ratio: ours to the better of the two")
    show(report.instruction_table(results, table_rows))
    print()
    show(report.cost_table(results))
    print()
    show(report.notes(results, table_rows))
    show(report.changes(results[OURS], table_rows))


def show_time(runs, count):
    heading(f"Time in the emulator, {count} runs of each, interleaved: NOISY",
            "the emulator's costs are not a processor's, and the host was doing other things")
    show(report.time_table(runs))


def show_events(counts):
    heading("Events in one unit of each row, this kernel: what instruction counts do not show")
    show(report.event_table(counts))


def heading(*lines):
    print("", *lines, "", sep="\n")


def show(lines):
    for line in lines:
        print(line)
    sys.stdout.flush()


def kernel_name(path):
    return os.path.basename(path).removeprefix("vmlinuz-")


def qemu_version():
    said = subprocess.run([QEMU, "--version"], stdout=subprocess.PIPE, text=True, check=True).stdout
    return said.splitlines()[0]


def accept(options):
    why = options.why.strip()
    if not why:
        raise BenchError('say why: make bench-accept WHY="..."')
    table_rows = rows_table.load()
    layout_rows = [row.name for row in table_rows.values() if row.layout]
    result = measure_ours(options.build_dir, layout_rows, Progress())
    costs = expected.costs_of(result.rows)
    accepted = expected.load() if os.path.exists(expected.EXPECTED_FILE) else {}
    changes = expected.differences(accepted, costs)
    if not changes:
        print("bench: every row costs what was accepted; nothing to do", file=sys.stderr)
        return 0
    expected.store(costs, why)
    print("bench: wrote test/bench/expected.json; commit it with this message:\n", file=sys.stderr)
    print(expected.commit_message(changes, why))
    return 0


def parse():
    parser = command.parser(__doc__)
    modes = parser.add_subparsers(dest="mode", required=True)
    for mode in ("run", "accept"):
        sub = modes.add_parser(mode)
        command.add_build(sub)
        if mode == "run":
            sub.add_argument("--runs", type=command.positive, default=PLAIN_RUNS,
                             help="of the table of time")
        else:
            sub.add_argument("--why", required=True, help="why the new counts are right")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
