"""NMIs at any instruction: the ways in and out of the kernel lose nothing, with page-table
isolation and without. A minute of each: `make nmi`. And what ring 3 sees of the kernel's memory."""

import os
import random
import re
import subprocess

import pytest

from harness.media import default_build
from verdicts import expect_success, symbols_of

LONG = "RINGFENCE_NMI_SECONDS" in os.environ
SECONDS = int(os.environ.get("RINGFENCE_NMI_SECONDS", "2"))
PATIENCE = 180 + 10 * SECONDS
SAMPLES = 100
# Of a bank, SDM vol. 3B, 16.3.2.2: valid, uncorrected, enabled, with an address; the second lost
# the processor's state. And of all: restartable, in progress.
HARMLESS, FATAL, RESTARTABLE = 0xB4000000000000C0, 0xB6000000000000C0, 5
MACHINE_CHECKS = 20 * SECONDS

NMI_MINIMUM = 40  # that arrived; those that come at the same time are one
NMIS_AT_ONCE = 10

# First a loop without any. Then system calls in a loop: each begins with a pattern in all registers
# that the kernel keeps and in the red zone below the stack pointer. Where programs may set it, GS
# base is one that looks like the kernel's, or nothing like it, in turn: an NMI must not believe it.
PROGRAM = r"""
#include <stdio.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <time.h>
#include <unistd.h>

#define HWCAP2_FSGSBASE 2
#define KERNEL_LIKE 0xffffffff80000000ul
#define PROGRAM_LIKE 0x1000ul

unsigned long parent;
unsigned long differences_after_getppid(void);
__asm__("differences_after_getppid:"
        "push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15;"
        "movabs $0x5a5a1234c3c35678, %rbx;"
        "mov %rbx, %rbp; mov %rbx, %r12; mov %rbx, %r13; mov %rbx, %r14; mov %rbx, %r15;"
        "mov %rbx, %rdi; mov %rbx, %rsi; mov %rbx, %rdx; mov %rbx, %r8; mov %rbx, %r9;"
        "mov %rbx, %r10; mov $-128, %rcx;"
        "1: mov %rbx, (%rsp, %rcx); add $8, %rcx; jnz 1b;"
        "mov $110, %eax; syscall;"
        "movabs $0x5a5a1234c3c35678, %r11; xor parent(%rip), %rax;"
        "xor %r11, %rbx; or %rbx, %rax; xor %r11, %rbp; or %rbp, %rax; xor %r11, %r12;"
        "or %r12, %rax; xor %r11, %r13; or %r13, %rax; xor %r11, %r14; or %r14, %rax;"
        "xor %r11, %r15; or %r15, %rax; xor %r11, %rdi; or %rdi, %rax; xor %r11, %rsi;"
        "or %rsi, %rax; xor %r11, %rdx; or %rdx, %rax; xor %r11, %r8; or %r8, %rax;"
        "xor %r11, %r9; or %r9, %rax; xor %r11, %r10; or %r10, %rax; mov $-128, %rcx;"
        "1: mov (%rsp, %rcx), %rdi; xor %r11, %rdi; or %rdi, %rax; add $8, %rcx; jnz 1b;"
        "pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx; ret");

static unsigned long nmis(void)
{
    char line[256];
    unsigned long count = 0;
    FILE *file = fopen("/proc/interrupts", "r");
    while (file && fgets(line, sizeof(line), file))
        sscanf(line, "NMI: %lu", &count);
    fclose(file);
    return count;
}

/* Without any call, and with a stack pointer that no handler could use. */
static unsigned long nmis_while_spinning(void)
{
    unsigned long before = nmis();
    __asm__ volatile("mov %%rsp, %%rdx; xor %%esp, %%esp; mov $100000000, %%ecx;"
                     "1: dec %%ecx; jnz 1b; mov %%rdx, %%rsp" : : : "rcx", "rdx", "memory");
    return nmis() - before;
}

int main(int argc, char **argv)
{
    struct timespec start, now;
    unsigned long calls = 0, gs = KERNEL_LIKE, seen = gs;
    int may_set_gs = (getauxval(AT_HWCAP2) & HWCAP2_FSGSBASE) != 0;

    parent = getppid();
    if (may_set_gs)
        __asm__ volatile("wrgsbase %0" : : "r"(gs));
    if (argc > 2) {
        unsigned long hits = 0;
        puts("spinning");
        for (int i = 0; i < 50 && hits < 10; i++)
            hits += nmis_while_spinning();
        printf("%lu NMIs hit the loop\n", hits);
        if (hits < 10)
            return 1;
    }
    puts("calling");
    clock_gettime(CLOCK_MONOTONIC, &start);
    do {
        for (int i = 0; i < 1000; i++, calls++)
            if (differences_after_getppid()) {
                printf("caller: call %lu came back different\n", calls);
                return 1;
            }
        clock_gettime(CLOCK_MONOTONIC, &now);
        if (may_set_gs)
            __asm__ volatile("rdgsbase %0" : "=r"(seen));
        if (seen != gs)
            break;
        gs = may_set_gs ? gs ^ KERNEL_LIKE ^ PROGRAM_LIKE : gs;
        seen = gs;
        if (may_set_gs)
            __asm__ volatile("wrgsbase %0" : : "r"(gs));
    } while (now.tv_sec - start.tv_sec < atoi(argv[1]));
    printf("caller: %lu calls, GS base %s\n", calls, seen == gs ? "kept" : "lost");
    return seen != gs;
}
"""


@pytest.fixture(scope="module")
def caller(compile_c):
    with open(compile_c(PROGRAM, libc="musl", flags=["-mfsgsbase"]), "rb") as file:
        return file.read()


def send_nmis(guest, until):
    """NMIs, to all CPUs, until a line matches or the machine ends."""
    try:
        while not guest.matches(until) and not guest.panic:
            for _ in range(NMIS_AT_ONCE):
                guest.monitor("nmi")
    except ConnectionError:
        pass  # the machine ended, well or not


def nmis_seen(guest):
    return int(guest.matches(r"power: up .* (\d+) NMIs")[0][1])


# kpti= is obeyed whatever the processor needs; without: test_machines.py.
@pytest.mark.protection("ist")
@pytest.mark.parametrize("kpti, cpu, told", [
    ("off", "max,vendor=GenuineIntel", "the kernel's page tables; this CPU needs it"),
    ("on", "max", "page tables of its own; this CPU does not need it"),
], ids=["off", "on"])
def test_nmi_in_system_calls(boot, caller, kpti, cpu, told):
    guest = boot(f"kpti={kpti} panic=0 -- /bin/caller,{SECONDS},spin", cpu=cpu, timeout=PATIENCE,
                 initramfs_extra={"/bin/caller": caller})
    guest.wait_for("^spinning$")
    assert guest.matches(rf"\] boot: kpti: ring 3 has {told}$")
    send_nmis(guest, "^caller: ")
    assert guest.wait() == 0
    expect_success(guest, "caller")
    assert guest.matches(r"^caller: \d+ calls, GS base kept$")
    assert nmis_seen(guest) >= NMI_MINIMUM


@pytest.mark.parametrize("kpti", ["off", "on"] if LONG else ["on"])
def test_nmi_under_load(boot, kpti):
    """Everything that programs do, on four CPUs."""
    seed = random.randrange(1 << 32)  # on the command line, which a failure shows
    guest = boot(f"kpti={kpti} panic=0 -- /bin/stress,-t,{SECONDS},-s,{seed}", smp="4", mem="512M",
                 cpu="max", timeout=PATIENCE)
    guest.wait_for("^stress: ")
    send_nmis(guest, "^init: .*stress")
    assert guest.wait() == 0
    expect_success(guest, "stress")
    assert not guest.matches("^BAD ")
    assert nmis_seen(guest) >= NMI_MINIMUM


def counted(guest, place):
    """A count, read where the kernel keeps it."""
    return int(guest.monitor(f"xp /1gx {place:#x}").split(":")[1], 16)


def find_count(guest, name):
    """Its physical address: found while the CPU is on tables that have it."""
    command = ["gdb", "-q", "-nx", "-batch", "-ex", f"print/x (long)&boot_percpu.{name}",
               os.path.join(default_build(), "kernel.debug.elf")]
    address = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.split()
    while True:
        answer = guest.monitor(f"gva2gpa {address[-1]}")
        if answer.startswith("gpa: "):
            return int(answer.split()[1], 16)


def wait_for_more(guest, place, than):
    while counted(guest, place) <= than:
        assert not guest.ended and not guest.panic, guest.complaint()


@pytest.mark.parametrize("kpti", ["off", "on"])
def test_machine_checks(boot, caller, kpti):
    """Errors that the hardware has kept from doing harm, at any instruction, are counted and no
    more; one that it has not ends the machine with what the bank says."""
    guest = boot(f"kpti={kpti} nokaslr panic=0 -- /bin/caller,600", cpu="max", timeout=PATIENCE,
                 initramfs_extra={"/bin/caller": caller})
    guest.wait_for("^calling$")
    checks, calls = (find_count(guest, name) for name in ("interrupt_counts[18]", "sysret_count"))
    for sent in range(MACHINE_CHECKS):
        guest.monitor(f"mce 0 1 {HARMLESS:#x} {RESTARTABLE:#x} 0x1234 0")
        wait_for_more(guest, checks, sent)
        # A second one on the same stack would be the end: a call has to end first.
        wait_for_more(guest, calls, counted(guest, calls))
    assert not guest.matches("^caller: ")  # every call came back as it must
    guest.monitor(f"mce 0 1 {FATAL:#x} {RESTARTABLE:#x} 0x5678 0")
    guest.wait_for(rf"\] panic: machine check in .*: status {RESTARTABLE:#x}, bank 1: "
                   rf"{FATAL:#x}, address 0x5678$")
    guest.wait_for(r"\] panic: halted$")


@pytest.mark.protection("kpti")
def test_ring_3_has_nothing_of_the_kernel(boot, caller):
    """Stopped at random moments: in ring 3 the CPU has no translation for the kernel's code and
    data, in the kernel it has."""
    guest = boot("kpti=on nokaslr panic=0 -- /bin/caller,600", cpu="max",
                 initramfs_extra={"/bin/caller": caller})
    symbols = symbols_of(os.path.join(default_build(), "kernel.debug.elf"))
    guest.wait_for("^calling$")
    seen = {"0": set(), "3": set()}
    samples = 0
    while samples < SAMPLES or not all(seen.values()):
        guest.monitor("stop")
        ring = re.search(r"CPL=(\d)", guest.monitor("info registers"))[1]
        for name in ("trap_handle", "boot_percpu", "syscall_table"):
            mapped = "gpa: " in guest.monitor(f"gva2gpa {symbols[name]:#x}")
            seen[ring].add((name, mapped))
        assert "gpa: " in guest.monitor(f"gva2gpa {symbols['syscall_entry_isolated']:#x}")
        guest.monitor("cont")
        samples += 1
        assert samples < 50 * SAMPLES
    assert not [name for name, mapped in seen["3"] if mapped]
    assert [name for name, mapped in seen["0"] if mapped]
