/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * A namespace of ids is an array in their order: what is given out lies close together, and the end of a row without a
 * gap is found by halving.
 */
#include "ioasid.h"

#include <string.h>

/* Position of @id, or where it would go. */
static uint32_t position_of(const struct ioasid_space *space, uint32_t id)
{
	uint32_t low = 0, high = space->ids.count;

	while (low < high) {
		const uint32_t middle = low + (high - low) / 2;

		if (space->ids.items[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The lowest id from @first on that nobody has: behind the row of ids without a gap that begins with it. */
static uint64_t lowest_free(const struct ioasid_space *space, uint32_t first)
{
	const uint32_t start = position_of(space, first);
	uint32_t low = start, high = space->ids.count;

	while (low < high) {
		const uint32_t middle = low + (high - low) / 2;

		if (space->ids.items[middle].id - first == middle - start)
			low = middle + 1;
		else
			high = middle;
	}
	return (uint64_t)first + (low - start);
}

uint32_t ioasid_take(struct ioasid_space *space, struct ioasid_owner owner, uint32_t first, uint32_t last)
{
	const uint64_t id = lowest_free(space, first);
	uint32_t position;

	if (id > last)
		return UINT32_MAX;
	position = position_of(space, (uint32_t)id);
	table_add(&space->ids);
	memmove(space->ids.items + position + 1, space->ids.items + position,
		(space->ids.count - 1 - position) * sizeof(struct ioasid));
	space->ids.items[position] = (struct ioasid){.id = (uint32_t)id, .owner = owner};
	return (uint32_t)id;
}

struct ioasid *ioasid_at(const struct ioasid_space *space, uint32_t id)
{
	const uint32_t position = position_of(space, id);

	if (position == space->ids.count || space->ids.items[position].id != id)
		return NULL;
	return &space->ids.items[position];
}

static bool same_owner(struct ioasid_owner a, struct ioasid_owner b)
{
	return a.kind == b.kind && a.index == b.index;
}

bool ioasid_is_of(const struct ioasid_space *space, struct ioasid_owner owner, uint32_t id)
{
	const struct ioasid *found = ioasid_at(space, id);

	return found && same_owner(found->owner, owner);
}

uint32_t ioasid_count(const struct ioasid_space *space, struct ioasid_owner owner, uint32_t first, uint32_t last)
{
	uint32_t count = 0;

	for (uint32_t i = position_of(space, first); i < space->ids.count && space->ids.items[i].id <= last; i++)
		count += same_owner(space->ids.items[i].owner, owner);
	return count;
}

uint32_t ioasid_drop(struct ioasid_space *space, struct ioasid_owner owner, uint32_t first, uint32_t last)
{
	const uint32_t begin = position_of(space, first), count = space->ids.count;
	uint32_t kept = begin, next = begin;

	for (; next < count && space->ids.items[next].id <= last; next++)
		if (!same_owner(space->ids.items[next].owner, owner))
			space->ids.items[kept++] = space->ids.items[next];
	if (kept == next)
		return 0;
	memmove(space->ids.items + kept, space->ids.items + next, (count - next) * sizeof(struct ioasid));
	space->ids.count = count - (next - kept);
	return next - kept;
}
