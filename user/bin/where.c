// Prints where its parts lie: one line for each run, from which tests see what is random.
//   where            one run
//   where N          N runs of itself, one after the other
//   where N -R       the same without randomisation, by personality()
#include "program.h"

#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <unistd.h>

static int show(void)
{
    char on_stack;
    void *mapping = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    printf("where: code %p heap %p mapping %p stack %p vdso %#lx\n", (void *)show, sbrk(0), mapping,
           (void *)&on_stack, getauxval(AT_SYSINFO_EHDR));
    return mapping == MAP_FAILED;
}

int main(int argc, char **argv)
{
    char *again[] = { "/proc/self/exe", NULL };
    if (argc < 2)
        return show();
    if (argc > 2 && strcmp(argv[2], "-R") == 0 && personality(ADDR_NO_RANDOMIZE) < 0)
        fail("personality");
    for (long left = number_argument(argv[1]); left > 0; left--) {
        if (child_wait(program_start(again)) != 0)
            return 1;
    }
    return 0;
}
