// The vDSO: found as C libraries find it, its answers against those of the system calls.
#include "check.h"

#include <elf.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TURNS 2000

struct vdso {
    const char *base;
    const Elf64_Sym *symbols;
    const char *strings;
    const uint32_t *hash;
    const uint16_t *versions;
    const Elf64_Verdef *definitions;
};

static bool open_vdso(struct vdso *vdso)
{
    const Elf64_Ehdr *header = (const Elf64_Ehdr *)getauxval(AT_SYSINFO_EHDR);
    *vdso = (struct vdso){ .base = (const char *)header };
    if (!header || memcmp(header->e_ident, ELFMAG, SELFMAG) != 0)
        return false;
    const Elf64_Phdr *segment = (const Elf64_Phdr *)(vdso->base + header->e_phoff);
    const Elf64_Dyn *dynamic = NULL;
    for (unsigned i = 0; i < header->e_phnum; i++) {
        if (segment[i].p_type == PT_DYNAMIC)
            dynamic = (const Elf64_Dyn *)(vdso->base + segment[i].p_offset);
    }
    for (; dynamic && dynamic->d_tag != DT_NULL; dynamic++) {
        const char *there = vdso->base + dynamic->d_un.d_ptr;
        if (dynamic->d_tag == DT_SYMTAB)
            vdso->symbols = (const Elf64_Sym *)there;
        if (dynamic->d_tag == DT_STRTAB)
            vdso->strings = there;
        if (dynamic->d_tag == DT_HASH)
            vdso->hash = (const uint32_t *)there;
        if (dynamic->d_tag == DT_VERSYM)
            vdso->versions = (const uint16_t *)there;
        if (dynamic->d_tag == DT_VERDEF)
            vdso->definitions = (const Elf64_Verdef *)there;
    }
    return vdso->symbols && vdso->strings && vdso->hash && vdso->versions && vdso->definitions;
}

static bool version_is(const struct vdso *vdso, uint16_t index, const char *name)
{
    const Elf64_Verdef *definition = vdso->definitions;
    while (definition->vd_ndx != (index & 0x7fff) && definition->vd_next)
        definition = (const Elf64_Verdef *)((const char *)definition + definition->vd_next);
    const Elf64_Verdaux *aux =
        (const Elf64_Verdaux *)((const char *)definition + definition->vd_aux);
    return definition->vd_ndx == (index & 0x7fff) &&
           strcmp(vdso->strings + aux->vda_name, name) == 0;
}

static void *find(const char *name)
{
    struct vdso vdso;
    if (!open_vdso(&vdso))
        return NULL;
    uint32_t count = vdso.hash[1];
    for (uint32_t i = 1; i < count; i++) {
        const Elf64_Sym *symbol = &vdso.symbols[i];
        if (symbol->st_shndx != SHN_UNDEF && strcmp(vdso.strings + symbol->st_name, name) == 0)
            return version_is(&vdso, vdso.versions[i], "LINUX_2.6")
                       ? (void *)(vdso.base + symbol->st_value)
                       : NULL;
    }
    return NULL;
}

static bool test_symbols(void)
{
    static const char *const names[] = { "clock_gettime", "clock_getres", "gettimeofday", "time",
                                         "getcpu" };
    for (unsigned i = 0; i < COUNT_OF(names); i++) {
        char full[32] = "__vdso_";
        strcat(full, names[i]);
        EXPECT(find(full) != NULL && find(names[i]) != NULL);
    }
    return true;
}

static uint64_t in_ns(const struct timespec *time)
{
    return (uint64_t)time->tv_sec * 1000000000u + (uint64_t)time->tv_nsec;
}

// What is read later is not less, whichever way it is read.
static bool test_agreement(void)
{
    static const int clocks[] = {
        CLOCK_REALTIME, CLOCK_MONOTONIC,          CLOCK_MONOTONIC_RAW,
        CLOCK_BOOTTIME, CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID
    };
    int (*gettime)(int, struct timespec *) = find("__vdso_clock_gettime");
    int (*getres)(int, struct timespec *) = find("__vdso_clock_getres");
    EXPECT(gettime && getres);
    for (unsigned i = 0; i < COUNT_OF(clocks); i++) {
        struct timespec one, other;
        uint64_t last = 0;
        for (int turn = 0; turn < TURNS; turn++) {
            EXPECT(gettime(clocks[i], &one) == 0);
            EXPECT(syscall(SYS_clock_gettime, clocks[i], &other) == 0);
            EXPECT(one.tv_nsec >= 0 && one.tv_nsec < 1000000000);
            EXPECT(last <= in_ns(&one) && in_ns(&one) <= in_ns(&other));
            EXPECT(in_ns(&other) - in_ns(&one) < 1000000000);
            last = in_ns(&other);
        }
        EXPECT(getres(clocks[i], &one) == 0 && syscall(SYS_clock_getres, clocks[i], &other) == 0);
        EXPECT(in_ns(&one) == in_ns(&other) && getres(clocks[i], NULL) == 0);
    }
    struct timespec coarse, fine;
    EXPECT(gettime(CLOCK_REALTIME_COARSE, &coarse) == 0 && gettime(CLOCK_REALTIME, &fine) == 0);
    EXPECT(in_ns(&coarse) <= in_ns(&fine) && in_ns(&fine) - in_ns(&coarse) < 1000000000);
    EXPECT(gettime(77, &fine) == -EINVAL && gettime(-1, &fine) == -EINVAL);
    EXPECT(getres(77, &fine) == -EINVAL && getres(32, &fine) == -EINVAL);
    return true;
}

static bool test_others(void)
{
    int (*of_day)(struct timeval *, struct timezone *) = find("__vdso_gettimeofday");
    time_t (*seconds)(time_t *) = find("__vdso_time");
    long (*getcpu)(unsigned *, unsigned *, void *) = find("__vdso_getcpu");
    EXPECT(of_day && seconds && getcpu);
    struct timeval one, other;
    struct timezone zone = { 1, 1 };
    EXPECT(of_day(&one, &zone) == 0 && syscall(SYS_gettimeofday, &other, NULL) == 0);
    EXPECT(timercmp(&one, &other, <=) && other.tv_sec - one.tv_sec < 5);
    EXPECT(one.tv_usec >= 0 && one.tv_usec < 1000000 && zone.tz_minuteswest == 0);
    EXPECT(of_day(NULL, &zone) == 0 && of_day(NULL, NULL) == 0);
    time_t stored, now = seconds(&stored);
    EXPECT(now == stored && now >= one.tv_sec && seconds(NULL) - now < 5);
    unsigned cpu = 77, node = 77, same = 78;
    bool equal = false;
    for (int turn = 0; turn < 100 && !equal; turn++) { // it may move in between
        EXPECT(getcpu(&cpu, &node, NULL) == 0 && syscall(SYS_getcpu, &same, NULL, NULL) == 0);
        equal = cpu == same;
    }
    EXPECT(equal && node == 0 && getcpu(NULL, NULL, NULL) == 0);
    return true;
}

struct baton {
    volatile unsigned turn;
    volatile uint64_t last_ns;
};

// The CPU of the one or the other: where there is only one, both have that.
static unsigned choose_cpu(const cpu_set_t *cpus, unsigned me)
{
    unsigned cpu = 0, left = CPU_COUNT(cpus) > 1 ? me : 0;
    while (!CPU_ISSET(cpu, cpus) || left-- != 0)
        cpu++;
    return cpu;
}

// One of two, each pinned to a CPU: never less than what the other has seen.
static bool take_turns(struct baton *baton, unsigned me, unsigned own_cpu)
{
    int (*gettime)(int, struct timespec *) = find("__vdso_clock_gettime");
    long (*getcpu)(unsigned *, unsigned *, void *) = find("__vdso_getcpu");
    bool by_call = false;
    unsigned cpu;
    pin_to_cpu((int)own_cpu);
    EXPECT(gettime && getcpu);
    for (unsigned turn = me; turn < TURNS; turn += 2) {
        struct timespec now;
        while (baton->turn != turn) {
            EXPECT(baton->turn != UINT32_MAX);
            sched_yield();
        }
        int error = by_call ? (int)syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now)
                            : gettime(CLOCK_MONOTONIC, &now);
        EXPECT(error == 0 && in_ns(&now) >= baton->last_ns);
        EXPECT(getcpu(&cpu, NULL, NULL) == 0 && cpu == own_cpu);
        baton->last_ns = in_ns(&now);
        baton->turn = turn + 1;
        by_call = !by_call;
    }
    return true;
}

// Says on how many CPUs: one shows little.
static bool test_across_cpus(void)
{
    int status = -1;
    cpu_set_t cpus;
    struct baton *baton =
        mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    EXPECT(baton != MAP_FAILED && sched_getaffinity(0, sizeof(cpus), &cpus) == 0);
    unsigned here = choose_cpu(&cpus, 0), there = choose_cpu(&cpus, 1);
    pid_t child = fork();
    bool fine = take_turns(baton, child == 0, child == 0 ? there : here);
    if (!fine)
        baton->turn = UINT32_MAX; // the other need not wait
    if (child == 0)
        _exit(fine ? 7 : 1);
    EXPECT(waitpid(child, &status, 0) == child && status == 7 << 8 && fine);
    printf("syscalls: time compared on %d CPUs\n", 1 + (here != there));
    return true;
}

static int in_child(void (*act)(char *page))
{
    pid_t child = fork();
    int status = -1;
    if (child == 0) {
        act((char *)getauxval(AT_SYSINFO_EHDR));
        _exit(7);
    }
    return waitpid(child, &status, 0) == child ? status : -1;
}

static void write_to_it(char *page)
{
    *(volatile char *)page = 1;
}

static void leave_and_ask(char *page)
{
    struct timespec now;
    int (*gettime)(int, struct timespec *) = find("__vdso_clock_gettime");
    if (gettime(CLOCK_MONOTONIC, &now) != 0)
        _exit(1);
    // Linux never gives up a part of its own, which may be longer, and newer kernels may seal it.
    bool kept = munmap(page, PAGE) != 0 && (errno == EINVAL || errno == EPERM);
    if ((kept && memcmp(page, ELFMAG, SELFMAG) != 0) ||
        syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now) != 0)
        _exit(1);
}

// Whatever one process does to its mapping, nobody else sees it.
static void damage_it(char *page)
{
    if (mprotect(page, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC) == 0)
        memset(page, 0, PAGE);
}

static bool test_page(void)
{
    char *page = (char *)getauxval(AT_SYSINFO_EHDR);
    EXPECT(page != NULL && WTERMSIG(in_child(write_to_it)) == SIGSEGV);
    EXPECT(in_child(leave_and_ask) == 7 << 8 && in_child(damage_it) == 7 << 8);
    return test_symbols() && test_agreement();
}

const struct test vdso_tests[] = {
    { "vdso-symbols", test_symbols }, { "vdso-agrees", test_agreement },
    { "vdso-others", test_others },   { "vdso-across-cpus", test_across_cpus },
    { "vdso-page", test_page },
};
const size_t vdso_test_count = COUNT_OF(vdso_tests);
