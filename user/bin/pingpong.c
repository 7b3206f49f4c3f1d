// Shows rows 12 and 15 of kernel/README.md: two processes on one CPU send a byte back and forth
// over two pipes; every half trip is a context switch. `pingpong [ROUNDS]`.
#include "program.h"

#include <stdio.h>
#include <unistd.h>

struct pair {
    int to_child[2], to_parent[2];
    long rounds;
};

static int answer(void *argument)
{
    struct pair *pair = argument;
    unsigned char ball;
    for (long i = 0; i < pair->rounds; i++) {
        if (read(pair->to_child[0], &ball, 1) != 1 || ball != (unsigned char)i)
            return 1;
        ball++;
        if (write(pair->to_parent[1], &ball, 1) != 1)
            return 2;
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct pair pair = { .rounds = argc > 1 ? number_argument(argv[1]) : 1000 };
    if (pipe(pair.to_child) != 0 || pipe(pair.to_parent) != 0)
        fail("pipe");
    pin_to_cpu(0);
    pid_t child = child_start(answer, &pair);
    uint64_t begin = clock_ns();
    for (long i = 0; i < pair.rounds; i++) {
        unsigned char ball = (unsigned char)i;
        if (write(pair.to_child[1], &ball, 1) != 1 || read(pair.to_parent[0], &ball, 1) != 1 ||
            ball != (unsigned char)(i + 1))
            fail("the ball was lost");
    }
    uint64_t each_ns = pair.rounds ? (clock_ns() - begin) / (uint64_t)pair.rounds : 0;
    int status = child_wait(child);
    printf("pingpong: %ld round trips, %llu ns each\n", pair.rounds, (unsigned long long)each_ns);
    return status != 0;
}
