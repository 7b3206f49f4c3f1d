// Base types and macros for every layer. Physical and user addresses are structures so that the
// compiler refuses to mix them with each other or with kernel pointers.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGE_SIZE 4096ull
#define PAGE_SHIFT 12u

// A physical address. Never dereferenced; see mem/frame.h for the way to a pointer.
typedef struct {
    uint64_t value;
} phys_addr;

// An address that a user program gave. Only vm/user_copy.h opens it.
typedef struct {
    uint64_t opaque;
} user_addr;

static inline phys_addr phys_make(uint64_t value)
{
    return (phys_addr){ value };
}

static inline user_addr user_addr_make(uint64_t value)
{
    return (user_addr){ value };
}

static inline user_addr user_addr_offset(user_addr base, uint64_t bytes)
{
    return (user_addr){ base.opaque + bytes };
}

static inline bool user_addr_is_null(user_addr address)
{
    return address.opaque == 0;
}

#define must_check __attribute__((warn_unused_result))
#define inlined_always static inline __attribute__((always_inline))
#define fall_through __attribute__((fallthrough))
#define never_inlined __attribute__((noinline))
#define noreturn_function __attribute__((noreturn))
#define packed_struct __attribute__((packed))
#define aligned_to(bytes) __attribute__((aligned(bytes)))
#define in_section(name) __attribute__((section(name)))
#define printf_like(format_index, first) __attribute__((format(printf, format_index, first)))
#define likely(condition) __builtin_expect(!!(condition), 1)
#define unlikely(condition) __builtin_expect(!!(condition), 0)

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
#define container_of(pointer, type, member) ((type *)((char *)(pointer)-offsetof(type, member)))
#define min_of(a, b)                                                                               \
    ({                                                                                             \
        __typeof__(a) min_a = (a);                                                                 \
        __typeof__(b) min_b = (b);                                                                 \
        min_a < min_b ? min_a : min_b;                                                             \
    })
#define max_of(a, b)                                                                               \
    ({                                                                                             \
        __typeof__(a) max_a = (a);                                                                 \
        __typeof__(b) max_b = (b);                                                                 \
        max_a > max_b ? max_a : max_b;                                                             \
    })

static inline uint64_t align_down(uint64_t value, uint64_t alignment)
{
    return value & ~(alignment - 1);
}

static inline uint64_t align_up(uint64_t value, uint64_t alignment)
{
    return (value + alignment - 1) & ~(alignment - 1);
}
