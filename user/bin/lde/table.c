// The table: rows in three columns, each with its cost and the running total. A cost is the time
// from the event before to the row's own, so the costs add up to the whole, which lde measured by
// itself; table_print_run() checks that they do.
#include "lde.h"

#define COLUMN_WIDTH 22

struct table {
    FILE *out;
    const struct ring *ring;
    uint64_t tsc;     // up to where the rows have come
    uint64_t total;   // of the costs printed
    uint64_t pending; // of events without rows of their own
    uint64_t by_column[3], idle;
    size_t row_count;
};

static void print_head(FILE *out, const char *when)
{
    fprintf(out, "\n%10s %9s %11s  %-*s%-*s%s\n", "ticks", "ns", "total", COLUMN_WIDTH, when,
            COLUMN_WIDTH, "hardware", "program (user mode)");
    fprintf(out, "%10s %9s %11s  %-*s\n", "", "", "", COLUMN_WIDTH, "(kernel mode)");
}

static void print_numbers(struct table *table, uint64_t ticks)
{
    table->total += ticks;
    fprintf(table->out, "%10llu %9llu %11llu  ", (unsigned long long)ticks,
            (unsigned long long)ring_ns(table->ring, ticks), (unsigned long long)table->total);
}

static void print_rows(struct table *table, const struct rows *rows, uint64_t ticks)
{
    for (size_t i = 0; i < rows->count; i++) {
        const struct row *row = &rows->rows[i];
        if (i == 0)
            print_numbers(table, ticks);
        else
            fprintf(table->out, "%10s %9s %11s  ", "|", "", "");
        fprintf(table->out, "%*s%s\n", (int)row->column * COLUMN_WIDTH, "", row->text);
    }
    table->row_count += rows->count;
}

static void add_share(struct table *table, const struct trace_event *event, const struct rows *rows,
                      uint64_t ticks)
{
    if (event->thread == 0 && event->type == TRACE_ENTRY)
        table->idle += ticks;
    else
        table->by_column[rows->count ? rows->rows[0].column : COLUMN_OS] += ticks;
}

// Advances over an event. Its cost, with that of the events before it that had no rows, when it has
// some; else 0 and more is pending.
static uint64_t step_over(struct table *table, const struct trace_event *event, struct rows *rows)
{
    rows_of(event, rows);
    uint64_t ticks = event->tsc - table->tsc;
    table->tsc = event->tsc;
    add_share(table, event, rows, ticks);
    table->pending += ticks;
    if (rows->count == 0)
        return 0;
    ticks = table->pending;
    table->pending = 0;
    return ticks;
}

static void print_event(struct table *table, const struct trace_event *event)
{
    struct rows rows;
    uint64_t ticks = step_over(table, event, &rows);
    print_rows(table, &rows, ticks);
}

// `turns` times the same `period` events, in one line.
static void print_folded(struct table *table, const struct trace_event *events, size_t period,
                         size_t turns, size_t row_count)
{
    struct rows rows;
    uint64_t ticks = 0, least = UINT64_MAX, most = 0;
    for (size_t turn = 0; turn < turns; turn++) {
        uint64_t cost = 0;
        for (size_t i = 0; i < period; i++)
            cost += step_over(table, &events[turn * period + i], &rows);
        ticks += cost;
        least = cost < least ? cost : least;
        most = cost > most ? cost : most;
    }
    print_numbers(table, ticks);
    fprintf(table->out, "... %zu more of the same %zu rows, %llu to %llu ticks each time\n", turns,
            row_count, (unsigned long long)least, (unsigned long long)most);
}

static void print_events(struct table *table, const struct trace_event *events, size_t count,
                         bool unfolded)
{
    for (size_t i = 0; i < count;) {
        size_t period;
        size_t turns = unfolded ? 0 : fold_find(events, i, count, &period);
        if (turns == 0) {
            print_event(table, &events[i++]);
            continue;
        }
        size_t before = table->row_count;
        for (size_t end = i + period; i < end; i++)
            print_event(table, &events[i]);
        print_folded(table, &events[i], period, turns, table->row_count - before);
        i += period * turns;
    }
}

// What was overwritten before it could be read stands as one row: the sum stays whole.
static void print_lost(struct table *table, const struct trace_event *first)
{
    uint64_t ticks = first->tsc - table->tsc;
    table->tsc = first->tsc;
    print_numbers(table, ticks);
    fprintf(table->out,
            "EVENTS LOST: the ring of %llu was too small for this run, its oldest are "
            "overwritten\n",
            (unsigned long long)table->ring->room);
}

static bool is_kept(const struct trace_event *event)
{
    return (event->type == TRACE_STEP && event->a < TRACE_STEP_FIRST_AT_RUN) ||
           (event->type == TRACE_NAME && event->a >> 32 == 0);
}

// Whether the ring reaches back to the beginning of the run.
static bool is_whole(const struct ring *ring)
{
    for (const struct trace_event *event = ring->all; event < ring->events; event++)
        if (event->tsc != 0 && !is_kept(event))
            return true;
    return ring->lost_count == 0;
}

static void print_end(struct table *table, uint64_t end_tsc)
{
    print_numbers(table, table->pending + end_tsc - table->tsc);
    table->by_column[COLUMN_PROGRAM] += end_tsc - table->tsc;
    fprintf(table->out, "%*slde: read the TSC\n", 2 * COLUMN_WIDTH, "");
}

static unsigned long long percent(uint64_t part, uint64_t whole)
{
    return whole ? part * 100 / whole : 0;
}

static void print_sums(struct table *table, uint64_t whole, size_t events)
{
    FILE *out = table->out;
    const struct ring *ring = table->ring;
    uint64_t tracer = ring->event_ticks * events / 1024;
    fprintf(out, "\nsum of the rows   %llu ticks\n", (unsigned long long)table->total);
    fprintf(out,
            "the whole         %llu ticks, %llu ns, by lde's own two readings of the TSC: %s\n",
            (unsigned long long)whole, (unsigned long long)ring_ns(ring, whole),
            table->total == whole ? "equal" : "NOT EQUAL");
    fprintf(out, "of it             %llu %% programs and hardware, %llu %% OS, %llu %% idle\n",
            percent(table->by_column[COLUMN_PROGRAM] + table->by_column[COLUMN_HARDWARE], whole),
            percent(table->by_column[COLUMN_OS], whole), percent(table->idle, whole));
    fprintf(out,
            "the tracer's part %llu ticks, %llu.%02llu %%: %zu events, %llu.%llu ticks for one, as "
            "measured at boot\n",
            (unsigned long long)tracer, percent(tracer, whole), percent(tracer * 100, whole) % 100,
            events, (unsigned long long)ring->event_ticks / 1024,
            (unsigned long long)ring->event_ticks % 1024 * 10 / 1024);
}

static void print_loss(FILE *out, const struct ring *ring, bool whole)
{
    if (whole)
        fprintf(out, "lost              nothing\n");
    else
        fprintf(
            out,
            "LOST              events of this run: %llu since boot did not fit the ring's %llu; "
            "boot with\n                  trace=COUNT, at most 131072, for a larger one\n",
            (unsigned long long)ring->lost_count, (unsigned long long)ring->room);
}

bool table_print_run(FILE *out, const struct ring *ring, const struct run *run, bool unfolded)
{
    struct table table = { .out = out, .ring = ring, .tsc = run->begin_tsc };
    size_t count = ring->count;
    bool whole = is_whole(ring);
    while (count > 0 && ring->events[count - 1].tsc > run->end_tsc)
        count--;
    print_head(out, "OS @ run");
    if (!whole && count > 0)
        print_lost(&table, ring->events);
    print_events(&table, ring->events, count, unfolded);
    print_end(&table, run->end_tsc);
    print_sums(&table, run->end_tsc - run->begin_tsc, count);
    print_loss(out, ring, whole);
    return table.total == run->end_tsc - run->begin_tsc;
}

void table_print_boot(FILE *out, const struct ring *ring)
{
    struct table table = { .out = out, .ring = ring };
    print_head(out, "OS @ boot");
    for (size_t i = 0; i < ring->all_count; i++) {
        const struct trace_event *event = &ring->all[i];
        struct rows rows;
        if (event->type != TRACE_STEP || event->a >= TRACE_STEP_FIRST_AT_RUN)
            continue;
        rows_of_boot(event, &rows);
        print_rows(&table, &rows, table.tsc ? event->tsc - table.tsc : 0);
        table.tsc = event->tsc;
    }
}
