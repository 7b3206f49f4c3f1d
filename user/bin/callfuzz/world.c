// What a child has around it: memory, files, descriptors, handlers, a process to aim at. Made at
// its start and made whole now and then, since its calls take it apart.
#include "callfuzz.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOTHING_LEFT(call) ((void)!(call)) // it may be there already, or impossible by now

static const uint64_t nothing[ARGUMENT_LIMIT];

static void map(uint64_t address, size_t size, int rights, int sharing)
{
    mmap((void *)address, size, rights, sharing | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
}

static void make_memory(struct fuzzer *fuzzer, bool first_time)
{
    if (first_time) {
        map(ARENA, ARENA_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE);
        for (size_t i = 0; i < 512; i++)
            ((uint64_t *)ARENA)[i] = i % 7 == 0 ? random_word(fuzzer) : 0;
    }
    map(ARENA_READ_ONLY, 0x1000, PROT_READ, MAP_PRIVATE);
    map(ARENA_FORBIDDEN, 0x1000, PROT_NONE, MAP_PRIVATE);
    map(PLAYGROUND, PLAYGROUND_SIZE / 2, PROT_READ | PROT_WRITE, MAP_PRIVATE);
    map(PLAYGROUND + PLAYGROUND_SIZE / 2, PLAYGROUND_SIZE / 2, PROT_READ | PROT_WRITE, MAP_SHARED);
}

static void make_file(const char *name, const char *text, size_t size)
{
    int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_NONBLOCK, 0755);
    if (fd < 0)
        return;
    NOTHING_LEFT(write(fd, text, size));
    close(fd);
}

// Some of those that calls make and remove.
static void make_names(void)
{
    char name[8];
    for (int i = 0; i < 16; i++) {
        snprintf(name, sizeof(name), "n%d", i);
        NOTHING_LEFT(mknod(name, S_IFREG | 0644, 0));
    }
    for (int i = 0; i < 6; i++) {
        snprintf(name, sizeof(name), "m%d", i);
        NOTHING_LEFT(mkdir(name, 0755));
    }
}

static void make_files(void)
{
    static const char script[] = "#!" PLACE_PROGRAM "\n";
    static const char text[3000] = "a file";
    NOTHING_LEFT(mkdir("d", 0755));
    make_file("a", text, sizeof(text));
    make_file("b", text, 5);
    make_file("c", text, 1);
    make_file("d/e", text, 100);
    make_file("script", script, sizeof(script) - 1);
    unlink("link");
    NOTHING_LEFT(symlink("b", "link"));
    NOTHING_LEFT(symlink("loop", "loop"));
    NOTHING_LEFT(mkfifo("fifo", 0666));
}

static void place(int fd, int wanted)
{
    if (fd < 0 || fd == wanted)
        return;
    dup2(fd, wanted);
    close(fd);
}

static void make_pipe(void)
{
    int ends[2];
    if (fcntl(5, F_GETFD) >= 0 && fcntl(6, F_GETFD) >= 0)
        return;
    if (pipe2(ends, O_NONBLOCK) != 0)
        return;
    int reader = fcntl(ends[0], F_DUPFD, 24), writer = fcntl(ends[1], F_DUPFD, 24);
    close(ends[0]);
    close(ends[1]);
    place(reader, 5);
    place(writer, 6);
}

static void make_descriptors(struct fuzzer *fuzzer)
{
    static const char *const texts[] = { "/proc/self/status", "/proc/self/maps", "/proc/stat",
                                         "/proc/live",        "/proc/self/stat", "/proc/latency" };
    static const struct {
        const char *path;
        int flags;
    } files[] = {
        { "a", O_RDWR },
        { "b", O_RDWR | O_APPEND },
        { NULL, 0 }, // a pipe
        { NULL, 0 },
        { ".", O_RDONLY | O_DIRECTORY },
        { "/proc/self", O_RDONLY | O_DIRECTORY },
        { "/dev/zero", O_RDWR },
        { "fifo", O_RDWR | O_NONBLOCK },
        { "/dev/console", O_RDONLY | O_NOCTTY | O_NONBLOCK },
        { "texts", O_RDONLY },
        { "/dev/random", O_RDONLY },
        { "/bin/minimal", O_PATH },
        { "/dev/full", O_RDWR },
    };
    for (int fd = 0; fd < FIRST_FIXED; fd++) {
        if (fcntl(fd, F_GETFD) < 0)
            place(open("/dev/null", O_RDWR), fd);
    }
    make_pipe();
    close(12);
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        const char *path = files[i].path;
        int fd = FIRST_FIXED + (int)i;
        if (path == NULL || fcntl(fd, F_GETFD) >= 0)
            continue;
        if (path[0] == 't')
            path = texts[random_below(fuzzer, COUNT_OF(texts))];
        place(open(path, files[i].flags), fd);
    }
}

static void close_descriptors(void)
{
    for (int fd = FIRST_FREE; fd < PLACE_DESCRIPTOR; fd++)
        close(fd);
}

static void on_signal(int signal)
{
}

static void make_signals(void)
{
    static const int handled[] = { SIGHUP,  SIGUSR1, SIGUSR2, SIGPIPE, SIGALRM, SIGIO,   SIGVTALRM,
                                   SIGPROF, SIGXFSZ, SIGXCPU, SIGCHLD, SIGURG,  SIGWINCH };
    struct sigaction action = { .sa_handler = on_signal };
    for (size_t i = 0; i < COUNT_OF(handled); i++)
        sigaction(handled[i], &action, NULL);
    for (int signal = SIGRTMIN; signal <= SIGRTMAX; signal++)
        sigaction(signal, &action, NULL);
    action.sa_handler = SIG_DFL;
    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGBUS, &action, NULL);
}

static void release_signals(void)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static void limit(int resource, rlim_t value)
{
    setrlimit(resource, &(struct rlimit){ value, RLIM_INFINITY });
}

static void make_limits(void)
{
    setrlimit(RLIMIT_NOFILE, &(struct rlimit){ DESCRIPTOR_LIMIT, DESCRIPTOR_LIMIT });
    limit(RLIMIT_FSIZE, 1u << 20);
    limit(RLIMIT_AS, 96u << 20);
    limit(RLIMIT_STACK, 8u << 20);
    syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, &(struct sched_param){ 0 });
    setpriority(PRIO_PROCESS, 0, 0);
    umask(022);
}

void world_register(struct fuzzer *fuzzer, int pid)
{
    unsigned place = atomic_fetch_add(&fuzzer->slot->family_count, 1);
    atomic_store(&fuzzer->slot->family[place % FAMILY_LIMIT], pid);
}

// A process that waits, for calls that take one.
static void make_decoy(struct fuzzer *fuzzer)
{
    while (waitpid(-1, NULL, WNOHANG) > 0)
        continue;
    if (fuzzer->decoy > 0 && kill(fuzzer->decoy, 0) == 0)
        return;
    long pid = invoke(SYS_fork, nothing, false);
    if (pid == 0) {
        for (int turn = 0; turn < 1000; turn++)
            sleep_ns(10 * 1000 * 1000);
        _exit(0);
    }
    fuzzer->decoy = pid > 0 ? (int32_t)pid : 0;
    if (pid > 0)
        world_register(fuzzer, (int)pid);
}

void world_make(struct fuzzer *fuzzer, enum repair repair)
{
    if (repair != REPAIR_QUICK) {
        make_limits();
        make_signals();
        make_memory(fuzzer, repair == REPAIR_FIRST);
    }
    release_signals();
    if (repair == REPAIR_FULL)
        close_descriptors();
    if (repair != REPAIR_FIRST)
        NOTHING_LEFT(fchdir(PLACE_DESCRIPTOR));
    make_names();
    if (repair != REPAIR_QUICK)
        make_files();
    make_descriptors(fuzzer);
    make_decoy(fuzzer);
}
