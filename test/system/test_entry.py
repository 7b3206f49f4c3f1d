"""An NMI at every single instruction of the ways in and out of the kernel: a debugger stops there
and sends one, so that none is left to chance."""

import os
import re
import tempfile

import pytest

from harness import machine
from harness.fixtures import start_guest
from harness.gdb import run_gdb
from harness.media import default_build
from verdicts import symbols_of, verdicts

# In turns a call and a page fault, with a pattern in all registers, and GS base as the kernel's
# could be, until the debugger says that it is done. 1: something came back different.
PROGRAM = r"""
#include <stdint.h>
#include <sys/auxv.h>
#include <sys/mman.h>

#define HWCAP2_FSGSBASE 2

volatile int done;
static volatile char page[4096] __attribute__((aligned(4096)));
uint64_t differences(volatile char *touched);
__asm__("differences:"
        "push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15; mov %rdi, %rsi;"
        "movabs $0x5a5a1234c3c35678, %rbx;"
        "mov %rbx, %rbp; mov %rbx, %r12; mov %rbx, %r13; mov %rbx, %r14; mov %rbx, %r15;"
        "mov %rbx, %rdi; mov %rbx, %rdx; mov %rbx, %r8; mov %rbx, %r9; mov %rbx, %r10;"
        "mov $110, %eax; .globl ask; ask: syscall;"
        ".globl touch; touch: movb $1, (%rsi);"
        "movabs $0x5a5a1234c3c35678, %r11; xor %eax, %eax;"
        "xor %r11, %rbx; or %rbx, %rax; xor %r11, %rbp; or %rbp, %rax; xor %r11, %r12;"
        "or %r12, %rax; xor %r11, %r13; or %r13, %rax; xor %r11, %r14; or %r14, %rax;"
        "xor %r11, %r15; or %r15, %rax; xor %r11, %rdi; or %rdi, %rax; xor %r11, %rdx;"
        "or %rdx, %rax; xor %r11, %r8; or %r8, %rax; xor %r11, %r9; or %r9, %rax;"
        "xor %r11, %r10; or %r10, %rax;"
        "pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx; ret");

int main(void)
{
    uint64_t gs = 0xffffffff80000000ul, seen = gs;
    int may_set_gs = (getauxval(AT_HWCAP2) & HWCAP2_FSGSBASE) != 0;
    if (may_set_gs)
        __asm__ volatile("wrgsbase %0" : : "r"(gs));
    while (!done) {
        madvise((void *)page, sizeof(page), MADV_DONTNEED);
        if (differences(page) != 0)
            return 1;
        if (may_set_gs)
            __asm__ volatile("rdgsbase %0" : "=r"(seen));
        if (seen != gs)
            return 1;
    }
    return 0;
}
"""

# While it steps, no interrupt is taken; it steps over calls.
SCRIPT = """
import gdb

def register(name):
    return int(gdb.parse_and_eval(f"(unsigned long)${{name}}"))

def run_to(address):
    point = gdb.Breakpoint(f"*{{address:#x}}", type=gdb.BP_HARDWARE_BREAKPOINT)
    gdb.execute("continue", to_string=True)
    point.delete()
    assert register("rip") == address, hex(register("rip"))

def step():
    here = gdb.selected_frame().architecture().disassemble(register("rip"))[0]
    if here["asm"].startswith("call"):
        run_to(here["addr"] + here["length"])
    else:
        gdb.execute("stepi", to_string=True)

def passed(instruction):
    run_to({begin})  # of a round: the page is not there
    run_to(instruction)
    addresses = []
    while not addresses or register("cs") & 3 == 0:
        step()
        addresses.append(register("rip"))
    return addresses

def strike(instruction):
    addresses = passed(instruction)
    for address in addresses:
        run_to(address)
        gdb.execute("monitor nmi")
    print("STRUCK", len(addresses))

gdb.execute("target remote {socket}")
for instruction in {instructions}:
    strike(instruction)
run_to({begin})
gdb.execute("set *(int *){done} = 1")
gdb.execute("detach")
"""
PLACES = {"call": 40, "fault": 40}  # at least, on the way in and out


@pytest.mark.protection("ist")
@pytest.mark.parametrize("kpti", ["off", "on"])
def test_nmi_at_every_instruction(kpti, compile_c):
    path = compile_c(PROGRAM, libc="musl", flags=["-mfsgsbase", "-no-pie"])
    symbols = symbols_of(path)
    with open(path, "rb") as file:
        program = file.read()
    with tempfile.TemporaryDirectory(prefix="ringfence-gdb-") as folder:
        socket = os.path.join(folder, "gdb")
        with start_guest(f"kpti={kpti} nokaslr panic=0 -- /bin/struck", cpu="max",
                         initramfs_extra={"/bin/struck": program},
                         extra=machine.gdb_channel(socket)) as guest:
            output = run_gdb(SCRIPT.format(socket=socket, done=hex(symbols["done"]),
                                           begin=symbols["differences"],
                                           instructions=[symbols["ask"], symbols["touch"]]),
                             folder, os.path.join(default_build(), "kernel.debug.elf"))
            struck = [int(count) for count in re.findall(r"^STRUCK (\d+)$", output, re.MULTILINE)]
            assert len(struck) == len(PLACES), output[-2000:] + guest.complaint()
            assert all(count >= least for count, least in zip(struck, PLACES.values())), struck
            guest.wait()
            assert verdicts(guest) == [("struck", "exited 0")], guest.complaint()
            seen = guest.matches(r"power: up .* (\d+) NMIs")
            assert int(seen[0][1]) == sum(struck), struck
