// All names in the tree but /proc's: those that were there before the children, as hashes, and the
// removal of all others; and the files that children share, made anew.
#include "supervise.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_LIMIT 4096u
#define DEPTH 8
#define TOP_SIZE 272u
#define PROGRAM_SIZE 16384u

static uint64_t known[NAME_LIMIT];
static size_t known_count;

static uint64_t hash(const char *path)
{
    uint64_t value = 14695981039346656037u; // FNV-1a
    for (; *path != '\0'; path++)
        value = (value ^ (unsigned char)*path) * 1099511628211u;
    return value;
}

static int remember_name(const char *path, const struct stat *status, int type, struct FTW *where)
{
    if (known_count < NAME_LIMIT)
        known[known_count++] = hash(path);
    return 0;
}

static int remove_unknown(const char *path, const struct stat *status, int type, struct FTW *where)
{
    uint64_t value = hash(path);
    for (size_t i = 0; i < known_count; i++) {
        if (known[i] == value)
            return 0;
    }
    remove(path);
    return 0;
}

static void walk(int (*visit)(const char *, const struct stat *, int, struct FTW *))
{
    char path[TOP_SIZE];
    DIR *root = kernel_is_ringfence() ? opendir("/") : NULL;
    struct dirent *entry;
    while (root != NULL && (entry = readdir(root)) != NULL) {
        if (entry->d_name[0] == '.' || strcmp(entry->d_name, "proc") == 0)
            continue;
        snprintf(path, sizeof(path), "/%s", entry->d_name);
        nftw(path, visit, DEPTH, FTW_DEPTH | FTW_PHYS);
    }
    if (root != NULL)
        closedir(root);
}

void names_remember(void)
{
    walk(remember_name);
}

void names_restore(void)
{
    walk(remove_unknown);
}

void place_restore(void)
{
    static char program[PROGRAM_SIZE];
    static ssize_t size;
    int from = size == 0 ? open("/bin/minimal", O_RDONLY) : -1;
    if (from >= 0) {
        size = read(from, program, sizeof(program));
        close(from);
    }
    unlink(PLACE_PROGRAM);
    unlink(PLACE_NULL);
    unlink(PLACE_ZERO);
    int to = open(PLACE_PROGRAM, O_WRONLY | O_CREAT | O_EXCL, 0755);
    if (size <= 0 || to < 0 || write(to, program, (size_t)size) != size || close(to) != 0 ||
        symlink("/dev/null", PLACE_NULL) != 0 || symlink("/dev/zero", PLACE_ZERO) != 0)
        fail(PLACE);
}
