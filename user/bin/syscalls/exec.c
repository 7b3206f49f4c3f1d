// execve: what a new program gets, what it keeps, and everything that is no program.
#include "check.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PROGRAM SCRATCH "/program"
#define BUSYBOX "/bin/busybox"

static int become(void *argument)
{
    char **argv = argument;
    char *env[] = { "WORD=value", "EMPTY=", NULL };
    execve(argv[0], argv, env);
    return errno;
}

// The exit status of a program that could not be executed is errno here.
static int run(char *path, char *first, char *second, char *third)
{
    char *argv[] = { path, first, second, third, NULL };
    return child_run(become, argv) >> 8;
}

static bool write_program(const void *data, size_t size, mode_t mode)
{
    unlink(PROGRAM);
    int fd = open(PROGRAM, O_CREAT | O_WRONLY | O_TRUNC, 0600);
    return fd >= 0 && write(fd, data, size) == (ssize_t)size && fchmod(fd, mode) == 0 &&
           close(fd) == 0;
}

static bool test_arguments(void)
{
    EXPECT(run(BUSYBOX, "test", "a", NULL) == 0);
    EXPECT(run(BUSYBOX, "test", "", NULL) == 1);
    EXPECT(run(BUSYBOX, "sh", "-c", "test \"$WORD\" = value") == 0);
    EXPECT(run(BUSYBOX, "sh", "-c", "exit 77") == 77);
    return true;
}

static bool test_not_programs(void)
{
    static const char text[] = "this is only text\n", elf[] = "\x7f"
                                                              "ELF";
    EXPECT(run(SCRATCH "/nothing", NULL, NULL, NULL) == ENOENT);
    EXPECT(run(SCRATCH, NULL, NULL, NULL) == EACCES);
    EXPECT(run(BUSYBOX "/x", NULL, NULL, NULL) == ENOTDIR);
    EXPECT(write_program(text, sizeof(text), 0755) && run(PROGRAM, NULL, NULL, NULL) == ENOEXEC);
    EXPECT(write_program(elf, 4, 0755) && run(PROGRAM, NULL, NULL, NULL) == ENOEXEC);
    EXPECT(write_program("", 0, 0755) && run(PROGRAM, NULL, NULL, NULL) == ENOEXEC);
    EXPECT(write_program(text, sizeof(text), 0644) && run(PROGRAM, NULL, NULL, NULL) == EACCES);
    return unlink(PROGRAM) == 0;
}

// A real program with one byte of its ELF header changed, one after the other.
static bool test_changed_headers(void)
{
    static const struct {
        size_t at;
        unsigned char value;
    } changes[] = {
        { 0, 0 },   // magic
        { 16, 1 },  // an object file
        { 18, 3 },  // for i386
        { 54, 55 }, // odd program header size
    };
    static unsigned char image[4 << 20];
    int fd = open("/proc/self/exe", O_RDONLY);
    ssize_t size = read(fd, image, sizeof(image));
    EXPECT(size > 0 && size < (ssize_t)sizeof(image) && close(fd) == 0);
    for (size_t i = 0; i < COUNT_OF(changes); i++) {
        unsigned char old = image[changes[i].at];
        image[changes[i].at] = changes[i].value;
        EXPECT(write_program(image, (size_t)size, 0755));
        int code = run(PROGRAM, "no-such-test", NULL, NULL);
        EXPECT(code == ENOEXEC);
        image[changes[i].at] = old;
    }
    return unlink(PROGRAM) == 0;
}

static bool test_scripts(void)
{
    static const char script[] = "#!" BUSYBOX " sh\nexit $(($# + 40))\n";
    static const char no_interpreter[] = "#!/nothing\n", endless[] = "#!" PROGRAM "\n";
    EXPECT(write_program(script, sizeof(script) - 1, 0755) && run(PROGRAM, "a", "b", NULL) == 42);
    EXPECT(write_program(no_interpreter, sizeof(no_interpreter) - 1, 0755));
    EXPECT(run(PROGRAM, NULL, NULL, NULL) == ENOENT);
    EXPECT(write_program(endless, sizeof(endless) - 1, 0755));
    EXPECT(run(PROGRAM, NULL, NULL, NULL) == ELOOP);
    return unlink(PROGRAM) == 0;
}

// Strings up to the limit arrive whole; too many are refused.
static bool test_many_arguments(void)
{
    static char word[100001];
    char *many[2002];
    memset(word, 'w', sizeof(word) - 1);
    char *argv[] = { BUSYBOX, "sh", "-c", "test ${#1} = 100000", "x", word, NULL };
    EXPECT(child_run(become, argv) == 0);
    for (int i = 0; i < 2000; i++)
        many[i] = "ab";
    many[0] = BUSYBOX;
    many[1] = "true";
    many[2000] = NULL;
    EXPECT(child_run(become, many) == 0);
    return true;
}

// Close-on-exec closes, everything else stays open; brk and mappings are new.
static bool test_what_is_kept(void)
{
    int kept = open("/dev/null", O_RDONLY), closed = open("/dev/null", O_RDONLY | O_CLOEXEC);
    EXPECT(kept == 3 && closed == 4);
    EXPECT(run(BUSYBOX, "sh", "-c", "exec 2>&-; true <&3 && ! true <&4") == 0);
    EXPECT(chdir(SCRATCH) == 0 &&
           run(BUSYBOX, "sh", "-c", "test $(" BUSYBOX " pwd) = " SCRATCH) == 0);
    return chdir("/") == 0;
}

static bool test_auxiliary_vector(void)
{
    const unsigned char *random = (const unsigned char *)getauxval(AT_RANDOM);
    const char *name = (const char *)getauxval(AT_EXECFN);
    EXPECT(getauxval(AT_PAGESZ) == PAGE && getauxval(AT_CLKTCK) == 100);
    EXPECT(getauxval(AT_PHDR) != 0 && getauxval(AT_PHENT) == 56 && getauxval(AT_PHNUM) > 0);
    EXPECT(getauxval(AT_ENTRY) != 0 && getauxval(AT_SECURE) == 0 && getauxval(AT_BASE) == 0);
    EXPECT(random != NULL && name != NULL && strstr(name, "syscalls") != NULL);
    EXPECT(strcmp((const char *)getauxval(AT_PLATFORM), "x86_64") == 0);
    int different = 0;
    for (int i = 1; i < 16; i++)
        different += random[i] != random[0];
    EXPECT(different > 4);
    return true;
}

const struct test exec_tests[] = {
    { "exec-arguments", test_arguments },
    { "exec-not-programs", test_not_programs },
    { "exec-changed-headers", test_changed_headers },
    { "exec-scripts", test_scripts },
    { "exec-many-arguments", test_many_arguments },
    { "exec-what-is-kept", test_what_is_kept },
    { "auxiliary-vector", test_auxiliary_vector },
};
const size_t exec_test_count = COUNT_OF(exec_tests);
