// Any text as a command line: words lie inside it, and asking for values reads nothing else.
#include <stdlib.h>
#include <string.h>

#include "lib/command_line.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_words(const char *const *words, size_t count, const char *text, size_t size)
{
    if (count > COMMAND_LINE_WORD_LIMIT)
        abort();
    for (size_t i = 0; i < count; i++) {
        if (words[i] < text || words[i] + strlen(words[i]) > text + size)
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct command_line line;
    uint64_t value = 7;
    char *text = malloc(size + 1);

    memcpy(text, data, size);
    text[size] = '\0';
    command_line_parse(&line, text);
    check_words(line.words, line.word_count, text, size);
    check_words(line.init_words, line.init_word_count, text, size);
    for (size_t i = 0; i < line.word_count; i++) {
        if (command_line_value(&line, line.words[i]) == NULL && strchr(line.words[i], '=') == NULL)
            abort();
    }
    if (command_line_number(&line, "panic", 3, 9, &value) ? value < 3 || value > 9 : value != 7)
        abort();
    free(text);
    return 0;
}
