"""What the log says of programs: init's verdicts, deaths by fault, the counts of live objects."""

import re
import subprocess

VERDICT = re.compile(r"^init: (service )?(\S+) pid (\d+) (exited \d+|killed by \w+)$")
DEATH = re.compile(r"^\[ *\d+\.\d+\] process: (\d+) \((\S+)\) killed by (\w+): ")
OFFSET = re.compile(r"^\[ *\d+\.\d+\] boot: kernel offset (0|0x[0-9a-f]+)$")
LIVE = re.compile(r"^([a-z][a-z0-9-]*) (\d+)$")


def verdicts(guest):
    """[(program, verdict)] in the order of their ends, as init read them from wait statuses."""
    found = [VERDICT.match(line) for line in guest.log]
    return [(match[2].rsplit("/", 1)[-1], match[4]) for match in found if match]


def expect_orderly(guest):
    """Powered itself off with everything given back; otherwise shows the log's end."""
    assert guest.exit_status == 0, "\n".join([f"ended by {guest.end_reason}", *guest.log[-12:]])


def expect_queued_spinlocks(guest):
    """As on real processors: a virtual machine's spinlocks go to whoever looks first."""
    assert guest.matches(r"\] boot: spinlocks: first come, first served$")


def expect_success(guest, program):
    """The program ran and each of its runs exited 0; otherwise shows what it complained of."""
    ends = [verdict for name, verdict in verdicts(guest) if name == program]
    complaints = [line for line in guest.log if line.startswith(("BAD ", "  ", f"{program}:"))]
    assert ends, f"{program} did not end; the log ends with {guest.log[-5:]}"
    assert set(ends) == {"exited 0"}, "\n".join([f"{program}: {ends}", *complaints])


def deaths(guest):
    """[(pid, name, signal)] of every death by a fault, from the kernel's own lines."""
    found = [DEATH.match(line) for line in guest.log]
    return [(int(match[1]), match[2], match[3]) for match in found if match]


def live_counts(guest):
    """The contents of /proc/live, once for every time that a program printed it."""
    reports = []
    for line in guest.log:
        match = LIVE.match(line)
        if match and match[1] == "threads":
            reports.append({})
        if match and reports:
            reports[-1][match[1]] = int(match[2])
    return reports


def run_times(trace):
    """{thread: [(start, end)]} in TSC ticks: the stretches between switches to and from it."""
    stretches = {}
    switches = trace.plain("SWITCH")
    for switch, following in zip(switches, switches[1:]):
        stretches.setdefault(switch.a, []).append((switch.tsc, following.tsc))
    return stretches


def kernel_offset(log):
    """How far above its linked address the kernel ran, as it said at boot."""
    found = [match for match in map(OFFSET.search, log) if match]
    assert found, "the log does not tell the kernel's offset"
    return int(found[0][1], 16)


def symbols_of(path, offset=0):
    """{name: address}, and the names in the order of their addresses."""
    listing = subprocess.run(["llvm-nm", "--numeric-sort", "--defined-only", path], check=True,
                             stdout=subprocess.PIPE, text=True).stdout
    pairs = [line.split() for line in listing.splitlines()]
    return {name: int(address, 16) + offset for address, _, name in pairs}
