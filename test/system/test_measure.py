"""`measure` has a price for everything that it promises, on one machine in one boot."""

import re
import subprocess

import pytest

from harness.fixtures import exec_command

pytestmark = pytest.mark.xdist_group("measure")  # one boot

NAMES = """rdtsc_pair empty_loop null_call unknown_call read_pipe_0 read_zero_0 write_null_1
pipe_write_read clock_vdso clock_raw gettimeofday_step yield_alone yield_two pipe_hop ring_2 ring_8
ring_16 ring_96 pipe_kib fork_exit_wait fork_exec_wait vfork_exec_wait fault_anonymous
fault_file_shared fault_file_private mmap_untouched mmap_touched open_close stat signal_install
signal_deliver futex_hop thread_create_join timer_rate_lone timer_loss_lone timer_gap_lone
timer_rate_two timer_loss_two timer_ignored nanosleep_idle_p50 nanosleep_idle_p90 nanosleep_idle_p99
nanosleep_idle_max nanosleep_load_p50 nanosleep_load_p90 nanosleep_load_p99
nanosleep_load_max""".split()
MAY_BE_SKIPPED = {"clock_vdso", "futex_hop", "thread_create_join", "timer_gap_lone"}
MAY_BE_ZERO = {"timer_rate_lone", "timer_loss_lone"}
UNITS = {"cycles", "ns", "ppm", "per_second"}
NUMBER = r"(-?\d+\.\d)"
ROW = re.compile(rf"^(\w+) {NUMBER} (\w+) min {NUMBER} max {NUMBER}( ns {NUMBER})?$")
NOTE = re.compile(r"^# (\w+): (skipped|failed): .+$")
SECONDS = 180

PROGRAM = """measure; echo "status $?"
measure -l; echo "status $?"
measure stat no-such-row; echo "status $?"
ulimit -n 4; measure -n 7 stat ring_2 null_call; echo "status $?" """


@pytest.fixture(scope="module")
def parts():
    """What each of PROGRAM's lines printed; the last line of each is its status."""
    kept = []

    def run():
        if not kept:
            command = exec_command(["/bin/busybox", "sh", "-c", PROGRAM], timeout=SECONDS)
            result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True,
                                    check=False)
            assert result.returncode == 0, result.stderr.decode()
            text = re.split(r"(?<=status \d)\n", result.stdout.decode())
            kept.extend(part.splitlines() for part in text if part)
        assert len(kept) == 4
        return kept

    return run


def name_of(line):
    match = ROW.match(line) or NOTE.match(line)
    assert match, line
    return match[1]


def test_every_row_in_its_order(parts):
    *lines, status = parts()[0]
    assert [name_of(line) for line in lines] == NAMES
    notes = [NOTE.match(line) for line in lines]
    assert {note[1] for note in notes if note} <= MAY_BE_SKIPPED
    assert "failed" not in {note[2] for note in notes if note}
    assert status == "status 0"


def test_values_make_sense(parts):
    rows = [ROW.match(line) for line in parts()[0] if ROW.match(line)]
    assert {row[3] for row in rows} == UNITS
    for row in rows:
        value, least, most = float(row[2]), float(row[4]), float(row[5])
        assert least <= value <= most, row[0]
        assert least > 0 or (least == 0 and row[1] in MAY_BE_ZERO), row[0]
        assert (row[6] is not None) == (row[3] == "cycles"), row[0]


def test_list(parts):
    *lines, status = parts()[1]
    assert [line.split()[0] for line in lines] == NAMES
    assert all(line.split()[1] in UNITS and len(line.split()) > 3 for line in lines)
    assert status == "status 0"


def test_wrong_name_measures_nothing(parts):
    assert parts()[2] == ["status 2"]


def test_rows_after_a_failed_one(parts):
    good, failed, also_good, status = parts()[3]
    assert ROW.match(good) and ROW.match(also_good)
    assert NOTE.match(failed)[2] == "failed" and failed.startswith("# ring_2: ")
    assert status == "status 1"
