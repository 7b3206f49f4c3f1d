// What the compiler calls, in a build with SAN=1, where the behaviour would be undefined: an index
// out of bounds, a shift by too much, a signed overflow, a misaligned or null pointer. Each is a
// kernel bug, so: panic, with kind, place in the source and backtrace; no test survives that.
// The structures are those that clang writes beside each check (the interface of its UBSan
// runtime), as far as they are printed. Other builds refer to nothing here: the linker drops it.
#include "lib/panic.h"
#include "lib/types.h"

// First in what the compiler hands over at every check.
struct source_place {
    const char *file;
    uint32_t line;
    uint32_t column;
};

struct type_description {
    uint16_t kind;
    uint16_t information;
    char name[]; // quoted
};

struct value_check {
    struct source_place place;
    const struct type_description *type;
};

struct pointer_check {
    struct source_place place;
    const struct type_description *type;
    uint8_t alignment_shift;
    uint8_t access;
};

noreturn_function static void stop(const struct source_place *place, const char *words)
{
    panic("undefined behaviour: %s (%s:%u)", words, place->file, place->line);
}

noreturn_function static void stop_with_operands(const struct value_check *check, const char *words,
                                                 uint64_t left, uint64_t right)
{
    panic("undefined behaviour: %s, type %s, operands 0x%llx and 0x%llx (%s:%u)", words,
          check->type->name, (unsigned long long)left, (unsigned long long)right, check->place.file,
          check->place.line);
}

// The names are the compiler's; an operand comes in a register, whatever its type.
#define HANDLER(kind) __ubsan_handle_##kind

// Kinds that say no more than where they are.
#define PLACE_HANDLER(kind, words)                                                                 \
    noreturn_function void HANDLER(kind)(const struct source_place *place);                        \
    void HANDLER(kind)(const struct source_place *place)                                           \
    {                                                                                              \
        stop(place, words);                                                                        \
    }                                                                                              \
    _Static_assert(true, "")

// Kinds with a type and one or two operands; of one, the second is what the register holds.
#define OPERANDS_HANDLER(kind, words)                                                              \
    noreturn_function void HANDLER(kind)(const struct value_check *check, uint64_t left,           \
                                         uint64_t right);                                          \
    void HANDLER(kind)(const struct value_check *check, uint64_t left, uint64_t right)             \
    {                                                                                              \
        stop_with_operands(check, words, left, right);                                             \
    }                                                                                              \
    _Static_assert(true, "")

OPERANDS_HANDLER(add_overflow_abort, "signed overflow in +");
OPERANDS_HANDLER(sub_overflow_abort, "signed overflow in -");
OPERANDS_HANDLER(mul_overflow_abort, "signed overflow in *");
OPERANDS_HANDLER(negate_overflow_abort, "overflow in negation");
OPERANDS_HANDLER(divrem_overflow_abort, "overflow or zero in / or %");
OPERANDS_HANDLER(shift_out_of_bounds_abort, "shift out of bounds");
OPERANDS_HANDLER(out_of_bounds_abort, "index out of bounds");
OPERANDS_HANDLER(load_invalid_value_abort, "a value that the type does not have");
PLACE_HANDLER(builtin_unreachable, "a place called unreachable was reached");
PLACE_HANDLER(invalid_builtin_abort, "count of the zero bits of zero");
PLACE_HANDLER(nonnull_arg_abort, "null for an argument that may not be");
PLACE_HANDLER(nonnull_return_v1_abort, "null returned where it may not be");
PLACE_HANDLER(alignment_assumption_abort, "an alignment that was promised is not there");
PLACE_HANDLER(vla_bound_not_positive_abort, "an array of no positive length");

noreturn_function void HANDLER(pointer_overflow_abort)(const struct source_place *place,
                                                       uint64_t base, uint64_t result);
noreturn_function void HANDLER(type_mismatch_v1_abort)(const struct pointer_check *check,
                                                       uint64_t pointer);

void HANDLER(pointer_overflow_abort)(const struct source_place *place, uint64_t base,
                                     uint64_t result)
{
    panic("undefined behaviour: pointer arithmetic from 0x%llx to 0x%llx (%s:%u)",
          (unsigned long long)base, (unsigned long long)result, place->file, place->line);
}

void HANDLER(type_mismatch_v1_abort)(const struct pointer_check *check, uint64_t pointer)
{
    uint64_t low_bits = (1ull << (check->alignment_shift & 63)) - 1;
    const char *fault = pointer == 0 ? "null" : pointer & low_bits ? "misaligned" : "bad";

    panic("undefined behaviour: %s pointer 0x%llx to %s (%s:%u)", fault,
          (unsigned long long)pointer, check->type->name, check->place.file, check->place.line);
}
