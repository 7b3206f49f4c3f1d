// Names as in the book: the program that lde runs is A, whom it forks are B, C and so on.
#include <stdlib.h>
#include <string.h>

#include "lde.h"

#define LETTERS 26u

struct letter {
    uint32_t pid;
    char text[16];
};

static struct letter letters[1024];
static size_t letter_count;

static bool is_ours(uint32_t pid, const struct run *run)
{
    if (pid == (uint32_t)run->own_pid)
        return true;
    for (size_t i = 0; i < letter_count; i++)
        if (letters[i].pid == pid)
            return true;
    return false;
}

// The kernel's name for it, from the last time that it was told.
static const char *kernel_name(const struct ring *ring, uint32_t pid)
{
    static char name[9];
    name[0] = '\0';
    for (size_t i = 0; i < ring->count; i++)
        if (ring->events[i].type == TRACE_NAME && ring->events[i].a >> 32 == pid)
            memcpy(name, &ring->events[i].b, 8);
    return name;
}

static void add_letter(FILE *out, const struct ring *ring, uint32_t pid)
{
    if (letter_count == COUNT_OF(letters))
        return;
    struct letter *letter = &letters[letter_count];
    if (letter_count < LETTERS)
        snprintf(letter->text, sizeof(letter->text), "%c", (char)('A' + letter_count));
    else
        snprintf(letter->text, sizeof(letter->text), "P%u", pid);
    letter->pid = pid;
    letter_count++;
    rows_name(ring_thread(ring, (pid_t)pid), pid, letter->text);
    if (letter_count <= LETTERS)
        fprintf(out, "  %s is pid %u, %s\n", letter->text, pid, kernel_name(ring, pid));
    else if (letter_count == LETTERS + 1)
        fprintf(out, "  those after it are called P and their pid\n");
}

void names_give(FILE *out, const struct ring *ring, const struct run *run)
{
    for (size_t i = 0; i < ring->count; i++) {
        const struct trace_event *event = &ring->events[i];
        if (event->type == TRACE_FORK && is_ours((uint32_t)event->b, run))
            add_letter(out, ring, (uint32_t)event->a);
    }
}
