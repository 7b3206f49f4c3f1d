// The policies by name, and the one that this boot uses. Chosen once, before the scheduler starts.
#include "sched/policy.h"

#include "lib/string.h"

static const struct policy *const policies[] = { &policy_round_robin };

const struct policy *policy_chosen = &policy_round_robin;

bool policy_choose(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(policies); i++) {
        if (strcmp(name, policies[i]->name) == 0) {
            policy_chosen = policies[i];
            return true;
        }
    }
    return false;
}
