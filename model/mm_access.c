/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Loads and stores in an address space, for programs and for kernels that act for them.
 */
#include <string.h>

#include "host.h"

/* How many bytes of an area from @address on are there: a file's end before the area does. */
static uint64_t area_length(const struct host *host, const struct range *area, uint64_t address)
{
	const uint64_t page = host->machine->page_size, length = area->last - address + 1;
	const uint64_t offset = area->value + (address - area->first);
	uint64_t end;

	if (AREA_KIND(area->tag) != AREA_FILE && AREA_KIND(area->tag) != AREA_COPY)
		return length;
	end = host->memory_files.items[host->files.items[AREA_FILE_AT(area->weight)].object].size;
	end = (end + page - 1) / page * page;
	if (offset >= end)
		return 0;
	return end - offset < length ? end - offset : length;
}

uint64_t mm_reach(const struct host *host, uint32_t index, uint64_t address, uint64_t length, uint32_t prot)
{
	const struct mm *mm = &host->mms.items[index];
	uint64_t reached = 0;

	while (reached < length) {
		const struct range *area = rangemap_at(&mm->areas, address + reached);
		uint64_t there;

		if (!area || !(AREA_PROT(area->tag) & prot))
			return reached;
		there = area_length(host, area, address + reached);
		if (there >= length - reached)
			return length;
		reached += there;
		if (address + reached - 1 != area->last)
			return reached;
	}
	return length;
}

bool mm_accessible(const struct host *host, uint32_t index, uint64_t address, uint64_t length, uint32_t prot)
{
	return mm_reach(host, index, address, length, prot) == length;
}

bool mm_touches_device(const struct host *host, uint32_t mm, uint64_t address, uint64_t length)
{
	const struct rangemap *areas = &host->mms.items[mm].areas;
	const struct range *area;

	while (length && (area = rangemap_overlap(areas, address, address + length - 1))) {
		if (AREA_KIND(area->tag) == AREA_DEVICE)
			return true;
		if (area->last >= address + length - 1)
			break;
		length -= area->last + 1 - address;
		address = area->last + 1;
	}
	return false;
}

void mm_load(struct host *host, uint32_t index, uint64_t address, uint8_t *bytes, uint8_t *mask, uint32_t length)
{
	struct run run;

	for (uint32_t at = 0; at < length; at += (uint32_t)run.length) {
		run = mm_touch(host, index, address + at, length - at, TOUCH_READ, PROT_READ_BIT | PROT_WRITE_BIT);
		if (run.kind == RUN_MEMORY) {
			frames_load(host, run.place, bytes + at, mask + at, (uint32_t)run.length);
			continue;
		}
		if (run.kind == RUN_NOTHING)
			run.length = length - at;
		memset(bytes + at, 0, run.length);
		memset(mask + at, run.kind == RUN_ZERO ? 0xff : 0, run.length);
	}
}

void mm_store(struct host *host, uint32_t index, uint64_t address, const uint8_t *bytes, bool known, uint32_t length)
{
	struct run run;

	for (uint32_t at = 0; at < length; at += (uint32_t)run.length) {
		run = mm_touch(host, index, address + at, length - at, TOUCH_WRITE, PROT_WRITE_BIT);
		if (run.kind == RUN_NOTHING)
			return;
		if (run.kind == RUN_MEMORY)
			frames_store(host, run.place, bytes + at, known, NULL, (uint32_t)run.length);
	}
}

void mm_fill(struct host *host, uint32_t index, uint64_t address, uint64_t word, bool known, uint64_t length)
{
	struct run run;

	for (uint64_t at = 0; at < length; at += run.length) {
		const unsigned turned = 8 * (unsigned)(at & 7);

		run = mm_touch(host, index, address + at, length - at, TOUCH_WRITE, PROT_WRITE_BIT);
		if (run.kind == RUN_NOTHING)
			return;
		/* Each run begins with another byte of the word. */
		if (run.kind == RUN_MEMORY)
			frames_fill(host, run.place, turned ? word >> turned | word << (64 - turned) : word, known,
				    run.length);
	}
}
