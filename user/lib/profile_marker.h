// Two instructions that do nothing, on any x86-64 and any system, and that the counting plugin
// (test/profile/counter.c, `make profile`) knows: what runs between them is counted exactly.
#pragma once

static inline void profile_begin(void)
{
    __asm__ volatile(".byte 0x0f, 0x1f, 0x80, 0x01, 0x00, 0x46, 0x52" ::: "memory");
}

static inline void profile_end(void)
{
    __asm__ volatile(".byte 0x0f, 0x1f, 0x80, 0x02, 0x00, 0x46, 0x52" ::: "memory");
}
