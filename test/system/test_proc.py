"""/proc in Linux's formats, and the busybox programs that live on it, in one boot."""

import math
import os
import re

import pytest

from harness import log

pytestmark = pytest.mark.xdist_group("test_proc")  # one boot

SPINNERS = 3
SCRIPT = r"""
B=/bin/busybox
section() { echo "=== $1"; }
cd /proc
for file in stat statm status limits; do section self-$file; $B cat self/$file; done
for file in meminfo stat loadavg uptime version cpuinfo filesystems mounts cmdline kmsg
do section $file; $B cat $file; done
section kernel; $B cat sys/kernel/hostname sys/kernel/ostype sys/kernel/osrelease sys/kernel/pid_max
section uname; $B uname -nsr
section registers; $B cat 1/registers
section maps; $B cat self/maps
section fd; cd /proc/$$/fd; $B ls -l 2>&1 | $B cat; cd /proc
section stdin; echo through the pipe | $B cat /dev/stdin; echo to stdout > /dev/stdout
section links; $B readlink self/root; $B readlink $$/exe; $B readlink 1/exe; $B readlink $$/cwd
section removed
$B cp $B /tmp/busybox; /tmp/busybox sleep 1000 & REMOVED=$!
while [ "$($B readlink $REMOVED/exe)" != /tmp/busybox ]; do :; done
$B rm /tmp/busybox
$B readlink $REMOVED/exe; $B cmp $REMOVED/exe $B && echo still there; kill $REMOVED
section linked; $B ln -s $B /tmp/readlink; /tmp/readlink /proc/self/exe
echo text | $B sh -c 'exec 5</dev/stdin; /bin/busybox readlink /proc/self/fd/5; exec 6</dev/fd/1
/bin/busybox readlink /proc/self/fd/6'
section free; $B free
section uptime-program; $B uptime
section mount; $B mount
section df; $B df
section dmesg; $B dmesg | $B head -n 3
section pidof; $B pidof exec-init
section environ; KEY=value $B cat self/environ | $B tr '\0' '\n'
$B sleep 1000 & SLEEPER=$!
$B sleep 1000 & STOPPED=$!; kill -STOP $STOPPED
$B sh -c ': & exec /bin/busybox sleep 1000' & PARENT=$!
while ! $B grep -q '^State:.Z' /proc/[0-9]*/status 2>/dev/null; do :; done
while ! $B grep -q '^State:.S' /proc/$SLEEPER/status; do :; done
section pids; echo $$ $SLEEPER $STOPPED $PARENT
section states; $B cat [0-9]*/stat
section ps; $B ps
kill -CONT $STOPPED; kill $SLEEPER $STOPPED $PARENT
for i in 1 2 3; do /bin/spinner & eval S$i=$!; done
section before; $B cat stat [0-9]*/stat; section load-0; $B cat loadavg uptime
section top; $B top -b -n 2 -d 3
section after; $B cat stat [0-9]*/stat; section load-1; $B cat loadavg uptime
section interrupts; $B cat interrupts
kill $S1 $S2 $S3; wait $S1 $S2 $S3
section load-2; $B cat loadavg uptime; $B sleep 3
section load-3; $B cat loadavg uptime
section storm; /bin/procstorm 25 4
section reuse; /bin/procstorm reuse
section end
"""

cache = {}


@pytest.fixture
def result(run_exec, tmp_path):
    if "result" not in cache:
        (tmp_path / "proc.sh").write_text(SCRIPT)
        cache["result"] = run_exec(["/bin/busybox", "sh", "proc.sh"], files=tmp_path, timeout=300)
    return cache["result"]


@pytest.fixture
def section(result):
    """section(name) -> the lines that the script printed under this name."""
    sections, current = {}, None
    for line in result.stdout.decode("utf-8", "replace").splitlines():
        if line.startswith("=== "):
            current = sections.setdefault(line[4:], [])
        elif current is not None:
            current.append(line)
    return sections.__getitem__


def host(path):
    with open(os.path.join("/proc", path), encoding="utf-8") as file:
        return file.read().splitlines()


def keys(lines):
    return [line.split(":")[0].strip() for line in lines if ":" in line]


def expect_order_of(lines, reference):
    """Every key is one of Linux's, in Linux's order."""
    known = keys(reference)
    places = [known.index(key) for key in keys(lines)]
    assert places == sorted(places)


def stats(lines):
    """{pid: fields after the name, from the state (field 3) on} of /proc/PID/stat lines."""
    matches = [re.match(r"^(\d+) \((.*)\) (\w .*)$", line) for line in lines]
    return {int(match[1]): [match[2], *match[3].split()] for match in matches if match}


def field(fields, number):
    """By the number that proc(5) gives it."""
    return fields[number - 2]


def test_everything_came_back(result):
    assert result.status == 0, result.stderr[-2000:]
    assert log.came_back(result.log)
    assert result.stdout.decode().splitlines()[-1] == "=== end"


def test_formats_are_linux_s(section):
    assert len(section("self-stat")[0].split()) == len(host("self/stat")[0].split()) == 52
    assert len(section("self-statm")[0].split()) == 7
    assert section("self-limits")[0] == host("self/limits")[0]
    assert [line[:26] for line in section("self-limits")] == [line[:26]
                                                             for line in host("self/limits")]
    expect_order_of(section("self-status"), host("self/status"))
    expect_order_of(section("meminfo"), host("meminfo"))
    for line in section("meminfo"):
        assert re.match(r"^[A-Za-z]+: +\d+ kB$", line)


def test_system_files(section):
    lines = {line.split()[0]: line.split()[1:] for line in section("stat")}
    assert list(lines) == ["cpu", "cpu0", "intr", "ctxt", "btime", "processes", "procs_running",
                           "procs_blocked"]
    assert len(lines["cpu"]) == 10 and lines["cpu"] == lines["cpu0"]
    assert re.match(r"^\d+\.\d\d \d+\.\d\d$", section("uptime")[0])
    assert re.match(r"^\d+\.\d\d \d+\.\d\d \d+\.\d\d \d+/\d+ \d+$", section("loadavg")[0])
    assert section("version")[0].startswith("Linux version 6.1.0-ringfence ")
    assert section("interrupts")[0].split() == ["CPU0"]
    assert any(re.match(r"^LOC: +[1-9]\d*  Local timer", line) for line in section("interrupts"))
    expect_order_of(section("cpuinfo"), ["processor:", "vendor_id:", "cpu family:", "model:",
                    "model name:", "stepping:", "cpu MHz:", "physical id:", "siblings:",
                    "core id:", "cpu cores:", "apicid:", "fpu:", "fpu_exception:", "wp:",
                    "flags:", "clflush size:", "address sizes:"])
    assert section("filesystems") == ["nodev\ttmpfs", "nodev\tproc"]
    assert section("mounts") == ["tmpfs / tmpfs rw 0 0", "proc /proc proc rw 0 0"]
    assert section("cmdline")[0].startswith("init=/sbin/exec-init")
    assert section("kernel") == ["ringfence", "Linux", "6.1.0-ringfence", "32768"]
    assert section("uname") == ["Linux ringfence 6.1.0-ringfence"]
    assert all(re.match(r"^<[3-7]>\[ *\d+\.\d{6}\] \w+: ", line) for line in section("kmsg"))


def test_registers_of_a_waiting_process(section):
    lines = [line.split() for line in section("registers")]
    user = {name: value for who, name, value in (line[:3] for line in lines) if who == "user"}
    assert len(user) == 21 and user["cs"] == "0x0000000000000033"
    assert ["user", "entered", "by", "system", "call", "61"] in lines
    kernel = {line[1]: line[2:] for line in lines if line[0] == "kernel"}
    assert list(kernel) == ["rbx", "rbp", "r12", "r13", "r14", "r15", "rip", "rsp"]
    assert kernel["rip"][1].startswith("schedule+0x")


def test_links(section):
    fds = {match[1]: match[2] for match in (re.search(r" (\d+) -> (.*)$", line)
                                            for line in section("fd")) if match}
    assert fds["1"] == "/dev/exec/stdout" and fds["2"] == "/dev/exec/stderr"
    assert any(target.endswith("/proc.sh") for target in fds.values())
    assert section("stdin") == ["through the pipe", "to stdout"]
    assert section("links") == ["/", "/bin/busybox", "/sbin/exec-init", "/proc"]
    assert section("linked")[0] == "/bin/busybox"  # links are resolved
    assert re.match(r"^pipe:\[\d+\]$", section("linked")[1])
    assert section("linked")[2] == "/dev/exec/stdout"
    assert section("removed") == ["/tmp/busybox (deleted)", "still there"]


def test_maps(section):
    line = re.compile(r"^[0-9a-f]{8,}-[0-9a-f]{8,} [r-][w-][x-][ps] [0-9a-f]{8} "
                      r"[0-9a-f]{2}:[0-9a-f]{2} \d+( +(/|\[).*)?$")
    assert all(line.match(text) for text in section("maps"))
    names = [text[73:] for text in section("maps")]
    assert names[0] == "/bin/busybox" and "[heap]" in names and names[-2:] == ["[stack]", "[vdso]"]


def test_memory_programs(section):
    memory = section("free")[1].split()
    total, used, free = map(int, memory[1:4])
    assert memory[0] == "Mem:" and 200000 < total <= 262144 and 0 < used < 30000 and free < total
    root = next(line.split() for line in section("df") if line.endswith(" /"))
    assert root[0] == "tmpfs" and 1000 < int(root[2]) < 30000 and int(root[3]) > 200000
    assert section("mount") == ["tmpfs on / type tmpfs (rw)", "proc on /proc type proc (rw)"]
    assert re.search(r"up \d+ min,.* load average: \d\.\d\d, ", section("uptime-program")[0])
    assert re.match(r"^\[ *0\.0\d+\] boot: Ringfence", section("dmesg")[0])
    assert section("pidof") == ["1"]
    assert "KEY=value" in section("environ")


def test_states_and_parents(section):
    shell, sleeper, stopped, parent = map(int, section("pids")[0].split())
    found = stats(section("states"))
    assert [found[pid][1] for pid in (shell, sleeper, stopped, parent)] == ["S", "S", "T", "S"]
    assert found[1][:3] == ["exec-init", "S", "0"]
    zombies = [fields for fields in found.values() if fields[1] == "Z"]
    assert len(zombies) == 1 and field(zombies[0], 4) == str(parent)
    assert field(zombies[0], 23) == field(zombies[0], 24) == "0"
    for pid in (sleeper, stopped, parent):
        assert field(found[pid], 4) == str(shell)
    assert all(field(fields, 18) == "20" and field(fields, 19) == "0" for fields in found.values())
    commands = [line.split(None, 2) for line in section("ps")]
    assert commands[0][0] == "PID"
    assert [str(sleeper), "root", "/bin/busybox sleep 1000"] in commands
    assert ["1", "root", "/sbin/exec-init"] in commands


def test_cpu_time_is_shared_and_told(section):
    before, after = stats(section("before")), stats(section("after"))
    spinners = [pid for pid, fields in after.items() if fields[0] == "spinner"]
    assert len(spinners) == SPINNERS
    times = [int(field(after[pid], 14)) + int(field(after[pid], 15)) -
             int(field(before[pid], 14)) - int(field(before[pid], 15)) for pid in spinners]
    assert max(times) < 2 * min(times), times  # a host that stalls charges whoever runs
    cpu = [[int(word) for word in lines[0].split()[1:]]
           for lines in (section("before"), section("after"))]
    user, idle = cpu[1][0] - cpu[0][0], cpu[1][3] - cpu[0][3]
    assert user >= 0.9 * sum(times) and idle <= 2
    assert sum(times) >= 0.8 * (sum(cpu[1]) - sum(cpu[0]))
    second = section("top")[len(section("top")) // 2:]
    shares = [int(line.split()[6].rstrip("%")) for line in second if line.endswith("/bin/spinner")]
    assert len(shares) == SPINNERS and all(20 <= share <= 45 for share in shares), shares


def test_load_average(section):
    def mean_count(first, second):
        """How many ran in between, by the change of the 1-minute average; and what 0.01 means."""
        (load, start), (later, end) = [(float(lines[0].split()[0]), float(lines[1].split()[0]))
                                       for lines in (section(first), section(second))]
        kept = math.exp((start - end) / 60)
        return (later - load * kept) / (1 - kept), 0.01 / (1 - kept)

    busy, tolerance = mean_count("load-0", "load-1")
    assert SPINNERS - 0.2 - tolerance < busy < SPINNERS + 1 + tolerance
    idle, tolerance = mean_count("load-2", "load-3")
    assert -tolerance < idle < 0.3 + tolerance


def test_a_pid_that_comes_again_is_another_process(section):
    assert re.match(r"^procstorm: pid \d+ came again after 327\d\d lives: told apart$",
                    section("reuse")[0])


def test_storm(section):
    assert re.match(r"^procstorm: \d{3,} files, \d{2,} of them stat, 0 bad$", section("storm")[-1])
