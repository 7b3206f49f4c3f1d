"""`make bench` without a machine: reading, judging, comparing with what was accepted."""

import os
import signal
import subprocess
import sys
import time

import pytest

from bench import cost, expected, linux, measured, report
from bench.machines import END, ISOLATED, LINUX, OURS, TUNED, Result, script
from bench.rows import Row, load, ratio, verdict
from harness.media import ROOT

PRINTED = """\
[    0.100000] boot: first program after 9000 ns, 7000 of them waiting for clocks
null_call 243.0 cycles min 242.0 max 250.5 ns 243.1
fork_exit_wait 100.0 cycles min 90.0 max 110.0 ns 50.0
timer_loss_lone -0.1 ppm min -0.3 max 0.4
# futex_hop: skipped: no threads
fork_exit_wait 300.0 cycles min 80.0 max 310.0 ns 150.0
fork_exit_wait 200.0 cycles min 95.0 max 210.0 ns 100.0
null_call of something else 3 cycles
""".splitlines()


def rows_of(**costs):
    lines = [f"{name} {value:.1f} cycles min 0.0 max 1.0" for name, value in costs.items()]
    return measured.parse(lines)


def test_lines_become_rows():
    parsed = measured.parse(PRINTED)
    assert list(parsed.rows) == ["null_call", "fork_exit_wait", "timer_loss_lone"]
    fork = parsed.rows["fork_exit_wait"]
    assert (fork.median, fork.time, fork.minimum, fork.maximum) == (200.0, 100.0, 80.0, 310.0)
    assert parsed.rows["timer_loss_lone"].time == parsed.rows["timer_loss_lone"].median == -0.1
    assert parsed.notes == {"futex_hop": "skipped: no threads"}


def test_rows_of_layout_are_measured_by_fresh_processes():
    commands = script(["fork_exit_wait", "fork_exec_wait"]).splitlines()
    assert sum("fork_exit_wait fork_exec_wait >>" in line for line in commands) == 4
    assert sum(line.startswith("/bin/measure") for line in script([]).splitlines()) == 1


def test_verdicts():
    assert [verdict(Row("r", goal=90), value) for value in (90, 90.1, None)] == [
        "met", "missed", "no value"]
    assert [verdict(Row("r", goal=90, more_is_better=True), value) for value in (90, 89)] == [
        "met", "missed"]
    assert verdict(Row("r"), 5) == "-"
    assert verdict(Row("r", goal=0), 0) == "met"


def test_the_ratio_is_to_the_better_rival():
    assert ratio(Row("r"), 50, [200, 100]) == 0.5
    assert ratio(Row("r", more_is_better=True), 400, [200, 100]) == 0.5
    assert ratio(Row("r"), 50, [None, None]) is None
    assert ratio(Row("r"), 50, [0, 10]) is None


def test_every_row_of_the_table_is_one_of_measure():
    with open(os.path.join(ROOT, "user", "bin", "measure", "rows.c"), encoding="ascii") as file:
        source = file.read()
    assert [name for name in load() if f'{{ "{name}",' not in source] == []


@pytest.mark.parametrize("new, complaints", [(1000, 0), (1019, 0), (1021, 1), (500, 0)])
def test_a_row_that_grew_by_two_per_cent_fails(new, complaints):
    changes = expected.regressions({"stat": 1000.0}, rows_of(stat=new), {"stat": Row("stat")})
    assert len(changes) == complaints
    if complaints:
        assert str(changes[0]) == "stat: was 1000.0, is 1021.0 (+2.1%)"
        assert "make bench-accept WHY=" in expected.HOW


@pytest.mark.parametrize("new, complaints", [(1049, 0), (1051, 1)])
def test_rows_of_layout_may_grow_by_five(new, complaints):
    table = {"fork_exit_wait": Row("fork_exit_wait", layout=True)}
    measured_rows = rows_of(fork_exit_wait=new)
    assert len(expected.regressions({"fork_exit_wait": 1000}, measured_rows, table)) == complaints


def test_more_can_be_better():
    table = {"rate": Row("rate", more_is_better=True)}
    assert expected.regressions({"rate": 100.0}, rows_of(rate=97), table)
    assert not expected.regressions({"rate": 100.0}, rows_of(rate=120), table)


def test_a_row_that_vanished_or_is_new_fails():
    measured_rows = rows_of(stat=5)
    measured_rows.notes["null_call"] = "failed: no such call"
    changes = expected.regressions({"null_call": 90.0}, measured_rows, {})
    assert [str(change) for change in changes] == [
        "null_call: was 90.0, has no value now: failed: no such call", "stat: new, 5.0"]


def test_accepting_says_old_new_and_why(tmp_path):
    path = tmp_path / "expected.json"
    expected.store({"stat": 10.04, "null_call": 90.0}, "first", path)
    accepted = expected.load(path)
    assert accepted == {"stat": 10.0, "null_call": 90.0}
    changes = expected.differences(accepted, {"stat": 12.0, "null_call": 90.04, "open_close": 7.0})
    message = expected.commit_message(changes, "stat looks at one more lock")
    assert message.splitlines()[2:] == ["stat looks at one more lock", "",
                                        "stat: was 10.0, is 12.0 (+20.0%)", "open_close: new, 7.0"]


def test_what_is_accepted_has_every_row_with_a_goal():
    missing = [row.name for row in load().values() if row.goal is not None]
    assert [name for name in missing if name not in expected.load()] == []


def test_cost_of_boot(tmp_path):
    kernel = tmp_path / "kernel"
    kernel.write_bytes(bytes(3 << 10))
    ours = cost.ours([PRINTED[0], "[ 0.1] memory: in use 90 KiB: reserved at boot 70 (kernel image "
                      "50) and allocated 20 (page tables 2)"], kernel)
    assert (ours["boot, ns"], ours["boot without waiting, ns"]) == (9000, 2000)
    assert (ours["memory in use, KiB"], ours["of it allocated, KiB"]) == (90, 20)
    assert ours["kernel in memory, KiB"] == 50
    log = ["[    0.1] Memory: 100K/8192K available (10K kernel code, 20K rwdata, 30K rodata, 4K "
           "init, 5K bss, 1K reserved, 0K cma-reserved)",
           "[    1.500001] Run /init as init process",
           "MemTotal: 8000 kB", "MemFree:            4000 kB", "Buffers:               0 kB",
           "Cached:   64 kB"]
    rival = cost.linux(log, kernel)
    assert rival == {"kernel file, KiB": 3, "boot, ns": 1_500_001_000,
                     "memory in use, KiB": 8192 - 4064 - 128,
                     "of it allocated, KiB": 8000 - 4064, "kernel in memory, KiB": 69}


def test_table_of_instructions():
    results = {name: Result(rows_of(stat=value), {}) for name, value in
               ((OURS, 50), (ISOLATED, 55), (LINUX, 200), (TUNED, 100))}
    lines = list(report.instruction_table(results, {"stat": Row("stat", goal=60)}))
    assert lines[1].split() == ["stat", "cycles", "50", "55", "200", "100", "0.50", "60", "met"]


def test_the_kernel_package_is_found():
    said = "linux-image-amd64\n  Depends: linux-image-6.1.0-56-amd64\n  Suggests: grub\n"
    assert linux.package_name(said) == "linux-image-6.1.0-56-amd64"
    assert linux.package_name("") is None


@pytest.fixture
def apt(tmp_path, monkeypatch):
    """apt(name, text): puts a shell script of that name first in the path."""
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setattr(linux, "FOLDER", str(tmp_path / "bench"))
    (tmp_path / "bin").mkdir()

    def make(name, text):
        program = tmp_path / "bin" / name
        program.write_text(f"#!/bin/sh\n{text}\n")
        program.chmod(0o755)

    return make


def test_no_network_gets_a_sentence(apt, tmp_path):
    apt("apt-cache", "echo '  Depends: linux-image-6.1.0-1-amd64'")
    apt("apt-get", "echo 'Could not resolve' >&2; exit 100")
    apt("sudo", 'exec "$@"')
    with pytest.raises(linux.NoLinux, match="is there a network.*apt-get download linux-image-6"):
        linux.kernel(lambda text: None)
    assert os.listdir(tmp_path / "bench") == []


def test_the_package_is_unpacked_once(apt, tmp_path):
    apt("apt-cache", "echo '  Depends: linux-image-6.1.0-1-amd64'")
    apt("apt-get", "touch linux-image.deb")
    apt("dpkg-deb", 'mkdir -p "$3/boot"; echo kernel > "$3/boot/vmlinuz-6.1.0-1-amd64"')
    said = []
    first = linux.kernel(said.append)
    assert first == linux.kernel(said.append) and os.path.basename(first) == "vmlinuz-6.1.0-1-amd64"
    assert sum("fetching" in text for text in said) == 1
    assert os.listdir(tmp_path / "bench") == ["linux"]


def wait_until(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    return condition()


def runs(pid):
    """A process that ended counts as gone even while nobody has asked for its status."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def heed_interrupts():
    """Also below a shell that started the tests in the background, where SIGINT is ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_interrupted_nothing_is_left(tmp_path):
    """Ctrl-C while the machine runs: no process, no files, nothing accepted."""
    build, temporary, started = tmp_path / "build", tmp_path / "tmp", tmp_path / "started"
    build.mkdir()
    temporary.mkdir()
    for name in ("kernel.elf", "BOOTX64.EFI", "initramfs.cpio"):
        (build / name).write_bytes(b"x")
    qemu = tmp_path / "qemu"
    qemu.write_text(f"#!/bin/sh\necho $$ > {started}.new\nmv {started}.new {started}\n"
                    "exec sleep 600\n")
    qemu.chmod(0o755)
    environment = {**os.environ, "QEMU": str(qemu), "TMPDIR": str(temporary)}
    command = [sys.executable, "-B", "test/bench/bench.py", "accept", "--build-dir", str(build),
               "--why", "x"]
    before = os.path.getmtime(expected.EXPECTED_FILE)
    with subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE,
                          preexec_fn=heed_interrupts) as process:
        assert wait_until(lambda: started.exists() or process.poll() is not None)
        assert started.exists(), process.communicate()
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
    assert wait_until(lambda: not runs(int(started.read_text())))
    assert os.listdir(temporary) == []
    assert os.path.getmtime(expected.EXPECTED_FILE) == before


def test_accepting_wants_a_reason():
    command = ["make", "-s", "bench-accept", "WHY="]
    result = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True,
                            text=True, check=False)
    assert result.returncode and 'WHY="..."' in result.stderr and END not in result.stdout
