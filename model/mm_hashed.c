/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * What is special where page tables are hashed, as on POWER: addresses come in slices, and huge pages in parts.
 */
#include "host.h"

#define SLICES_LOW_END (UINT64_C(1) << 32)
#define SLICE_LOW      (UINT64_C(1) << 28)
#define SLICE_HIGH     (UINT64_C(1) << 40)

/* So much of a huge page has an entry of its own in the tables that the kernel keeps beside the hashed one. */
#define HUGE_PART (UINT64_C(1) << 21)

/* ---- slices ------------------------------------------------------------------------------- */

uint64_t mm_slice_first(uint64_t address)
{
	const uint64_t first = address & ~((address < SLICES_LOW_END ? SLICE_LOW : SLICE_HIGH) - 1);

	/* The first of the large ones has what the small ones leave. */
	return address >= SLICES_LOW_END && first < SLICES_LOW_END ? SLICES_LOW_END : first;
}

static uint64_t slice_last(uint64_t address)
{
	return address | ((address < SLICES_LOW_END ? SLICE_LOW : SLICE_HIGH) - 1);
}

bool mm_slices_fit(const struct host *host, uint32_t mm, uint64_t first, uint64_t last, uint64_t unit)
{
	const struct rangemap *areas = &host->mms.items[mm].areas;
	const struct range *area;
	uint64_t at = mm_slice_first(first);

	if (!host->machine->hashed_page_table)
		return true;
	while (at <= slice_last(last) && (area = rangemap_overlap(areas, at, slice_last(last)))) {
		if (mm_page_bytes(host, area->tag) != unit)
			return false;
		at = area->last + 1;
	}
	return true;
}

/* ---- parts of huge pages ------------------------------------------------------------------ */

/*
 * The first write to a private huge page makes only the entry of its first part writable. Whoever asks the tables for
 * another part then finds it read-only, has that mended, in the first part, and asks again. A copy that is made for a
 * write after a fork is writable as a whole; that is not told apart here.
 */
static bool parts_stay_read_only(const struct host *host, uint32_t tag)
{
	return host->machine->hashed_page_table && host->machine->page_size < HUGE_PART &&
	       host->machine->hugepage_size > HUGE_PART && (tag & AREA_HUGE) && AREA_KIND(tag) == AREA_PRIVATE &&
	       (AREA_PROT(tag) & PROT_WRITE_BIT);
}

/* Whether a part of [first, last] is not the first one of its huge page. */
static bool leaves_first_part(const struct host *host, uint64_t first, uint64_t last)
{
	const uint64_t in_page = host->machine->hugepage_size - 1;

	return (first & in_page) >= HUGE_PART || last - first >= HUGE_PART || (last & in_page) >= HUGE_PART;
}

bool mm_bring_in_hangs(const struct host *host, uint32_t mm, uint64_t first, uint64_t last, bool go_on)
{
	const struct rangemap *areas = &host->mms.items[mm].areas;
	const struct range *area;

	while (first <= last && (area = rangemap_overlap(areas, first, last))) {
		const uint64_t end = area->last < last ? area->last : last;

		if (!go_on && (area->first > first || !(AREA_PROT(area->tag) & PROT_WRITE_BIT)))
			return false;
		if (area->first > first)
			first = area->first;
		if (parts_stay_read_only(host, area->tag) && leaves_first_part(host, first, end))
			return true;
		first = end + 1;
	}
	return false;
}

bool mm_populate_hangs(const struct host *host, uint32_t tag)
{
	return parts_stay_read_only(host, tag);
}
