// The scenes in order, with what the chapter says about each and what to expect. The texts are at
// most eight lines of 78 columns.
#include "tour.h"

const struct scene scenes[] = {
    { "direct", "Direct execution, without limits (Figure 6.1)",
      "The quickest way to run a program is to jump into it: the OS makes a process\n"
      "entry, loads the code, calls main() and waits for its return. Nothing is\n"
      "slower than it must be, and nothing is safe: the program may do what the\n"
      "kernel may do, and the kernel is just a library to it. Before init started,\n"
      "the kernel called such a program in ring 0. Expect: it read what no program\n"
      "may read, took traps with a handler of its own, and gave the CPU back only\n"
      "because it wanted to.",
      show_direct },
    { "call", "A system call (Figure 6.2)",
      "Limits begin with two modes. A program in user mode asks by a trap: the\n"
      "hardware raises the mode and jumps where the kernel said at boot; the kernel\n"
      "saves the program's registers on its kernel stack, does the work, puts them\n"
      "back and returns from the trap. Here A fills its registers and asks for its\n"
      "parent's number. Expect: one trap in, one return out, the answer in rax, and\n"
      "every other register as it was (rcx and r11 belong to the instruction). And\n"
      "the call's number is checked: an unknown one is an error, not an adventure.",
      show_system_call },
    { "privileged", "A privileged operation is denied",
      "What user mode cannot do: switch interrupts off, stop the CPU, talk to\n"
      "devices, load other page tables. Trying raises an exception, and the kernel\n"
      "most likely ends the offender. Five children try one instruction each.\n"
      "Expect: exception 13 (general protection) at exactly that instruction, and\n"
      "SIGSEGV for each of them, while everybody else goes on.",
      show_privileged },
    { "trap-table", "The trap table is refused",
      "The kernel told the hardware at boot where traps go. Could a program tell it\n"
      "something else, the machine would be the program's. Children try to load\n"
      "another table, to change the address where system calls enter, to ask where\n"
      "the table lies, and to write into it. Expect: all refused (asking only where\n"
      "the CPU has UMIP), by exception 13 or by exception 14 (page fault).",
      show_trap_table },
    { "pointer", "A bad pointer is refused",
      "A trap is no protection if the kernel trusts what comes with it. Handing\n"
      "write() an address of the kernel's would print everybody's secrets. A child\n"
      "asks to write from the kernel's code, from memory that is not there, and from\n"
      "the kernel's map of all memory. Expect: EFAULT each time, nothing in the pipe,\n"
      "and the child lives on: a bad pointer is a mistake like others.",
      show_pointer },
    { "cooperative", "Regaining control: the cooperative approach",
      "While a program runs, the OS does not. The friendly way to get the CPU back is\n"
      "to wait: programs make system calls often, and one that has nothing to ask\n"
      "can yield(). A and B share the CPU politely. Expect: each hand-over is theirs,\n"
      "by sched_yield(). A loop that never calls would keep the machine for good:\n"
      "that is what `timer=off` on the kernel command line lets you see.",
      show_cooperative },
    { "timer", "Regaining control: the timer interrupt (Figure 6.3)",
      "The kernel arms a timer before it lets a program run while another waits. The\n"
      "interrupt needs nobody's good will: the hardware stops the program wherever it\n"
      "is, and the kernel runs again. A and B loop without a single call. Expect: A\n"
      "is stopped inside its loop, its registers go to its kernel stack, the kernel\n"
      "switches, and return-from-trap goes into B.",
      show_timer },
    { "switch", "The switch itself: two kinds of saved registers",
      "A switch saves registers twice. When the timer interrupts A, its user\n"
      "registers go to its kernel stack, by hardware and entry code. When the kernel\n"
      "then decides for B, switch_context() saves the kernel's own registers, to be\n"
      "found through A's process entry, loads B's, and returns on B's kernel stack.\n"
      "A and B hold a pattern in every register. Expect: both sets can be seen while\n"
      "A waits, and both programs go on as if nothing had happened.",
      show_switch },
    { "hidden", "The memory of one is hidden from another",
      "Each process has an address space of its own: one address means different\n"
      "memory to different processes, and other people's memory has no address at\n"
      "all. Expect: what A writes where both have memory, its parent does not see;\n"
      "memory that A gave back tells nothing to who gets it next; and reading where\n"
      "only the other has memory ends with exception 14 and SIGSEGV.",
      show_hidden },
    { "exit", "The end of a process, and what comes back",
      "When main() returns, the C library calls exit(): a trap, after which the OS\n"
      "frees the process's memory and closes its files. It does the same for one that\n"
      "is killed. What is left is an entry in the process list, until the parent asks\n"
      "with wait() how it ended. Three children end in three ways. Expect: the\n"
      "kernel's counts afterwards are the counts before, to the last page.",
      show_exit },
    { "call-cost", "Homework: what a system call costs",
      "The chapter asks you to measure a cheap call: read() of 0 bytes, many times in\n"
      "a row, and to look first how fine the clock is: gettimeofday() counts\n"
      "microseconds and is a call itself, rdtsc counts ticks of a constant rate and is\n"
      "one instruction. Numbers from an emulator say little about real machines; with\n"
      "`make run ICOUNT=1` they are instructions. Expect: as many traps as calls, all\n"
      "of them back by the quick way.",
      show_call_cost },
    { "switch-cost", "Homework: what a context switch costs",
      "Two processes on one CPU, two pipes, a ball: each writes to the other and then\n"
      "waits for the answer, so that every wait is a switch (lmbench measures like\n"
      "this). Expect: one switch for every wait, no ball lost, and a round trip that\n"
      "is longer than its two switches, since four system calls are in it.",
      show_switch_cost },
};

const size_t scene_count = COUNT_OF(scenes);
