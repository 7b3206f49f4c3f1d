// The page tree: contents of files and memory objects by page index. A node has 64 slots and a mask
// of those that are filled; a node never stays without any. Nodes come from an object cache.
#include "mem/page_tree.h"

#include "abi/errno.h"
#include "lib/panic.h"
#include "mem/object_cache.h"

#define SLOT_BITS 6u
#define SLOTS (1u << SLOT_BITS)
#define HEIGHT_LIMIT 11u // 11 * 6 bits hold any index

struct page_tree_node {
    uint64_t filled; // bit i: slots[i] is not NULL
    uint32_t height; // levels from here on, so that who looks needs to read one word, the root
    _Atomic(void *) slots[SLOTS]; // nodes, or frames in the lowest level
};

static OBJECT_CACHE(node_cache, "page-tree", struct page_tree_node);

static uint32_t slot_at(uint64_t index, uint32_t level)
{
    return index >> (level * SLOT_BITS) & (SLOTS - 1);
}

static bool height_holds(uint32_t height, uint64_t index)
{
    return height == HEIGHT_LIMIT || index >> (height * SLOT_BITS) == 0;
}

static void fill_slot(struct page_tree_node *node, uint32_t slot, void *value)
{
    atomic_store_explicit(&node->slots[slot], value, memory_order_release); // it is complete
    node->filled |= 1ull << slot;
}

static void clear_slot(struct page_tree_node *node, uint32_t slot)
{
    atomic_store_explicit(&node->slots[slot], NULL, memory_order_relaxed);
    node->filled &= ~(1ull << slot);
}

struct frame *page_tree_get(const struct page_tree *tree, uint64_t index)
{
    const struct page_tree_node *node = tree->root;

    if (node == NULL || !height_holds(node->height, index))
        return NULL;
    for (uint32_t level = node->height - 1; level > 0 && node != NULL; level--)
        node = node->slots[slot_at(index, level)];
    return node == NULL ? NULL : node->slots[slot_at(index, 0)];
}

// How many nodes a put at `index` will add: on top, and on the way down.
static uint32_t count_missing(const struct page_tree *tree, uint64_t index)
{
    const struct page_tree_node *node = tree->root;
    uint32_t height = max_of(tree->height, 1u), missing = 0;

    for (; !height_holds(height, index); height++)
        missing += node != NULL;
    // The old root hangs on the leftmost way; above it, and beside it, everything is missing.
    for (uint32_t level = height; level > 0; level--) {
        if (node == NULL)
            missing++;
        else if (level <= tree->height && level > 1)
            node = node->slots[slot_at(index, level - 1)];
        else if (level > tree->height && slot_at(index, level - 1) != 0)
            node = NULL;
    }
    return missing;
}

static void release_nodes(struct page_tree_node *chain)
{
    while (chain != NULL) {
        struct page_tree_node *next = chain->slots[0];
        object_release(&node_cache, chain);
        chain = next;
    }
}

// All nodes are allocated before anything is linked, so that a put that fails changes nothing.
static int allocate_nodes(uint32_t count, struct page_tree_node **chain)
{
    *chain = NULL;
    for (; count > 0; count--) {
        struct page_tree_node *node = object_allocate(&node_cache);
        if (node == NULL) {
            release_nodes(*chain);
            return -ENOMEM;
        }
        atomic_store_explicit(&node->slots[0], *chain, memory_order_relaxed);
        *chain = node;
    }
    return 0;
}

static struct page_tree_node *take_node(struct page_tree_node **chain, uint32_t height)
{
    struct page_tree_node *node = *chain;

    kassert(node != NULL);
    *chain = node->slots[0];
    atomic_store_explicit(&node->slots[0], NULL, memory_order_relaxed);
    node->height = height;
    return node;
}

static void grow_height(struct page_tree *tree, uint64_t index, struct page_tree_node **chain)
{
    if (tree->root == NULL) {
        for (tree->height = 1; !height_holds(tree->height, index);)
            tree->height++;
        tree->root = take_node(chain, tree->height);
    }
    for (; !height_holds(tree->height, index); tree->height++) {
        struct page_tree_node *root = take_node(chain, tree->height + 1);
        fill_slot(root, 0, tree->root);
        tree->root = root;
    }
}

int page_tree_put(struct page_tree *tree, uint64_t index, struct frame *frame)
{
    struct page_tree_node *chain, *node;
    int result = allocate_nodes(count_missing(tree, index), &chain);

    if (result < 0)
        return result;
    grow_height(tree, index, &chain);
    node = tree->root;
    for (uint32_t level = tree->height - 1; level > 0; level--) {
        uint32_t slot = slot_at(index, level);
        if (node->slots[slot] == NULL)
            fill_slot(node, slot, take_node(&chain, level));
        node = node->slots[slot];
    }
    kassert(chain == NULL && node->slots[slot_at(index, 0)] == NULL);
    fill_slot(node, slot_at(index, 0), frame);
    tree->page_count++;
    return 0;
}

// The way to the page with the highest index; path[level] is the node at that level.
static uint64_t find_last(const struct page_tree *tree, struct page_tree_node *path[HEIGHT_LIMIT])
{
    struct page_tree_node *node = tree->root;
    uint64_t index = 0;

    for (uint32_t level = tree->height; level > 0; level--) {
        uint32_t slot = SLOTS - 1 - (uint32_t)__builtin_clzll(node->filled);
        path[level - 1] = node;
        index = index << SLOT_BITS | slot;
        node = node->slots[slot];
    }
    return index;
}

// Removes a page and the nodes that become empty by it.
static void remove_page(struct page_tree *tree, uint64_t index,
                        struct page_tree_node *path[HEIGHT_LIMIT])
{
    frame_release(path[0]->slots[slot_at(index, 0)]);
    tree->page_count--;
    for (uint32_t level = 0; level < tree->height; level++) {
        clear_slot(path[level], slot_at(index, level));
        if (path[level]->filled != 0)
            return;
        object_release(&node_cache, path[level]);
    }
    tree->root = NULL;
    tree->height = 0;
}

// Takes off roots that lead to low indices only.
static void shrink_height(struct page_tree *tree)
{
    while (tree->height > 1) {
        struct page_tree_node *root = tree->root;
        if (root->filled != 1)
            return;
        tree->root = root->slots[0];
        tree->height--;
        object_release(&node_cache, root);
    }
}

bool page_tree_truncate_step(struct page_tree *tree, uint64_t first, uint32_t limit)
{
    struct page_tree_node *path[HEIGHT_LIMIT];

    while (tree->height > 0) {
        uint64_t index = find_last(tree, path);
        if (index < first)
            break;
        if (limit-- == 0)
            return false;
        remove_page(tree, index, path);
    }
    shrink_height(tree);
    return true;
}

void page_tree_truncate(struct page_tree *tree, uint64_t first)
{
    while (!page_tree_truncate_step(tree, first, UINT32_MAX))
        continue;
}
