// Shows rows 8 and 10 of kernel/README.md: N lives of processes and every way to end one. A quarter
// die of faults, some while blocked in a pipe or asleep, some leave pipes open and copy-on-write
// pages shared, some fail to exec, some leave orphans. Everything must come back; the counts in
// /proc/live are compared from outside. `lives [N]`; exits 0 when every life ended as it should.
#include "program.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096ul
#define SHARED_SIZE (32 * PAGE)
#define ORPHAN_NS 2000000u
#define ENDED(signal) (signal)
#define EXITED(code) ((code) << 8)

static unsigned char *shared; // written by parent and children: copy-on-write

static int divide(void *unused)
{
    __asm__ volatile("divl %%ecx" : : "a"(1), "d"(0), "c"(0) : "cc");
    return 0;
}

static int touch_null(void *unused)
{
    __asm__ volatile("movb $1, 0");
    return 0;
}

static int run_undefined(void *unused)
{
    memset(shared, 2, SHARED_SIZE / 2);
    __asm__ volatile("ud2");
    return 0;
}

static int halt(void *unused)
{
    __asm__ volatile("hlt");
    return 0;
}

static int leave_pipes_open(void *unused)
{
    static char bytes[PAGE];
    int ends[2];
    for (int i = 0; i < 4; i++)
        if (pipe(ends) != 0 || write(ends[1], bytes, sizeof(bytes)) != sizeof(bytes))
            return 1;
    memset(shared + PAGE, 3, 4 * PAGE);
    return 7;
}

static int leave_memory(void *unused)
{
    unsigned char *memory =
        mmap(NULL, 64 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return 1;
    memset(memory, 4, 64 * PAGE);
    return munmap(memory + 8 * PAGE, PAGE) != 0;
}

static int exec_nothing(void *unused)
{
    char *argv[] = { "nothing", NULL };
    execv("/tmp/there-is-nothing", argv);
    return errno == ENOENT ? 127 : 1;
}

static int exec_garbage(void *path)
{
    char *argv[] = { path, NULL };
    execv(path, argv);
    return errno == ENOEXEC ? 126 : 1;
}

// Gets past the point of no return: the new program cannot read its first instruction.
static int exec_broken(void *path)
{
    char *argv[] = { path, NULL };
    execv(path, argv);
    return errno == ENOEXEC || errno == ENOMEM || errno == EINVAL ? 126 : 1;
}

static int exec_self(void *path)
{
    char *argv[] = { path, "0", NULL };
    execv(path, argv);
    return 1;
}

static int block_in_pipe(void *unused)
{
    int ends[2];
    char byte;
    return pipe(ends) != 0 || read(ends[0], &byte, 1) != 0;
}

static int block_in_full_pipe(void *unused)
{
    static char bytes[PAGE];
    int ends[2];
    if (pipe(ends) != 0)
        return 1;
    while (write(ends[1], bytes, sizeof(bytes)) > 0)
        ;
    return 2;
}

static int sleep_long(void *unused)
{
    sleep_ns(1000000000000u);
    return 0;
}

static int linger(void *unused)
{
    sleep_ns(ORPHAN_NS);
    return 0;
}

static int leave_orphan(void *unused)
{
    child_start(linger, NULL);
    return 0;
}

static int wait_for_child(void *unused)
{
    return child_run(leave_memory, NULL) != 0;
}

static int loop(void *unused)
{
    for (;;)
        __asm__ volatile("");
}

static char *self;
static char garbage_path[] = "/tmp/lives-garbage", broken_path[] = "/tmp/lives-broken";

struct life {
    int (*body)(void *);
    char *argument;
    int end;       // wait status
    int kill_with; // sent by the parent after a moment; 0: none
};

// A quarter of these die of faults.
static const struct life lives[] = {
    { divide, NULL, ENDED(SIGFPE), 0 },
    { leave_pipes_open, NULL, EXITED(7), 0 },
    { exec_nothing, NULL, EXITED(127), 0 },
    { block_in_pipe, NULL, ENDED(SIGTERM), SIGTERM },
    { touch_null, NULL, ENDED(SIGSEGV), 0 },
    { leave_orphan, NULL, EXITED(0), 0 },
    { exec_garbage, garbage_path, EXITED(126), 0 },
    { sleep_long, NULL, ENDED(SIGKILL), SIGKILL },
    { run_undefined, NULL, ENDED(SIGILL), 0 },
    { wait_for_child, NULL, EXITED(0), 0 },
    { exec_broken, broken_path, EXITED(126), 0 },
    { block_in_full_pipe, NULL, ENDED(SIGINT), SIGINT },
    { halt, NULL, ENDED(SIGSEGV), 0 },
    { exec_self, NULL, EXITED(0), 0 },
    { loop, NULL, ENDED(SIGKILL), SIGKILL },
    { leave_memory, NULL, EXITED(0), 0 },
};

static void write_file(const char *path, const void *data, size_t size)
{
    int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0755);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size || fchmod(fd, 0755) != 0)
        fail(path);
    close(fd);
}

// An ELF header of the right kind whose program headers lie far behind the end of the file.
static void write_programs(void)
{
    static const char garbage[5000] = "\x7f"
                                      "ELF, but no more than that";
    unsigned char broken[64] = "\x7f"
                               "ELF\2\1\1";
    broken[16] = 2;    // ET_EXEC
    broken[18] = 62;   // EM_X86_64
    broken[20] = 1;    // version
    broken[37] = 0x40; // e_phoff: 0x4000 and more
    broken[52] = 64;
    broken[54] = 56;
    broken[56] = 3;
    write_file(garbage_path, garbage, sizeof(garbage));
    write_file(broken_path, broken, sizeof(broken));
}

// True when the life ended as it should.
static bool live(const struct life *life)
{
    char words[48];
    pid_t pid = child_start(life->body, life->body == exec_self ? self : life->argument);
    shared[0]++;
    if (life->kill_with != 0) {
        sleep_ns(1000000);
        kill(pid, life->kill_with);
    }
    int status = child_wait(pid) & ~0x80; // no matter whether core was dumped
    if (status == life->end)
        return true;
    printf("lives: pid %d %s (0x%x), expected 0x%x\n", (int)pid,
           verdict_words(status, words, sizeof(words)), (unsigned)status, (unsigned)life->end);
    return false;
}

int main(int argc, char **argv)
{
    long count = argc > 1 ? number_argument(argv[1]) : 1000, wrong = 0;
    if (count == 0)
        return 0; // a life of exec_self
    self = kernel_is_ringfence() ? "/bin/lives" : "/proc/self/exe";
    shared = mmap(NULL, SHARED_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        fail("mmap");
    memset(shared, 1, SHARED_SIZE);
    write_programs();
    for (long i = 0; i < count; i++)
        wrong += !live(&lives[(size_t)i % COUNT_OF(lives)]);
    munmap(shared, SHARED_SIZE);
    unlink(garbage_path);
    unlink(broken_path);
    sleep_ns(ORPHAN_NS * 20); // the last orphan ends, and init takes it in
    printf("lives: %ld lives, %ld ended wrongly\n", count, wrong);
    return wrong != 0;
}
