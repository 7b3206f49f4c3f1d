"""exec carries bytes, arguments and statuses exactly (issue 2, "Done means" 2)."""

import hashlib
import os
import re
import subprocess

import pytest

from harness.fixtures import exec_command
from harness.media import ROOT

BUSYBOX = "/bin/busybox"
EVERY_BYTE = bytes(range(256)) * 4096
MACHINE_DIED = 125


def shell(script):
    return [BUSYBOX, "sh", "-c", script]


# A byte of live input is an interrupt, so this is less than the mebibyte below.
def test_every_byte_through_live_input(run_exec):
    data = EVERY_BYTE[: 64 << 10]
    result = run_exec([BUSYBOX, "cat"], stdin=data)
    assert (result.status, result.stdout == data, result.stderr) == (0, True, b"")


def test_every_byte_from_a_file(run_exec, tmp_path):
    (tmp_path / "input").write_bytes(EVERY_BYTE)
    with open(tmp_path / "input", "rb") as file:
        result = run_exec([BUSYBOX, "cat"], stdin=file)
    assert (result.status, result.stdout == EVERY_BYTE, result.stderr) == (0, True, b"")


def test_closed_input():
    command = exec_command([BUSYBOX, "wc", "-c"])
    result = subprocess.run(["sh", "-c", 'exec "$@" <&-', "sh", *command], capture_output=True,
                            check=False)
    assert (result.returncode, result.stdout.strip()) == (0, b"0")


def test_endless_input_ends_with_the_program():
    with subprocess.Popen(["yes"], stdout=subprocess.PIPE) as endless:
        result = subprocess.run(exec_command([BUSYBOX, "head", "-c1"], live=True),
                                stdin=endless.stdout, capture_output=True, timeout=120, check=False)
        endless.stdout.close()
    assert (result.returncode, result.stdout) == (0, b"y")


# Others: 0, 1 and 42 where programs of other tests end with them.
@pytest.mark.parametrize("status", [125, 255])
def test_exit_status(run_exec, status):
    result = run_exec(shell(f"exit {status}"))
    assert (result.status, result.stdout, result.stderr) == (status, b"", b"")


@pytest.mark.parametrize("number", [6, 9])  # 11: below; 15: as 9
def test_fatal_signal(run_exec, number):
    result = run_exec(shell(f"echo before; kill -{number} $$; echo after"))
    assert (result.status, result.stdout) == (128 + number, b"before\n")


def test_death_for_memory(run_exec):
    """Told in the log, and the event ring has the verdict at the instruction that touched."""
    result = run_exec(shell("x=0123456789abcdef; while :; do x=$x$x; done"), mem="128M", trace=True)
    assert result.status == 128 + 9
    deaths = [line for line in result.log if "out of memory" in line]
    assert len(deaths) == 1 and "(busybox) killed by SIGKILL" in deaths[0]
    verdicts = [event for event in result.trace.plain("VERDICT") if event.a == 9]
    assert len(verdicts) == 1
    faults = result.trace.plain("FAULT")
    assert any(event.thread == verdicts[0].thread and event.a == 14 for event in faults)


def test_arguments(run_exec):
    awkward = ["a space", "quote'\"", "$HOME `x` \\", "new\nline", "", "-n", "\u00fcmlaut", "*"]
    result = run_exec([*shell('for word; do printf "[%s]" "$word"; done'), "sh", *awkward])
    assert result.status == 0
    assert result.stdout.decode() == "".join(f"[{word}]" for word in awkward)


MEBIBYTE = ("i=0; while [ $i -lt 16 ]; do head -c 65536 /dev/zero; "
            "head -c 65536 /dev/zero | tr '\\0' x >&2; i=$((i+1)); done")


def test_environment_folder_and_a_mebibyte_on_both_outputs(run_exec):
    """Sixteen times 64 KiB on each, in turn; nothing on standard input."""
    result = run_exec(shell(f'echo "$COLOUR|$EMPTY|"; pwd; wc -c; {MEBIBYTE}'),
                      env={"COLOUR": "a b=c", "EMPTY": ""}, cwd="/tmp", stdin=b"")
    assert result.status == 0
    assert result.stdout == b"a b=c||\n/tmp\n0\n" + bytes(1 << 20)
    assert result.stderr == b"x" * (1 << 20)


def test_files_travel_along(run_exec, tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "file name").write_bytes(EVERY_BYTE[:1000])
    result = run_exec(shell("cat 'deep/file name'"), files=tmp_path)
    assert (result.status, result.stdout) == (0, EVERY_BYTE[:1000])


def test_not_found(run_exec):
    result = run_exec(["/no/such/program"])
    assert (result.status, result.stdout) == (127, b"")
    assert result.stderr == b"exec: /no/such/program: No such file or directory\n"


def test_not_executable(run_exec, tmp_path):
    text = tmp_path / "text"
    text.write_text("just text\n")
    text.chmod(0o755)
    result = run_exec([text])
    assert (result.status, result.stdout) == (126, b"")
    assert b"Exec format error" in result.stderr


def test_two_runs_at_once():
    runs = [subprocess.Popen(exec_command(shell(f"cat; echo run {number}; exit {number}"),
                                          live=True), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            for number in (1, 2)]
    for number, process in enumerate(runs, 1):
        output, _ = process.communicate(f"input {number}\n".encode(), timeout=120)
        assert (process.returncode, output) == (number, f"input {number}\nrun {number}\n".encode())


def test_kernel_death_is_no_status(run_exec):
    result = run_exec([BUSYBOX, "true"], cmdline="panic=1 selftest=panic")
    assert (result.status, result.stdout) == (MACHINE_DIED, b"")
    assert b"panic" in result.stderr
    again = re.search(rb"^  again: (test/qemu.py exec --build-dir build/repeat/.*)$", result.stderr,
                      re.M)[1]
    repeated = subprocess.run(again, shell=True, cwd=ROOT, stdin=subprocess.DEVNULL,
                              capture_output=True, check=False)
    assert (repeated.returncode, repeated.stdout) == (MACHINE_DIED, b"")
    assert b"asked for by selftest=panic" in repeated.stderr and again in repeated.stderr


def test_closed_output_ends_the_run():
    """A reader that goes away ends the machine; nothing is left running."""
    with subprocess.Popen(exec_command([BUSYBOX, "yes"]), stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE) as process:
        assert process.stdout.read(4) == b"y\ny\n"
        process.stdout.close()
        assert process.wait(60) != 0


def test_sha256sum_of_busybox_and_ls_of_the_root(run_exec):
    with open(BUSYBOX, "rb") as file:
        expected = hashlib.sha256(file.read()).hexdigest()
    result = run_exec(shell(f"sha256sum {BUSYBOX}; ls -l /"))
    assert (result.status, result.stderr) == (0, b"")
    sum_line, _, *rows = result.stdout.decode().splitlines()  # and ls' total
    assert sum_line == f"{expected}  {BUSYBOX}"
    names = [row.split()[-1] for row in rows]
    assert {"bin", "dev", "etc", "home", "proc", "sbin", "tmp"} <= set(names)
    assert all(row.split()[2] == "root" for row in rows)


PROGRAM = r"""
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
int main(int argc, char **argv)
{
    char line[100] = "";
    if (argc > 1 && strcmp(argv[1], "crash") == 0)
        *(volatile int *)16 = 1;
    if (!fgets(line, sizeof(line), stdin))
        return 1;
    printf("out %s%f", line, 1.5 * atoi(argv[1]));
    fprintf(stderr, "err\n");
    return 42;
}
"""


@pytest.mark.parametrize("libc", ["glibc", "musl"])
def test_foreign_program(run_exec, compile_c, libc):
    result = run_exec([compile_c(PROGRAM, libc=libc), "3"], stdin=b"line\n")
    assert (result.status, result.stdout, result.stderr) == (42, b"out line\n4.500000", b"err\n")


def test_foreign_program_crashes(run_exec, compile_c):
    result = run_exec([compile_c(PROGRAM), "crash"])
    assert (result.status, result.stdout) == (128 + 11, b"")
    assert any("killed by SIGSEGV" in line and "0x10" in line for line in result.log)


def test_make_exec(tmp_path):
    """The command that people type: output alone on standard output, make's own status 2."""
    command = ["make", "exec", f"PROG={BUSYBOX}", 'ARGS=sh -c "echo \'a  b\'; exit 3"']
    environment = {key: value for key, value in os.environ.items() if key != "MAKEFLAGS"}
    result = subprocess.run(command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL,
                            capture_output=True, check=False)
    assert (result.returncode, result.stdout) == (2, b"a  b\n")
    with open(os.path.join(ROOT, "build", "exec.status"), encoding="ascii") as file:
        assert int(file.read()) == 3
