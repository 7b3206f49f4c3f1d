// /bin/tour: chooses scenes and adds up their verdicts.
//   tour            asks what to show next; without a terminal the same as `tour all`
//   tour all        every scene, no questions
//   tour N | NAME   one scene
//   tour list       their names
//   tour -i         asks, even when standard input is no terminal
//   tour --help     what can be asked
// Exits 0 only if every scene that ran succeeded.
#include "output.h"
#include "shared.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define USAGE_STATUS 2

static size_t run_count, outcome_count[3];

static void run_scene(size_t index)
{
    run_count++;
    outcome_count[scene_run(index)]++;
}

static int finish(void)
{
    printf("tour: %zu %s, %zu ok", run_count, run_count == 1 ? "scene" : "scenes",
           outcome_count[SCENE_OK]);
    if (outcome_count[SCENE_NOT_SHOWN] != 0)
        printf(", %zu not shown", outcome_count[SCENE_NOT_SHOWN]);
    if (outcome_count[SCENE_FAILED] != 0)
        printf(", %zu FAILED", outcome_count[SCENE_FAILED]);
    printf("\n");
    return outcome_count[SCENE_FAILED] != 0;
}

static void list_scenes(void)
{
    for (size_t i = 0; i < scene_count; i++)
        printf("%3zu  %-13s %s\n", i + 1, scenes[i].name, scenes[i].title);
}

// The index of a scene by number or name; scene_count when there is none.
static size_t find_scene(const char *word)
{
    char *end;
    unsigned long number = strtoul(word, &end, 10);
    if (isdigit((unsigned char)word[0]) && *end == '\0')
        return number >= 1 && number <= scene_count ? number - 1 : scene_count;
    size_t index = 0;
    while (index < scene_count && strcmp(scenes[index].name, word) != 0)
        index++;
    return index;
}

static void introduce(void)
{
    printf("Limited direct execution: chapter 6 of Operating Systems: Three Easy Pieces,\n"
           "on the kernel that is running here. In the tables, rows with a time were\n"
           "recorded by the kernel; rows without are what hardware and program do in\n"
           "between. `yes` marks what was found to be as expected.\n\n");
}

// The answer, without blanks around it; NULL at the end of the input.
static char *ask(size_t next, char *line, int size)
{
    if (next < scene_count)
        printf("[Enter: %zu. %s] ", next + 1, scenes[next].title);
    else
        printf("[that was the last one; Enter or q: quit] ");
    fflush(stdout);
    if (fgets(line, size, stdin) == NULL)
        return NULL;
    if (isatty(0) != 1)
        printf("\n"); // nobody else has echoed one
    line += strspn(line, " \t");
    line[strcspn(line, " \t\r\n")] = '\0';
    return line;
}

static void converse(void)
{
    char line[80], *answer;
    size_t next = 0, last = scene_count;
    introduce();
    printf("Enter: next scene   r: again   number or name: that scene   l: list   q: quit\n\n");
    while ((answer = ask(next, line, sizeof(line))) != NULL && strcmp(answer, "q") != 0) {
        size_t chosen = next;
        if (strcmp(answer, "l") == 0) {
            list_scenes();
            continue;
        }
        if (strcmp(answer, "r") == 0)
            chosen = last < scene_count ? last : 0;
        else if (answer[0] != '\0')
            chosen = find_scene(answer);
        else if (next == scene_count)
            break;
        if (chosen == scene_count) {
            printf("there is no scene %s; l lists them\n", answer);
            continue;
        }
        run_scene(chosen);
        last = chosen;
        next = chosen + 1;
    }
    printf("\n");
}

static void print_usage(int fd)
{
    dprintf(fd, "usage: tour [all | list | NUMBER | NAME], scenes 1 to %zu\n", scene_count);
}

static int refuse(const char *complaint, const char *word)
{
    dprintf(2, "tour: %s %s\n", complaint, word);
    print_usage(2);
    return USAGE_STATUS;
}

int main(int argc, char **argv)
{
    const char *word = argc > 1 ? argv[1] : isatty(0) == 1 ? "-i" : "all";
    output_init();
    shared_create();
    pin_to_cpu(0); // and so every child: the scenes are about one CPU
    if (argc > 2)
        return refuse("one word is enough, this is one more:", argv[2]);
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
        print_usage(1);
        return 0;
    }
    if (strcmp(word, "list") == 0) {
        list_scenes();
        return 0;
    }
    if (strcmp(word, "-i") == 0) {
        converse();
        return finish();
    }
    if (strcmp(word, "all") == 0) {
        introduce();
        for (size_t i = 0; i < scene_count; i++)
            run_scene(i);
        return finish();
    }
    size_t index = find_scene(word);
    if (index == scene_count)
        return refuse("there is no scene", word);
    run_scene(index);
    return finish();
}
