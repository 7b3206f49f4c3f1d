#!/usr/bin/env python3
"""Independent work on 1, 2 and 4 CPUs, here and on Linux: what an operation costs, and what the
kernel counts meanwhile. Fails when this kernel counts more than scale.toml allows.

  scale.py [--runs N] [--cpus 1,2,4] [--only-ours]     the tables, and build/scale.json
"""

import os
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[0] = os.path.dirname(HERE)

from bench import command, jobs, linux, report
from bench.machines import BEGIN, END, LINUX, OURS, BenchError, Progress, Systems, run_one
from harness.media import ROOT

OUTPUT = os.path.join(ROOT, "build", "scale.json")
ROUNDS = 3  # of all rows in one boot


def main():
    return command.run("scale", scale, parse())


def scale(options):
    progress = Progress()
    limits = jobs.load()
    kernel = None if options.only_ours else linux.kernel(progress.say)
    names = [OURS] if options.only_ours else [OURS, LINUX]
    results = {(name, cpus): [] for name in names for cpus in options.cpus}
    with tempfile.TemporaryDirectory(prefix="ringfence-scale-") as folder:
        for turn in range(options.runs):
            for cpus in options.cpus:
                systems = Systems(options.build_dir, script(limits, cpus), folder, kernel, cpus)
                for name in names:
                    progress.say(f"run {turn + 1} of {options.runs}: {name}, SMP={cpus}")
                    results[name, cpus] += runs_of(name, run_one(systems, name, progress))
    summaries = summarize(results, limits)
    show(summaries, limits, names, options)
    write(summaries, kernel)
    progress.say(f"wrote {os.path.relpath(OUTPUT)}")
    return judge(summaries, limits)


def script(limits, cpus, rounds=ROUNDS):
    """Shell commands. Rows in turn, so that what the host does meanwhile hits all alike; what is
    printed waits for the end."""
    lines = [f"echo '{BEGIN}'"]
    for _ in range(rounds):
        lines += [f"/bin/measure -j {cpus} -n {row.turns} {row.name} >> /tmp/rows"
                  for row in limits.values()]
    return "\n".join(lines + ["/bin/busybox cat /tmp/rows", f"echo '{END}'"]) + "\n"


def runs_of(name, result):
    runs, complaints = jobs.parse(result.log)
    if complaints:
        raise BenchError(f"{name}: " + "; ".join(complaints))
    return runs


def summarize(results, limits):
    """{(row, system, cpus): Summary}"""
    summaries = {}
    for (name, cpus), runs in results.items():
        for row in limits:
            of_row = [run for run in runs if run.name == row]
            if not of_row:
                raise BenchError(f"{name} with {cpus} CPUs did not measure {row}")
            summaries[row, name, cpus] = jobs.Summary(of_row)
    return summaries


def show(summaries, limits, names, options):
    print(f"""
Time between two operations, ns, the median of {options.runs * ROUNDS} runs; x: how much faster
than on {options.cpus[0]} CPU. EMULATED: each CPU is a thread of the host, which has
{os.cpu_count()} processors and other work. Beyond these nothing can get faster, and who holds
a lock may not be running. Do not read it as a processor's time; what counts is the next table.
""")
    for line in time_table(summaries, limits, names, options.cpus):
        print(line)
    print("\nCounted for one operation: waits for locks, interrupts between CPUs (RES, CAL), "
          "shootdowns (TLB),\nmigrations; '-': the kernel does not tell\n")
    for line in count_table(summaries, limits, names, options.cpus):
        print(line)
    print("\nThe limits, where they are not 0:")
    for row in limits.values():
        if row.why:
            print("\n".join(report.indented(f"{row.name}: {row.why}")))


def time_table(summaries, limits, names, cpus_list):
    head = ["row", ""]
    for cpus in cpus_list:
        head += [f"{name} {cpus}" for name in names] + (["ratio"] if LINUX in names else [])
        head += [f"x {name}" for name in names] if cpus != cpus_list[0] else []
    lines = []
    for row in limits:
        line = [row, ""]
        for cpus in cpus_list:
            costs = {name: summaries[row, name, cpus].ns for name in names}
            line += [report.number(cost) for cost in costs.values()]
            line += [f"{costs[OURS] / costs[LINUX]:.2f}"] if LINUX in names else []
            if cpus != cpus_list[0]:
                line += [f"{summaries[row, name, cpus_list[0]].ns / costs[name]:.2f}"
                         for name in names]
        lines.append(line)
    return report.table(head, lines)


def count_table(summaries, limits, names, cpus_list):
    head = ["row", "system", "CPUs", "waits", "ns", *jobs.PARTS, "locks"]
    lines = []
    for row in limits:
        for name in names:
            for cpus in cpus_list:
                summary = summaries[row, name, cpus]
                waits = summary.waits()
                tells = name == OURS
                lines.append([row, name, str(cpus), share(sum(waits.values()) if tells else None),
                              report.number(sum(map(summary.waited_ns, waits)) if tells else None),
                              *(share(summary.share(kind)) for kind in jobs.PARTS),
                              " ".join(f"{lock}:{share(count)}" for lock, count in waits.items())])
    return report.table(head, lines)


def share(value):
    if value is None:
        return "-"
    return "0" if value == 0 else "<0.0001" if value < 0.0001 else f"{value:.4f}"


def judge(summaries, limits):
    """Exit status: 1 when this kernel counted too much."""
    found = [f"{row} on {cpus} CPUs: {offence}"
             for (row, name, cpus), summary in summaries.items() if name == OURS
             for offence in jobs.offences(summary, limits[row])]
    print("\nAbove its limit (test/bench/scale.toml):" if found else
          "\nNothing is above its limit (test/bench/scale.toml).")
    for line in found:
        print(f"  {line}")
    return 1 if found else 0


def write(summaries, kernel):
    report.write_json(OUTPUT, {
        "linux": os.path.basename(kernel) if kernel else None, "host_processors": os.cpu_count(),
        "rows": [{"row": row, "system": name, "cpus": cpus, "ns": summary.ns,
                  "ns_min": summary.spread[0], "ns_max": summary.spread[1],
                  **{kind: summary.share(kind) for kind in jobs.PARTS},
                  "waits": summary.waits() if name == OURS else None,
                  "waited_ns": {lock: summary.waited_ns(lock) for lock in summary.waits()}}
                 for (row, name, cpus), summary in summaries.items()]})


def cpu_counts(text):
    return [command.positive(word) for word in text.split(",")]


def parse():
    parser = command.parser(__doc__)
    command.add_build(parser)
    parser.add_argument("--runs", type=command.positive, default=3, help="boots of each kind")
    parser.add_argument("--cpus", type=cpu_counts, default=[1, 2, 4], help="of the machines")
    parser.add_argument("--only-ours", action="store_true", help="without Linux beside it")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
