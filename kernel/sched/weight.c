// What a nice value is worth. Each step is a quarter more or less: two threads one step apart share
// a CPU 5 : 4, whatever the others do.
#include "sched/weight.h"

#include "abi/sched.h"

// 1024 / 1.25^nice, rounded; the first is nice -20.
static const uint32_t weights[NICE_MAXIMUM - NICE_MINIMUM + 1] = {
    88818, 71054, 56843, 45475, 36380, 29104, 23283, 18626, 14901, 11921, 9537, 7629, 6104, 4883,
    3906,  3125,  2500,  2000,  1600,  1280,  1024,  819,   655,   524,   419,  336,  268,  215,
    172,   137,   110,   88,    70,    56,    45,    36,    29,    23,    18,   15,
};

uint32_t weight_of(const struct thread_rights *rights)
{
    if (rights->policy == SCHED_IDLE)
        return WEIGHT_IDLE;
    return weights[rights->nice - NICE_MINIMUM];
}
