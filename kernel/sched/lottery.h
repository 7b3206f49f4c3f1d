// The drawing of the lottery, apart from the random number: for lottery.c and its test.
#pragma once

#include "sched/policy.h"

// Takes out the thread that holds the winning ticket, a number below lottery.tickets: tickets are
// numbered from the thread with the most to the one with the fewest, equals in order of arrival.
struct thread *lottery_take(struct policy_queue *queue, uint64_t winning_ticket);
