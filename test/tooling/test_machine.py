"""The QEMU command lines that come out of the knobs, and exec's options out of make's."""

import os
import subprocess
import sys

import pytest

from harness import machine
from harness.interactive import chooses_programs
from harness.machine import Machine
from harness.media import ROOT


def arguments(**knobs):
    return " ".join(Machine(**knobs).arguments("/tmp/a,b/disk.img", "/tmp/vars"))


def test_knobs_reach_the_command_line():
    line = arguments(smp="4,sockets=2", mem="1G", cpu="EPYC", machine="pc")
    for piece in ("-smp 4,sockets=2", "-m 1G", "-cpu EPYC", "-machine pc", "thread=multi"):
        assert piece in line
    assert "file=/tmp/a,,b/disk.img" in line


def test_one_cpu_runs_in_one_thread():
    assert "thread=single" in arguments()
    assert "-icount" not in arguments()


@pytest.mark.parametrize("knob", ["SMP=x", "SMP=cpus=", "WITHOUT=foo"])
def test_nonsense_gets_a_sentence(knob):
    name, _, value = knob.partition("=")
    if name == "WITHOUT":
        command = ["make", "-n", "help", knob]
    else:
        command = [sys.executable, "-B", "test/qemu.py", "boot", f"--{name.lower()}", value]
    result = subprocess.run(command, cwd=ROOT, text=True, stdin=subprocess.DEVNULL,
                            capture_output=True, check=False)
    assert result.returncode != 0 and knob in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_boot_medium():
    assert "-device virtio-blk-pci,drive=boot,bootindex=0" in arguments()
    assert "-device usb-storage,bus=boot-usb.0" in arguments(medium="usb")
    assert "readonly" not in arguments(medium="nvme").split("id=boot")[1]
    assert "disk.img,media=cdrom,readonly=on" in arguments(medium="cd")


def test_another_kernel_boots_on_the_same_machine():
    boot = machine.DirectBoot("/tmp/vmlinuz", "/tmp/initrd", "console=ttyS0 quiet")
    words = Machine(icount=True).arguments(boot, "/tmp/vars")
    ours = Machine(icount=True).arguments("/tmp/disk.img", "/tmp/vars")
    assert words[words.index("-append") + 1] == "console=ttyS0 quiet"
    del words[words.index("-kernel") : words.index("-append") + 2]
    del ours[ours.index("-drive", ours.index("-vga") + 5) : ours.index("-icount")]
    assert words == ours


def test_what_a_machine_lacks():
    assert "-serial none" in " ".join(machine.console_channel(3, connected=False))
    line = arguments(vga="none", hold=True)
    assert "-vga none" in line and "-no-reboot -no-shutdown" in line


def test_measuring_is_deterministic():
    line = arguments(icount=True)
    for piece in ("thread=single", "-cpu max,-erms", "-icount shift=0,sleep=off", "-seed 1",
                  "base=2026-01-01,clock=vm"):
        assert piece in line
    assert "-cpu EPYC" in arguments(icount=True, cpu="EPYC")


@pytest.fixture
def made(tmp_path):
    """made(NAME=value...): the argument list that `make exec` hands to test/qemu.py."""
    recorder = tmp_path / "python"
    recorder.write_text('#!/bin/sh\nfor word; do printf "%s\\0" "$word"; done\n')
    recorder.chmod(0o755)

    def make(**variables):
        text = "all:\ninclude test/test.mk\n"
        pairs = [f"{name}={value}" for name, value in variables.items()]
        command = ["make", "-s", "-f", "-", "exec", "MAKE=true", f"PYTHON={recorder}", *pairs]
        clean = {"PATH": os.environ["PATH"]}
        output = subprocess.run(command, cwd=ROOT, env=clean, input=text, stdout=subprocess.PIPE,
                                text=True, check=True).stdout
        return output.split("\0")[:-1]

    return make


@pytest.mark.parametrize("typed", ["$HOME", "a 'b c' \"d\"", "$(shell touch /tmp/never)", "x\ny",
                                   "`id`", "100% $$ \\", "--help", "#"])
def test_make_hands_text_on_as_typed(made, typed):
    words = made(PROG=typed, ARGS=typed, FILES=typed, CMDLINE=typed)
    assert words[-1] == typed
    assert f"--split-args={typed}" in words and f"--cmdline={typed}" in words
    assert words[words.index("--files") + 1] == typed


def test_make_says_how_exec_is_used():
    result = subprocess.run(["make", "-s", "-f", "test/test.mk", "exec"], cwd=ROOT, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    assert result.returncode == 2 and "usage: make exec" in result.stderr and not result.stdout


def test_program_options_are_not_ours():
    code = ("import qemu\n"
            "o = qemu.parse(['exec', '--smp', '2', '--', '/bin/x', '--smp', '3', '-h'])\n"
            "print(o.smp, o.program, o.arguments)")
    output = subprocess.run([sys.executable, "-B", "-c", code], cwd=os.path.join(ROOT, "test"),
                            stdout=subprocess.PIPE, text=True, check=True).stdout
    assert output == "2 /bin/x ['--smp', '3', '-h']\n"


def test_run_knows_who_chooses_the_programs():
    assert not any(map(chooses_programs, ["", "loglevel=7 slice_ms=5", "x=--", "direct=/x"]))
    assert all(map(chooses_programs, ["-- /bin/hello", "a init=/bin/sh"]))
