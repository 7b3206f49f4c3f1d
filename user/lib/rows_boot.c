// The boot's steps as rows: "OS @ boot" of the book's figures, with what the hardware was told to
// remember, as the kernel read it back.
#include <stdio.h>

#include "rows.h"

static void set_row(struct rows *rows, enum column column, const char *words, const char *what,
                    uint64_t value)
{
    struct row *row = &rows->rows[rows->count++];
    row->column = column;
    if (what == NULL)
        snprintf(row->text, sizeof(row->text), "%s", words);
    else
        snprintf(row->text, sizeof(row->text), "%s: %s 0x%llx", words, what,
                 (unsigned long long)value);
}

static void show_timer_start(uint64_t slice_ns, struct rows *rows)
{
    unsigned long long ms = slice_ns / 1000000;
    set_row(rows, COLUMN_OS, "start interrupt timer", NULL, 0);
    struct row *row = &rows->rows[rows->count++];
    row->column = COLUMN_HARDWARE;
    snprintf(row->text, sizeof(row->text), "start timer; interrupt CPU in %llu ms, if two want it",
             ms);
}

void rows_of_boot(const struct trace_event *event, struct rows *rows)
{
#define STEP_ROW(number, name, column, words, value) [number] = { COLUMN_##column, words, value },
    static const struct {
        enum column column;
        const char *words, *value;
    } steps[] = { TRACE_STEPS(STEP_ROW) };
#undef STEP_ROW
    rows->count = 0;
    if (event->a >= COUNT_OF(steps) || steps[event->a].words == NULL)
        return;
    if (event->a == STEP_TIMER_START)
        show_timer_start(event->b, rows);
    else
        set_row(rows, steps[event->a].column, steps[event->a].words, steps[event->a].value,
                event->b);
}
