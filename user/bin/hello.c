// Shows rows 1 and 8 of kernel/README.md: a process is made, loaded and given its arguments;
// returning from main ends it. Also built as /bin/hello-pie, a static position-independent program.
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    printf("Hello from process %d, child of %d.", (int)getpid(), (int)getppid());
    for (int i = 1; i < argc; i++)
        printf(" %s", argv[i]);
    printf("\n");
    return 0;
}
