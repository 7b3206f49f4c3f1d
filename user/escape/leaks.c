// What a program can see of registers must be its own: at its first instruction, after each system
// call, at the start of a signal handler. Whoever was there before filled them all with patterns.
#include "first.h"
#include "registers.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096u
#define FILE_SIZE (PAGE + FIRST_FILLED)
#define LAST_CALL 511u
#define STRANGE_FLAGS (1u << 10 | 1u << 14 | 1u << 18 | 1u << 21) // DF NT AC ID

CODE(system_call, "", "syscall");
CODE(undefined_here, "", "ud2");
CODE(wait_for_signal, "", "774: jmp 774b");
extern const char registers_back[], first_begin[], first_end[];
extern unsigned char registers_vectors_out[4096];

static const char first_path[] = "/tmp/escape-first";

static void write_first(void)
{
    static unsigned char file[FILE_SIZE];
    Elf64_Ehdr *header = (void *)file;
    Elf64_Phdr *parts = (void *)(file + sizeof(*header));
    memcpy(header->e_ident, ELFMAG "\2\1\1", 7);
    *header = (Elf64_Ehdr){ .e_type = ET_EXEC,
                            .e_machine = EM_X86_64,
                            .e_version = 1,
                            .e_entry = FIRST_CODE + 1024,
                            .e_phoff = sizeof(*header),
                            .e_ehsize = sizeof(*header),
                            .e_phentsize = sizeof(*parts),
                            .e_phnum = 2 };
    memcpy(header->e_ident, ELFMAG "\2\1\1", 7);
    parts[0] = (Elf64_Phdr){ PT_LOAD, PF_R | PF_X, 0, FIRST_CODE, FIRST_CODE, PAGE, PAGE, PAGE };
    parts[1] = (Elf64_Phdr){ PT_LOAD,    PF_R | PF_W,  PAGE,     FIRST_DATA,
                             FIRST_DATA, FIRST_FILLED, 3 * PAGE, PAGE };
    memcpy(file + 1024, first_begin, (size_t)(first_end - first_begin));
    memset(file + PAGE, 0x77, FIRST_FILLED);
    int fd = open(first_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);
    if (fd < 0 || write(fd, file, sizeof(file)) != sizeof(file))
        fail(first_path);
    close(fd);
}

// execve with every register full, and flags that a new program must not find.
static int become_first(void *pipe_end)
{
    static const char *const argv[] = { first_path, NULL };
    dup2(*(int *)pipe_end, 1);
    registers_prepare();
    registers_in.flags |= STRANGE_FLAGS;
    registers_in.general[RAX] = SYS_execve;
    registers_in.general[RDI] = (uint64_t)first_path;
    registers_in.general[RSI] = (uint64_t)argv;
    registers_in.general[RDX] = 0;
    registers_run(code_system_call.start);
    return 99;
}

static bool read_all(int fd, unsigned char *buffer, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t count = read(fd, buffer + done, size - done);
        if (count <= 0)
            return false;
        done += (size_t)count;
    }
    return true;
}

static int expect_zero(const char *what, const unsigned char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (bytes[i] != 0)
            return attempt_note("%s: %#x at %zu of %zu", what, bytes[i], i, size);
    return 0;
}

// An FXSAVE image in the state of reset.
static int expect_reset_vectors(const unsigned char *image)
{
    uint16_t control = *(const uint16_t *)image;
    uint32_t mxcsr = *(const uint32_t *)(image + 24);
    if (control != 0x37f || mxcsr != 0x1f80)
        return attempt_note("x87 control %#x, MXCSR %#x", control, mxcsr);
    return expect_zero("x87 status", image + 2, 22) ||
           expect_zero("x87 and SSE registers", image + 32, 464 - 32);
}

static int judge_first(const unsigned char *found)
{
    const uint64_t *words = (const uint64_t *)found;
    const unsigned char *vectors = found + FIRST_VECTORS, *avx = vectors + 512 + 576;
    if (expect_zero("general registers", found, 15 * 8) || expect_reset_vectors(vectors) ||
        expect_zero("AVX registers", avx, 256))
        return 1;
    if (words[15] != 0x202)
        return attempt_note("flags %#lx", words[15]);
    return expect_zero("selectors and bases", (const unsigned char *)&words[16], 6 * 8);
}

static int first_instruction(const struct attempt *attempt)
{
    static unsigned char found[FIRST_FOUND_SIZE], page[PAGE], stack[FIRST_STACK_SIZE - PAGE];
    int ends[2];
    write_first();
    for (int round = 0; round < 20; round++) {
        if (pipe(ends) != 0)
            return attempt_note("no pipe");
        pid_t pid = child_start(become_first, &ends[1]);
        close(ends[1]);
        bool complete = read_all(ends[0], found, sizeof(found)) &&
                        read_all(ends[0], page, sizeof(page)) &&
                        read_all(ends[0], stack, sizeof(stack));
        close(ends[0]);
        int status = child_wait(pid);
        if (!complete || status != 0)
            return attempt_note("%s ended with %#x", first_path, status);
        if (judge_first(found) || expect_zero("bss", page + FIRST_FILLED, PAGE - FIRST_FILLED) ||
            expect_zero("stack", stack, sizeof(stack)))
            return 1;
    }
    unlink(first_path);
    return 0;
}

// Calls that do not come back here, or hang, or that a test may not make on a machine in use.
static bool is_left_out(unsigned number)
{
    static const unsigned left_out[] = { SYS_exit,    SYS_exit_group, SYS_rt_sigreturn,
                                         SYS_fork,    SYS_vfork,      SYS_pause,
                                         SYS_vhangup, SYS_sync,       SYS_reboot };
    for (size_t i = 0; i < COUNT_OF(left_out); i++)
        if (left_out[i] == number)
            return true;
    return !kernel_is_ringfence() &&
           (number == 335 || number == 336); // probes', answer by a signal
}

static int make_call(unsigned number)
{
    registers_prepare();
    registers_in.general[RAX] = number;
    registers_run(code_system_call.start);
    if (registers_compare(BIT(RAX) | BIT(RCX) | BIT(R11)))
        return 1;
    uint64_t rcx = registers_out.general[RCX], r11 = registers_out.general[R11];
    if (rcx != (uint64_t)code_system_call.behind || r11 != REGISTERS_FLAGS)
        return attempt_note("rcx %#lx r11 %#lx", rcx, r11);
    if (registers_out.general[RAX] >> 47 && (long)registers_out.general[RAX] < -4095)
        return attempt_note("result %#lx", registers_out.general[RAX]);
    return 0;
}

static int call_once(void *argument)
{
    return make_call(*(unsigned *)argument);
}

// Both come back from the same call, one of them for the first time.
static int after_fork(const struct attempt *attempt)
{
    int result = make_call(SYS_fork);
    if (registers_out.general[RAX] == 0)
        _exit(result);
    if (result)
        return result;
    int status = 0;
    if (wait(&status) != (pid_t)registers_out.general[RAX])
        return attempt_note("fork gave %ld", (long)registers_out.general[RAX]);
    return status == 0 || record->note[0] ? status : attempt_note("the child: %#x", status);
}

// Every argument is a pattern, which is no address and nothing else that makes sense.
static int after_every_call(const struct attempt *attempt)
{
    for (unsigned number = 0; number <= LAST_CALL; number++) {
        if (is_left_out(number))
            continue;
        int status = child_run(call_once, &number);
        if (status != 0) {
            char why[sizeof(record->note)];
            memcpy(why, record->note, sizeof(why));
            return attempt_note("call %u, status %#x: %.120s", number, status, why);
        }
    }
    return 0;
}

// The handler is registers_back itself, which writes everything down.
static int expect_handler_state(int signal, unsigned changed)
{
    uint64_t low = (uint64_t)registers_stack, high = low + REGISTERS_STACK_SIZE;
    const uint64_t *general = registers_out.general;
    if (general[RAX] != 0 || general[RDI] != (uint64_t)signal)
        return attempt_note("rax %#lx rdi %#lx", general[RAX], general[RDI]);
    if (general[RSP] < low || general[RSI] != general[RSP] + 312 ||
        general[RDX] != general[RSP] + 8 || general[RSI] >= high)
        return attempt_note("rsp %#lx rsi %#lx rdx %#lx", general[RSP], general[RSI], general[RDX]);
    for (unsigned i = 0; i < RSP; i++)
        if (i != RAX && i != RDI && i != RSI && i != RDX && !(changed & BIT(i)) &&
            general[i] != registers_in.general[i])
            return attempt_note("register %u is %#lx", i, general[i]);
    if (registers_out.flags & ~0x10ad7ul)
        return attempt_note("flags %#lx", registers_out.flags);
    return expect_reset_vectors(registers_vectors_out);
}

static int handle(int signal, const struct code *code, unsigned changed)
{
    struct sigaction action = { .sa_flags = SA_NODEFER };
    action.sa_handler = (void (*)(int))(uintptr_t)registers_back;
    sigaction(signal, &action, NULL);
    registers_run(code->start);
    return expect_handler_state(signal, changed);
}

static int handler_entry(const struct attempt *attempt)
{
    registers_prepare();
    registers_in.flags |= 1u << 10; // DF, which a handler must not find
    if (handle(SIGILL, &code_undefined_here, 0))
        return 1;
    registers_in.general[RAX] = SYS_kill;
    registers_in.general[RDI] = (uint64_t)getpid();
    registers_in.general[RSI] = SIGUSR1;
    if (handle(SIGUSR1, &code_system_call, BIT(RCX) | BIT(R11)))
        return 1;
    alarm(1);
    return handle(SIGALRM, &code_wait_for_signal, 0);
}

static const struct attempt attempts[] = {
    { .name = "first-instruction", .run = first_instruction, .must = HARMLESS },
    { .name = "after-every-call", .run = after_every_call, .must = HARMLESS },
    { .name = "after-fork", .run = after_fork, .must = HARMLESS },
    { .name = "handler-entry", .run = handler_entry, .must = HARMLESS },
};
GROUP(leaks, "registers tell nothing of others", attempts);
