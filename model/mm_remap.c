/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * mremap: memory that grows, shrinks or moves.
 */
#include "host.h"

enum {
	REMAP_MAY_MOVE = 1,
	REMAP_FIXED = 2,
	REMAP_DONT_UNMAP = 4,
};

struct remapping {
	uint64_t address, old_length, new_length, flags, new_address;
	uint32_t mm;
	struct range area; /* that has it all */
};

static enum step_result remap_arguments(const struct host *host, struct op *op, struct remapping *remapping)
{
	const uint64_t page = host->machine->page_size;

	if (remapping->flags & ~(uint64_t)(REMAP_MAY_MOVE | REMAP_FIXED | REMAP_DONT_UNMAP) ||
	    ((remapping->flags & REMAP_FIXED) && !(remapping->flags & REMAP_MAY_MOVE)) ||
	    (remapping->address & (page - 1)) || !remapping->new_length)
		return refuse(op, RULE_MM_REMAP_ARGUMENTS);
	/* Leaving the pages of the old place behind, duplicating shared memory: nobody does that. */
	if ((remapping->flags & REMAP_DONT_UNMAP) || !remapping->old_length || remapping->old_length > TASK_SIZE ||
	    remapping->new_length > TASK_SIZE)
		return STEP_DONE;
	remapping->old_length = (remapping->old_length + page - 1) & ~(page - 1);
	remapping->new_length = (remapping->new_length + page - 1) & ~(page - 1);
	if ((remapping->flags & REMAP_FIXED) && (!mm_range_valid(remapping->new_address, remapping->new_length, page) ||
						 (remapping->address + remapping->old_length > remapping->new_address &&
						  remapping->new_address + remapping->new_length > remapping->address)))
		/* Some kernels look first whether anything is there. */
		return rangemap_at(&host->mms.items[remapping->mm].areas, remapping->address)
			   ? refuse(op, RULE_MM_REMAP_ARGUMENTS)
			   : STEP_DONE;
	return STEP_MORE;
}

/* The area that is to be resized or moved. Across the ends of areas kernels differ, and join areas as they like. */
static enum step_result remap_area(struct host *host, struct op *op, struct remapping *remapping)
{
	const struct rangemap *areas = &host->mms.items[remapping->mm].areas;
	const struct range *found = rangemap_at(areas, remapping->address);
	const bool grows = !(remapping->flags & REMAP_FIXED) && remapping->new_length > remapping->old_length;

	if (!found)
		return grows ? refuse(op, RULE_MM_REMAP_HOLE) : unmodelled(host, op);
	if (AREA_KIND(found->tag) == AREA_DEVICE || (found->tag & AREA_HUGE))
		return unmodelled(host, op);
	if (remapping->old_length - 1 > found->last - remapping->address)
		return grows && !rangemap_at(areas, found->last + 1) ? refuse(op, RULE_MM_REMAP_HOLE)
								     : unmodelled(host, op);
	remapping->area = *found;
	return STEP_MORE;
}

/* Whether what is added to a locked area may be locked as well. */
static bool growth_allowed(struct host *host, const struct op *op, const struct remapping *remapping)
{
	if (!(remapping->area.tag & AREA_LOCKED) || remapping->new_length <= remapping->old_length)
		return true;
	return (remapping->new_length - remapping->old_length) / host->machine->page_size <=
	       task_lock_room(host, op->task);
}

/* Counts and brings in what was added to a locked area, whose new place begins at @address. */
static void lock_growth(struct host *host, const struct remapping *remapping, uint64_t address)
{
	if (!(remapping->area.tag & AREA_LOCKED) || remapping->new_length <= remapping->old_length)
		return;
	host->mms.items[remapping->mm].locked_areas +=
	    (remapping->new_length - remapping->old_length) / host->machine->page_size;
	mm_populate(host, remapping->mm, address + remapping->old_length, address + remapping->new_length - 1, true);
}

/* The pages move; a device goes on with those that it has. */
static enum step_result remap_move(struct host *host, struct op *op, const struct remapping *remapping, uint64_t to)
{
	const uint64_t page = host->machine->page_size;
	struct range area = remapping->area;

	area.value += remapping->address - area.first;
	area.first = to;
	area.last = to + remapping->new_length - 1;
	if (area.weight)
		file_get(host, AREA_FILE_AT(area.weight));
	mm_move_pages(host, remapping->mm, remapping->address, remapping->old_length, to);
	mm_forget(host, remapping->mm, remapping->address, remapping->address + remapping->old_length - 1);
	rangemap_insert(&host->mms.items[remapping->mm].areas, &area);
	if (area.tag & AREA_LOCKED)
		host->mms.items[remapping->mm].locked_areas += remapping->old_length / page;
	lock_growth(host, remapping, to);
	hit(op, RULE_MM_REMAP);
	return finish(op, (int64_t)to);
}

/* Without moving: 0 if there is no room. */
static uint64_t remap_in_place(struct host *host, const struct remapping *remapping)
{
	struct rangemap *areas = &host->mms.items[remapping->mm].areas;
	const uint64_t end = remapping->address + remapping->new_length;

	if (remapping->new_length <= remapping->old_length) {
		if (remapping->new_length < remapping->old_length)
			mm_forget(host, remapping->mm, end, remapping->address + remapping->old_length - 1);
		return remapping->address;
	}
	if (remapping->address + remapping->old_length - 1 != remapping->area.last || end > TASK_SIZE ||
	    rangemap_overlap(areas, remapping->area.last + 1, end - 1) ||
	    !mm_slices_fit(host, remapping->mm, remapping->area.first, end - 1, host->machine->page_size))
		return 0;
	rangemap_edit(areas, remapping->area.first)->last = end - 1;
	lock_growth(host, remapping, remapping->address);
	return remapping->address;
}

enum step_result call_mremap(struct host *host, struct op *op)
{
	const uint64_t *args = op->call->args, page = host->machine->page_size;
	struct remapping remapping = {.address = args[0],
				      .old_length = args[1],
				      .new_length = args[2],
				      .flags = args[3],
				      .new_address = args[4],
				      .mm = op_task(host, op)->mm};
	uint64_t at;

	if (remap_arguments(host, op, &remapping) == STEP_DONE)
		return op->outcome->ret ? STEP_DONE : unmodelled(host, op);
	if (remap_area(host, op, &remapping) == STEP_DONE)
		return STEP_DONE;
	if (remapping.flags & REMAP_FIXED) {
		const uint64_t last = remapping.new_address + remapping.new_length - 1;

		/* Whether what is in the way is gone when there is no room depends on the kernel. */
		if (!growth_allowed(host, op, &remapping) ||
		    mm_cuts_huge_page(host, remapping.mm, remapping.new_address, last))
			return unmodelled(host, op);
		mm_forget(host, remapping.mm, remapping.new_address, last);
		if (remapping.new_length < remapping.old_length) {
			mm_forget(host, remapping.mm, remapping.address + remapping.new_length,
				  remapping.address + remapping.old_length - 1);
			remapping.old_length = remapping.new_length;
		}
		/* Only now, when what was in the way is gone. */
		if (!mm_slices_fit(host, remapping.mm, remapping.new_address, last, page))
			return refuse(op, RULE_MM_MAP_SLICE);
		return remap_move(host, op, &remapping, remapping.new_address);
	}
	if (!growth_allowed(host, op, &remapping))
		return refuse(op, RULE_MM_REMAP_LIMIT);
	at = remap_in_place(host, &remapping);
	if (at) {
		hit(op, RULE_MM_REMAP);
		return finish(op, (int64_t)at);
	}
	if (remapping.flags & REMAP_MAY_MOVE)
		at = mm_place(host, op, remapping.mm, remapping.new_length, page);
	return at ? remap_move(host, op, &remapping, at) : refuse(op, RULE_MM_REMAP_NO_ROOM);
}
