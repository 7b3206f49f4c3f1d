// `direct=PROGRAM`: a program by call and return, the kernel being just a library to it. It runs in
// ring 0 on the calling thread's stack and must be built for that: static, without red zone
// (interrupts push there). Called by the boot thread, which goes on when the program returned. Its
// pages are supervisor pages, so SMEP and SMAP do not apply.
#include "proc/exec.h"

#include "abi/errno.h"
#include "cpu/frame.h"
#include "cpu/interrupts.h"
#include "cpu/registers.h"
#include "debug/log.h"
#include "debug/trace.h"
#include "fs/memory_fs.h"
#include "fs/path.h"
#include "lib/panic.h"
#include "lib/string.h"
#include "mem/frame.h"
#include "mem/kernel_map.h"
#include "mem/page_table.h"
#include "mem/translation.h"
#include "proc/elf_load.h"
#include "sched/scheduler.h"

#define DIRECT_BASE 0x555555554000ull // of position-independent programs

// The third argument is the library: a line for the kernel log, by a plain call.
typedef int64_t (*direct_entry)(int count, char **arguments, void (*say)(const char *line));

// The memory of the page at `address`, mapped if it was not yet.
static int get_page(phys_addr root, uint64_t address, char **memory)
{
    uint64_t *entry = page_table_entry(root, address, false);
    if (!entry || *entry == 0) {
        struct frame *frame = frame_allocate_zeroed(FRAME_ANONYMOUS);
        if (!frame)
            return -ENOMEM;
        memset(frame_pointer(frame), 0, PAGE_SIZE); // bss is zero in every build
        int error = kernel_map_direct_page(root, address, frame_address(frame));
        if (error) {
            frame_release(frame);
            return error;
        }
        entry = page_table_entry(root, address, false);
        kassert(entry && *entry != 0);
    }
    *memory = direct_map_pointer(pte_address(*entry));
    return 0;
}

static int load_segment(phys_addr root, const struct elf_program *program,
                        const struct elf_program_header *segment)
{
    uint64_t start = program->bias + segment->virtual_address;
    uint64_t file_end = start + segment->file_size;
    uint64_t end = start + segment->memory_size;
    for (uint64_t address = start; address < end;) {
        uint64_t next = min_of(end, align_down(address, PAGE_SIZE) + PAGE_SIZE);
        char *memory;
        int error = get_page(root, align_down(address, PAGE_SIZE), &memory);
        if (error)
            return error;
        if (address < file_end) {
            size_t length = min_of(next, file_end) - address;
            int64_t count = inode_read(program->inode, segment->offset + (address - start),
                                       memory + address % PAGE_SIZE, length);
            if (count < 0 || (size_t)count != length)
                return count < 0 ? (int)count : -ENOEXEC;
        }
        address = next;
        preempt_point();
    }
    return 0;
}

static int load_program(phys_addr root, const struct elf_program *program)
{
    for (size_t i = 0; i < program->header.program_count; i++) {
        const struct elf_program_header *segment = &program->segments[i];
        if (segment->type != ELF_SEGMENT_LOAD || segment->memory_size == 0)
            continue;
        int error = load_segment(root, program, segment);
        if (error)
            return error;
    }
    return 0;
}

// One page behind the program: pointers from its start, the strings after them.
static int load_arguments(phys_addr root, uint64_t page, char *const argv[], int *count)
{
    size_t used = sizeof(uint64_t), strings = 0;
    int total = 0;
    for (; argv[total]; total++) {
        strings += strlen(argv[total]) + 1;
        used += sizeof(uint64_t);
        if (used + strings > PAGE_SIZE)
            return -E2BIG;
    }
    char *memory;
    int error = get_page(root, page, &memory);
    if (error)
        return error;
    uint64_t *pointers = (uint64_t *)memory;
    for (int i = 0; i < total; i++) {
        size_t size = strlen(argv[i]) + 1;
        memcpy(memory + used, argv[i], size);
        pointers[i] = page + used;
        used += size;
    }
    *count = total;
    return 0;
}

static void unload_program(struct translation *translation)
{
    phys_addr root = translation->root;
    translation_abandon(translation);
    uint64_t *entry;
    uint64_t address = 0;
    while ((address = page_table_next_mapped(root, address, USER_ADDRESS_LIMIT, &entry)) <
           USER_ADDRESS_LIMIT) {
        struct frame *frame = frame_at(pte_address(*entry));
        *entry = 0; // the root is not loaded any more: no TLB knows this
        frame_release(frame);
        preempt_point();
    }
    page_table_destroy(root);
}

static void say_line(const char *line)
{
    log_line(LOG_NOTICE, "direct", "%s", line);
}

// What the program is about to find out for itself, in the kernel's own words.
static void announce_call(uint64_t entry, phys_addr root)
{
    log_notice("direct", "kernel: CR3 %#llx, trap table %#llx, stack below %#llx",
               (unsigned long long)root.value, (unsigned long long)read_idt_base(),
               (unsigned long long)current_thread()->stack_top);
    log_notice("direct", "kernel: calls %#llx", (unsigned long long)entry);
}

static int64_t call_program(struct translation *translation, uint64_t entry, int count,
                            uint64_t arguments)
{
    struct thread *thread = current_thread();
    struct translation *previous = thread->translation;
    kassert(interrupts_are_on());
    announce_call(entry, translation->root);
    thread_set_translation(thread, translation);
    trace(TRACE_DIRECT, 1, entry);
    int64_t result = ((direct_entry)entry)(count, (char **)arguments, say_line);
    trace(TRACE_DIRECT, 0, (uint64_t)result);
    if (!interrupts_are_on())
        interrupts_enable_now(); // a program without limits leaves things as it likes
    thread_set_translation(thread, previous);
    return result;
}

static int run_program(struct inode *inode, char *const argv[], int64_t *result)
{
    struct elf_program program;
    int error = elf_program_read(&program, inode, DIRECT_BASE);
    if (error)
        return error;
    error = -ENOMEM;
    struct translation translation = { 0 };
    if (translation_init(&translation)) {
        phys_addr root = translation.root;
        uint64_t start, end;
        int count;
        elf_load_span(&program.header, program.segments, &start, &end);
        end += program.bias;
        error = end > USER_ADDRESS_LIMIT - PAGE_SIZE ? -ENOMEM : load_program(root, &program);
        if (!error)
            error = load_arguments(root, end, argv, &count);
        if (!error)
            *result = call_program(&translation, elf_program_entry(&program), count, end);
        unload_program(&translation);
    }
    elf_program_free(&program);
    return error;
}

int exec_direct(const char *path, char *const argv[], int64_t *result)
{
    struct inode *inode;
    int error = path_lookup(memory_fs_root(), path, 0, &inode);
    if (error)
        return error;
    error = (inode->mode & S_IFMT) == S_IFREG ? run_program(inode, argv, result) : -EACCES;
    inode_release(inode);
    return error;
}
