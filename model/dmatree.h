/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * The tree in which kernels keep the mappings of a TYPE1 instance: red-black, ordered by where mappings begin.
 *
 * For most questions it does not matter how mappings are kept, and a rangemap answers them. It matters where the
 * kernel's search goes wrong or stops early: then what it finds depends on which mapping is at the root, and below it,
 * and so on everything that was mapped and unmapped before. This tree has, after the same insertions and removals,
 * the same shape.
 */
#ifndef MODEL_DMATREE_H
#define MODEL_DMATREE_H

#include <stdbool.h>
#include <stdint.h>

#include "memory.h"

#define DMATREE_NOTHING UINT32_MAX /* no node */

struct dmatree_node {
	uint64_t first, size;	   /* of the mapping; first + size is 0 where it ends at the top of the address space */
	uint32_t parent, child[2]; /* child[0]: left, what begins before */
	bool red;
};

/* All zeroes is an empty tree. Nodes are named by index; an index stays with its mapping. */
struct dmatree {
	TABLE(struct dmatree_node) nodes;
	uint32_t root_plus_one; /* 0: the tree is empty */
	uint32_t free_plus_one; /* removed nodes, chained by parent, to be used again */
};

/* Adds a mapping as the kernel does: to the left of what begins at or behind @first. Gives its node. */
uint32_t dmatree_insert(struct dmatree *tree, uint64_t first, uint64_t size);

void dmatree_remove(struct dmatree *tree, uint32_t node);

/*
 * What a search for a mapping in [start, start + size) comes upon first, going down from the root; the ends of ranges
 * are computed with 64 bits. DMATREE_NOTHING if nothing.
 */
uint32_t dmatree_find(const struct dmatree *tree, uint64_t start, uint64_t size);

/* What a search for the first mapping in [start, start + size) gives, computed likewise. */
uint32_t dmatree_find_first(const struct dmatree *tree, uint64_t start, uint64_t size);

/* The first node in order, and the one behind @node; or DMATREE_NOTHING. */
uint32_t dmatree_least(const struct dmatree *tree);
uint32_t dmatree_next(const struct dmatree *tree, uint32_t node);

/* Gives the memory back; the tree is empty then. */
void dmatree_clear(struct dmatree *tree);

/* Whether it is a red-black tree, and in order; for tests and audits. */
bool dmatree_valid(const struct dmatree *tree);

#endif
