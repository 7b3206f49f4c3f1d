// Intrusive red-black tree. The caller descends and compares; the tree keeps balance. The caller's
// lock guards it.
#pragma once

#include "lib/types.h"

struct rb_node {
    struct rb_node *parent;
    struct rb_node *left;
    struct rb_node *right;
    bool red;
};

struct rb_tree {
    struct rb_node *root;
};

// Negative, zero or positive as the key sorts before, at or after the node.
typedef int (*rb_compare_key)(const void *key, const struct rb_node *node);

// Links `node` with key `key`; false when an equal node exists (then nothing changed).
must_check bool rb_insert(struct rb_tree *tree, struct rb_node *node, const void *key,
                          rb_compare_key compare);
// The same for who knows the node that sorts just before it; NULL: it becomes the first.
void rb_insert_after(struct rb_tree *tree, struct rb_node *node, struct rb_node *previous);
void rb_remove(struct rb_tree *tree, struct rb_node *node);
// Unlinks the first node, NULL when there is none, and leaves the tree out of balance: only for who
// takes all of them.
struct rb_node *rb_take_first(struct rb_tree *tree);
struct rb_node *rb_first(const struct rb_tree *tree);
struct rb_node *rb_last(const struct rb_tree *tree);
struct rb_node *rb_next(const struct rb_node *node);
struct rb_node *rb_previous(const struct rb_node *node);
// Test aid: true when every red-black rule holds.
bool rb_is_valid(const struct rb_tree *tree);

#define rb_entry(node, type, member) container_of(node, type, member)
