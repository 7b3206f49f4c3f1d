// Scene 1: what the program that `direct=` ran in ring 0 did, from the kernel's log and event ring.
// It ran before any process; its own words are compared with the kernel's.
#include <stdio.h>
#include <string.h>

#include "events.h"
#include "kernel_log.h"

#define PROGRAM "/direct/without-limits"
#define KERNEL_STACK_SIZE 16384u
#define RESULT 42
#define BOOT_LINE "boot: command line: "

struct facts {
    unsigned long long cr3, trap_table, stack;
};

static bool parse_kernel_facts(struct facts *facts)
{
    const char *line = kernel_log_find("direct: kernel: CR3 ");
    return line != NULL &&
           sscanf(line, "direct: kernel: CR3 %llx, trap table %llx, stack below %llx", &facts->cr3,
                  &facts->trap_table, &facts->stack) == 3;
}

static bool parse_program_facts(struct facts *facts, unsigned long long *ring)
{
    const char *line = kernel_log_find("direct: program: ring ");
    return line != NULL &&
           sscanf(line, "direct: program: ring %llx, CR3 %llx, trap table %llx, stack %llx", ring,
                  &facts->cr3, &facts->trap_table, &facts->stack) == 4;
}

static void compare_facts(void)
{
    struct facts kernel, program;
    unsigned long long ring;
    if (!expect(parse_kernel_facts(&kernel) && parse_program_facts(&program, &ring),
                "the kernel called it, and it spoke"))
        return;
    expect(program.cr3 == kernel.cr3, "it read the page-table register: 0x%llx, as the kernel says",
           program.cr3);
    expect(program.trap_table == kernel.trap_table, "it knows where the trap table lies: 0x%llx",
           program.trap_table);
    expect(program.stack < kernel.stack && program.stack >= kernel.stack - KERNEL_STACK_SIZE,
           "it ran on the kernel's own stack: at 0x%llx", program.stack);
}

// The events between the call and the return: none, for a machine without limits.
static void show_events(void)
{
    struct ring ring;
    if (!ring_read(&ring, 0))
        return;
    size_t call = ring_find(&ring, 0, ANY_THREAD, TRACE_DIRECT, 1, ANY);
    size_t end = ring_find(&ring, call, ANY_THREAD, TRACE_DIRECT, 0, ANY);
    if (end == ring.count) {
        note("(the events of that time are overwritten by now, %llu of them:",
             (unsigned long long)ring.lost_count);
        note("boot again to see the table)");
        return;
    }
    const struct trace_event *events = ring.events;
    table_head();
    table_row(COLUMN_OS, 0, "load the program, call main()");
    table_row(COLUMN_PROGRAM, TIME_UNKNOWN, "at 0x%llx, ring 0",
              (unsigned long long)events[call].b);
    table_row(COLUMN_PROGRAM, TIME_UNKNOWN, "runs main(), returns");
    table_row(COLUMN_OS, ring_ns(&ring, events[end].tsc - events[call].tsc),
              "it returned %llu; free its memory", (unsigned long long)events[end].b);
    printf("\n");
    size_t entry = ring_find(&ring, call, ANY_THREAD, TRACE_ENTRY, ANY, ANY);
    while (entry < end && is_interrupt(events[entry].a)) // of devices, which did not stop it
        entry = ring_find(&ring, entry + 1, ANY_THREAD, TRACE_ENTRY, ANY, ANY);
    expect(entry > end, "the kernel saw no trap of it: it never had to ask");
    expect(events[end].b == RESULT, "it came back because it returned, with %d", RESULT);
}

void show_direct(void)
{
    const char *line = kernel_log_find(BOOT_LINE);
    if (line == NULL || strstr(line, "direct=" PROGRAM) == NULL) {
        not_shown("  This boot had no such program. Put `direct=" PROGRAM "` on the\n"
                  "  kernel command line (cmdline.txt on a stick), or:\n"
                  "    make run CMDLINE=\"direct=" PROGRAM " -- /bin/tour\"");
        return;
    }
    compare_facts();
    line = kernel_log_find("direct: program: traps taken");
    expect(line != NULL && strstr(line, "my own: 0x1") != NULL,
           "it put a handler of its own into the trap table, and trapped to it");
    show_events();
}
