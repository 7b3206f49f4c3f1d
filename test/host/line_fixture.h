// A line discipline to type at, and what it showed and sent: for the host tests of it.
#pragma once

#include <stdio.h>
#include <string.h>

#include "abi/process.h"
#include "pseudo/line_discipline.h"

static struct line_discipline line;
static char shown[16384];
static size_t shown_length;
static char sent[64];

static inline void show(struct line_discipline *discipline, const char *bytes, size_t count)
{
    if (shown_length + count >= sizeof(shown))
        return;
    memcpy(shown + shown_length, bytes, count);
    shown_length += count;
    shown[shown_length] = '\0';
}

static inline void note_signal(struct line_discipline *discipline, uint32_t signal)
{
    size_t used = strlen(sent);
    snprintf(sent + used, sizeof(sent) - used, "%u ", signal);
}

static inline void forget_shown(void)
{
    shown_length = 0;
    shown[0] = '\0';
}

static inline void start(void)
{
    line_discipline_init(&line);
    line.show = show;
    line.send_signal = note_signal;
    forget_shown();
    sent[0] = '\0';
}

static inline void change(uint32_t *flags, uint32_t set, uint32_t clear)
{
    struct abi_termios settings = line.settings;
    size_t offset = (size_t)((char *)flags - (char *)&line.settings);
    uint32_t *changed = (uint32_t *)((char *)&settings + offset);
    *changed = (*changed | set) & ~clear;
    line_discipline_set(&line, &settings);
}

static inline void start_raw(void)
{
    start();
    change(&line.settings.input_flags, 0, ICRNL | IXON);
    change(&line.settings.local_flags, 0, ICANON | ISIG | ECHO);
}

static inline void type(const char *keys)
{
    line_discipline_receive(&line, keys, strlen(keys));
}

static inline char *take(size_t size)
{
    static char text[LINE_BUFFER_SIZE + 1];
    size_t length;
    (void)line_discipline_take(&line, text, size, &length);
    text[length] = '\0';
    return text;
}

static inline char *output(const char *text, size_t size)
{
    static char result[256];
    size_t produced;
    (void)line_discipline_output(&line, text, strlen(text), result, size, &produced);
    result[produced] = '\0';
    return result;
}
