/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Namespaces of ids against a naive twin: for each id of a small space, who has it.
 */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "ioasid.h"

enum { SPACE = 300, OWNERS = 5, STEPS = 400000, FREE = 0 };

struct twin {
	uint32_t owner[SPACE]; /* 1 and on; FREE */
};

static uint32_t next_random(uint64_t *state, uint32_t bound)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return (uint32_t)(*state % bound);
}

/* Owners that have their kind or their index in common are different ones all the same. */
static struct ioasid_owner owner_of(uint32_t number)
{
	static const struct ioasid_owner owners[OWNERS] = {
	    {IOASID_OF_SET, 0}, {IOASID_OF_SET, 1}, {IOASID_OF_GUEST, 0}, {IOASID_OF_GUEST, 1}, {IOASID_OF_PROCESS, 0}};

	return owners[number - 1];
}

static uint32_t twin_take(struct twin *twin, uint32_t owner, uint32_t first, uint32_t last)
{
	for (uint32_t id = first; id <= last; id++) {
		if (twin->owner[id] == FREE) {
			twin->owner[id] = owner;
			return id;
		}
	}
	return UINT32_MAX;
}

static uint32_t twin_count(const struct twin *twin, uint32_t owner, uint32_t first, uint32_t last)
{
	uint32_t count = 0;

	for (uint32_t id = first; id <= last; id++)
		count += twin->owner[id] == owner;
	return count;
}

static uint32_t twin_drop(struct twin *twin, uint32_t owner, uint32_t first, uint32_t last)
{
	uint32_t count = 0;

	for (uint32_t id = first; id <= last; id++) {
		if (twin->owner[id] == owner) {
			twin->owner[id] = FREE;
			count++;
		}
	}
	return count;
}

static void expect_same(const struct ioasid_space *space, const struct twin *twin)
{
	uint32_t count = 0;

	for (uint32_t id = 0; id < SPACE; id++) {
		cr_assert_eq(ioasid_at(space, id) != NULL, twin->owner[id] != FREE, "id %u", id);
		for (uint32_t owner = 1; owner <= OWNERS; owner++)
			cr_assert_eq(ioasid_is_of(space, owner_of(owner), id), twin->owner[id] == owner, "id %u", id);
		count += twin->owner[id] != FREE;
	}
	cr_assert_eq(space->ids.count, count);
}

/* Phases that mostly take and mostly drop let the namespace fill up and empty. */
Test(ioasid, random_steps_agree_with_naive_twin)
{
	static struct twin twin;
	struct ioasid_space space = {0};
	uint64_t random = 2019;
	uint32_t full = 0;

	for (uint32_t step = 0; step < STEPS; step++) {
		const uint32_t owner = 1 + next_random(&random, OWNERS), first = next_random(&random, SPACE);
		const uint32_t last = first + next_random(&random, SPACE - first), what = next_random(&random, 16);
		const uint32_t single = next_random(&random, 8) ? first : last;
		const bool shrinking = step / 1000 % 2;

		if (what < (shrinking ? 4u : 14u)) {
			const uint32_t id = ioasid_take(&space, owner_of(owner), first, last);

			cr_assert_eq(id, twin_take(&twin, owner, first, last), "step %u", step);
			full += id == UINT32_MAX;
		} else if (what < 15) {
			cr_assert_eq(ioasid_drop(&space, owner_of(owner), first, single),
				     twin_drop(&twin, owner, first, single), "step %u", step);
		} else {
			cr_assert_eq(ioasid_count(&space, owner_of(owner), first, last),
				     twin_count(&twin, owner, first, last), "step %u", step);
		}
		if (step % 500 == 0)
			expect_same(&space, &twin);
	}
	expect_same(&space, &twin);
	cr_assert_gt(full, STEPS / 100);
	free(space.ids.items);
}

Test(ioasid, ids_at_the_end_of_numbers_are_taken_once)
{
	const struct ioasid_owner owner = {IOASID_OF_GUEST, 7};
	struct ioasid_space space = {0};

	cr_assert_eq(ioasid_take(&space, owner, UINT32_MAX - 2, UINT32_MAX - 1), UINT32_MAX - 2);
	cr_assert_eq(ioasid_take(&space, owner, UINT32_MAX - 2, UINT32_MAX - 1), UINT32_MAX - 1);
	cr_assert_eq(ioasid_take(&space, owner, UINT32_MAX - 2, UINT32_MAX - 1), UINT32_MAX);
	cr_assert_eq(ioasid_take(&space, owner, 5, 4), UINT32_MAX);
	cr_assert_eq(ioasid_count(&space, owner, 0, UINT32_MAX), 2);
	cr_assert_eq(ioasid_drop(&space, owner, 0, UINT32_MAX), 2);
	cr_assert_eq(space.ids.count, 0);
	free(space.ids.items);
}
