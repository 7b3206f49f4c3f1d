// Red-black tree, pairing heap and bitmap against plain models, under random use.
#include "lib/bitmap.h"
#include "lib/heap.h"
#include "lib/rbtree.h"
#include "lib/string.h"
#include "test.h"

#define KEYS 300u

struct item {
    struct rb_node node;
    uint32_t key;
    bool linked;
};

static int compare_item(const void *key, const struct rb_node *node)
{
    uint32_t wanted = *(const uint32_t *)key, found = rb_entry(node, struct item, node)->key;

    return (wanted > found) - (wanted < found);
}

static void check_order(const struct rb_tree *tree, const struct item *items)
{
    struct rb_node *forward = rb_first(tree), *backward = rb_last(tree);

    CHECK(rb_is_valid(tree));
    for (uint32_t key = 0; key < KEYS; key++) {
        if (!items[key].linked)
            continue;
        CHECK(forward == &items[key].node);
        forward = rb_next(forward);
    }
    for (uint32_t key = KEYS; key-- > 0;) {
        if (!items[key].linked)
            continue;
        CHECK(backward == &items[key].node);
        backward = rb_previous(backward);
    }
    CHECK(forward == NULL && backward == NULL);
}

TEST(rbtree_against_model)
{
    static struct item items[KEYS];
    struct rb_tree tree = { NULL };

    for (uint32_t key = 0; key < KEYS; key++)
        items[key].key = key;
    for (uint32_t round = 0; round < 6000; round++) {
        // Fill, then mix, then empty, so that every size is met.
        uint32_t chance = round < 2000 ? 70 : round < 4000 ? 50 : 20;
        struct item *item = &items[random_below(KEYS)];

        if (random_below(100) < chance) {
            CHECK(rb_insert(&tree, &item->node, &item->key, compare_item) == !item->linked);
            item->linked = true;
        } else if (item->linked) {
            rb_remove(&tree, &item->node);
            item->linked = false;
        }
        CHECK(rb_is_valid(&tree));
        if (round % 50 == 0) {
            check_order(&tree, items);
        }
    }
}

TEST(rbtree_sorted_fill_and_drain)
{
    static struct item items[KEYS];
    struct rb_tree tree = { NULL };

    for (uint32_t descending = 0; descending < 2; descending++) {
        for (uint32_t i = 0; i < KEYS; i++) {
            struct item *item = &items[descending ? KEYS - 1 - i : i];
            item->key = (uint32_t)(item - items);
            CHECK(rb_insert(&tree, &item->node, &item->key, compare_item));
            item->linked = true;
        }
        check_order(&tree, items);
        for (uint32_t i = 0; i < KEYS; i++) {
            rb_remove(&tree, &items[i].node);
            items[i].linked = false;
            CHECK(rb_is_valid(&tree));
        }
        CHECK(tree.root == NULL);
    }
}

// The last linked item below `key`; NULL when there is none.
static struct item *item_before(struct item *items, uint32_t key)
{
    while (key-- > 0) {
        if (items[key].linked)
            return &items[key];
    }
    return NULL;
}

TEST(rbtree_insert_after_and_take_first)
{
    static struct item items[KEYS];
    struct rb_tree tree = { NULL };

    for (uint32_t round = 0; round < 2 * KEYS; round++) {
        uint32_t key = (uint32_t)random_below(KEYS);
        struct item *item = &items[key], *before = item_before(items, key);
        if (item->linked)
            continue;
        item->key = key;
        rb_insert_after(&tree, &item->node, before ? &before->node : NULL);
        item->linked = true;
        check_order(&tree, items);
    }
    for (uint32_t key = 0; key < KEYS; key++) {
        if (items[key].linked)
            CHECK(rb_take_first(&tree) == &items[key].node);
    }
    CHECK(rb_take_first(&tree) == NULL && tree.root == NULL);
}

TEST(rbtree_validity_notices)
{
    struct item items[3] = { { .key = 0 }, { .key = 1 }, { .key = 2 } };
    struct rb_tree tree = { NULL };

    for (int i = 0; i < 3; i++)
        CHECK(rb_insert(&tree, &items[i].node, &items[i].key, compare_item));
    CHECK(rb_is_valid(&tree));
    tree.root->red = true;
    CHECK(!rb_is_valid(&tree));
    tree.root->red = false;
    tree.root->left->red = false;
    CHECK(!rb_is_valid(&tree));
    tree.root->left->red = true;
    tree.root->left->parent = tree.root->right;
    CHECK(!rb_is_valid(&tree));
}

struct entry {
    struct heap_node node;
    uint64_t order; // of insertion
    bool linked;
};

// The entry that must come first: the smallest key, among equals the one inserted first.
static struct entry *model_minimum(struct entry *entries, uint32_t count)
{
    struct entry *best = NULL;

    for (uint32_t i = 0; i < count; i++) {
        struct entry *entry = &entries[i];
        if (entry->linked && (best == NULL || entry->node.key < best->node.key ||
                              (entry->node.key == best->node.key && entry->order < best->order)))
            best = entry;
    }
    return best;
}

TEST(heap_against_model)
{
    static struct entry entries[120];
    struct heap heap = { 0 };
    uint64_t order = 0;

    for (uint32_t round = 0; round < 30000; round++) {
        struct entry *entry = &entries[random_below(ARRAY_SIZE(entries))];

        if (!entry->linked) {
            heap_insert(&heap, &entry->node, random_below(20)); // many ties
            entry->order = order++;
            entry->linked = true;
        } else if (random_below(3) == 0) {
            heap_remove(&heap, &entry->node);
            entry->linked = false;
        } else if (random_below(2) == 0) {
            entry = model_minimum(entries, ARRAY_SIZE(entries));
            heap_remove(&heap, &entry->node);
            entry->linked = false;
        }
        entry = model_minimum(entries, ARRAY_SIZE(entries));
        CHECK(heap_minimum(&heap) == (entry == NULL ? NULL : &entry->node));
    }
}

TEST(heap_ties_leave_in_insertion_order)
{
    static struct heap_node nodes[1000];
    struct heap heap = { 0 };

    for (uint32_t i = 0; i < ARRAY_SIZE(nodes); i++)
        heap_insert(&heap, &nodes[i], 5);
    for (uint32_t i = 0; i < ARRAY_SIZE(nodes); i++) {
        CHECK(heap_minimum(&heap) == &nodes[i]);
        heap_remove(&heap, &nodes[i]);
    }
    CHECK(heap_minimum(&heap) == NULL);
}

// A walk meets each node once.
TEST(heap_walk_meets_every_node)
{
    static struct heap_node nodes[200];
    static bool is_linked[ARRAY_SIZE(nodes)];
    struct heap heap = { 0 };
    uint32_t count = 0;

    for (uint32_t round = 0; round < 2000; round++) {
        uint32_t i = (uint32_t)random_below(ARRAY_SIZE(nodes));
        if (is_linked[i])
            heap_remove(&heap, &nodes[i]);
        else
            heap_insert(&heap, &nodes[i], random_below(50));
        count += is_linked[i] ? -1u : 1u;
        is_linked[i] = !is_linked[i];
        bool met[ARRAY_SIZE(nodes)] = { false };
        uint32_t met_count = 0;
        for (struct heap_node *node = heap_minimum(&heap); node; node = heap_next(node)) {
            CHECK(is_linked[node - nodes] && !met[node - nodes]);
            met[node - nodes] = true;
            met_count++;
        }
        CHECK_EQUAL(met_count, count);
    }
}

TEST(heap_extreme_keys)
{
    struct heap_node first, last;
    struct heap heap = { 0 };

    heap_insert(&heap, &last, UINT64_MAX);
    heap_insert(&heap, &first, 0);
    CHECK(heap_minimum(&heap) == &first);
    heap_remove(&heap, &last);
    CHECK(heap_minimum(&heap) == &first);
    heap_remove(&heap, &first);
    CHECK(heap_minimum(&heap) == NULL);
}

TEST(bitmap_find_against_model)
{
    uint64_t words[4];
    const size_t bits = 256;

    for (uint32_t round = 0; round < 400; round++) {
        uint64_t density = random_below(101);
        memset(words, 0, sizeof(words));
        for (size_t bit = 0; bit < bits; bit++) {
            if (random_below(100) < density)
                bitmap_set(words, bit);
        }
        size_t limit = random_below(bits + 1);
        for (size_t from = 0; from <= limit; from++) {
            size_t expected = from;
            while (expected < limit && bitmap_test(words, expected))
                expected++;
            CHECK_EQUAL(bitmap_find_clear(words, from, limit), expected);
            for (expected = from; expected < limit && !bitmap_test(words, expected);)
                expected++;
            CHECK_EQUAL(bitmap_find_set(words, from, limit), expected);
        }
    }
    bitmap_clear(words, 77);
    CHECK(!bitmap_test(words, 77));
}
