"""What a failure prints leads to the same machine with the same files."""

import os
import pathlib
import re
import shlex
import subprocess
import sys

import pytest

import fuzz_calls
import qemu
from harness import commands, execute, fixtures, repeat
from harness.machine import EXACT_WORDS, Machine
from harness.media import LEFT_OUT, Media
from harness.payload import Payload
from harness.saved import FOLDER_VARIABLE

TEST = pathlib.Path(fuzz_calls.__file__).parent

FILES = ("BOOTX64.EFI", "kernel.elf", "initramfs.cpio")
ODD = {"smp": "2,sockets=2", "mem": "96M", "cpu": "max,-smap", "machine": "pc", "tcg": "single",
       "medium": "usb", "vga": "none", "icount": True, "serial": False, "plugin": "/a b.so,out=c",
       "extra": ["-device", "isa-debug-exit,iobase=0x501"]}


@pytest.fixture
def build(tmp_path, monkeypatch):
    """A build's folder; what is kept goes to another one."""
    monkeypatch.setattr(repeat, "FOLDER", str(tmp_path / "kept"))
    monkeypatch.delenv(FOLDER_VARIABLE, raising=False)
    for name in FILES:
        (tmp_path / name).write_bytes(name.encode())
    return tmp_path


class Run:
    """As much of a guest as is looked at."""

    def __init__(self, settings, media):
        self.machine, self.media, self.outside, self.went_on = settings, media, {}, False
        self.exec_input = None


@pytest.mark.parametrize("knobs", [{}, ODD, *({name: value} for name, value in ODD.items())])
def test_the_command_names_the_machine(knobs):
    cmdline = "panic=1 init='/a b' -- /bin/x,$HOME"
    words = shlex.split(repeat.command(Machine(**knobs), cmdline, "build/repeat/x"))
    assert words[0] == "test/qemu.py"
    options = qemu.parse(words[1:])
    assert qemu.machine_of(options) == Machine(**knobs)
    assert (options.mode, options.cmdline, options.build_dir) == ("boot", cmdline, "build/repeat/x")


def test_what_was_booted_is_kept(build):
    (build / "other").write_bytes(b"another kernel")
    media = Media(build=str(build), cmdline="x", kernel=str(build / "other"), appended=b"more")
    folder = os.path.join(repeat.ROOT, repeat.kept(media))
    kept = Media(build=folder)
    assert kept.content("kernel.elf") == b"another kernel"
    assert kept.content("BOOTX64.EFI") == b"BOOTX64.EFI"
    assert kept.content("initramfs.cpio") == media.content("initramfs.cpio")
    assert kept.content("initramfs.cpio").endswith(b"more")
    assert repeat.kept(kept) == repeat.kept(media)  # named for what it holds


def test_old_ones_go(build):
    for number in range(repeat.KEPT_LIMIT + 3):
        (build / "kernel.elf").write_bytes(bytes([number]))
        last = repeat.kept(Media(build=str(build)))
    assert len(os.listdir(repeat.FOLDER)) == repeat.KEPT_LIMIT
    assert os.path.isdir(os.path.join(repeat.ROOT, last))


def test_what_is_said(build, monkeypatch):
    (build / "variant").write_text("1 1 0 smap user-copy\n")
    run = Run(Machine(icount=True), Media(build=str(build), cmdline="panic=1"))
    run.outside = {"monitor: nmi": 3}
    first, again, seed, exact, outside = repeat.lines(run)
    assert "(SAN=1 WITHOUT='smap user-copy') of " in first
    assert again.startswith("  again: test/qemu.py boot --build-dir ") and "--icount" in again
    assert seed == "  random numbers: all from seed=1, which it has on its command line"
    assert "byte for byte" in exact and "monitor: nmi (3)" in outside
    monkeypatch.setattr(repeat, "SAVED", os.path.join(repeat.ROOT, "build", "repeat", "saved"))
    run.went_on = True
    assert repeat.lines(run)[1].startswith("  again: RINGFENCE_SAVED=build/repeat/saved test/qemu.")
    run.machine = Machine(smp="4")
    assert "from the hardware" in repeat.lines(run)[2] and "up to chance" in repeat.lines(run)[3]
    run.media.cmdline = "panic=1 seed=9 -- /bin/x,seed=4"
    assert "all from seed=9," in repeat.lines(run)[2]
    run.media = Media(kernel=LEFT_OUT)
    assert repeat.lines(run) == ["to repeat it: the boot medium is the test's own"]
    run.media = Media(build=str(build / "nowhere"))
    assert "cannot be kept" in repeat.lines(run)[0]


def test_a_fuzzer_names_the_child_that_ran(build, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["fuzz_calls.py", "--mem", "64M", "--cmdline", "fail=copy:9"])
    options = fuzz_calls.parse()
    run = Run(Machine(smp="4", mem="64M"), Media(build=str(build), cmdline="x"))
    run.log = ["[    1.000000] panic: running: process 12 (fuzz-000000ff), thread 12"]
    run.matches = lambda pattern: [re.search(pattern, line) for line in run.log]
    fuzz_calls.tell_repetition(run, options)
    alone = capsys.readouterr().out.splitlines()[-1].split("each time the same: ")[1]
    again = qemu.parse(shlex.split(alone)[1:])
    assert qemu.machine_of(again) == Machine(mem="64M", icount=True)
    assert again.cmdline == ("panic=1 fail=copy:9 -- "
                             "/bin/callfuzz,-s,255,-n,2000,-c,2000,-j,1,-v")


@pytest.mark.parametrize("knobs, kind", [
    ({"icount": True}, "filed"), ({"smp": 2, "mem": "96M"}, "none"), ({"live": True}, "live")])
def test_a_program_that_exec_ran_is_run_again(build, monkeypatch, knobs, kind):
    (build / "program").write_bytes(b"#!/bin/sh\n")
    monkeypatch.setenv("RINGFENCE_BUILD", str(build))
    told = commands.lines(*exec_of([build / "program", "a b"], cmdline="seed=3 trace=on",
                                   env={"X": "1"}, trace=build / "events", **knobs))
    assert told[0].startswith(f"to repeat it: {os.path.relpath(build, repeat.ROOT)} of ")
    assert told[2] == "  random numbers: all from seed=3, which it has on its command line"
    assert any("its input came live" in line for line in told) == (kind == "live")
    options = qemu.parse(shlex.split(told[1].removeprefix("  again: test/qemu.py ")))
    assert (options.mode, options.kept, options.cmdline) == ("exec", kind, "seed=3 trace=on")
    knobs = {name: value for name, value in knobs.items() if name != "live"}
    assert qemu.machine_of(options) == Machine(**{**knobs, "smp": str(knobs.get("smp", 1))})
    options.build_dir = os.path.join(repeat.ROOT, options.build_dir)
    media, again = execute.what_to_boot(options, 0)
    assert (again, media.cmdline) == (kind, "init=/sbin/exec-init seed=3 trace=on")
    sent = Payload(str(build / "program"), ["a b"], {"X": "1"}, flags=["trace"],
                   stdin=b"" if kind == "filed" else None)
    assert media.content("initramfs.cpio").endswith(sent.archive())
    assert media.content("kernel.elf") == b"kernel.elf"


def test_no_input_is_a_file_without_bytes_where_an_instruction_is_a_nanosecond(build):
    words = ["exec", "--build-dir", str(build), "--kept", "none", "--icount"]
    media, kind = execute.what_to_boot(qemu.parse(words), 0)
    assert kind == "filed" and b"etc/exec/stdin\0" in media.appended


def exec_of(*arguments, **options):
    """What a test notes that asks for this command."""
    fixtures.exec_command(*arguments, **options)
    return fixtures.commands_of_test.pop()


def test_other_commands_are_told_as_they_are(build, monkeypatch):
    monkeypatch.setenv("RINGFENCE_BUILD", str(build))
    where, again = commands.lines(["make", "exec", "PROG=a b"])
    assert where.startswith(f"to repeat it: {os.path.relpath(build, repeat.ROOT)} of ")
    assert again == "  again: make exec 'PROG=a b'"
    missing, again = commands.lines(exec_of([build])[0])  # a folder
    assert "Is a directory" in missing and again.endswith(str(build))


FAILING = """import pytest

@pytest.fixture(scope="module")
def shared():
    from harness.fixtures import exec_command
    exec_command([__file__, "shared"], cmdline="seed=5")

def test_own(run_exec):
    result = run_exec([__file__], machine="none-such", cmdline="seed=6")
    assert result.status == 0, result.stderr.decode()

def test_shared(shared):
    pass

def test_shared_again(shared):
    assert False
"""


def test_a_failing_test_tells_how_to_repeat_its_programs(build):
    """Also those of a fixture that an earlier test has set up. The first one's machine dies."""
    (build / "test_it.py").write_text(FAILING)
    (build / "conftest.py").write_text((TEST / "conftest.py").read_text())
    command = [sys.executable, "-B", "-m", "pytest", "-p", "no:cacheprovider", "test_it.py"]
    usual = {name: value for name, value in os.environ.items()
             if name != FOLDER_VARIABLE and not name.startswith("PYTEST_")}
    run = subprocess.run(command, cwd=build, text=True, stdin=subprocess.DEVNULL, check=False,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                         env={**usual, "RINGFENCE_BUILD": str(build), "PYTHONPATH": str(TEST)})
    assert "2 failed, 1 passed" in run.stdout, run.stdout
    own, shared = run.stdout.split("_ test_shared_again _")
    for part, words in ((own, "--machine none-such"), (shared, "")):
        name = "6" if words else "5"
        again = [line for line in part.splitlines() if line.startswith("  again: ")]
        assert again and len(set(again)) == 1, part
        assert re.fullmatch(rf"  again: test/qemu.py exec --build-dir build/repeat/\w+ --kept none "
                            rf"{words} ?--cmdline=seed={name}", again[0])
        assert f"all from seed={name}," in part and "to repeat it: " in part


@pytest.mark.parametrize("cmdline, whole", [
    ("-- /bin/x seed=4", "nokaslr seed=1 clock_hz=1000000000 -- /bin/x seed=4"),
    ("seed=4 panic=1", "nokaslr clock_hz=1000000000 seed=4 panic=1"),
    (None, "nokaslr seed=1 clock_hz=1000000000")])
def test_nothing_is_left_to_chance(cmdline, whole):
    assert Media(cmdline=cmdline).with_settings(EXACT_WORDS).cmdline == whole
