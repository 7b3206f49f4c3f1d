"""What only a debugger can do: frames that IRETQ refuses, a loader of another build; and the
helpers of `make debug` (test/gdb), used on the way."""

import os
import re
import subprocess
import sys
import tempfile

import pytest

from harness import machine
from harness.fixtures import QEMU_PROGRAM, noted, start_guest
from harness.gdb import GDB_SECONDS, run_gdb
from harness.interactive import GDB_HELPERS
from harness.media import default_build
from verdicts import verdicts

RIP, CS, RFLAGS, RSP, SS = range(0, 40, 8)  # in the frame that IRETQ pops
USER_DATA = 0x2B
TRAP_FLAG = 0x302  # TF, IF and the bit that is always set

# A program, which word of its first frame is spoiled, and how it must end. No program can do this
# to itself; a kernel that forgets to check a frame could. EMULATED: QEMU takes the frame and the
# fault comes from ring 3; an Intel CPU refuses it.
SPOILED = {
    "hello": (RIP, 1 << 63, "SIGSEGV"),  # not canonical; EMULATED
    "hello-pie": (RIP, 0xFFFFFFFF80000000, "SIGSEGV"),  # the kernel's first page, in ring 3
    "raw": (CS, 0x10, "SIGSEGV"),  # the kernel's data
    "forktree": (CS, 0, "SIGSEGV"),
    "walker": (CS, USER_DATA, "SIGSEGV"),  # no code
    "spinner": (CS, 0xFFFB, "SIGSEGV"),  # beyond the GDT
    "pingpong": (SS, 0x10, "SIGSEGV"),  # the kernel's
    "lives": (SS, 0, "SIGSEGV"),
    "isolate": (SS, 0x33, "SIGSEGV"),  # not writable
    "sleeper": (RSP, 1 << 63, "SIGSEGV"),  # EMULATED
    "usercopy": (RFLAGS, TRAP_FLAG, "SIGTRAP"),
}
# They handle their signals: a loop, under this name once it is ready for it.
CAUGHT = {"ready-cs": (CS, 0x10, "SIGSEGV"), "ready-ss": (SS, 0x10, "SIGSEGV")}
CATCHER = """
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <ucontext.h>

static volatile int caught;
static char stack[65536];
static volatile char page[4096] __attribute__((aligned(4096)));

static void note(int signal, siginfo_t *info, void *argument)
{
    const greg_t *registers = ((ucontext_t *)argument)->uc_mcontext.gregs;
    uint64_t selectors = (uint64_t)registers[REG_CSGSFS];
    int are_ours = (selectors & 0xffff) == 0x33 && selectors >> 48 == 0x2b;
    caught = info->si_code == SI_KERNEL && are_ours ? 1 : 2;
}

int main(int argc, char **argv)
{
    struct sigaction action = { .sa_sigaction = note, .sa_flags = SA_SIGINFO | SA_ONSTACK };
    sigaltstack(&(stack_t){ .ss_sp = stack, .ss_size = sizeof(stack) }, 0);
    sigaction(SIGSEGV, &action, 0);
    prctl(PR_SET_NAME, argv[1]);
    while (!caught) {
        madvise((void *)page, sizeof(page), MADV_DONTNEED);
        page[0] = 1; // a fault, so that it leaves the kernel by IRETQ
    }
    return caught - 1;
}
"""
REFUSED = [*CAUGHT, *(name for name, (word, value, _) in SPOILED.items() if word in (CS, SS))]

# In functions: the helpers' names share the script's name space.
SCRIPT = """
import gdb

def spoil(spoiled):
    gate = gdb.Breakpoint("{gate}", type=gdb.BP_HARDWARE_BREAKPOINT)
    gdb.Breakpoint("iretq_fault", type=gdb.BP_HARDWARE_BREAKPOINT)
    while gate.enabled:
        gdb.execute("continue", to_string=True)
        name = gdb.parse_and_eval("boot_percpu.current->name").string()
        if gdb.selected_frame().name() == "iretq_fault":
            print("REFUSED", name)
        elif name in spoiled:
            word, value, _ = spoiled.pop(name)
            gdb.execute(f"set *(unsigned long *)($rsp + {frame} + {{word}}) = {{value:#x}}")
            print("SPOILED", name)
            gate.enabled = bool(spoiled)

def use_helpers():
    for command in ("processes", "threads", "queue", "locks", "frame", "memory"):
        print("HELPER", command)
        gdb.execute(f"rf-{{command}}")
    print("HELPER end")

gdb.execute("target remote {socket}")
gdb.execute("source {helpers}")
spoil({spoiled!r})
use_helpers()
gdb.execute("delete")
gdb.execute("detach")
"""


# With isolation IRETQ runs on tables on which gdb could not see whose frame it is: the frame
# is spoiled before the way out starts, with all other registers below it.
GATES = {"off": ("iretq_to_user", 0), "on": ("restore_by_iretq_isolated", 17 * 8)}


@pytest.fixture(scope="module", params=GATES)
def spoiled(request, compile_c):
    """(the ended guest, what gdb printed): a program that handles its signal, those of SPOILED,
    one whose frame is not touched."""
    gate, frame = GATES[request.param]
    programs = " ".join(f"/bin/{name}" for name in [*(f"catcher,{name}" for name in CAUGHT),
                                                     *SPOILED, "hello,intact"])
    with open(compile_c(CATCHER, libc="musl"), "rb") as file:
        catcher = file.read()
    with tempfile.TemporaryDirectory(prefix="ringfence-gdb-") as folder:
        socket = os.path.join(folder, "gdb")
        with start_guest(f"kpti={request.param} nokaslr panic=0 -- {programs}",
                         initramfs_extra={"/bin/catcher": catcher},
                         extra=machine.gdb_channel(socket)) as guest:
            symbols = os.path.join(default_build(), "kernel.debug.elf")
            script = SCRIPT.format(gate=gate, frame=frame, socket=socket, helpers=GDB_HELPERS,
                                   spoiled={**CAUGHT, **SPOILED})
            output = run_gdb(script, folder, symbols)
            assert "HELPER end" in output, output + guest.complaint()
            guest.wait()
            yield guest, output


@pytest.mark.parametrize("name", SPOILED)
def test_spoiled_frame_costs_the_program(spoiled, name):
    guest, output = spoiled
    assert f"SPOILED {name}\n" in output
    number = len(CAUGHT) + list(SPOILED).index(name)
    assert verdicts(guest)[number] == (name, f"killed by {SPOILED[name][2]}")
    assert len(guest.matches(rf"process: \d+ \({name}\) killed by {SPOILED[name][2]}: ")) == 1


@pytest.mark.protection("iretq-fixup")
def test_refusals_arrive_at_their_fix_up(spoiled):
    assert re.findall(r"^REFUSED (\S+)$", spoiled[1], re.MULTILINE) == REFUSED


def test_handler_of_the_signal_finds_the_program_as_it_was(spoiled):
    guest, output = spoiled
    for number, name in enumerate(CAUGHT):
        assert f"SPOILED {name}\n" in output
        assert verdicts(guest)[number] == ("catcher", "exited 0")


def test_kernel_goes_on(spoiled):
    guest, _ = spoiled
    assert guest.exit_status == 0
    assert verdicts(guest)[len(CAUGHT) + len(SPOILED) :] == [("hello", "exited 0")]


@pytest.fixture
def helper(spoiled):
    """helper(name): what rf-NAME printed when the last of SPOILED had just been spoiled."""
    return lambda name: re.search(rf"^HELPER {name}\n(.*?)^HELPER ", spoiled[1],
                                  re.MULTILINE | re.DOTALL)[1]


def test_helper_processes(helper):
    last = list(SPOILED)[-1]
    assert re.search(r"^ +1 +PROCESS_ALIVE +0 +1 init$", helper("processes"), re.MULTILINE)
    assert re.search(rf"^ +\d+ +PROCESS_ALIVE +1 +1 {last}$", helper("processes"), re.MULTILINE)


def test_helper_threads(helper):
    assert re.search(r"^thread 1 of 1 \(init\): state \d, user rip 0x[0-9a-f]+$", helper("threads"),
                     re.MULTILINE)


def test_helper_queue(helper):
    last = list(SPOILED)[-1]
    assert re.match(rf"CPU 0: current: {last}, waiting: \d+, slice ends at TSC \d+$",
                    helper("queue"), re.MULTILINE)


def test_helper_locks(helper):
    assert helper("locks") == "CPU 0: interrupts-off depth: 0\n"


def test_helper_frame(helper):
    assert re.search(rf"\bcs = 51, rflags = {TRAP_FLAG}, rsp = \d+, ss = {USER_DATA}\b",
                     helper("frame"))


def test_helper_memory(helper):
    total, free = map(int, re.match(r"(\d+) frames, (\d+) free\n", helper("memory")).groups())
    used = sum(map(int, re.findall(r"^ *(\d+) FRAME_", helper("memory"), re.MULTILINE)))
    assert used > 0 and total - free >= used


@pytest.fixture(scope="module")
def debugged(tmp_path_factory):
    """`make debug` without a person: (gdb's output, the log). The loader seems of another build."""
    log = tmp_path_factory.mktemp("debug") / "log"
    command = [sys.executable, QEMU_PROGRAM, "debug", "--build-dir", default_build(), "--log",
               str(log)]
    for step in ("backtrace", "set variable boot->version = 99", "continue"):
        command += ["--gdb-argument=-ex", f"--gdb-argument={step}"]
    result = subprocess.run(noted([*command, "--gdb-argument=-batch"]), stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                            timeout=GDB_SECONDS, check=False)
    return result.stdout, log.read_text(errors="replace")


def test_make_debug_stops_in_kernel_main(debugged):
    output, _ = debugged
    assert re.search(r"^Breakpoint 1, kernel_main \(boot=0x[0-9a-f]+\)", output, re.MULTILINE)
    assert re.search(r"^#1 +0x[0-9a-f]+ in kernel_start \(\)", output, re.MULTILINE)


def test_make_debug_ends_with_the_machine(debugged):
    assert re.search("Target disconnected|Remote connection closed|exited normally", debugged[0])


def test_loader_of_another_build_is_told(debugged):
    said = [line for line in debugged[1].splitlines() if line.startswith("[    ")]
    assert re.search(r"boot: the loader speaks boot_info version 99 \(\d+ bytes\), this kernel "
                     r"version \d+ \(\d+ bytes\): install loader and kernel of the same build; "
                     "restarting$", said[1])
    assert all("power" in line for line in said[2:])
