/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * What an iommufd does for the drivers of mediated devices: it pins pages by IOVA, lets go of them, and finds the
 * memory behind an IOVA for bytes to be moved.
 *
 * A page is charged to the user when the first driver pins it, and no longer when the last one lets go. Who has pinned
 * what is known by the drivers (pinner.c); here stands only where the pages are. While a device behind an IOMMU is
 * attached as well, whose table has all pages, nothing of this is modelled.
 */
#include "iommufd.h"
#include "iotable.h"

/* What the kernel answers a driver for a rule that refuses. */
static int64_t answer(struct op *op, enum rule rule)
{
	hit(op, rule);
	return rules[rule].error;
}

/* Lets go of what no driver has pinned in [first, last], uncharged; gives the pages. */
static uint64_t let_go(struct host *host, struct ioas *ioas, uint64_t first, uint64_t last)
{
	const uint32_t index = (uint32_t)(ioas - host->ioases.items);
	uint64_t pages = 0, until;

	for (;; first = until + 1) {
		const bool pinned = pinners_have(host, index, first, &until);

		if (until > last)
			until = last;
		if (!pinned) {
			pages += rangemap_covered(&ioas->held, first, until) / host->machine->page_size;
			iotable_unpin(host, &ioas->held, first, until);
		}
		if (until == last)
			return pages;
	}
}

static void charge(struct host *host, struct ioas *ioas, uint64_t iova, int64_t count)
{
	struct range *area = rangemap_edit(&ioas->areas, rangemap_at(&ioas->areas, iova)->first);
	const struct pages *pages = &host->pages.items[area->tag];

	area->weight += (uint64_t)count;
	host->mms.items[pages->mm].pinned += (uint64_t)count;
	if (pages->accounted)
		host->user_locked += (uint64_t)count;
}

/* Lets go of [first, last], which is mapped, mapping by mapping. */
static void release(struct host *host, struct ioas *ioas, uint64_t first, uint64_t last)
{
	for (;;) {
		const uint64_t end = rangemap_at(&ioas->areas, first)->last, part = end < last ? end : last;

		charge(host, ioas, first, -(int64_t)let_go(host, ioas, first, part));
		if (part == last)
			return;
		first = part + 1;
	}
}

/* Pins what nobody has pinned, of memory that may have gone with its program. False: it cannot be had. */
static bool pin_hole(struct host *host, struct ioas *ioas, const struct pin_request *request)
{
	struct pin pin;

	if (!host->mms.items[request->mm].users)
		return false;
	pin = iotable_pin(host, &ioas->held, request);
	return !pin.error && !(pin.kinds & 1u << RUN_DEVICE);
}

/* Pins what nobody has pinned yet in [first, last] of an area: RULE_NONE, or the rule that refuses. */
static enum rule pin_part(struct host *host, struct ioas *ioas, const struct range *area, uint64_t first, uint64_t last)
{
	const struct pages *pages = &host->pages.items[area->tag];
	const uint64_t page = host->machine->page_size, had = rangemap_covered(&ioas->held, first, last) / page;
	enum rule refused = RULE_NONE;
	uint64_t count;

	for (uint64_t at = first; !refused && at <= last;) {
		const struct range *held = rangemap_overlap(&ioas->held, at, last);
		const uint64_t end = held ? held->first : last + 1;
		const struct pin_request request = {.mm = pages->mm,
						    .vaddr = area->value + (at - area->first),
						    .iova = at,
						    .size = end - at,
						    .write = pages->access & MAPPING_WRITE,
						    .room = UINT64_MAX};

		if (held && held->first <= at)
			at = held->last + 1;
		else if (pin_hole(host, ioas, &request))
			at = end;
		else
			refused = RULE_IFD_PIN_MEMORY;
		if (!at)
			break;
	}
	count = rangemap_covered(&ioas->held, first, last) / page - had;
	if (!refused && count && pages->accounted &&
	    host->user_locked + count > host->tasks.items[pages->task].memlock / page)
		refused = RULE_IFD_PIN_LIMIT;
	if (refused)
		let_go(host, ioas, first, last);
	else
		charge(host, ioas, first, (int64_t)count);
	return refused;
}

int64_t ioas_access_pin(struct host *host, struct op *op, uint32_t device, uint64_t iova, uint64_t count, uint32_t prot)
{
	struct ioas *ioas = device_ioas(host, device);
	const uint64_t last = iova + (count * host->machine->page_size - 1);
	const uint32_t needed = prot & MAPPING_WRITE ? MAPPING_WRITE : MAPPING_READ;
	enum rule refused = RULE_NONE;

	if (!count)
		return answer(op, RULE_T1_PIN_EMPTY);
	if (last < iova)
		return answer(op, RULE_IFD_PIN_WRAP);
	if (!ioas)
		return answer(op, RULE_IFD_PIN_UNMAPPED);
	for (uint64_t at = iova;;) {
		const struct range *area = rangemap_at(&ioas->areas, at);
		uint64_t end;

		if (!area)
			refused = RULE_IFD_PIN_UNMAPPED;
		else if (!(host->pages.items[area->tag].access & needed))
			refused = RULE_IFD_PIN_ACCESS;
		end = area && area->last < last ? area->last : last;
		if (!refused)
			refused = pin_part(host, ioas, area, at, end);
		if (refused && at != iova)
			release(host, ioas, iova, at - 1);
		if (refused)
			return answer(op, refused);
		if (end == last)
			break;
		at = end + 1;
	}
	hit(op, RULE_IFD_PIN);
	return (int64_t)count;
}

void ioas_access_unpin(struct host *host, uint32_t device, uint64_t iova, uint64_t count)
{
	release(host, device_ioas(host, device), iova, iova + (count * host->machine->page_size - 1));
}

/* Pages of an area that are still pinned, though the memory has gone with the last program that had it. */
static bool outlives_program(const struct host *host, const struct range *area)
{
	return area->weight && !host->mms.items[host->pages.items[area->tag].mm].users;
}

bool ioas_access_knows(struct host *host, uint32_t device, uint64_t iova, uint64_t length)
{
	const struct ioas *ioas = device_ioas(host, device);
	const uint64_t last = length ? iova + (length - 1) : iova;
	const struct range *area = ioas ? rangemap_overlap(&ioas->areas, iova, last) : NULL;

	while (area && !outlives_program(host, area))
		area = area->last < last ? rangemap_overlap(&ioas->areas, area->last + 1, last) : NULL;
	return !area && (!ioas || !ioas->attached);
}

int64_t ioas_access_reach(struct host *host, struct op *op, uint32_t device, uint64_t iova, uint64_t length, bool write,
			  struct reach *reach)
{
	const struct ioas *ioas = device_ioas(host, device);
	const struct range *area = ioas ? rangemap_at(&ioas->areas, iova) : NULL;
	const struct pages *pages;

	if (iova + (length - 1) < iova)
		return answer(op, RULE_IFD_RW_WRAP);
	if (!area)
		return answer(op, RULE_IFD_RW_UNMAPPED);
	pages = &host->pages.items[area->tag];
	if (!(pages->access & (write ? MAPPING_WRITE : MAPPING_READ)))
		return answer(op, RULE_IFD_RW_ACCESS);
	reach->mm = pages->mm;
	if (!host->mms.items[reach->mm].users)
		return answer(op, RULE_IFD_RW_GONE);
	reach->address = area->value + (iova - area->first);
	reach->length = area->last - iova < length - 1 ? area->last - iova + 1 : length;
	return 0;
}
