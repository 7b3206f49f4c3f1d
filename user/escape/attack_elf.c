// Attacks by what is executed: garbage, scripts, and ELF files with every field of their headers at
// its extremes, alone and several at once. Exec refuses, or the program runs or dies: nothing else.
#include "attack.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096ul
#define PROGRAM "/tmp/escape-image"
#define BASE 0x400000ul
#define RUNS 42    // exit status of the program as it should be
#define REFUSED 77 // of the child when exec failed
#define IMAGE_SIZE (2 * PAGE)
#define LIMIT_NS 20000000000u
#define MIXTURES 400u

struct image {
    Elf64_Ehdr header;
    Elf64_Phdr segments[2];
    unsigned char code[16];
};

static const struct image good = {
    .header = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
                .e_type = ET_EXEC,
                .e_machine = EM_X86_64,
                .e_version = EV_CURRENT,
                .e_entry = BASE + offsetof(struct image, code),
                .e_phoff = offsetof(struct image, segments),
                .e_ehsize = sizeof(Elf64_Ehdr),
                .e_phentsize = sizeof(Elf64_Phdr),
                .e_phnum = 2 },
    .segments = { { .p_type = PT_LOAD,
                    .p_flags = PF_R | PF_X,
                    .p_vaddr = BASE,
                    .p_filesz = PAGE,
                    .p_memsz = PAGE,
                    .p_align = PAGE },
                  { .p_type = PT_LOAD,
                    .p_flags = PF_R | PF_W,
                    .p_offset = PAGE,
                    .p_vaddr = BASE + PAGE,
                    .p_filesz = 512,
                    .p_memsz = 3 * PAGE,
                    .p_align = PAGE } },
    .code = { 0xb8, 60, 0, 0, 0, 0xbf, RUNS, 0, 0, 0, 0x0f, 0x05 }, // exit(42)
};

static int write_image(const void *data, size_t size)
{
    unlink(PROGRAM);
    int file = open(PROGRAM, O_CREAT | O_WRONLY | O_TRUNC, 0755);
    if (file < 0 || write(file, data, size) != (ssize_t)size || close(file) != 0)
        return attack_note("writing: errno %d", errno);
    return 0;
}

// The wait status, or -1 when it did not end.
static int execute(void)
{
    char *const argv[] = { PROGRAM, NULL };
    bool timed_out;
    int pid = attack_fork();
    if (pid == 0) {
        execve(PROGRAM, argv, NULL);
        _exit(errno == EFAULT || errno == EACCES || errno == EIO ? errno : REFUSED);
    }
    if (pid < 0)
        return 0;
    int status = child_wait_limited(pid, LIMIT_NS, &timed_out);
    return timed_out ? -1 : status;
}

// Refused, run, or killed for what it does; it is not for exec to say that memory is bad.
static bool status_is_right(int status)
{
    if (status == -1)
        return false;
    if (WIFEXITED(status))
        return WEXITSTATUS(status) != EFAULT && WEXITSTATUS(status) != EIO;
    int signal = WTERMSIG(status);
    return signal == SIGSEGV || signal == SIGBUS || signal == SIGILL || signal == SIGKILL ||
           signal == SIGTRAP || signal == SIGFPE;
}

static int try_image(const struct image *image, size_t size, const char *what, uint64_t value)
{
    static unsigned char file[IMAGE_SIZE];
    memset(file, 0, sizeof(file));
    memcpy(file, image, sizeof(*image));
    if (write_image(file, size) != 0)
        return 1;
    int status = execute();
    return status_is_right(status) ? 0 : attack_note("%s %#lx: status %#x", what, value, status);
}

struct field {
    const char *name;
    size_t offset, size;
};
#define HEADER(name)                                                                               \
    {                                                                                              \
#name, offsetof(struct image, header.name), sizeof(((Elf64_Ehdr *)0)->name)                \
    }
#define SEGMENT(i, name)                                                                           \
    {                                                                                              \
#name, offsetof(struct image, segments[i].name), sizeof(((Elf64_Phdr *)0)->name)           \
    }
#define SEGMENT_FIELDS(i)                                                                          \
    SEGMENT(i, p_type), SEGMENT(i, p_flags), SEGMENT(i, p_offset), SEGMENT(i, p_vaddr),            \
        SEGMENT(i, p_paddr), SEGMENT(i, p_filesz), SEGMENT(i, p_memsz), SEGMENT(i, p_align)

static const struct field fields[] = {
    { "ident-0", 0, 1 }, { "class", 4, 1 },   { "data", 5, 1 },    { "ident-version", 6, 1 },
    { "os-abi", 7, 1 },  { "padding", 8, 8 }, HEADER(e_type),      HEADER(e_machine),
    HEADER(e_version),   HEADER(e_entry),     HEADER(e_phoff),     HEADER(e_shoff),
    HEADER(e_flags),     HEADER(e_ehsize),    HEADER(e_phentsize), HEADER(e_phnum),
    HEADER(e_shentsize), HEADER(e_shnum),     HEADER(e_shstrndx),  SEGMENT_FIELDS(0),
    SEGMENT_FIELDS(1),
};

static const uint64_t extremes[] = {
    0,
    1,
    2,
    3,
    4,
    5,
    6,
    7,
    0x37,
    0x38,
    0x39,
    0x40,
    0x7f,
    0x80,
    0xff,
    0xfff,
    0x1000,
    0x1001,
    0x1fff,
    0x2000,
    0x2001,
    0x7fff,
    0x8000,
    0xffff,
    0x10000,
    0x200000,
    0x7fffffff,
    0x80000000,
    0xffffffff,
    0x60000000,
    0x6474e551,
    0x100000000,
    (1ul << 40),
    (1ul << 46),
    0x7ffffffde000,
    0x7fffffffe000,
    0x7ffffffff000,
    0x7fffffffffff,
    0x800000000000,
    0x7fffffffffffffff,
    0x8000000000000000,
    0xffff800000000000,
    0xffffffff80001000,
    -4097ul,
    -4096ul,
    -4095ul,
    -1ul,
};

static bool fits(const struct field *field, uint64_t value)
{
    return field->size == 8 || value >> (8 * field->size) == 0;
}

static void set_field(struct image *image, const struct field *field, uint64_t value)
{
    memcpy((char *)image + field->offset, &value, field->size);
}

static int elf_is_run_at_all(void)
{
    if (try_image(&good, IMAGE_SIZE, "good", 0) != 0)
        return 1;
    int status = execute();
    return status != RUNS << 8 ? attack_note("a good image: status %#x", status) : 0;
}

static int elf_fields(void)
{
    const size_t step = attack_is_quick ? 7 : 1;
    int result = elf_is_run_at_all();
    for (size_t f = 0; f < COUNT_OF(fields); f++) {
        for (size_t v = f % step; v < COUNT_OF(extremes); v += step) {
            struct image image = good;
            if (!fits(&fields[f], extremes[v]))
                continue;
            set_field(&image, &fields[f], extremes[v]);
            result |= try_image(&image, IMAGE_SIZE, fields[f].name, extremes[v]);
        }
    }
    unlink(PROGRAM);
    return result;
}

static uint64_t draw(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

// Two to five fields at once, the same ones every time.
static int elf_mixtures(void)
{
    uint64_t state = 0x1234567;
    int result = 0;
    for (unsigned i = 0; i < MIXTURES / (attack_is_quick ? 8 : 1); i++) {
        struct image image = good;
        for (unsigned k = 2 + draw(&state) % 4; k > 0; k--) {
            const struct field *field = &fields[6 + draw(&state) % (COUNT_OF(fields) - 6)];
            uint64_t value = extremes[draw(&state) % COUNT_OF(extremes)];
            if (fits(field, value))
                set_field(&image, field, value);
        }
        result |= try_image(&image, IMAGE_SIZE, "mixture", i);
    }
    unlink(PROGRAM);
    return result;
}

static int elf_cut(void)
{
    int result = 0;
    for (size_t size = 0; size <= sizeof(good) + 16; size += attack_is_quick ? 23 : 1)
        result |= try_image(&good, size, "cut at", size);
    result |= try_image(&good, PAGE - 1, "cut at", PAGE - 1);
    result |= try_image(&good, PAGE + 1, "cut at", PAGE + 1);
    unlink(PROGRAM);
    return result;
}

static int garbage(void)
{
    static unsigned char bytes[2 * PAGE];
    uint64_t state = 0x7654321;
    int result = 0;
    for (unsigned i = 0; i < (attack_is_quick ? 10u : 100u); i++) {
        size_t size = draw(&state) % sizeof(bytes);
        for (size_t k = 0; k < size; k++)
            bytes[k] = (unsigned char)draw(&state);
        if (i % 2)
            memcpy(bytes, &good, 16); // looks like one
        if (write_image(bytes, size) != 0)
            return 1;
        int status = execute();
        if (!status_is_right(status))
            result = attack_note("garbage %u: status %#x", i, status);
    }
    unlink(PROGRAM);
    return result;
}

static int scripts(void)
{
    static char text[3 * PAGE];
    static const char *const lines[] = {
        "#!",
        "#! ",
        "#!\n",
        "#!" PROGRAM,
        "#!" PROGRAM "\n",
        "#!/\n",
        "#!/tmp\n",
        "#!nowhere\n",
        "#!/nowhere with words\n",
        "#!\0\n",
    };
    int result = 0;
    for (size_t i = 0; i <= COUNT_OF(lines); i++) {
        memset(text, 'x', sizeof(text));
        strcpy(text, i < COUNT_OF(lines) ? lines[i] : "#!/");
        text[strlen(text)] = i < COUNT_OF(lines) ? '\0' : 'x'; // the last has no end at all
        size_t size = i < COUNT_OF(lines) ? strlen(lines[i]) : sizeof(text);
        if (write_image(text, size) != 0)
            return 1;
        int status = execute();
        if (status != REFUSED << 8 && status != EACCES << 8)
            result = attack_note("script %zu: status %#x", i, status);
    }
    unlink(PROGRAM);
    return result;
}

// More arguments than may be, in many processes at once.
static int argument_hog(void)
{
    static char *argv[4096];
    char *text = malloc(131072);
    memset(text, 'a', 131071);
    text[131071] = '\0';
    for (size_t i = 0; i + 1 < COUNT_OF(argv); i++)
        argv[i] = text;
    attack_competitors(8);
    for (unsigned i = 0; i < 8; i++) {
        if (attack_fork() == 0) {
            execve("/bin/true", argv, argv);
            _exit(errno == E2BIG || errno == ENOMEM ? 0 : 1);
        }
    }
    int result = 0;
    for (int status; wait(&status) > 0;)
        result |= status;
    return result ? attack_note("status %#x", result) : 0;
}

static const struct attempt attempts[] = {
    ATTACK("elf-fields", elf_fields), ATTACK("elf-mixtures", elf_mixtures),
    ATTACK("elf-cut", elf_cut),       ATTACK("garbage", garbage),
    ATTACK("scripts", scripts),       ATTACK("argument-hog", argument_hog),
};
GROUP(images, "exec of garbage, scripts without sense, ELF headers at their extremes", attempts);
