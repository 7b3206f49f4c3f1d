// The selection of PCIDs. Called when another address space is loaded.
#include "cpu/pcid.h"

// On these, INVLPG may leave global translations behind while PCIDs are on (Intel's specification
// updates for the 12th and 13th generation, "INVLPG may not properly flush"). Some have corrected
// microcode; which is not asked.
static const uint8_t broken_models[] = { 0x97, 0x9a, 0xb7, 0xba, 0xbe, 0xbf };

static bool is_broken(const struct cpu_features *features)
{
    if (features->family != 6 || features->vendor[0] != 'G') // GenuineIntel
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(broken_models); i++) {
        if (features->model == broken_models[i])
            return true;
    }
    return false;
}

// Without global pages every kernel translation would be there once for each number, and an INVLPG
// would drop one of them.
bool pcid_is_usable(const struct cpu_features *features)
{
    return features->pcid && features->pge && !is_broken(features);
}

bool pcid_choose(struct pcid_slots *slots, uint64_t left, uint64_t context, uint64_t generation)
{
    slots->slots[slots->current].generation = left;
    for (uint32_t i = 0; i < PCID_SLOTS; i++) {
        struct pcid_slot *slot = &slots->slots[i];
        if (slot->context != context)
            continue;
        slots->current = i;
        return slot->generation == generation;
    }
    slots->current = slots->next_victim;
    slots->next_victim = (slots->next_victim + 1) % PCID_SLOTS;
    slots->slots[slots->current] = (struct pcid_slot){ .context = context };
    return false;
}
