// Shows rows 8 and 16 of kernel/README.md: every process of the tree forks WIDTH children, DEPTH
// levels deep, and exits with the number of processes below it that it counted from exit codes and
// a pipe.
//   forktree [DEPTH] [WIDTH]
#include "program.h"

#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

// The processes in this subtree, its root included; each child sends its count through a pipe and
// exits with the low seven bits of it. -1 when something did not add up.
static int grow(long depth, long width)
{
    int total = 1;
    int counts[2];
    if (depth == 0)
        return total;
    if (pipe(counts) != 0)
        return -1;
    for (long i = 0; i < width; i++) {
        pid_t pid = fork();
        if (pid < 0)
            return -1;
        if (pid == 0) {
            int below = grow(depth - 1, width);
            _exit(write(counts[1], &below, sizeof(below)) == sizeof(below) ? below & 127 : 255);
        }
        int below, status = child_wait(pid);
        if (read(counts[0], &below, sizeof(below)) != sizeof(below) || below < 0 ||
            status != (below & 127) << 8)
            return -1;
        total += below;
    }
    close(counts[0]);
    close(counts[1]);
    return total;
}

int main(int argc, char **argv)
{
    long depth = argc > 1 ? number_argument(argv[1]) : 3;
    long width = argc > 2 ? number_argument(argv[2]) : 3;
    long expected = 1, level = 1;
    for (long i = 0; i < depth; i++) {
        level *= width;
        expected += level;
    }
    int counted = grow(depth, width);
    printf("forktree: depth %ld, width %ld: %d processes, %ld expected\n", depth, width, counted,
           expected);
    return counted != expected;
}
