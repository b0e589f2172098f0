/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Address spaces: what lies where, and which pages of it exist.
 *
 * An area says what memory would be there; its pages come into being when they are touched. Private pages are in the
 * address space's own table, those of files in the file's. After a fork both sides have the same private pages, until
 * one of them writes and gets a page of its own: which of them keeps the page that a device has is what these rules are
 * about, and where kernels differ.
 */
#include <string.h>

#include "host.h"

uint64_t mm_page_bytes(const struct host *host, uint32_t tag)
{
	return tag & AREA_HUGE ? host->machine->hugepage_size : host->machine->page_size;
}

uint64_t mm_locked(const struct mm *mm)
{
	return mm->locked + mm->locked_areas + mm->locked_unseen;
}

uint64_t huge_pages_free(const struct host *host)
{
	return host->machine->hugepage_count - host->huge_pages_used - host->huge_pages_reserved;
}

/* ---- taking away -------------------------------------------------------------------------- */

void mm_drop_pages(struct host *host, uint32_t index, uint64_t first, uint64_t last)
{
	struct rangemap *pages = &host->mms.items[index].pages;
	struct range piece;

	while (rangemap_take(pages, first, last, &piece))
		frames_refer(host, piece.value, piece.last - piece.first + 1, -1);
}

/* Gives back the huge pages that the pool kept for the part of an area, and that it has not used. */
static void area_unreserve(struct host *host, uint32_t index, const struct range *part)
{
	uint64_t bytes = part->last - part->first + 1;

	bytes -= rangemap_covered(&host->mms.items[index].pages, part->first, part->last);
	host->huge_pages_reserved -= bytes / host->machine->hugepage_size;
}

/*
 * An area of a file holds the file, each piece of it once: one that is cut in two holds it twice, one that goes lets it
 * go.
 */
void mm_forget(struct host *host, uint32_t index, uint64_t first, uint64_t last)
{
	const struct range *found;

	while ((found = rangemap_overlap(&host->mms.items[index].areas, first, last))) {
		struct range area = *found, part = area;
		unsigned pieces = (area.first < first) + (area.last > last);

		part.first = area.first > first ? area.first : first;
		part.last = area.last < last ? area.last : last;
		if (area.tag & AREA_RESERVED)
			area_unreserve(host, index, &part);
		if (area.tag & AREA_LOCKED)
			host->mms.items[index].locked_areas -= (part.last - part.first + 1) / host->machine->page_size;
		rangemap_carve(&host->mms.items[index].areas, part.first, part.last, true);
		if (area.weight && pieces == 2)
			file_get(host, AREA_FILE_AT(area.weight));
		else if (area.weight && pieces == 0 && !defect_on(host, DEFECT_UNMAPPED_REGION_HELD))
			file_put(host, AREA_FILE_AT(area.weight));
	}
	mm_drop_pages(host, index, first, last);
}

void mm_change_area(struct host *host, uint32_t index, const struct range *part, uint32_t tag)
{
	struct rangemap *areas = &host->mms.items[index].areas;
	const struct range whole = *rangemap_at(areas, part->first);
	struct range changed = {.first = part->first,
				.last = part->last,
				.value = whole.value + (part->first - whole.first),
				.weight = whole.weight,
				.tag = tag};

	rangemap_carve(areas, changed.first, changed.last, true);
	rangemap_insert(areas, &changed);
	if (whole.weight && whole.first < changed.first)
		file_get(host, AREA_FILE_AT(whole.weight));
	if (whole.weight && whole.last > changed.last)
		file_get(host, AREA_FILE_AT(whole.weight));
}

void mm_put_user(struct host *host, uint32_t index)
{
	struct mm *mm = &host->mms.items[index];

	if (--mm->users)
		return;
	/* What VFIO charged goes with the address space: nobody is left to be charged. */
	if (!defect_on(host, DEFECT_EXIT_KEEPS_CHARGE))
		mm->locked = mm->leaked = 0;
	mm->locked_unseen = 0;
	mm_forget(host, index, 0, UINT64_MAX);
}

/* ---- making and copying ------------------------------------------------------------------- */

uint32_t mm_new(struct host *host, uint32_t task)
{
	uint32_t index = table_add(&host->mms);

	host->mms.items[index].task = task;
	host->mms.items[index].users = 1;
	host->mms.items[index].next_address = 0x7f0000000000ull;
	return index;
}

/* Puts pages into a table, in place of what is there. */
static void pages_set(struct rangemap *pages, uint64_t address, uint64_t bytes, uint64_t place, uint32_t tag)
{
	struct range range = {.first = address, .last = address + bytes - 1, .value = place, .tag = tag};

	rangemap_carve(pages, range.first, range.last, true);
	rangemap_join(pages, &range, true);
}

/* Whether a child gets copies of pages at once, so that what is pinned stays the parent's. */
static bool fork_copies(const struct host *host, const struct mm *from, const struct frame_use *use)
{
	if (!from->has_pinned || !use->pins)
		return false;
	return !use->huge || profile_get(host, PROFILE_FORK_COPIES_PINNED_HUGE_PAGES);
}

bool mm_can_fork(struct host *host, uint32_t index)
{
	const struct mm *mm = &host->mms.items[index];
	const struct range *page;
	uint64_t needed = 0, at = 0;

	while ((page = rangemap_from(&mm->pages, at))) {
		for (uint64_t done = 0; done <= page->last - page->first;) {
			const struct frame_use use = frames_use(host, page->value + done);
			uint64_t left = page->last - page->first + 1 - done;

			if (use.huge && fork_copies(host, mm, &use))
				needed += use.length < left ? use.length : left;
			done += use.length;
		}
		at = page->last + 1;
	}
	return !needed || needed / host->machine->hugepage_size <= huge_pages_free(host);
}

/* Gives the child the pages that begin at @page, as many of them as are used alike; returns where they end. */
static uint64_t fork_pages(struct host *host, uint32_t parent, uint32_t child, const struct range *page)
{
	const struct frame_use use = frames_use(host, page->value);
	uint64_t bytes = page->last - page->first + 1, place = page->value, copy = 0, first = page->first;
	bool own = page->tag & PAGE_OWN;

	if (bytes > use.length)
		bytes = use.length;
	if (fork_copies(host, &host->mms.items[parent], &use))
		copy = frames_take(host, bytes, use.huge);
	if (copy) {
		frames_copy(host, copy, place, bytes);
		pages_set(&host->mms.items[child].pages, first, bytes, copy, PAGE_OWN);
	} else {
		frames_refer(host, place, bytes, 1);
		pages_set(&host->mms.items[child].pages, first, bytes, place, 0);
		if (own)
			pages_set(&host->mms.items[parent].pages, first, bytes, place, 0);
	}
	return first + bytes;
}

static void fork_area(struct host *host, uint32_t parent, uint32_t child, struct range area)
{
	const struct range *found;
	uint64_t at = area.first;

	if (area.weight)
		file_get(host, AREA_FILE_AT(area.weight));
	/* Locks and promises are not inherited. */
	area.tag &= ~(AREA_LOCKED | AREA_LOCK_ON_FAULT | AREA_RESERVED);
	rangemap_insert(&host->mms.items[child].areas, &area);
	while (at <= area.last && (found = rangemap_overlap(&host->mms.items[parent].pages, at, area.last))) {
		struct range page = *found;

		if (page.first < at) {
			page.value += at - page.first;
			page.first = at;
		}
		page.last = page.last < area.last ? page.last : area.last;
		at = fork_pages(host, parent, child, &page);
	}
}

uint32_t mm_fork(struct host *host, uint32_t parent, uint32_t task)
{
	uint32_t child = mm_new(host, task);
	const struct range *area;
	uint64_t at = 0;

	host->mms.items[child].next_address = host->mms.items[parent].next_address;
	if (defect_on(host, DEFECT_FORK_COPIES_CHARGE))
		host->mms.items[child].locked = host->mms.items[parent].locked;
	while ((area = rangemap_from(&host->mms.items[parent].areas, at))) {
		at = area->last + 1;
		if (!(area->tag & AREA_NO_FORK))
			fork_area(host, parent, child, *area);
	}
	return child;
}

void mm_disown_pages(struct host *host, uint32_t index, uint64_t first, uint64_t last)
{
	struct rangemap *pages = &host->mms.items[index].pages;
	const struct range *found;

	while (first <= last && (found = rangemap_overlap(pages, first, last))) {
		struct range page = *found;

		if (page.first < first) {
			page.value += first - page.first;
			page.first = first;
		}
		page.last = page.last < last ? page.last : last;
		pages_set(pages, page.first, page.last - page.first + 1, page.value, 0);
		first = page.last + 1;
	}
}

void mm_move_pages(struct host *host, uint32_t index, uint64_t from, uint64_t bytes, uint64_t to)
{
	struct rangemap *pages = &host->mms.items[index].pages;
	const uint64_t last = from + bytes - 1;
	struct range page;

	while (rangemap_take(pages, from, last, &page)) {
		page.first += to - from;
		page.last += to - from;
		rangemap_join(pages, &page, true);
	}
}

/* ---- touching ----------------------------------------------------------------------------- */

/* Memory for @bytes of an area that are not there yet; as much of it as there is. */
static struct run take(struct host *host, uint32_t area_tag, uint64_t bytes)
{
	const bool huge = area_tag & AREA_HUGE, reserved = area_tag & AREA_RESERVED;
	struct run run = {.kind = RUN_MEMORY, .length = bytes};

	if (huge && !reserved && bytes / host->machine->hugepage_size > huge_pages_free(host))
		run.length = huge_pages_free(host) * host->machine->hugepage_size;
	run.place = run.length ? frames_take(host, run.length, huge) : 0;
	if (!run.place)
		return (struct run){.kind = RUN_NOTHING};
	if (huge && reserved)
		host->huge_pages_reserved -= run.length / host->machine->hugepage_size;
	return run;
}

/*
 * Makes pages that are there, but perhaps somebody else's as well, the address space's own: as they are if nobody else
 * has them, else by a copy. A pin is somebody who has them, but huge pages do not look at that.
 */
static struct run make_own(struct host *host, uint32_t index, const struct range *page, uint64_t bytes)
{
	const struct frame_use use = frames_use(host, page->value);
	struct run run = {.kind = RUN_MEMORY, .place = page->value, .length = bytes};
	const uint64_t first = page->first, place = page->value;

	if (run.length > use.length)
		run.length = use.length;
	if (use.references > 1 || (use.pins && !use.huge)) {
		run = take(host, use.huge ? AREA_HUGE : 0, run.length);
		if (run.kind == RUN_NOTHING)
			return run;
		frames_copy(host, run.place, place, run.length);
		frames_refer(host, place, run.length, -1);
	}
	pages_set(&host->mms.items[index].pages, first, run.length, run.place, PAGE_OWN);
	return run;
}

/* Private pages that are there. */
static struct run touch_present(struct host *host, uint32_t index, const struct range *page, enum touch touch)
{
	const bool own =
	    touch == TOUCH_WRITE || (touch == TOUCH_PIN && profile_get(host, PROFILE_READONLY_PIN_UNSHARES));

	if (own && !(page->tag & PAGE_OWN))
		return make_own(host, index, page, page->last - page->first + 1);
	return (struct run){.kind = RUN_MEMORY, .place = page->value, .length = page->last - page->first + 1};
}

/* Private pages that are not there: for who reads they are not theirs yet, who writes gets them. */
static struct run touch_absent(struct host *host, uint32_t index, const struct range *area, uint64_t first,
			       uint64_t last, enum touch touch)
{
	const bool real =
	    touch == TOUCH_WRITE || (touch == TOUCH_PIN && profile_get(host, PROFILE_READONLY_PIN_GETS_REAL_PAGES));
	struct run before = {.kind = RUN_ZERO, .length = last - first + 1}, run;

	if (AREA_KIND(area->tag) == AREA_COPY)
		before = memory_file_touch(host, host->files.items[AREA_FILE_AT(area->weight)].object,
					   area->value + (first - area->first), area->value + (last - area->first));
	if (before.kind == RUN_NOTHING || (!real && !(area->tag & AREA_HUGE)))
		return before;
	run = take(host, area->tag, before.length);
	if (run.kind == RUN_NOTHING)
		return run;
	if (before.kind == RUN_MEMORY)
		frames_copy(host, run.place, before.place, run.length);
	pages_set(&host->mms.items[index].pages, first, run.length, run.place, PAGE_OWN);
	return run;
}

/* Whole pages of a private area. */
static struct run touch_private(struct host *host, uint32_t index, const struct range *area, uint64_t first,
				uint64_t last, enum touch touch)
{
	const struct range *found = rangemap_overlap(&host->mms.items[index].pages, first, last);
	struct range page;

	if (!found || found->first > first)
		return touch_absent(host, index, area, first, found ? found->first - 1 : last, touch);
	page = *found;
	page.value += first - page.first;
	page.first = first;
	page.last = page.last < last ? page.last : last;
	return touch_present(host, index, &page, touch);
}

/* A device's region is reached while the device decodes memory. */
static struct run touch_device(const struct host *host, const struct range *area, uint64_t first, uint64_t last)
{
	uint32_t device = host->files.items[AREA_FILE_AT(area->weight)].object;

	if (!host->devices.items[device].memory_enabled && !defect_on(host, DEFECT_PIN_REGION_OFF))
		return (struct run){.kind = RUN_NOTHING};
	return (struct run){.kind = RUN_DEVICE,
			    .place = area->value + (first - area->first),
			    .length = last - first + 1,
			    .device = device};
}

static struct run touch_pages(struct host *host, uint32_t index, const struct range *area, uint64_t first,
			      uint64_t last, enum touch touch)
{
	switch (AREA_KIND(area->tag)) {
	case AREA_DEVICE:
		return touch_device(host, area, first, last);
	case AREA_FILE:
		return memory_file_touch(host, host->files.items[AREA_FILE_AT(area->weight)].object,
					 area->value + (first - area->first), area->value + (last - area->first));
	case AREA_PRIVATE:
	case AREA_COPY:
		return touch_private(host, index, area, first, last, touch);
	}
	return (struct run){.kind = RUN_NOTHING};
}

struct run mm_touch(struct host *host, uint32_t index, uint64_t address, uint64_t bytes, enum touch touch,
		    uint32_t prot)
{
	const struct range *found = rangemap_at(&host->mms.items[index].areas, address);
	uint64_t last = address + bytes - 1, unit, first;
	struct range area;
	struct run run;

	if (!found || !(AREA_PROT(found->tag) & prot))
		return (struct run){.kind = RUN_NOTHING};
	area = *found; /* the table may move when pages come */
	if (last > area.last || last < address)
		last = area.last;
	/* Pages come as a whole, whatever part of them is asked for. */
	unit = mm_page_bytes(host, area.tag);
	first = address - address % unit;
	run = touch_pages(host, index, &area, first, last - last % unit + unit - 1, touch);
	if (run.kind == RUN_NOTHING)
		return run;
	run.place += address - first;
	run.length -= address - first;
	if (run.length > last - address + 1)
		run.length = last - address + 1;
	return run;
}

/* Brings in one area as for its own accesses; false if some of it cannot be had. */
static bool populate_area(struct host *host, uint32_t index, const struct range *area, uint64_t first, uint64_t last)
{
	const bool write = AREA_KIND(area->tag) != AREA_FILE && (AREA_PROT(area->tag) & PROT_WRITE_BIT);

	if (area->tag & AREA_LOCK_ON_FAULT)
		return AREA_PROT(area->tag) || !profile_get(host, PROFILE_LOCK_ON_FAULT_LOOKS);
	while (first <= last) {
		struct run run = mm_touch(host, index, first, last - first + 1, write ? TOUCH_WRITE : TOUCH_READ, 7);

		if (run.kind == RUN_NOTHING)
			return false;
		first += run.length;
	}
	return true;
}

bool mm_populate(struct host *host, uint32_t index, uint64_t first, uint64_t last, bool go_on)
{
	const struct range *found;
	bool whole = true;

	while (first <= last && (found = rangemap_overlap(&host->mms.items[index].areas, first, last))) {
		const struct range area = *found;

		first = area.first > first ? area.first : first;
		if (AREA_KIND(area.tag) != AREA_DEVICE)
			whole = populate_area(host, index, &area, first, area.last < last ? area.last : last) && whole;
		if (!whole && !go_on)
			return false;
		first = area.last + 1;
	}
	return whole;
}
