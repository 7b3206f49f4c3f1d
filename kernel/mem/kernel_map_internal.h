// The lock shared by kernel_map.c and kernel_stack.c: it guards the page tables below the root in
// the device and stack areas, and the stack slots. Nobody else includes this.
#pragma once

#include "cpu/spinlock.h"
#include "mem/frame.h"

extern struct spinlock kernel_map_lock;
