// Intrusive doubly linked list, circular around a head. The caller's lock guards it.
#pragma once

#include "lib/types.h"

struct list_node {
    struct list_node *next;
    struct list_node *previous;
};

#define LIST_HEAD_INIT(name)                                                                       \
    {                                                                                              \
        &(name), &(name)                                                                           \
    }

static inline void list_init(struct list_node *head)
{
    head->next = head;
    head->previous = head;
}

static inline bool list_is_empty(const struct list_node *head)
{
    return head->next == head;
}

static inline void list_insert_before(struct list_node *position, struct list_node *node)
{
    struct list_node *previous = position->previous;

    node->previous = previous;
    node->next = position;
    previous->next = node;
    position->previous = node;
}

static inline void list_append(struct list_node *head, struct list_node *node)
{
    list_insert_before(head, node);
}

static inline void list_prepend(struct list_node *head, struct list_node *node)
{
    list_insert_before(head->next, node);
}

// All of `from`, in their order, behind those of `to`.
static inline void list_append_all(struct list_node *to, struct list_node *from)
{
    if (list_is_empty(from))
        return;
    from->next->previous = to->previous;
    to->previous->next = from->next;
    from->previous->next = to;
    to->previous = from->previous;
    list_init(from);
}

// Leaves the node pointing at itself, so that removing it again is harmless.
static inline void list_remove(struct list_node *node)
{
    struct list_node *next = node->next, *previous = node->previous;

    previous->next = next;
    next->previous = previous;
    list_init(node);
}

#define list_entry(node, type, member) container_of(node, type, member)
#define list_first(head, type, member) container_of((head)->next, type, member)

#define list_for_each(node, head)                                                                  \
    for (struct list_node *node = (head)->next; node != (head); node = node->next)

// The body may remove `node`, nothing else.
#define list_for_each_safe(node, spare, head)                                                      \
    for (struct list_node *node = (head)->next, *spare = node->next; node != (head);               \
         node = spare, spare = node->next)
