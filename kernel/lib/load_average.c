// Exponential averages over time. An average moves towards a constant count c in time t as
// a' = c + (a - c) * exp(-t/T), exactly, however long t is. Counts that change within a second are
// first averaged with equal weight, which changes the weights by less than one second in T.
#include "lib/load_average.h"

#define US_PER_SECOND 1000000ull
#define LOG2_E 6196328019ull // log2(e) in 32.32

static const uint64_t periods_us[LOAD_AVERAGE_COUNT] = {
    60 * US_PER_SECOND,
    300 * US_PER_SECOND,
    900 * US_PER_SECOND,
};

// 2^-(2^-(k+1)) as fractions of 2^32: the factor for each bit of a binary fraction, highest first.
static const uint32_t half_powers[] = {
    3037000500, 3611622603, 3938502376, 4112874773, 4202935003, 4248701965, 4271771996, 4283353945,
    4289156690, 4292061010, 4293513907, 4294240540, 4294603903, 4294785595, 4294876445, 4294921870,
    4294944583, 4294955939, 4294961618, 4294964457, 4294965876, 4294966586, 4294966941, 4294967119,
    4294967207, 4294967252, 4294967274, 4294967285, 4294967290, 4294967293, 4294967295, 4294967295,
};

// 2^-exponent, the exponent in 32.32.
static uint64_t power_of_half(uint64_t exponent)
{
    uint64_t value = LOAD_ONE - 1;
    if (exponent >> 32 >= 32)
        return 0;
    if (exponent == 0)
        return LOAD_ONE;
    for (uint32_t bit = 0; bit < 32; bit++) {
        if (exponent & (1ull << (31 - bit)))
            value = value * half_powers[bit] >> 32;
    }
    return value >> (exponent >> 32);
}

uint64_t load_average_decay(uint64_t elapsed_us, uint64_t period_us)
{
    uint64_t whole = elapsed_us / period_us, rest = elapsed_us % period_us; // rest is below 2^30
    if (whole >= 32)
        return 0;
    return power_of_half(whole * LOG2_E + rest * LOG2_E / period_us);
}

// The count had this mean for that long.
static void advance_averages(struct load_average *load, uint64_t mean, uint64_t elapsed)
{
    uint64_t elapsed_us = elapsed / load->hz * US_PER_SECOND;
    elapsed_us += elapsed % load->hz * US_PER_SECOND / load->hz;
    for (uint32_t i = 0; i < LOAD_AVERAGE_COUNT; i++) {
        uint64_t kept = load_average_decay(elapsed_us, periods_us[i]);
        unsigned __int128 sum = (unsigned __int128)load->average[i] * kept +
                                (unsigned __int128)mean * (LOAD_ONE - kept);
        load->average[i] = (uint64_t)(sum >> 32);
    }
    load->since += elapsed;
}

// What was gathered up to the last change. The area is below 2^32 times the time, which is below a
// second.
static void fold_area(struct load_average *load)
{
    uint64_t elapsed = load->changed - load->since;
    if (elapsed == 0)
        return;
    uint64_t mean = (load->area / elapsed) << 32;
    mean |= ((load->area % elapsed << 24) / elapsed) << 8;
    load->area = 0;
    advance_averages(load, mean, elapsed);
}

// What changed within a second first; then the rest, with the count as it is.
void load_average_advance(struct load_average *load, uint64_t now)
{
    fold_area(load);
    advance_averages(load, (uint64_t)load->count << 32, now - load->changed);
    load->changed = now;
}

void load_average_read(const struct load_average *load, uint64_t now,
                       uint64_t averages[LOAD_AVERAGE_COUNT])
{
    struct load_average copy = *load;
    load_average_advance(&copy, now);
    for (uint32_t i = 0; i < LOAD_AVERAGE_COUNT; i++)
        averages[i] = copy.average[i];
}
