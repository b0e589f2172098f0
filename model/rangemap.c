/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Range maps as B+ trees with shared nodes.
 *
 * Wide nodes keep a million ranges four levels deep, so that a lookup touches few cache
 * lines; reference counts on nodes make copies free. A node may be changed in place only
 * while nobody else refers to it; node_own() makes that so on the way down.
 */
#include "rangemap.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"

enum { LEAF_MAX = 16, BRANCH_MAX = 64, DEPTH_MAX = 16 };

struct rangemap_node {
	uint32_t references;
	uint16_t count;
	uint16_t height; /* 0: leaf */
};

/*
 * Ranges stay where they were put; what is kept in order are their beginnings and where they are. So a search, an
 * insertion and a removal touch few cache lines, which is what they cost when there are very many ranges.
 */
struct leaf {
	struct rangemap_node node;
	uint32_t used;		   /* places of ranges[] that are taken, by bit */
	uint8_t places[LEAF_MAX];  /* in order: which of ranges[] */
	uint64_t firsts[LEAF_MAX]; /* in order: where it begins */
	struct range ranges[LEAF_MAX];
};

struct branch {
	struct rangemap_node node;
	uint64_t firsts[BRANCH_MAX]; /* where the first range of each child begins */
	struct rangemap_node *children[BRANCH_MAX];
};

static struct leaf *as_leaf(struct rangemap_node *node)
{
	assert(node->height == 0);
	return (struct leaf *)node;
}

static struct branch *as_branch(struct rangemap_node *node)
{
	assert(node->height > 0);
	return (struct branch *)node;
}

static struct rangemap_node *node_new(unsigned height)
{
	struct rangemap_node *node = memory_allocate(height ? sizeof(struct branch) : sizeof(struct leaf));

	node->references = 1;
	node->count = 0;
	node->height = (uint16_t)height;
	if (!height)
		((struct leaf *)node)->used = 0;
	return node;
}

static void node_release(struct rangemap_node *node)
{
	if (--node->references)
		return;
	if (node->height) {
		struct branch *branch = as_branch(node);

		for (unsigned i = 0; i < node->count; i++)
			node_release(branch->children[i]);
	}
	free(node);
}

/* Makes *@slot a node that only this map refers to. */
static struct rangemap_node *node_own(struct rangemap_node **slot)
{
	struct rangemap_node *old = *slot, *copy;

	if (old->references == 1)
		return old;
	copy = node_new(old->height);
	memcpy(copy, old, old->height ? sizeof(struct branch) : sizeof(struct leaf));
	copy->references = 1;
	if (copy->height)
		for (unsigned i = 0; i < copy->count; i++)
			as_branch(copy)->children[i]->references++;
	old->references--;
	*slot = copy;
	return copy;
}

/* The range at @index in order. */
static struct range *leaf_range(struct leaf *leaf, unsigned index)
{
	return &leaf->ranges[leaf->places[index]];
}

/* Puts a range at @index in order; there is room. */
static void leaf_insert(struct leaf *leaf, unsigned index, const struct range *range)
{
	unsigned behind = leaf->node.count - index, place = (unsigned)__builtin_ctz(~leaf->used);

	memmove(leaf->firsts + index + 1, leaf->firsts + index, behind * sizeof(leaf->firsts[0]));
	memmove(leaf->places + index + 1, leaf->places + index, behind * sizeof(leaf->places[0]));
	leaf->firsts[index] = range->first;
	leaf->places[index] = (uint8_t)place;
	leaf->ranges[place] = *range;
	leaf->used |= 1u << place;
	leaf->node.count++;
}

static void leaf_remove(struct leaf *leaf, unsigned index)
{
	unsigned behind = --leaf->node.count - index;

	leaf->used &= ~(1u << leaf->places[index]);
	memmove(leaf->firsts + index, leaf->firsts + index + 1, behind * sizeof(leaf->firsts[0]));
	memmove(leaf->places + index, leaf->places + index + 1, behind * sizeof(leaf->places[0]));
}

static unsigned node_max(const struct rangemap_node *node)
{
	return node->height ? BRANCH_MAX : LEAF_MAX;
}

static uint64_t node_first(struct rangemap_node *node)
{
	return node->height ? as_branch(node)->firsts[0] : as_leaf(node)->firsts[0];
}

/*
 * Asks at once for all cache lines of a child that may be looked at: with very many ranges, a search would otherwise
 * wait for memory at every step. Of a leaf that includes its ranges, which are few for that reason.
 */
static inline void node_prefetch(const struct rangemap_node *node, unsigned parent_height)
{
	enum { CACHE_LINE = 64 };
	const size_t size = parent_height > 1 ? offsetof(struct branch, children) : sizeof(struct leaf);

	for (size_t at = 0; at < size; at += CACHE_LINE)
		__builtin_prefetch((const char *)node + at);
}

/* Index of the child that would hold a range beginning at @first. */
static unsigned branch_child(const struct branch *branch, uint64_t first)
{
	unsigned low = 0, high = branch->node.count;

	while (high - low > 1) {
		unsigned middle = (low + high) / 2;

		if (branch->firsts[middle] <= first)
			low = middle;
		else
			high = middle;
	}
	return low;
}

/* Index of the first range that begins at or after @first; count if there is none. */
static unsigned leaf_index(const struct leaf *leaf, uint64_t first)
{
	unsigned low = 0, high = leaf->node.count;

	while (low < high) {
		unsigned middle = (low + high) / 2;

		if (leaf->firsts[middle] < first)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void rangemap_copy(struct rangemap *copy, const struct rangemap *map)
{
	assert(!copy->root);
	*copy = *map;
	if (copy->root)
		copy->root->references++;
}

void rangemap_unshare(struct rangemap *map)
{
	if (map->root)
		map->root->references++;
}

void rangemap_clear(struct rangemap *map)
{
	if (map->root)
		node_release(map->root);
	map->root = NULL;
	map->count = 0;
}

const struct range *rangemap_from(const struct rangemap *map, uint64_t point)
{
	struct rangemap_node *node = map->root, *next = NULL;
	unsigned index;

	if (!node)
		return NULL;
	while (node->height) {
		struct branch *branch = as_branch(node);

		index = branch_child(branch, point);
		if (index + 1u < node->count)
			next = branch->children[index + 1];
		node = branch->children[index];
		node_prefetch(node, branch->node.height);
	}
	index = leaf_index(as_leaf(node), point);
	/* The range before may reach over the point; it is in this leaf, because the leaf begins at or before the
	 * point. */
	if (index > 0 && leaf_range(as_leaf(node), index - 1)->last >= point)
		index--;
	if (index < node->count)
		return leaf_range(as_leaf(node), index);
	while (next && next->height)
		next = as_branch(next)->children[0];
	return next ? leaf_range(as_leaf(next), 0) : NULL;
}

const struct range *rangemap_overlap(const struct rangemap *map, uint64_t first, uint64_t last)
{
	const struct range *range = rangemap_from(map, first);

	return range && range->first <= last ? range : NULL;
}

const struct range *rangemap_at(const struct rangemap *map, uint64_t point)
{
	return rangemap_overlap(map, point, point);
}

/* Moves what @from has from its entry @index on behind the last entry of @to; both are owned, and it fits. */
static void node_move(struct rangemap_node *to, struct rangemap_node *from, unsigned index)
{
	unsigned moved = from->count - index;

	if (to->height) {
		memcpy(as_branch(to)->firsts + to->count, as_branch(from)->firsts + index, moved * sizeof(uint64_t));
		memcpy(as_branch(to)->children + to->count, as_branch(from)->children + index, moved * sizeof(void *));
		to->count = (uint16_t)(to->count + moved);
		from->count = (uint16_t)index;
		return;
	}
	for (unsigned i = index; i < index + moved; i++)
		leaf_insert(as_leaf(to), to->count, leaf_range(as_leaf(from), i));
	while (from->count > index)
		leaf_remove(as_leaf(from), from->count - 1u);
}

/* Where the last entry of a node begins. */
static uint64_t node_last_first(struct rangemap_node *node)
{
	return node->height ? as_branch(node)->firsts[node->count - 1] : as_leaf(node)->firsts[node->count - 1];
}

/*
 * Moves the upper half of the full child @index of @branch into a new sibling right of it; only the last entry when
 * @first, which is to be inserted, comes behind it, so that ascending inserts leave full nodes behind.
 */
static void branch_split_child(struct branch *branch, unsigned index, uint64_t first)
{
	struct rangemap_node *left = node_own(&branch->children[index]);
	struct rangemap_node *right = node_new(left->height);
	unsigned keep = first > node_last_first(left) ? left->count - 1u : left->count / 2u;

	node_move(right, left, keep);
	memmove(branch->firsts + index + 2, branch->firsts + index + 1,
		(branch->node.count - index - 1u) * sizeof(uint64_t));
	memmove(branch->children + index + 2, branch->children + index + 1,
		(branch->node.count - index - 1u) * sizeof(void *));
	branch->firsts[index + 1] = node_first(right);
	branch->children[index + 1] = right;
	branch->node.count++;
}

void rangemap_insert(struct rangemap *map, const struct range *range)
{
	struct rangemap_node *node;
	struct leaf *leaf;
	unsigned index;

	if (!map->root)
		map->root = node_new(0);
	node = node_own(&map->root);
	if (node->count == node_max(node)) {
		struct rangemap_node *root = node_new(node->height + 1u);

		as_branch(root)->firsts[0] = node_first(node);
		as_branch(root)->children[0] = node;
		root->count = 1;
		map->root = root;
		branch_split_child(as_branch(root), 0, range->first);
		node = root;
	}
	/* Full nodes are split on the way down, so that a parent always has room. */
	while (node->height) {
		struct branch *branch = as_branch(node);

		index = branch_child(branch, range->first);
		if (branch->children[index]->count == node_max(branch->children[index])) {
			branch_split_child(branch, index, range->first);
			index = branch_child(branch, range->first);
		}
		if (range->first < branch->firsts[index])
			branch->firsts[index] = range->first;
		node = node_own(&branch->children[index]);
	}
	leaf = as_leaf(node);
	index = leaf_index(leaf, range->first);
	assert(index == leaf->node.count || leaf->firsts[index] > range->last);
	assert(index == 0 || leaf_range(leaf, index - 1)->last < range->first);
	leaf_insert(leaf, index, range);
	map->count++;
}

/* Takes child @index, which its node no longer needs, out of @branch. */
static void branch_drop_child(struct branch *branch, unsigned index)
{
	node_release(branch->children[index]);
	branch->node.count--;
	memmove(branch->firsts + index, branch->firsts + index + 1, (branch->node.count - index) * sizeof(uint64_t));
	memmove(branch->children + index, branch->children + index + 1, (branch->node.count - index) * sizeof(void *));
}

/* After a removal below: an empty child goes, a thin one is joined with a neighbour if they fit well in one node. */
static void branch_mend_child(struct branch *branch, unsigned index)
{
	unsigned max = node_max(branch->children[index]);

	if (branch->children[index]->count == 0) {
		branch_drop_child(branch, index);
		return;
	}
	branch->firsts[index] = node_first(branch->children[index]);
	if (branch->node.count == 1 || branch->children[index]->count > max / 4)
		return;
	if (index + 1u == branch->node.count)
		index--;
	if (branch->children[index]->count + branch->children[index + 1]->count > max / 2)
		return;
	node_move(node_own(&branch->children[index]), node_own(&branch->children[index + 1]), 0);
	branch_drop_child(branch, index + 1);
}

void rangemap_remove(struct rangemap *map, uint64_t first)
{
	struct branch *path[DEPTH_MAX];
	unsigned indices[DEPTH_MAX], depth = 0, index;
	struct rangemap_node *node = node_own(&map->root);
	struct leaf *leaf;

	while (node->height) {
		struct branch *branch = as_branch(node);

		assert(depth < DEPTH_MAX);
		path[depth] = branch;
		indices[depth] = branch_child(branch, first);
		node = node_own(&branch->children[indices[depth++]]);
	}
	leaf = as_leaf(node);
	index = leaf_index(leaf, first);
	assert(index < leaf->node.count && leaf->firsts[index] == first);
	leaf_remove(leaf, index);
	map->count--;
	while (depth--)
		branch_mend_child(path[depth], indices[depth]);
	if (!map->count) {
		rangemap_clear(map);
		return;
	}
	while (map->root->height && map->root->count == 1) {
		struct rangemap_node *root = map->root;

		map->root = as_branch(root)->children[0];
		root->count = 0;
		node_release(root);
	}
}

/* The leaf that a range which begins at or before @first would be in, owned by the map; there is one. */
static struct leaf *own_leaf(struct rangemap *map, uint64_t first)
{
	struct rangemap_node *node = node_own(&map->root);

	while (node->height) {
		struct branch *branch = as_branch(node);
		unsigned index = branch_child(branch, first);

		node_prefetch(branch->children[index], branch->node.height);
		node = node_own(&branch->children[index]);
	}
	return as_leaf(node);
}

struct range *rangemap_edit(struct rangemap *map, uint64_t first)
{
	struct leaf *leaf = own_leaf(map, first);
	unsigned index = leaf_index(leaf, first);

	assert(index < leaf->node.count && leaf->firsts[index] == first);
	return leaf_range(leaf, index);
}

struct range *rangemap_edit_at(struct rangemap *map, uint64_t point)
{
	struct leaf *leaf;
	unsigned index;

	if (!map->root)
		return NULL;
	leaf = own_leaf(map, point);
	index = leaf_index(leaf, point);
	if (index < leaf->node.count && leaf->firsts[index] == point)
		return leaf_range(leaf, index);
	return index && leaf_range(leaf, index - 1)->last >= point ? leaf_range(leaf, index - 1) : NULL;
}

static uint64_t node_digest(struct rangemap_node *node, uint64_t digest)
{
	for (unsigned i = 0; i < node->count; i++) {
		const struct range *range;

		if (node->height) {
			digest = node_digest(as_branch(node)->children[i], digest);
			continue;
		}
		range = leaf_range(as_leaf(node), i);
		digest = digest_mix(digest, range->first);
		digest = digest_mix(digest, range->last);
		digest = digest_mix(digest, range->value);
		digest = digest_mix(digest, range->weight);
		digest = digest_mix(digest, range->place);
		digest = digest_mix(digest, (uint64_t)range->tag << 32 | range->serial);
	}
	return digest;
}

uint64_t rangemap_digest(const struct rangemap *map, uint64_t digest)
{
	digest = digest_mix(digest, map->count);
	return map->count ? node_digest(map->root, digest) : digest;
}

/* Counts the ranges below @node, or returns -1 if something is out of order; *@bound is where the last one ended. */
static int64_t node_check(struct rangemap_node *node, uint64_t *bound, bool *bounded)
{
	int64_t count = 0;

	if (node->height == 0) {
		for (unsigned i = 0; i < node->count; i++) {
			const struct range *range = leaf_range(as_leaf(node), i);

			if (range->first != as_leaf(node)->firsts[i] || range->last < range->first ||
			    (*bounded && range->first <= *bound))
				return -1;
			*bound = range->last;
			*bounded = true;
		}
		return node->count;
	}
	for (unsigned i = 0; i < node->count; i++) {
		struct rangemap_node *child = as_branch(node)->children[i];
		int64_t below;

		if (child->height + 1u != node->height || !child->count ||
		    node_first(child) != as_branch(node)->firsts[i])
			return -1;
		below = node_check(child, bound, bounded);
		if (below < 0)
			return -1;
		count += below;
	}
	return count;
}

bool rangemap_valid(const struct rangemap *map)
{
	uint64_t bound = 0;
	bool bounded = false;

	if (!map->root)
		return map->count == 0;
	return node_check(map->root, &bound, &bounded) == (int64_t)map->count;
}
