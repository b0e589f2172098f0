/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * A red-black tree as textbooks have it (Cormen, Leiserson, Rivest, Stein: Introduction to Algorithms, chapter 13),
 * which leaves one choice: a removed node with two children is replaced by the one behind it.
 */
#include "dmatree.h"

#include <stdlib.h>
#include <string.h>

enum { LEFT, RIGHT };

static struct dmatree_node *at(const struct dmatree *tree, uint32_t index)
{
	return &tree->nodes.items[index];
}

static uint32_t root(const struct dmatree *tree)
{
	return tree->root_plus_one - 1;
}

/* Leaves are black. */
static bool is_red(const struct dmatree *tree, uint32_t index)
{
	return index != DMATREE_NOTHING && at(tree, index)->red;
}

/* On which side of its parent a node is. */
static unsigned side_of(const struct dmatree *tree, uint32_t index)
{
	return at(tree, at(tree, index)->parent)->child[RIGHT] == index;
}

/* Puts @index where @old is below @parent, or at the root. */
static void hang(struct dmatree *tree, uint32_t parent, uint32_t old, uint32_t index)
{
	if (parent == DMATREE_NOTHING)
		tree->root_plus_one = index + 1;
	else
		at(tree, parent)->child[at(tree, parent)->child[RIGHT] == old] = index;
	if (index != DMATREE_NOTHING)
		at(tree, index)->parent = parent;
}

/* Moves a node down to @side; its child on the other side takes its place. */
static void rotate(struct dmatree *tree, uint32_t index, unsigned side)
{
	uint32_t up = at(tree, index)->child[!side], inner = at(tree, up)->child[side];

	hang(tree, at(tree, index)->parent, index, up);
	at(tree, up)->child[side] = index;
	at(tree, index)->parent = up;
	at(tree, index)->child[!side] = inner;
	if (inner != DMATREE_NOTHING)
		at(tree, inner)->parent = index;
}

/* Repairs what a new red node may have broken: that no red node has a red child. */
static void repair_insertion(struct dmatree *tree, uint32_t index)
{
	while (is_red(tree, at(tree, index)->parent)) {
		uint32_t parent = at(tree, index)->parent, grandparent = at(tree, parent)->parent;
		unsigned side = side_of(tree, parent);
		uint32_t uncle = at(tree, grandparent)->child[!side];

		if (is_red(tree, uncle)) {
			at(tree, parent)->red = at(tree, uncle)->red = false;
			at(tree, grandparent)->red = true;
			index = grandparent;
			continue;
		}
		if (side_of(tree, index) != side) {
			rotate(tree, parent, side);
			parent = index;
		}
		at(tree, parent)->red = false;
		at(tree, grandparent)->red = true;
		rotate(tree, grandparent, !side);
		break;
	}
	at(tree, root(tree))->red = false;
}

static uint32_t node_new(struct dmatree *tree)
{
	uint32_t index = tree->free_plus_one - 1;

	if (!tree->free_plus_one)
		return table_add(&tree->nodes);
	tree->free_plus_one = at(tree, index)->parent;
	return index;
}

uint32_t dmatree_insert(struct dmatree *tree, uint64_t first, uint64_t size)
{
	uint32_t index = node_new(tree), parent = DMATREE_NOTHING, below = root(tree);
	unsigned side = LEFT;

	while (below != DMATREE_NOTHING) {
		parent = below;
		side = first > at(tree, parent)->first ? RIGHT : LEFT;
		below = at(tree, parent)->child[side];
	}
	*at(tree, index) = (struct dmatree_node){
	    .first = first, .size = size, .parent = parent, .child = {DMATREE_NOTHING, DMATREE_NOTHING}, .red = true};
	if (parent == DMATREE_NOTHING)
		tree->root_plus_one = index + 1;
	else
		at(tree, parent)->child[side] = index;
	repair_insertion(tree, index);
	return index;
}

/* Repairs what the loss of a black node has broken: @index, which may be no node, below @parent is one short. */
static void repair_removal(struct dmatree *tree, uint32_t index, uint32_t parent)
{
	while (parent != DMATREE_NOTHING && !is_red(tree, index)) {
		unsigned side = at(tree, parent)->child[RIGHT] == index;
		uint32_t sibling = at(tree, parent)->child[!side];

		if (is_red(tree, sibling)) {
			at(tree, sibling)->red = false;
			at(tree, parent)->red = true;
			rotate(tree, parent, side);
			sibling = at(tree, parent)->child[!side];
		}
		if (!is_red(tree, at(tree, sibling)->child[LEFT]) && !is_red(tree, at(tree, sibling)->child[RIGHT])) {
			at(tree, sibling)->red = true;
			index = parent;
			parent = at(tree, index)->parent;
			continue;
		}
		if (!is_red(tree, at(tree, sibling)->child[!side])) {
			at(tree, at(tree, sibling)->child[side])->red = false;
			at(tree, sibling)->red = true;
			rotate(tree, sibling, !side);
			sibling = at(tree, parent)->child[!side];
		}
		at(tree, sibling)->red = at(tree, parent)->red;
		at(tree, parent)->red = false;
		at(tree, at(tree, sibling)->child[!side])->red = false;
		rotate(tree, parent, side);
		return;
	}
	if (index != DMATREE_NOTHING)
		at(tree, index)->red = false;
}

static uint32_t leftmost(const struct dmatree *tree, uint32_t index)
{
	while (at(tree, index)->child[LEFT] != DMATREE_NOTHING)
		index = at(tree, index)->child[LEFT];
	return index;
}

/* Puts the node behind @index, which has two children, in its place. Gives the parent of the gap that this leaves. */
static uint32_t replace_by_next(struct dmatree *tree, uint32_t index, uint32_t *moved_up, bool *red)
{
	struct dmatree_node *node = at(tree, index);
	uint32_t next = leftmost(tree, node->child[RIGHT]), gap = next;
	struct dmatree_node *successor = at(tree, next);

	*red = successor->red;
	*moved_up = successor->child[RIGHT];
	if (successor->parent != index) {
		gap = successor->parent;
		hang(tree, gap, next, *moved_up);
		successor->child[RIGHT] = node->child[RIGHT];
		at(tree, node->child[RIGHT])->parent = next;
	}
	hang(tree, node->parent, index, next);
	successor->child[LEFT] = node->child[LEFT];
	at(tree, node->child[LEFT])->parent = next;
	successor->red = node->red;
	return gap;
}

void dmatree_remove(struct dmatree *tree, uint32_t index)
{
	struct dmatree_node *node = at(tree, index);
	bool lost_red = node->red;
	uint32_t moved_up, gap = node->parent;

	if (node->child[LEFT] != DMATREE_NOTHING && node->child[RIGHT] != DMATREE_NOTHING) {
		gap = replace_by_next(tree, index, &moved_up, &lost_red);
	} else {
		moved_up = node->child[node->child[LEFT] == DMATREE_NOTHING ? RIGHT : LEFT];
		hang(tree, gap, index, moved_up);
	}
	if (!lost_red)
		repair_removal(tree, moved_up, gap);
	node->parent = tree->free_plus_one;
	tree->free_plus_one = index + 1;
}

uint32_t dmatree_find(const struct dmatree *tree, uint64_t start, uint64_t size)
{
	uint32_t index = root(tree);

	while (index != DMATREE_NOTHING) {
		const struct dmatree_node *node = at(tree, index);

		if (start + size <= node->first)
			index = node->child[LEFT];
		else if (start >= node->first + node->size)
			index = node->child[RIGHT];
		else
			break;
	}
	return index;
}

uint32_t dmatree_find_first(const struct dmatree *tree, uint64_t start, uint64_t size)
{
	uint32_t index = root(tree), found = DMATREE_NOTHING;

	while (index != DMATREE_NOTHING) {
		const struct dmatree_node *node = at(tree, index);

		if (start >= node->first + node->size) {
			index = node->child[RIGHT];
			continue;
		}
		found = index;
		if (start >= node->first)
			break;
		index = node->child[LEFT];
	}
	return found != DMATREE_NOTHING && at(tree, found)->first < start + size ? found : DMATREE_NOTHING;
}

uint32_t dmatree_least(const struct dmatree *tree)
{
	return tree->root_plus_one ? leftmost(tree, tree->root_plus_one - 1) : DMATREE_NOTHING;
}

uint32_t dmatree_next(const struct dmatree *tree, uint32_t index)
{
	if (at(tree, index)->child[RIGHT] != DMATREE_NOTHING)
		return leftmost(tree, at(tree, index)->child[RIGHT]);
	while (at(tree, index)->parent != DMATREE_NOTHING && side_of(tree, index) == RIGHT)
		index = at(tree, index)->parent;
	return at(tree, index)->parent;
}

void dmatree_clear(struct dmatree *tree)
{
	free(tree->nodes.items);
	memset(tree, 0, sizeof(*tree));
}

/* Black nodes on every way down from @index, or -1 if the ways differ or something else is wrong. */
static int black_height(const struct dmatree *tree, uint32_t index)
{
	const struct dmatree_node *node;
	int heights[2];

	if (index == DMATREE_NOTHING)
		return 0;
	node = at(tree, index);
	for (unsigned side = LEFT; side <= RIGHT; side++) {
		uint32_t child = node->child[side];

		heights[side] = black_height(tree, child);
		if (child == DMATREE_NOTHING)
			continue;
		if (at(tree, child)->parent != index || (node->red && at(tree, child)->red) ||
		    (side == LEFT ? at(tree, child)->first > node->first : at(tree, child)->first < node->first))
			return -1;
	}
	return heights[LEFT] == heights[RIGHT] && heights[LEFT] >= 0 ? heights[LEFT] + !node->red : -1;
}

bool dmatree_valid(const struct dmatree *tree)
{
	return !is_red(tree, root(tree)) && black_height(tree, root(tree)) >= 0;
}
