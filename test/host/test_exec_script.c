// The first line of a script: what Linux takes for interpreter and argument (exec of scripts with
// each line was compared).
#include <stdlib.h>
#include <string.h>

#include "abi/errno.h"
#include "proc/exec_script.h"
#include "test.h"

static char text[SCRIPT_LINE_LIMIT + 1];
static struct script_line line;

static int parse(const char *file, size_t length)
{
    memset(text, 'z', sizeof(text));
    length = length < SCRIPT_LINE_LIMIT ? length : SCRIPT_LINE_LIMIT;
    memcpy(text, file, length);
    return script_begins(text, length) ? script_parse(text, length, &line) : -ENOEXEC;
}

static void check(const char *file, const char *interpreter, const char *argument)
{
    CHECK_EQUAL(parse(file, strlen(file)), 0);
    CHECK_TEXT(line.interpreter, interpreter);
    if (argument == NULL)
        CHECK(line.argument == NULL);
    else
        CHECK_TEXT(line.argument, argument);
}

TEST(exec_script_short_lines)
{
    check("#!/bin/sh\necho", "/bin/sh", NULL);
    check("#!/bin/sh", "/bin/sh", NULL);
    check("#! \t/bin/sh  -e  -x \t\nx", "/bin/sh", "-e  -x");
    CHECK_EQUAL(parse("#!", 2), -ENOEXEC);
    CHECK_EQUAL(parse("#! \t \nx", 7), -ENOEXEC);
    CHECK_EQUAL(parse("#", 1), -ENOEXEC);
}

// A line beyond what is read: a name may not be cut, an argument may, and blanks at the cut are
// none of it.
TEST(exec_script_long_lines)
{
    char file[300];

    memset(file, 'n', sizeof(file));
    memcpy(file, "#!/", 3);
    CHECK_EQUAL(parse(file, sizeof(file)), -ENOEXEC);
    file[100] = ' ';
    CHECK_EQUAL(parse(file, sizeof(file)), 0);
    CHECK_EQUAL(strlen(line.interpreter), 98);
    CHECK_EQUAL(strlen(line.argument), SCRIPT_LINE_LIMIT - 101);
    memset(file + 104, ' ', sizeof(file) - 104);
    CHECK_EQUAL(parse(file, sizeof(file)), 0);
    CHECK_TEXT(line.argument, "nnn");
    memset(file + 100, '\t', sizeof(file) - 100);
    CHECK_EQUAL(parse(file, sizeof(file)), 0);
    CHECK(line.argument == NULL);
}
