/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Range maps, as far as they are made of simpler operations: ranges are joined with their neighbours, cut, and taken
 * out in part; and a map is used as a plain set.
 */
#include "rangemap.h"

/* Whether @right, which begins where @left ends, says the same. */
static bool goes_on(const struct range *left, const struct range *right, bool value_follows)
{
	const uint64_t value = value_follows ? left->value + (right->first - left->first) : left->value;

	return right->value == value && right->weight == left->weight && right->tag == left->tag &&
	       right->place == left->place && right->serial == left->serial;
}

void rangemap_join(struct rangemap *map, const struct range *range, bool value_follows)
{
	const struct range *right = range->last == UINT64_MAX ? NULL : rangemap_at(map, range->last + 1);
	struct range joined = *range;
	struct range *left;

	if (right && goes_on(range, right, value_follows)) {
		joined.last = right->last;
		rangemap_remove(map, right->first);
	}
	left = range->first ? rangemap_edit_at(map, range->first - 1) : NULL;
	if (left && goes_on(left, range, value_follows))
		left->last = joined.last;
	else
		rangemap_insert(map, &joined);
}

void rangemap_carve(struct rangemap *map, uint64_t first, uint64_t last, bool value_follows)
{
	const struct range *found;

	while ((found = rangemap_overlap(map, first, last))) {
		struct range range = *found;

		if (range.first < first)
			rangemap_edit(map, range.first)->last = first - 1;
		else
			rangemap_remove(map, range.first);
		if (range.last > last) {
			struct range right = range;

			right.first = last + 1;
			if (value_follows)
				right.value += right.first - range.first;
			rangemap_insert(map, &right);
			break;
		}
	}
}

bool rangemap_take(struct rangemap *map, uint64_t first, uint64_t last, struct range *taken)
{
	const struct range *found = rangemap_overlap(map, first, last);

	if (!found)
		return false;
	*taken = *found;
	if (taken->first < first) {
		taken->value += first - taken->first;
		taken->first = first;
	}
	taken->last = taken->last < last ? taken->last : last;
	rangemap_carve(map, taken->first, taken->last, true);
	return true;
}

void rangemap_cover(struct rangemap *map, uint64_t first, uint64_t last)
{
	struct range joined = {.first = first, .last = last};
	const struct range *found;

	while ((found = rangemap_overlap(map, first ? first - 1 : 0, last == UINT64_MAX ? last : last + 1))) {
		if (found->first <= first && found->last >= last)
			return;
		if (found->first < joined.first)
			joined.first = found->first;
		if (found->last > joined.last)
			joined.last = found->last;
		rangemap_remove(map, found->first);
	}
	rangemap_insert(map, &joined);
}

uint64_t rangemap_covered(const struct rangemap *map, uint64_t first, uint64_t last)
{
	const struct range *range;
	uint64_t covered = 0;

	while ((range = rangemap_overlap(map, first, last))) {
		uint64_t low = range->first > first ? range->first : first;
		uint64_t high = range->last < last ? range->last : last;

		covered += high - low + 1;
		if (range->last >= last)
			break;
		first = range->last + 1;
	}
	return covered;
}
