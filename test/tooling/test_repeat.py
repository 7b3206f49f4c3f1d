"""What a failure prints leads to the same machine with the same files."""

import os
import re
import shlex
import sys

import pytest

import fuzz_calls
import qemu
from harness import repeat
from harness.machine import EXACT_WORDS, Machine
from harness.media import LEFT_OUT, Media

FILES = ("BOOTX64.EFI", "kernel.elf", "initramfs.cpio")
ODD = {"smp": "2,sockets=2", "mem": "96M", "cpu": "max,-smap", "machine": "pc", "tcg": "single",
       "medium": "usb", "vga": "none", "icount": True, "serial": False, "plugin": "/a b.so,out=c",
       "extra": ["-device", "isa-debug-exit,iobase=0x501"]}


@pytest.fixture
def build(tmp_path, monkeypatch):
    """A build's folder; what is kept goes to another one."""
    monkeypatch.setattr(repeat, "FOLDER", str(tmp_path / "kept"))
    for name in FILES:
        (tmp_path / name).write_bytes(name.encode())
    return tmp_path


class Run:
    """As much of a guest as is looked at."""

    def __init__(self, settings, media):
        self.machine, self.media, self.outside, self.went_on = settings, media, {}, False


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
    first, again, exact, outside = repeat.lines(run)
    assert "(SAN=1 WITHOUT='smap user-copy') of " in first
    assert again.startswith("  again: test/qemu.py boot --build-dir ") and "--icount" in again
    assert "byte for byte" in exact and "monitor: nmi (3)" in outside
    monkeypatch.setattr(repeat, "SAVED", os.path.join(repeat.ROOT, "build", "repeat", "saved"))
    run.went_on = True
    assert repeat.lines(run)[1].startswith("  again: RINGFENCE_SAVED=build/repeat/saved test/qemu.")
    run.machine = Machine(smp="4")
    assert "up to chance" in repeat.lines(run)[2]
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


@pytest.mark.parametrize("cmdline, whole", [
    ("-- /bin/x seed=4", "nokaslr seed=1 clock_hz=1000000000 -- /bin/x seed=4"),
    ("seed=4 panic=1", "nokaslr clock_hz=1000000000 seed=4 panic=1"),
    (None, "nokaslr seed=1 clock_hz=1000000000")])
def test_nothing_is_left_to_chance(cmdline, whole):
    assert Media(cmdline=cmdline).with_settings(EXACT_WORDS).cmdline == whole
