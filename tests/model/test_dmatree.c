/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * The kernel's tree of mappings: it stays a red-black tree, finds what a list finds, and misses what the kernel misses.
 */
#include <criterion/criterion.h>

#include "../../model/dmatree.h"

#define PAGE UINT64_C(4096)

/* Mappings as a plain list, beside the tree. */
struct twin {
	struct dmatree tree;
	struct {
		uint64_t first;
		uint32_t node;
	} mappings[256];
	uint32_t count;
	uint64_t random;
};

static uint64_t next_random(struct twin *twin)
{
	twin->random = twin->random * 6364136223846793005u + 1442695040888963407u;
	return twin->random >> 33;
}

static bool in_list(const struct twin *twin, uint64_t first)
{
	for (uint32_t i = 0; i < twin->count; i++)
		if (twin->mappings[i].first == first)
			return true;
	return false;
}

static void toggle(struct twin *twin)
{
	uint64_t first = next_random(twin) % 512 * PAGE;
	uint32_t at;

	if (twin->count < 256 && next_random(twin) % 3 && !in_list(twin, first)) {
		twin->mappings[twin->count].first = first;
		twin->mappings[twin->count++].node = dmatree_insert(&twin->tree, first, PAGE);
	} else if (twin->count) {
		at = (uint32_t)(next_random(twin) % twin->count);
		dmatree_remove(&twin->tree, twin->mappings[at].node);
		twin->mappings[at] = twin->mappings[--twin->count];
	}
}

Test(dmatree, random_changes_keep_it_valid_and_complete)
{
	struct twin twin = {.random = 1};

	for (int round = 0; round < 20000; round++) {
		uint64_t point = next_random(&twin) % 512 * PAGE;

		toggle(&twin);
		cr_assert(dmatree_valid(&twin.tree), "round %d", round);
		cr_assert_eq(dmatree_find(&twin.tree, point, 1) != DMATREE_NOTHING, in_list(&twin, point));
		cr_assert_eq(dmatree_find_first(&twin.tree, point, PAGE) != DMATREE_NOTHING, in_list(&twin, point));
	}
	dmatree_clear(&twin.tree);
}

Test(dmatree, walk_is_ascending)
{
	struct twin twin = {.random = 2};
	uint32_t node, count = 0;
	uint64_t last = 0;

	for (int round = 0; round < 1000; round++)
		toggle(&twin);
	for (node = dmatree_find_first(&twin.tree, 0, UINT64_MAX); node != DMATREE_NOTHING;
	     node = dmatree_next(&twin.tree, node)) {
		cr_assert_geq(twin.tree.nodes.items[node].first, last);
		last = twin.tree.nodes.items[node].first;
		count++;
	}
	cr_expect_eq(count, twin.count);
	cr_expect_gt(count, 100);
	dmatree_clear(&twin.tree);
}

Test(dmatree, mapping_up_to_the_top_is_not_found_and_hides_what_is_left_of_it)
{
	struct dmatree tree = {0};
	uint32_t top = dmatree_insert(&tree, -PAGE, PAGE), below = dmatree_insert(&tree, PAGE, PAGE);

	cr_expect_eq(dmatree_find(&tree, -PAGE, PAGE), DMATREE_NOTHING);
	cr_expect_eq(dmatree_find(&tree, PAGE, PAGE), below);
	cr_expect_eq(dmatree_find_first(&tree, PAGE, PAGE), DMATREE_NOTHING);
	/* A second one on the other side, and the root is between them. */
	dmatree_insert(&tree, 0, PAGE);
	cr_expect_eq(dmatree_find_first(&tree, PAGE, PAGE), below);
	cr_expect_eq(dmatree_next(&tree, below), top);
	dmatree_clear(&tree);
}

Test(dmatree, equal_beginnings_come_newest_first)
{
	struct dmatree tree = {0};
	uint32_t old = dmatree_insert(&tree, -PAGE, PAGE), new = dmatree_insert(&tree, -PAGE, PAGE);

	cr_expect_eq(dmatree_next(&tree, new), old);
	cr_expect_eq(dmatree_next(&tree, old), DMATREE_NOTHING);
	dmatree_clear(&tree);
}
