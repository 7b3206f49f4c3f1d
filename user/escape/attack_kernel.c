// Attacks on the kernel's own tables and depths: names, links, descriptors, pipes, regions.
#include "attack.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096ul
#define FOLDER "/tmp/escape-attack"
#define DEPTH 2000u
#define LINKS_FOLLOWED 40u // more are ELOOP
#define REGIONS_AT_MOST 70000u
#define REGIONS_AT_LEAST 65400u // 65530 are allowed, and the program has some
#define DESCRIPTORS 4096u       // RLIMIT_NOFILE's maximum
#define OWN_DESCRIPTORS 16u     // at most, that it has without the attack
#define PIPE_SHARE 4u           // of all memory, for pages of pipes beyond the first of each
#define PIPE_PAGES 16u
#define HOLES 64u

static int enter_folder(void)
{
    return mkdir(FOLDER, 0755) != 0 && errno != EEXIST ? -1 : chdir(FOLDER);
}

// Folders in folders, deeper than any path can say; and back.
static int deep_folders(void)
{
    char text[4096];
    unsigned depth = 0;
    if (enter_folder() != 0)
        return attack_note("no folder");
    while (depth < DEPTH && mkdir("deeper", 0755) == 0 && chdir("deeper") == 0)
        depth++;
    if (depth != DEPTH)
        return attack_note("errno %d at depth %u", errno, depth);
    if (getcwd(text, sizeof(text)) != NULL)
        return attack_note("a path of %zu characters", strlen(text));
    if (errno != ERANGE && errno != ENAMETOOLONG)
        return attack_note("getcwd: errno %d", errno);
    while (depth > 0 && chdir("..") == 0 && rmdir("deeper") == 0)
        depth--;
    chdir("/");
    return depth != 0 || rmdir(FOLDER) != 0 ? attack_note("errno %d going back", errno) : 0;
}

// The longest path there can be, through the same two names again and again.
static int long_path(const char *piece)
{
    static char path[4096];
    size_t length = strlen(piece);
    struct stat status;
    memset(path, 0, sizeof(path));
    for (size_t used = 0; used + length + 1 < sizeof(path); used += length)
        memcpy(path + used, piece, length);
    return stat(path, &status) == 0 || errno == ELOOP ? 0 : errno;
}

static int long_paths(void)
{
    static const char *const pieces[] = { "/",
                                          "/.",
                                          "/..",
                                          "/tmp/..",
                                          "/proc/self/../..",
                                          "/../tmp",
                                          "/proc/self/cwd/../tmp/../proc/.." };
    chdir("/");
    for (size_t i = 0; i < COUNT_OF(pieces); i++) {
        int error = long_path(pieces[i]);
        if (error != 0)
            return attack_note("%s: errno %d", pieces[i], error);
    }
    // Links of /proc count as links.
    return long_path("/proc/self/root") != 0 ? attack_note("root in root: errno %d", errno) : 0;
}

static int link_chains(void)
{
    char name[16], next[16];
    int result = 0;
    if (enter_folder() != 0)
        return attack_note("no folder");
    for (unsigned i = 0; i <= LINKS_FOLLOWED; i++) {
        snprintf(name, sizeof(name), "l%u", i);
        snprintf(next, sizeof(next), "l%u", i + 1);
        if (symlink(i == LINKS_FOLLOWED ? "/tmp" : next, name) != 0)
            return attack_note("symlink: errno %d", errno);
    }
    if (access("l1", F_OK) != 0)
        result = attack_note("%u links: errno %d", LINKS_FOLLOWED, errno);
    if (access("l0", F_OK) == 0 || errno != ELOOP)
        result = attack_note("%u links: errno %d", LINKS_FOLLOWED + 1, errno);
    symlink("self", "self");
    symlink("b/x", "a");
    symlink("a/x", "b");
    if (access("self", F_OK) == 0 || errno != ELOOP || access("a", F_OK) == 0 || errno != ELOOP)
        result = attack_note("links in a circle: errno %d", errno);
    for (unsigned i = 0; i <= LINKS_FOLLOWED; i++) {
        snprintf(name, sizeof(name), "l%u", i);
        unlink(name);
    }
    unlink("self");
    unlink("a");
    unlink("b");
    chdir("/");
    return rmdir(FOLDER) != 0 ? attack_note("rmdir: errno %d", errno) : result;
}

// Empty files without end: each costs the kernel something that no file system page counts.
static int empty_files(void)
{
    char name[24];
    unsigned made = 0, wanted = attack_is_quick ? 2000 : 50000;
    if (enter_folder() != 0)
        return attack_note("no folder");
    for (; made < wanted; made++) {
        snprintf(name, sizeof(name), "%u", made);
        int file = open(name, O_CREAT | O_WRONLY, 0644);
        if (file < 0)
            break;
        close(file);
    }
    if (made < wanted)
        return attack_note("errno %d after %u files", errno, made);
    while (made-- > 0) {
        snprintf(name, sizeof(name), "%u", made);
        if (unlink(name) != 0)
            return attack_note("unlink: errno %d", errno);
    }
    chdir("/");
    return rmdir(FOLDER) != 0 ? attack_note("rmdir: errno %d", errno) : 0;
}

static unsigned raise_descriptor_limit(void)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max < DESCRIPTORS ? limit.rlim_max : DESCRIPTORS;
    setrlimit(RLIMIT_NOFILE, &limit);
    return (unsigned)limit.rlim_cur;
}

// Each takes all that it may have, and EMFILE says so.
static int descriptors(void)
{
    int file, last = -1, limit = (int)raise_descriptor_limit();
    while ((file = open("/dev/null", O_RDONLY)) >= 0)
        last = file;
    if (errno != EMFILE || last != limit - 1)
        return attack_note("open: errno %d, the last was %d of %d", errno, last, limit);
    if (close(last) != 0 || open("/dev/null", O_RDONLY) != last)
        return attack_note("the last one did not come back: errno %d", errno);
    return 0;
}

static volatile atomic_ulong *pages_in_pipes; // of all together

// Each makes every pipe that it may have, and fills it: a page at least, whatever others hold.
static int fill_pipes(void)
{
    static char bytes[PIPE_PAGES * PAGE];
    unsigned made = 0, limit = raise_descriptor_limit();
    int ends[2];
    for (; pipe2(ends, O_NONBLOCK) == 0; made++) {
        long written = write(ends[1], bytes, sizeof(bytes));
        if (written < (long)PAGE || write(ends[1], bytes, sizeof(bytes)) != -1 || errno != EAGAIN)
            return attack_note("%ld bytes into pipe %u, errno %d", written, made, errno);
        *pages_in_pipes += (unsigned long)written / PAGE;
    }
    if (errno != EMFILE || made < (limit - OWN_DESCRIPTORS) / 2)
        return attack_note("pipe: errno %d after %u", errno, made);
    return 0;
}

// All hold what they have until all have it.
static int run_together(unsigned count, int (*body)(void))
{
    int gate[2], tell[2], result = 0;
    char byte;
    if (pipe(gate) != 0 || pipe(tell) != 0)
        return attack_note("pipe");
    attack_competitors(count);
    for (unsigned i = 0; i < count; i++) {
        int pid = attack_fork();
        if (pid != 0)
            continue;
        close(gate[1]);
        int own = body();
        if (write(tell[1], "x", 1) != 1 || read(gate[0], &byte, 1) != 0)
            own = 3;
        _exit(own);
    }
    close(tell[1]);
    for (unsigned i = 0; i < count; i++)
        result |= read(tell[0], &byte, 1) != 1;
    close(gate[1]);
    for (int status; wait(&status) > 0;)
        result |= status != 0;
    return result && record->note[0] == '\0' ? attack_note("one of them ended early") : result;
}

static int many_descriptors(void)
{
    return run_together(attack_is_quick ? 2 : 8, descriptors);
}

// First pages for all, and of further pages what the share allows: all of it, and not more.
static int judge_pages(unsigned count)
{
    struct sysinfo info;
    sysinfo(&info);
    unsigned long pages = *pages_in_pipes, share = info.totalram / PAGE / PIPE_SHARE;
    unsigned long first = count * (DESCRIPTORS / 2), wanted = first * PIPE_PAGES;
    unsigned long least = (share < wanted ? share : wanted) / 16 * 15;
    if (pages < least || pages > share + share / 16 + first)
        return attack_note("%lu pages in pipes, the share is %lu of %lu", pages, share,
                           info.totalram / PAGE);
    return 0;
}

static int many_pipes(void)
{
    unsigned count = attack_is_quick || !kernel_is_ringfence() ? 1 : 8;
    pages_in_pipes = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (pages_in_pipes == MAP_FAILED)
        return attack_note("no shared memory");
    if (run_together(count, fill_pipes) != 0)
        return 1;
    return kernel_is_ringfence() ? judge_pages(count) : 0; // others have pipes on Linux, too
}

static int poll_of_many(void)
{
    static struct pollfd polls[1024];
    int ends[2];
    if (pipe(ends) != 0)
        return attack_note("pipe");
    for (size_t i = 0; i < COUNT_OF(polls); i++)
        polls[i] = (struct pollfd){ .fd = ends[0], .events = POLLIN };
    for (unsigned i = 0; i < 100; i++) {
        if (poll(polls, COUNT_OF(polls), 1) != 0)
            return attack_note("poll");
    }
    return 0;
}

// Pages that cannot be joined, until the kernel says no; then one goes and one comes.
static int regions(void)
{
    char *place = mmap(NULL, 2 * REGIONS_AT_MOST * PAGE, PROT_NONE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    unsigned made = 0;
    if (place == MAP_FAILED)
        return attack_note("mmap: errno %d", errno);
    munmap(place, 2 * REGIONS_AT_MOST * PAGE);
    while (made < REGIONS_AT_MOST &&
           mmap(place + 2 * made * PAGE, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
                -1, 0) != MAP_FAILED)
        made++;
    if (made == REGIONS_AT_MOST || made < REGIONS_AT_LEAST || errno != ENOMEM)
        return attack_note("errno %d after %u regions", errno, made);
    int pid = fork(); // a copy of all
    if (pid == 0)
        _exit(0);
    if (pid < 0 || child_wait(pid) != 0)
        return attack_note("fork with %u regions: errno %d", made, errno);
    munmap(place, PAGE);
    if (mmap(place, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
        return attack_note("errno %d after one went", errno);
    return 0;
}

static int million_regions(void)
{
    return run_together(attack_is_quick || !kernel_is_ringfence() ? 1 : 16, regions);
}

static char *touched;

static void judge_bus_error(int signal, siginfo_t *info, void *context)
{
    if (info->si_code == BUS_ADRERR && info->si_addr == touched)
        _exit(0);
    _exit(attack_note("SIGBUS with code %d at %p, not %p", info->si_code, info->si_addr, touched));
}

static int nameless_file(void)
{
    int file = open("/tmp/escape-full", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    unlink("/tmp/escape-full");
    return file;
}

// All room for files taken, down to a byte, and then a hole of another file is touched.
static int full_files(void)
{
    const struct sigaction action = { .sa_sigaction = judge_bus_error, .sa_flags = SA_SIGINFO };
    static char bytes[MIB];
    int full = nameless_file(), holes = nameless_file();
    if (!kernel_is_ringfence())
        return 0; // there it is others' room
    if (ftruncate(holes, HOLES * PAGE) != 0)
        return attack_note("ftruncate: errno %d", errno);
    touched = mmap(NULL, HOLES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, holes, 0);
    if (touched == MAP_FAILED || sigaction(SIGBUS, &action, NULL) != 0)
        return attack_note("mmap: errno %d", errno);
    for (unsigned i = 0; i < HOLES; i++, touched += PAGE) { // what others give back is taken again
        for (size_t size = MIB; size > 0; size /= 16)
            while (write(full, bytes, size) > 0)
                ;
        if (errno != ENOSPC)
            return attack_note("write: errno %d", errno);
        *touched = 1;
    }
    return attack_note("there was always room for one more");
}

static const struct attempt attempts[] = {
    ATTACK("deep-folders", deep_folders),
    ATTACK("long-paths", long_paths),
    ATTACK("link-chains", link_chains),
    ATTACK("empty-files", empty_files),
    ATTACK("many-descriptors", many_descriptors),
    ATTACK("many-pipes", many_pipes),
    ATTACK("poll-of-many", poll_of_many),
    ATTACK("million-regions", million_regions),
    ATTACK("full-files", full_files),
};
GROUP(depths, "names, links, descriptors, pipes, regions and files without end", attempts);
