// The kernel command line, split once at boot (main.c) and asked by name afterwards. Words are
// unquoted in place: the write position never passes the read position.
#include "lib/command_line.h"

#include "lib/string.h"

static bool is_blank(char character)
{
    return character == ' ' || character == '\t' || character == '\n' || character == '\r';
}

// Cuts the next word out of *text and moves *text behind it; NULL at the end. *quoted tells
// whether the word had quotes, which are taken out.
static char *cut_word(char **text, bool *quoted)
{
    char *read = *text;
    bool inside = false;

    while (is_blank(*read))
        read++;
    if (*read == '\0')
        return NULL;

    char *word = read, *write = read;
    *quoted = false;
    for (; *read != '\0' && (inside || !is_blank(*read)); read++) {
        if (*read == '"') {
            inside = !inside;
            *quoted = true;
        } else {
            *write++ = *read;
        }
    }
    *text = *read == '\0' ? read : read + 1;
    *write = '\0';
    return word;
}

void command_line_parse(struct command_line *line, char *text)
{
    bool for_init = false, quoted;
    char *word;

    line->word_count = 0;
    line->init_word_count = 0;
    line->overflow = false;
    while ((word = cut_word(&text, &quoted)) != NULL) {
        const char **words = for_init ? line->init_words : line->words;
        size_t *count = for_init ? &line->init_word_count : &line->word_count;

        if (!for_init && !quoted && strcmp(word, "--") == 0)
            for_init = true;
        else if (*count == COMMAND_LINE_WORD_LIMIT)
            line->overflow = true;
        else
            words[(*count)++] = word;
    }
}

const char *command_line_value(const struct command_line *line, const char *name)
{
    size_t length = strlen(name);

    for (size_t i = line->word_count; i > 0; i--) {
        const char *word = line->words[i - 1];
        if (strncmp(word, name, length) != 0)
            continue;
        if (word[length] == '=')
            return word + length + 1;
        if (word[length] == '\0')
            return word + length;
    }
    return NULL;
}

bool command_line_number(const struct command_line *line, const char *name, uint64_t minimum,
                         uint64_t maximum, uint64_t *value)
{
    const char *text = command_line_value(line, name);
    uint64_t number = 0;

    if (text == NULL || *text == '\0')
        return false;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9')
            return false;
        if (__builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, (uint64_t)(*text - '0'), &number))
            return false;
    }
    if (number < minimum || number > maximum)
        return false;
    *value = number;
    return true;
}
