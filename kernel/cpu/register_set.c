// The registers that all CPUs must have set alike, read back from the hardware. Called by
// boot/processors.c in checked builds. Not here: what is a CPU's own (GS base, TSC_AUX, the TSS),
// and CR3, which goes with the address space.
#include "cpu/register_set.h"

#include "cpu/features.h"
#include "cpu/registers.h"

#define REGISTERS(EACH)                                                                            \
    EACH("CR0", read_cr0())                                                                        \
    EACH("CR4", read_cr4())                                                                        \
    EACH("XCR0", cpu_features.xsave ? read_xcr0() : 0)                                             \
    EACH("DR6", read_dr6())                                                                        \
    EACH("DR7", read_dr7())                                                                        \
    EACH("IDT", read_idt_base())                                                                   \
    EACH("EFER", read_msr(MSR_EFER))                                                               \
    EACH("STAR", read_msr(MSR_STAR))                                                               \
    EACH("LSTAR", read_msr(MSR_LSTAR))                                                             \
    EACH("CSTAR", read_msr(MSR_CSTAR))                                                             \
    EACH("SFMASK", read_msr(MSR_SFMASK))                                                           \
    EACH("SYSENTER_CS", read_msr(MSR_SYSENTER_CS))                                                 \
    EACH("KERNEL_GS_BASE", read_msr(MSR_KERNEL_GS_BASE))                                           \
    EACH("PAT", read_msr(MSR_PAT))

#define NAME(name, value) name,
static const char *const names[] = { REGISTERS(NAME) };
_Static_assert(ARRAY_SIZE(names) == REGISTER_SET_SIZE, "a value for each name");

void register_set_read(struct register_set *set)
{
#define VALUE(name, value) value,
    *set = (struct register_set){ { REGISTERS(VALUE) } };
}

uint32_t register_set_difference(const struct register_set *one, const struct register_set *other)
{
    uint32_t which = 0;

    while (which < REGISTER_SET_SIZE && one->values[which] == other->values[which])
        which++;
    return which;
}

const char *register_set_name(uint32_t which)
{
    return names[which];
}
