// Headings, notes, claims, the three-column table and the verdict line of a scene. Invariant: the
// first claim that does not hold since the scene began is its reason.
#include "output.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TIME_WIDTH 12
#define COLUMN_WIDTH 22
#define REASON_SIZE 200

static bool colours;
static char reason[REASON_SIZE]; // of the running scene; empty: all claims hold
static bool skipped;
static bool has_room; // the last line was empty

void output_init(void)
{
    colours = isatty(1) == 1;
    setvbuf(stdout, NULL, _IOLBF, 0);
}

static const char *style(const char *sequence)
{
    return colours ? sequence : "";
}

#define BOLD style("\033[1m")
#define RED style("\033[31m")
#define GREEN style("\033[32m")
#define PLAIN style("\033[0m")

bool expect(bool holds, const char *format, ...)
{
    char claim[REASON_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(claim, sizeof(claim), format, arguments);
    va_end(arguments);
    has_room = false;
    printf("  %s%s%s %s\n", holds ? GREEN : RED, holds ? "yes" : " NO", PLAIN, claim);
    if (!holds && reason[0] == '\0')
        memcpy(reason, claim, sizeof(reason));
    return holds;
}

void gap(void)
{
    if (!has_room)
        printf("\n");
    has_room = true;
}

void not_shown(const char *how)
{
    skipped = true;
    printf("%s\n", how);
}

void note(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    has_room = false;
    printf("  ");
    vprintf(format, arguments);
    printf("\n");
    va_end(arguments);
}

void table_head(void)
{
    gap();
    has_room = false;
    printf("  %s%*s  %-*s%-*s%s%s\n", BOLD, TIME_WIDTH - 2, "time", COLUMN_WIDTH, "OS",
           COLUMN_WIDTH, "hardware", "program", PLAIN);
}

void table_row(enum column column, uint64_t ns, const char *format, ...)
{
    char text[LINE_WIDTH], when[24] = "";
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    if (ns != TIME_UNKNOWN)
        snprintf(when, sizeof(when), "%llu ns", (unsigned long long)ns);
    int indent = (int)column * COLUMN_WIDTH;
    printf("  %*s  %*s%.*s\n", TIME_WIDTH - 2, when, indent, "",
           LINE_WIDTH - TIME_WIDTH - 2 - indent, text);
}

static enum outcome print_verdict(size_t index)
{
    enum outcome outcome = SCENE_OK;
    if (reason[0] != '\0')
        outcome = SCENE_FAILED;
    else if (skipped)
        outcome = SCENE_NOT_SHOWN;
    printf("%stour: scene %zu %s: ", outcome == SCENE_FAILED ? RED : BOLD, index + 1,
           scenes[index].name);
    if (outcome == SCENE_OK)
        printf("ok%s\n\n", PLAIN);
    else if (outcome == SCENE_NOT_SHOWN)
        printf("not shown in this boot%s\n\n", PLAIN);
    else
        printf("FAILED: not so: %s%s\n\n", reason, PLAIN);
    return outcome;
}

enum outcome scene_run(size_t index)
{
    const struct scene *scene = &scenes[index];
    reason[0] = '\0';
    skipped = false;
    printf("%s%zu. %s%s\n%s\n", BOLD, index + 1, scene->title, PLAIN, scene->text);
    printf("\n");
    has_room = true;
    scene->show();
    return print_verdict(index);
}
