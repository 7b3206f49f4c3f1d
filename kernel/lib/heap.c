// The pairing heap behind timers. Every node's children sort after it; children form a list whose
// first node points back at the parent, so that any node can be taken out where it stands.
#include "lib/heap.h"

static bool sorts_before(const struct heap_node *a, const struct heap_node *b)
{
    return a->key != b->key ? a->key < b->key : a->sequence < b->sequence;
}

// Joins two trees whose roots have no siblings; either may be NULL.
static struct heap_node *meld_trees(struct heap_node *a, struct heap_node *b)
{
    if (a == NULL)
        return b;
    if (b == NULL)
        return a;
    if (sorts_before(b, a)) {
        struct heap_node *swapped = a;
        a = b;
        b = swapped;
    }
    heap_adopt(a, b);
    return a;
}

// Takes the first tree off a list of siblings and advances the list.
static struct heap_node *take_first(struct heap_node **list)
{
    struct heap_node *node = *list;

    if (node == NULL)
        return NULL;
    *list = node->next;
    node->next = NULL;
    node->previous = NULL;
    return node;
}

// Makes one tree of a list of siblings: pairs from the left, then everything from the right. The
// two passes are what makes removal amortised O(log n).
static struct heap_node *meld_siblings(struct heap_node *list)
{
    struct heap_node *pairs = NULL, *whole = NULL;

    while (list != NULL) {
        struct heap_node *first = take_first(&list);
        struct heap_node *pair = meld_trees(first, take_first(&list));
        pair->next = pairs;
        pairs = pair;
    }
    while (pairs != NULL)
        whole = meld_trees(whole, take_first(&pairs));
    return whole;
}

static void cut_from_siblings(struct heap_node *node)
{
    if (node->previous->child == node)
        node->previous->child = node->next;
    else
        node->previous->next = node->next;
    if (node->next != NULL)
        node->next->previous = node->previous;
}

__attribute__((preserve_most)) void heap_remove_inner(struct heap *heap, struct heap_node *node)
{
    struct heap_node *children = node->child;

    if (children != NULL && children->next == NULL)
        children->previous = NULL; // one tree already
    else
        children = meld_siblings(children);

    if (heap->root == node) {
        heap->root = children;
    } else {
        cut_from_siblings(node);
        heap->root = meld_trees(heap->root, children);
    }
    node->child = NULL;
    node->next = NULL;
    node->previous = NULL;
}

// Children first, then siblings, then those of the nodes above. A first child's `previous` is its
// parent.
struct heap_node *heap_next(const struct heap_node *node)
{
    if (node->child != NULL)
        return node->child;
    while (node != NULL && node->next == NULL) {
        while (node->previous != NULL && node->previous->child != node)
            node = node->previous;
        node = node->previous;
    }
    return node != NULL ? node->next : NULL;
}
