// Intrusive pairing heap: the node with the smallest key is found in O(1), inserted in O(1),
// removed in amortised O(log n). Equal keys leave in insertion order (a sequence number breaks
// ties). The caller's lock guards it.
#pragma once

#include "lib/types.h"

struct heap_node {
    struct heap_node *child;
    struct heap_node *next;     // sibling
    struct heap_node *previous; // sibling, or parent for a first child; NULL when not linked
    uint64_t key;
    uint64_t sequence;
};

struct heap {
    struct heap_node *root;
    uint64_t next_sequence;
};

// Makes one tree of two, neither of them empty, whose roots have no siblings.
struct heap_node *heap_meld(struct heap_node *a, struct heap_node *b);
static inline void heap_insert(struct heap *heap, struct heap_node *node, uint64_t key)
{
    *node = (struct heap_node){ .key = key, .sequence = heap->next_sequence++ };
    heap->root = heap->root == NULL ? node : heap_meld(heap->root, node);
}
// Any node but a root with fewer than two children.
void heap_remove_inner(struct heap *heap, struct heap_node *node);
static inline void heap_remove(struct heap *heap, struct heap_node *node)
{
    struct heap_node *child = node->child;

    if (heap->root != node || (child != NULL && child->next != NULL)) {
        heap_remove_inner(heap, node);
        return;
    }
    heap->root = child;
    if (child != NULL)
        child->previous = NULL;
    node->child = NULL;
}
// NULL when empty.
static inline struct heap_node *heap_minimum(const struct heap *heap)
{
    return heap->root;
}
static inline bool heap_is_empty(const struct heap *heap)
{
    return heap->root == NULL;
}
// The next of a walk over all nodes that starts at the minimum and meets every node after a smaller
// one, else in no order. NULL: that was the last.
struct heap_node *heap_next(const struct heap_node *node);
