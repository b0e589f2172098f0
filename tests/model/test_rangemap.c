/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Range maps against a naive twin: one flag and one owner for each point of a small space.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "rangemap.h"

enum { SPACE = 20000, STEPS = 300000 };

struct twin {
	uint32_t owner[SPACE]; /* serial of the range that covers the point; 0: none */
};

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static bool twin_free(const struct twin *twin, uint64_t first, uint64_t last)
{
	for (uint64_t i = first; i <= last; i++)
		if (twin->owner[i])
			return false;
	return true;
}

static void twin_set(struct twin *twin, uint64_t first, uint64_t last, uint32_t owner)
{
	for (uint64_t i = first; i <= last; i++)
		twin->owner[i] = owner;
}

static void expect_same(const struct rangemap *map, const struct twin *twin)
{
	cr_assert(rangemap_valid(map));
	for (uint64_t i = 0; i < SPACE; i++) {
		const struct range *range = rangemap_at(map, i);

		cr_assert_eq(range ? range->serial : 0, twin->owner[i], "point %llu", (unsigned long long)i);
	}
}

/* Inserts, removes and carves at random; phases that mostly insert or mostly remove let the tree grow and shrink. */
Test(rangemap, random_steps_agree_with_naive_twin)
{
	static struct twin twin, saved;
	struct rangemap map = {0}, copy = {0};
	uint64_t random = 42;
	uint32_t serial = 0;

	for (int step = 0; step < STEPS; step++) {
		uint64_t first = next_random(&random) % SPACE, last = first + next_random(&random) % 5;
		unsigned what = next_random(&random) % 8;
		bool shrinking = step / 50000 % 2;

		last = last < SPACE ? last : SPACE - 1;
		if (what < (shrinking ? 1u : 5u)) {
			struct range range = {.first = first, .last = last, .serial = ++serial};
			bool is_free = twin_free(&twin, first, last);

			cr_assert_eq(rangemap_overlap(&map, first, last) == NULL, is_free);
			if (is_free) {
				rangemap_insert(&map, &range);
				twin_set(&twin, first, last, range.serial);
			}
		} else if (what < 7) {
			const struct range *range = rangemap_at(&map, first);

			cr_assert_eq(range != NULL, twin.owner[first] != 0);
			if (range) {
				twin_set(&twin, range->first, range->last, 0);
				rangemap_remove(&map, range->first);
			}
		} else {
			last = first + next_random(&random) % 50;
			last = last < SPACE ? last : SPACE - 1;
			rangemap_carve(&map, first, last, false);
			twin_set(&twin, first, last, 0);
		}
		if (step % 30000 == 0) {
			expect_same(&map, &twin);
			if (step)
				expect_same(&copy, &saved);
			rangemap_clear(&copy);
			rangemap_copy(&copy, &map);
			memcpy(&saved, &twin, sizeof(twin));
		}
	}
	expect_same(&map, &twin);
	expect_same(&copy, &saved);
	rangemap_clear(&map);
	rangemap_clear(&copy);
}

/* What says the same and touches is one range, whether it came before or behind; what says something else is not. */
Test(rangemap, join_agrees_with_naive_twin)
{
	static struct twin twin;
	struct rangemap map = {0};
	uint64_t random = 7;

	for (int step = 0; step < STEPS / 3; step++) {
		uint64_t first = next_random(&random) % SPACE, last = first + next_random(&random) % 20;
		struct range range = {.first = first, .tag = 1 + (uint32_t)(next_random(&random) % 2)};

		range.last = last = last < SPACE ? last : SPACE - 1;
		range.serial = range.tag;
		/* Value and first go up together, as those of pages that lie side by side do. */
		range.value = 1000 + first;
		rangemap_carve(&map, first, last, true);
		twin_set(&twin, first, last, 0);
		if (next_random(&random) % 4 == 0)
			continue;
		rangemap_join(&map, &range, true);
		twin_set(&twin, first, last, range.tag);
		cr_assert_eq(rangemap_at(&map, first)->value, 1000 + rangemap_at(&map, first)->first);
	}
	expect_same(&map, &twin);
	for (uint64_t i = 1; i < SPACE; i++)
		if (twin.owner[i] && twin.owner[i] == twin.owner[i - 1])
			cr_assert_eq(rangemap_at(&map, i), rangemap_at(&map, i - 1), "point %llu",
				     (unsigned long long)i);
	rangemap_clear(&map);
}

Test(rangemap, join_of_equal_values_leaves_other_ranges_alone)
{
	struct rangemap map = {0};
	struct range range = {.first = 10, .last = 19, .value = 1, .weight = 2};

	rangemap_join(&map, &range, false);
	range.first = 30, range.last = 39;
	rangemap_join(&map, &range, false);
	range.first = 20, range.last = 29, range.weight = 3;
	rangemap_join(&map, &range, false);
	cr_assert_eq(map.count, 3);
	rangemap_edit_at(&map, 25)->weight = 2;
	rangemap_carve(&map, 15, 19, false);
	range.first = 15, range.last = 19, range.weight = 2;
	rangemap_join(&map, &range, false);
	cr_assert_eq(map.count, 2);
	cr_assert_eq(rangemap_at(&map, 29)->first, 10);
	cr_assert_null(rangemap_edit_at(&map, 40));
	rangemap_clear(&map);
}

Test(rangemap, cover_joins_what_touches)
{
	struct rangemap map = {0};

	rangemap_cover(&map, 10, 19);
	rangemap_cover(&map, 30, 39);
	cr_assert_eq(map.count, 2);
	cr_assert_eq(rangemap_covered(&map, 0, UINT64_MAX), 20);
	rangemap_cover(&map, 20, 29);
	cr_assert_eq(map.count, 1);
	cr_assert_eq(rangemap_covered(&map, 15, 34), 20);
	rangemap_clear(&map);
}

Test(rangemap, range_at_the_top_of_the_space_is_found)
{
	struct rangemap map = {0};
	struct range top = {.first = UINT64_MAX - 4095, .last = UINT64_MAX};

	rangemap_insert(&map, &top);
	cr_assert_not_null(rangemap_at(&map, UINT64_MAX));
	cr_assert_null(rangemap_at(&map, UINT64_MAX - 4096));
	rangemap_cover(&map, UINT64_MAX - 8191, UINT64_MAX - 4096);
	cr_assert_eq(map.count, 1);
	cr_assert_eq(rangemap_covered(&map, 0, UINT64_MAX), 8192);
	rangemap_carve(&map, UINT64_MAX, UINT64_MAX, false);
	cr_assert_null(rangemap_at(&map, UINT64_MAX));
	rangemap_clear(&map);
}

Test(rangemap, carve_keeps_the_value_of_what_is_left_in_step)
{
	struct rangemap map = {0};
	struct range range = {.first = 100, .last = 199, .value = 5000};

	rangemap_insert(&map, &range);
	rangemap_carve(&map, 120, 139, true);
	cr_assert_eq(rangemap_at(&map, 119)->value, 5000);
	cr_assert_eq(rangemap_at(&map, 140)->value, 5040);
	rangemap_clear(&map);
}
