/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Calls on memory that is there: what may be done with it, what it is needed for, and what it holds.
 */
#include "host.h"

enum { ADVICE_DONT_NEED = 4, ADVICE_DONT_FORK = 10, ADVICE_DO_FORK = 11 };

/* ---- mprotect ----------------------------------------------------------------------------- */

/* Whether the range, up to its first hole, has an area of a device: what mprotect does there is not modelled. */
static bool reaches_device(const struct host *host, uint32_t mm, uint64_t first, uint64_t last)
{
	while (first <= last) {
		const struct range *area = rangemap_at(&host->mms.items[mm].areas, first);

		if (!area)
			return false;
		if (AREA_KIND(area->tag) == AREA_DEVICE)
			return true;
		first = area->last + 1;
	}
	return false;
}

/* Gives a part of an area this protection. False if that would cut a huge page. */
static bool protect_part(struct host *host, uint32_t mm, const struct range *part, uint32_t prot)
{
	const uint64_t in_page = host->machine->hugepage_size - 1;
	const bool private = AREA_KIND(part->tag) != AREA_FILE, before = AREA_PROT(part->tag) & PROT_WRITE_BIT;

	if (AREA_PROT(part->tag) == prot)
		return true;
	if ((part->tag & AREA_HUGE) && ((part->first | (part->last + 1)) & in_page))
		return false;
	mm_change_area(host, mm, part, (part->tag & ~7u) | prot);
	if (private && profile_get(host, PROFILE_MPROTECT_DISOWNS))
		mm_disown_pages(host, mm, part->first, part->last);
	/* Locked memory that becomes writable gets pages of its own at once. */
	if (private && (part->tag & AREA_LOCKED) && !before && (prot & PROT_WRITE_BIT))
		mm_populate(host, mm, part->first, part->last, true);
	return true;
}

static enum step_result call_mprotect(struct host *host, struct op *op)
{
	const uint64_t page = host->machine->page_size;
	const uint32_t mm = op_task(host, op)->mm;
	uint64_t address = op->call->args[0], length = op->call->args[1], last;

	if (address & (page - 1))
		return refuse(op, RULE_MM_PROTECT_ALIGN);
	if (!length) {
		hit(op, RULE_MM_PROTECT);
		return finish(op, 0);
	}
	length = (length + page - 1) & ~(page - 1);
	last = address + length - 1;
	if (!length || last < address)
		return refuse(op, RULE_MM_PROTECT_HOLE);
	if (reaches_device(host, mm, address, last))
		return unmodelled(host, op);
	/* The kernel changes area after area and stops at the first hole; what it has changed stays changed. */
	while (address <= last) {
		const struct range *found = rangemap_at(&host->mms.items[mm].areas, address);
		struct range part;

		if (!found)
			return refuse(op, RULE_MM_PROTECT_HOLE);
		part = *found;
		part.first = address;
		part.last = part.last < last ? part.last : last;
		if (!protect_part(host, mm, &part, op->call->args[2] & 7))
			return refuse(op, RULE_MM_HUGE_SPLIT);
		address = part.last + 1;
	}
	hit(op, RULE_MM_PROTECT);
	return finish(op, 0);
}

/* ---- madvise ------------------------------------------------------------------------------ */

/* Whether an area refuses an advice. */
static bool advice_refused(const struct range *area, uint64_t advice)
{
	if (advice == ADVICE_DONT_NEED)
		return AREA_KIND(area->tag) == AREA_DEVICE || (area->tag & AREA_LOCKED);
	return advice == ADVICE_DO_FORK && AREA_KIND(area->tag) == AREA_DEVICE;
}

static void advise_part(struct host *host, uint32_t mm, const struct range *part, uint64_t advice)
{
	switch (advice) {
	case ADVICE_DONT_NEED:
		mm_drop_pages(host, mm, part->first, part->last);
		break;
	case ADVICE_DONT_FORK:
		mm_change_area(host, mm, part, part->tag | AREA_NO_FORK);
		break;
	default:
		mm_change_area(host, mm, part, part->tag & ~AREA_NO_FORK);
		break;
	}
}

/* Whether dropping pages would meet huge ones: what comes of it differs between kernels. */
static bool reaches_huge(const struct host *host, uint32_t mm, uint64_t first, uint64_t last)
{
	const struct range *area;

	while (first <= last && (area = rangemap_overlap(&host->mms.items[mm].areas, first, last))) {
		if (area->tag & AREA_HUGE)
			return true;
		first = area->last + 1;
	}
	return false;
}

static enum step_result call_madvise(struct host *host, struct op *op)
{
	const uint64_t page = host->machine->page_size, advice = op->call->args[2];
	const uint32_t mm = op_task(host, op)->mm;
	uint64_t first = op->call->args[0], length = (op->call->args[1] + page - 1) & ~(page - 1), last;
	bool hole = false;

	if (advice != ADVICE_DONT_NEED && advice != ADVICE_DONT_FORK && advice != ADVICE_DO_FORK)
		return unmodelled(host, op);
	last = first + length - 1;
	if ((first & (page - 1)) || (op->call->args[1] && !length) || (length && last < first))
		return refuse(op, RULE_MM_ADVICE_RANGE);
	if (length && reaches_huge(host, mm, first, last))
		return unmodelled(host, op);
	/* Holes are told at the end; an area that refuses is the end. */
	while (length && first <= last) {
		const struct range *found = rangemap_overlap(&host->mms.items[mm].areas, first, last);
		struct range part;

		if (!found || found->first > first)
			hole = true;
		if (!found)
			break;
		part = *found;
		if (advice_refused(&part, advice))
			return refuse(op, RULE_MM_ADVICE_REFUSED);
		part.first = part.first > first ? part.first : first;
		part.last = part.last < last ? part.last : last;
		advise_part(host, mm, &part, advice);
		first = part.last + 1;
	}
	if (hole)
		return refuse(op, RULE_MM_ADVICE_HOLE);
	hit(op, RULE_MM_ADVICE);
	return finish(op, 0);
}

/* ---- what memory holds -------------------------------------------------------------------- */

/* Brings in @length bytes to be stored to, page by page; false at the first that cannot be. */
static bool touch_all(struct host *host, uint32_t mm, uint64_t address, uint32_t length)
{
	for (uint32_t at = 0; at < length;) {
		struct run run = mm_touch(host, mm, address + at, length - at, TOUCH_WRITE, PROT_WRITE_BIT);

		if (run.kind != RUN_MEMORY)
			return false;
		at += (uint32_t)run.length;
	}
	return true;
}

/* Nothing is stored before it is known that all can be; to know it, further pages are touched before the first. */
static enum step_result call_poke(struct host *host, struct op *op)
{
	const uint32_t mm = op_task(host, op)->mm;
	const struct buffer *bytes = &op->call->buffers[0];
	const uint64_t address = op->call->args[0], page = host->machine->page_size;
	uint32_t length = op->call->buffer_count ? bytes->length : 0, first = length;

	if (first > page - (address & (page - 1)))
		first = (uint32_t)(page - (address & (page - 1)));
	if (mm_touches_device(host, mm, address, length))
		return unmodelled(host, op);
	if (!touch_all(host, mm, address + first, length - first) || !touch_all(host, mm, address, first))
		return refuse(op, RULE_MM_FAULT);
	if (length)
		mm_store(host, mm, address, bytes->in, true, length);
	hit(op, RULE_MM_STORE);
	return finish(op, length);
}

static enum step_result call_peek(struct host *host, struct op *op)
{
	const uint32_t mm = op_task(host, op)->mm;
	const uint64_t address = op->call->args[0];
	uint32_t length = op->call->buffer_count ? op->call->buffers[0].length : 0;
	uint8_t bytes[64], mask[sizeof(bytes)];

	if (mm_touches_device(host, mm, address, length))
		return unmodelled(host, op);
	/* Memory that may be written may be read, whatever it says: page tables know no other way. */
	if (!mm_accessible(host, mm, address, length, PROT_READ_BIT | PROT_WRITE_BIT))
		return refuse(op, RULE_MM_FAULT);
	for (uint32_t at = 0; at < length;) {
		uint32_t part = length - at < sizeof(bytes) ? length - at : (uint32_t)sizeof(bytes);

		mm_load(host, mm, address + at, bytes, mask, part);
		user_write(host, op, 0, at, bytes, part);
		for (uint32_t i = 0; i < part; i++)
			if (!mask[i])
				user_undefined(host, op, 0, at + i, 1);
		at += part;
	}
	hit(op, RULE_MM_LOAD);
	return finish(op, length);
}

handler_fn *mm_call_handler(enum call_op op)
{
	switch (op) {
	case CALL_MPROTECT:
		return call_mprotect;
	case CALL_MADVISE:
		return call_madvise;
	case CALL_POKE:
		return call_poke;
	case CALL_PEEK:
		return call_peek;
	default:
		return NULL;
	}
}
