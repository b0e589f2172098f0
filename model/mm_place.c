/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Where in an address space there is room.
 */
#include "host.h"

bool mm_range_valid(uint64_t address, uint64_t length, uint64_t unit)
{
	return length && !(address & (unit - 1)) && address < TASK_SIZE && length <= TASK_SIZE - address;
}

uint64_t mm_place(struct host *host, const struct op *op, uint32_t index, uint64_t length, uint64_t unit)
{
	struct mm *mm = &host->mms.items[index];
	uint64_t wish = op->choice ? (uint64_t)op->choice->ret : 0;

	if (op->choice && op->choice->ret > 0 && mm_range_valid(wish, length, unit) &&
	    !rangemap_overlap(&mm->areas, wish, wish + length - 1) &&
	    mm_slices_fit(host, index, wish, wish + length - 1, unit))
		return wish;
	wish = mm->next_address & ~(unit - 1);
	while (wish > length) {
		const struct range *area = rangemap_overlap(&mm->areas, wish - length, wish - 1);

		if (!area && mm_slices_fit(host, index, wish - length, wish - 1, unit)) {
			mm->next_address = wish - length;
			return wish - length;
		}
		wish = (area ? area->first : mm_slice_first(wish - 1)) & ~(unit - 1);
	}
	return 0;
}

bool mm_cuts_huge_page(const struct host *host, uint32_t mm, uint64_t first, uint64_t last)
{
	const struct rangemap *areas = &host->mms.items[mm].areas;
	const struct range *area = rangemap_at(areas, first);
	const uint64_t in_page = host->machine->hugepage_size - 1;

	if (area && (area->tag & AREA_HUGE) && (first & in_page))
		return true;
	area = rangemap_at(areas, last);
	return area && (area->tag & AREA_HUGE) && ((last + 1) & in_page);
}
