// An address space: regions in a tree, and the page tables that follow from them. Pages appear on
// first touch; writable private pages are shared copy-on-write after fork.
// Invariant: every present user PTE lies inside a region, grants no more than the region's
// protection, and holds one reference of its frame.
// Lock: the mutex inside guards regions and page tables; taken inside unless said.
#pragma once

#include "lib/rbtree.h"
#include "mem/translation.h"
#include "sched/mutex.h"
#include "vm/memory_object.h"

#define PROTECTION_READ 1u
#define PROTECTION_WRITE 2u
#define PROTECTION_EXECUTE 4u

struct region {
    struct rb_node node;
    uint64_t start, end; // page-aligned, end excluded
    union {
        struct {
            uint32_t protection;
            bool shared; // MAP_SHARED: writes go to the object (or to memory shared with children)
            bool grows_down;     // the stack: a fault just below extends it, to its limit
            bool never_writable; // shared, of a file that was opened for reading only
            bool unused;         // false
        };
        uint64_t kind; // all of these: regions can be joined when they agree
    };
    bool populated;               // false: it never had a page
    struct memory_object *object; // NULL: anonymous
    uint64_t object_page;         // page index of `start` in the object
};

struct address_space {
    atomic_uint references;
    struct mutex mutex;
    struct translation translation;
    struct rb_tree regions;
    struct region *spare_region; // the one that went last, for the next; NULL: none
    uint64_t region_count;
    uint64_t mapped_pages; // sum over regions
    atomic_ullong resident_pages;
    uint64_t limit_pages;        // RLIMIT_AS in pages; UINT64_MAX: none
    uint64_t data_limit_pages;   // RLIMIT_DATA, the same
    uint64_t stack_limit;        // bytes the stack region may grow to
    uint64_t brk_start, brk_end; // the heap; end is exact, regions are whole pages
    uint64_t mmap_top;           // placement goes down from here
    // for /proc and auxv
    uint64_t code_start, code_end, data_start, data_end, stack_start;
    uint64_t argument_start, argument_end, environment_start, environment_end;
};

must_check struct address_space *address_space_create(void); // one reference; NULL: no memory
void address_space_reference(struct address_space *space);
// The last release unmaps and frees everything. No thread may have its translation any more.
// May take long: passes preemption points.
void address_space_release(struct address_space *space);

// RLIMIT_AS, RLIMIT_DATA and RLIMIT_STACK in bytes; RLIM_INFINITY is UINT64_MAX.
struct memory_limits {
    uint64_t memory, data, stack;
};
// Sets them to what `read` says, which is called with the mutex held: the last one's are the
// newest.
void address_space_set_limits(struct address_space *space,
                              void (*read)(struct memory_limits *limits, void *context),
                              void *context);

// mmap's core. `hint` 0 or page-aligned. Errors as Linux's mmap gives them; flags below. Takes its
// own reference of `object`; the caller keeps its one. No object: anonymous memory, which children
// share if MAP_IS_SHARED; `object_page` is 0 then. MAP_GROWS_DOWN counts for private anonymous
// memory only.
#define MAP_AT_FIXED 1u       // exactly at hint; replaces what is there
#define MAP_AT_FIXED_EMPTY 2u // exactly at hint; -EEXIST when something is there
#define MAP_IS_SHARED 4u
#define MAP_GROWS_DOWN 8u
#define MAP_NEVER_WRITABLE 16u // address_space_protect() refuses PROTECTION_WRITE with -EACCES
#define MAP_UNRESERVED 32u     // MAP_NORESERVE: may be larger than all of memory
must_check int64_t address_space_map(struct address_space *space, uint64_t hint, uint64_t length,
                                     uint32_t protection, uint32_t flags,
                                     struct memory_object *object, uint64_t object_page);
must_check int address_space_unmap(struct address_space *space, uint64_t start, uint64_t length);
must_check int address_space_protect(struct address_space *space, uint64_t start, uint64_t length,
                                     uint32_t protection);
// madvise(MADV_DONTNEED): drops pages, keeps the regions. -ENOMEM on a hole.
must_check int address_space_discard(struct address_space *space, uint64_t start, uint64_t length);
// -ENOMEM when a page of the range is in no region, else 0.
must_check int address_space_find_hole(struct address_space *space, uint64_t start,
                                       uint64_t length);
// mremap. Errors as Linux.
must_check int64_t address_space_remap(struct address_space *space, uint64_t old_start,
                                       uint64_t old_length, uint64_t new_length, bool may_move,
                                       bool fixed, uint64_t new_start);
// The new break, or the old one when refused, as Linux's brk answers.
uint64_t address_space_set_break(struct address_space *space, uint64_t wanted);
// A copy for fork: private pages become copy-on-write in both. NULL: no memory. Passes preemption
// points.
must_check struct address_space *address_space_fork(struct address_space *space);

enum fault_verdict {
    FAULT_RESOLVED,
    FAULT_NO_MAPPING, // SEGV_MAPERR
    FAULT_DENIED,     // SEGV_ACCERR
    FAULT_BUS,        // SIGBUS BUS_ADRERR: past the end of the object
    FAULT_NO_ROOM,    // the same: the object may not grow
    FAULT_NO_MEMORY,  // one process dies
};
// Serves a page fault of the running thread and counts it. `error` is the hardware's error code.
// May sleep.
enum fault_verdict address_space_fault(struct address_space *space, uint64_t address,
                                       uint32_t error);
// Reads or writes another space's memory through its frames, faulting pages in; for exec's stack
// set-up and ptrace-like uses. -EFAULT, -ENOMEM.
must_check int address_space_write(struct address_space *space, uint64_t address, const void *data,
                                   size_t length);
must_check int address_space_read(struct address_space *space, uint64_t address, void *data,
                                  size_t length);
// Calls back for each region in address order, mutex held; for /proc/PID/maps.
typedef void (*region_visit)(const struct region *region, void *context);
void address_space_visit(struct address_space *space, region_visit visit, void *context);
uint64_t address_spaces_live(void);

// The running thread's space; set by exec and by the first switch to a process's thread.
struct address_space *current_address_space(void);
// How vm finds it without knowing processes: the process layer registers once.
void address_space_set_current_lookup(struct address_space *(*lookup)(void));
