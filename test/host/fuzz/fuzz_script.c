// Any bytes as the first line of a script: what is taken for interpreter and argument are words of
// that line.
#include <stdlib.h>
#include <string.h>

#include "proc/exec_script.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct script_line line = { NULL, NULL };
    char *text = malloc(SCRIPT_LINE_LIMIT + 1);
    size_t length = size < SCRIPT_LINE_LIMIT ? size : SCRIPT_LINE_LIMIT;

    memset(text, 'z', SCRIPT_LINE_LIMIT + 1); // what must not be read
    memcpy(text, data, length);
    if (script_begins(text, length) && script_parse(text, length, &line) == 0) {
        const char *end = text + length;
        size_t name_length = strlen(line.interpreter);
        require(line.interpreter >= text + 2 && line.interpreter + name_length <= end);
        require(name_length > 0 && strpbrk(line.interpreter, " \t\n") == NULL);
        if (line.argument != NULL) {
            size_t argument_length = strlen(line.argument);
            require(line.argument > line.interpreter + name_length);
            require(argument_length > 0 && line.argument + argument_length <= end);
            require(strchr(line.argument, '\n') == NULL);
            require(line.argument[0] != ' ' && line.argument[argument_length - 1] != ' ');
        }
    }
    free(text);
    return 0;
}
