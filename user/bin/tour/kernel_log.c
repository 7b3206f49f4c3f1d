// Finds lines in the kernel log. What programs write into it has its own area, `user:`, so the
// lines of the kernel cannot be forged.
#include "kernel_log.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char text[256 * 1024];

static void read_log(void)
{
    size_t length = 0;
    int fd = open("/dev/kmsg", O_RDONLY | O_CLOEXEC);
    ssize_t count;
    while (fd >= 0 && (count = read(fd, text + length, sizeof(text) - 1 - length)) > 0)
        length += (size_t)count;
    text[length] = '\0';
    if (fd >= 0)
        close(fd);
}

const char *kernel_log_find(const char *beginning)
{
    char *found = NULL;
    read_log();
    for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        char *message = strstr(line, "] ");
        if (line[0] == '[' && message != NULL &&
            strncmp(message + 2, beginning, strlen(beginning)) == 0)
            found = message + 2;
    }
    return found;
}

bool kernel_timer_is_off(void)
{
    return kernel_log_find("boot: timer=off:") != NULL;
}
