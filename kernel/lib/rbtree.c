// Red-black tree. Rules: the root is black, a red node has no red child, and every way down from a
// node to a missing child passes the same number of black nodes. Missing children count as black.
#include "lib/rbtree.h"

static bool is_red(const struct rb_node *node)
{
    return node != NULL && node->red;
}

// Puts `replacement` (may be NULL) where `node` hangs below its parent, or at the root.
static void replace_child(struct rb_tree *tree, struct rb_node *parent, struct rb_node *node,
                          struct rb_node *replacement)
{
    if (parent == NULL)
        tree->root = replacement;
    else if (parent->left == node)
        parent->left = replacement;
    else
        parent->right = replacement;
    if (replacement != NULL)
        replacement->parent = parent;
}

// The right child takes the node's place, the node becomes its left child.
static void rotate_left(struct rb_tree *tree, struct rb_node *node)
{
    struct rb_node *child = node->right;

    replace_child(tree, node->parent, node, child);
    node->right = child->left;
    if (node->right != NULL)
        node->right->parent = node;
    child->left = node;
    node->parent = child;
}

static void rotate_right(struct rb_tree *tree, struct rb_node *node)
{
    struct rb_node *child = node->left;

    replace_child(tree, node->parent, node, child);
    node->left = child->right;
    if (node->left != NULL)
        node->left->parent = node;
    child->right = node;
    node->parent = child;
}

static void rotate_towards(struct rb_tree *tree, struct rb_node *node, bool left)
{
    if (left)
        rotate_left(tree, node);
    else
        rotate_right(tree, node);
}

// `node` is red and may have a red parent; everything else is in order.
static void repair_insert(struct rb_tree *tree, struct rb_node *node)
{
    while (is_red(node->parent)) {
        struct rb_node *parent = node->parent;
        struct rb_node *grandparent = parent->parent; // a red parent is not the root
        bool parent_is_left = grandparent->left == parent;
        struct rb_node *uncle = parent_is_left ? grandparent->right : grandparent->left;

        if (is_red(uncle)) {
            parent->red = false;
            uncle->red = false;
            grandparent->red = true;
            node = grandparent;
            continue;
        }
        if ((parent->left == node) != parent_is_left) { // the inner grandchild: turn it outside
            rotate_towards(tree, parent, parent_is_left);
            parent = node;
        }
        parent->red = false;
        grandparent->red = true;
        rotate_towards(tree, grandparent, !parent_is_left);
        break;
    }
    tree->root->red = false;
}

bool rb_insert(struct rb_tree *tree, struct rb_node *node, const void *key, rb_compare_key compare)
{
    struct rb_node **link = &tree->root, *parent = NULL;

    while (*link != NULL) {
        int order = compare(key, *link);
        if (order == 0)
            return false;
        parent = *link;
        link = order < 0 ? &parent->left : &parent->right;
    }
    *node = (struct rb_node){ .parent = parent, .red = true };
    *link = node;
    repair_insert(tree, node);
    return true;
}

void rb_insert_after(struct rb_tree *tree, struct rb_node *node, struct rb_node *previous)
{
    struct rb_node **link = previous == NULL ? &tree->root : &previous->right, *parent = previous;

    while (*link != NULL) {
        parent = *link;
        link = &parent->left;
    }
    *node = (struct rb_node){ .parent = parent, .red = true };
    *link = node;
    repair_insert(tree, node);
}

// Ways through `node` (may be NULL, below `parent`) have one black node too few.
static void repair_remove(struct rb_tree *tree, struct rb_node *node, struct rb_node *parent)
{
    while (parent != NULL && !is_red(node)) {
        bool is_left = parent->left == node;
        struct rb_node *sibling = is_left ? parent->right : parent->left;

        if (is_red(sibling)) { // make the sibling black, keeping all counts
            sibling->red = false;
            parent->red = true;
            rotate_towards(tree, parent, is_left);
            sibling = is_left ? parent->right : parent->left;
        }
        struct rb_node *near = is_left ? sibling->left : sibling->right;
        struct rb_node *far = is_left ? sibling->right : sibling->left;
        if (!is_red(near) && !is_red(far)) { // take one black off the other side, go up
            sibling->red = true;
            node = parent;
            parent = node->parent;
            continue;
        }
        if (!is_red(far)) {
            near->red = false;
            sibling->red = true;
            rotate_towards(tree, sibling, !is_left);
            far = sibling;
            sibling = near;
        }
        sibling->red = parent->red;
        parent->red = false;
        far->red = false;
        rotate_towards(tree, parent, is_left);
        return;
    }
    if (node != NULL)
        node->red = false;
}

// Gives the place and colour of `node`, which has two children, to its successor. Returns the
// colour that is missing now, and in *child and *parent where it is missing.
static bool replace_by_successor(struct rb_tree *tree, struct rb_node *node, struct rb_node **child,
                                 struct rb_node **parent)
{
    struct rb_node *successor = node->right;

    while (successor->left != NULL)
        successor = successor->left;
    bool lost_red = successor->red;
    *child = successor->right;
    *parent = successor->parent == node ? successor : successor->parent;
    if (*parent != successor) {
        replace_child(tree, successor->parent, successor, successor->right);
        successor->right = node->right;
        successor->right->parent = successor;
    }
    successor->left = node->left;
    successor->left->parent = successor;
    successor->red = node->red;
    replace_child(tree, node->parent, node, successor);
    return lost_red;
}

void rb_remove(struct rb_tree *tree, struct rb_node *node)
{
    struct rb_node *child, *parent;
    bool lost_red;

    if (node->left != NULL && node->right != NULL) {
        lost_red = replace_by_successor(tree, node, &child, &parent);
    } else {
        child = node->left != NULL ? node->left : node->right;
        parent = node->parent;
        lost_red = node->red;
        replace_child(tree, parent, node, child);
    }
    if (!lost_red)
        repair_remove(tree, child, parent);
    *node = (struct rb_node){ 0 };
}

struct rb_node *rb_take_first(struct rb_tree *tree)
{
    struct rb_node *node = rb_first(tree);

    if (node != NULL)
        replace_child(tree, node->parent, node, node->right);
    return node;
}

struct rb_node *rb_first(const struct rb_tree *tree)
{
    struct rb_node *node = tree->root;

    while (node != NULL && node->left != NULL)
        node = node->left;
    return node;
}

struct rb_node *rb_last(const struct rb_tree *tree)
{
    struct rb_node *node = tree->root;

    while (node != NULL && node->right != NULL)
        node = node->right;
    return node;
}

struct rb_node *rb_next(const struct rb_node *node)
{
    if (node->right != NULL) {
        struct rb_tree below = { node->right };
        return rb_first(&below);
    }
    while (node->parent != NULL && node->parent->right == node)
        node = node->parent;
    return node->parent;
}

struct rb_node *rb_previous(const struct rb_node *node)
{
    if (node->left != NULL) {
        struct rb_tree below = { node->left };
        return rb_last(&below);
    }
    while (node->parent != NULL && node->parent->left == node)
        node = node->parent;
    return node->parent;
}

// Black nodes on every way down from `node`, or -1 when a rule is broken below it. The depth of the
// recursion is at most twice the logarithm of the size.
static int count_black(const struct rb_node *node)
{
    if (node == NULL)
        return 0;
    if ((node->left != NULL && node->left->parent != node) ||
        (node->right != NULL && node->right->parent != node))
        return -1;
    if (node->red && (is_red(node->left) || is_red(node->right)))
        return -1;

    int left = count_black(node->left), right = count_black(node->right);
    if (left < 0 || left != right)
        return -1;
    return left + (node->red ? 0 : 1);
}

bool rb_is_valid(const struct rb_tree *tree)
{
    if (tree->root == NULL)
        return true;
    return tree->root->parent == NULL && !tree->root->red && count_black(tree->root) >= 0;
}
