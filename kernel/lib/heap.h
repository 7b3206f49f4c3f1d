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

// Makes `node` the first child.
static inline void heap_adopt(struct heap_node *parent, struct heap_node *node)
{
    node->previous = parent;
    node->next = parent->child;
    if (parent->child != NULL)
        parent->child->previous = node;
    parent->child = node;
}
// Equal keys leave in order, so the new one goes before the root only if its key is smaller.
static inline void heap_insert(struct heap *heap, struct heap_node *node, uint64_t key)
{
    struct heap_node *root = heap->root;

    node->child = NULL;
    node->key = key;
    node->sequence = heap->next_sequence++;
    if (root != NULL && key >= root->key) {
        heap_adopt(root, node);
        return;
    }
    node->next = NULL;
    node->previous = NULL;
    if (root != NULL)
        heap_adopt(node, root);
    heap->root = node;
}
// Any node but a root with fewer than two children. All registers but R11 come back, so that who
// removes the only one need not save any.
__attribute__((preserve_most, noinline)) void heap_remove_inner(struct heap *heap,
                                                                struct heap_node *node);
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
