/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Calls that say what lies where in an address space: mmap, munmap, mremap.
 */
#include "host.h"

enum {
	MAP_SHARED_BIT = 0x01,
	MAP_PRIVATE_BIT = 0x02,
	MAP_FIXED_BIT = 0x10,
	MAP_ANONYMOUS_BIT = 0x20,
	MAP_LOCKED_BIT = 0x2000,
	MAP_NORESERVE_BIT = 0x4000,
	MAP_POPULATE_BIT = 0x8000,
	MAP_HUGETLB_BIT = 0x40000,
	MAP_FIXED_NOREPLACE_BIT = 0x100000,
	MAP_HUGE_SHIFT = 26,
	REMAP_MAY_MOVE = 1,
	REMAP_FIXED = 2,
	REMAP_DONT_UNMAP = 4,
};

/* User addresses end here on every kernel that is modelled with four page-table levels. */
#define TASK_SIZE 0x00007ffffffff000ull

static bool range_valid(uint64_t address, uint64_t length, uint64_t unit)
{
	return length && !(address & (unit - 1)) && address < TASK_SIZE && length <= TASK_SIZE - address;
}

/* Where a mapping goes that has no fixed place: where it was observed if that is free, else below the last one. */
static uint64_t place(const struct op *op, struct mm *mm, uint64_t length, uint64_t unit)
{
	uint64_t wish = op->choice ? (uint64_t)op->choice->ret : 0;

	if (op->choice && op->choice->ret > 0 && range_valid(wish, length, unit) &&
	    !rangemap_overlap(&mm->areas, wish, wish + length - 1))
		return wish;
	wish = mm->next_address & ~(unit - 1);
	while (wish > length) {
		const struct range *area = rangemap_overlap(&mm->areas, wish - length, wish - 1);

		if (!area) {
			mm->next_address = wish - length;
			return wish - length;
		}
		wish = area->first & ~(unit - 1);
	}
	return 0;
}

/* Whether [first, last] begins or ends within a huge page of an area, which cannot be cut there. */
static bool cuts_huge_page(const struct host *host, uint32_t mm, uint64_t first, uint64_t last)
{
	const struct rangemap *areas = &host->mms.items[mm].areas;
	const struct range *area = rangemap_at(areas, first);
	const uint64_t in_page = host->machine->hugepage_size - 1;

	if (area && (area->tag & AREA_HUGE) && (first & in_page))
		return true;
	area = rangemap_at(areas, last);
	return area && (area->tag & AREA_HUGE) && ((last + 1) & in_page);
}

/* ---- mmap --------------------------------------------------------------------------------- */

/* What an mmap has been found to be. */
struct mapping {
	uint64_t address, length;
	uint64_t unit;	   /* of length and address: a page, or a huge one */
	uint32_t mm, file; /* NOTHING for anonymous memory */
	uint32_t tag;	   /* of the area */
	bool fixed, occupied;
	bool populate;
};

/* Whether huge pages are asked for that the machine has. */
static enum step_result map_page_size(const struct host *host, struct op *op, struct mapping *mapping)
{
	const uint64_t flags = op->call->args[3], size = flags >> MAP_HUGE_SHIFT & 0x3f;

	if (!(flags & MAP_HUGETLB_BIT))
		return STEP_MORE;
	if (mapping->file != NOTHING)
		return refuse(op, RULE_MM_MAP_NOT_HUGE);
	mapping->unit = host->machine->hugepage_size;
	mapping->tag |= AREA_HUGE;
	/* Which other sizes a kernel knows of depends on its configuration. */
	if (!mapping->unit || (size && UINT64_C(1) << size != mapping->unit))
		return STEP_DONE;
	return STEP_MORE;
}

/* Where the mapping would lie. */
static enum step_result map_range(const struct host *host, struct op *op, struct mapping *mapping)
{
	const uint64_t flags = op->call->args[3];

	mapping->fixed = flags & (MAP_FIXED_BIT | MAP_FIXED_NOREPLACE_BIT);
	/* A number of huge pages is what the length is rounded up to first, and that may wrap around. */
	if (!mapping->length || ((mapping->tag & AREA_HUGE) && mapping->length > -mapping->unit))
		return refuse(op, RULE_MM_MAP_EMPTY);
	if (mapping->length > TASK_SIZE)
		return refuse(op, RULE_MM_MAP_TOO_LONG);
	mapping->length = (mapping->length + mapping->unit - 1) & ~(mapping->unit - 1);
	if (!mapping->fixed)
		return STEP_MORE;
	if (mapping->address & (mapping->unit - 1))
		return refuse(op, RULE_MM_MAP_FIXED_ALIGN);
	if (!range_valid(mapping->address, mapping->length, mapping->unit))
		return refuse(op, RULE_MM_MAP_TOO_LONG);
	mapping->occupied = rangemap_overlap(&host->mms.items[mapping->mm].areas, mapping->address,
					     mapping->address + mapping->length - 1);
	if (mapping->occupied && (flags & MAP_FIXED_NOREPLACE_BIT))
		return refuse(op, RULE_MM_MAP_OCCUPIED);
	return STEP_MORE;
}

/* Whether it is to be locked, and may be. */
static enum step_result map_lock(struct host *host, struct op *op, struct mapping *mapping)
{
	const uint64_t flags = op->call->args[3];
	uint32_t lock = host->mms.items[mapping->mm].lock_ahead;

	if (flags & MAP_LOCKED_BIT) {
		if (!task_may_lock(op_task(host, op)))
			return refuse(op, RULE_MM_LOCK_PERMISSION);
		lock |= AREA_LOCKED;
	}
	if (lock && task_lock_room(host, op->task) < mapping->length / host->machine->page_size)
		return refuse(op, RULE_MM_MAP_LOCK_LIMIT);
	/* Huge pages and devices do not count as locked, though they are brought in. */
	if (!(mapping->tag & AREA_HUGE))
		mapping->tag |= lock;
	mapping->populate = lock || (flags & MAP_POPULATE_BIT);
	return STEP_MORE;
}

/* What anonymous memory is made of. */
static enum step_result map_anonymous(struct op *op, struct mapping *mapping)
{
	switch (op->call->args[3] & (MAP_SHARED_BIT | MAP_PRIVATE_BIT)) {
	case MAP_PRIVATE_BIT:
		mapping->tag |= AREA_TAG(AREA_PRIVATE, 0);
		return STEP_MORE;
	case MAP_SHARED_BIT:
		mapping->tag |= AREA_TAG(AREA_FILE, 0);
		return STEP_MORE;
	default:
		return refuse(op, RULE_MM_MAP_SHARING);
	}
}

static enum step_result map_memory_file(struct host *host, struct op *op, struct mapping *mapping)
{
	const uint64_t sharing = op->call->args[3] & (MAP_SHARED_BIT | MAP_PRIVATE_BIT);

	if (op->call->args[5] > INT64_MAX - mapping->length || sharing == (MAP_SHARED_BIT | MAP_PRIVATE_BIT))
		return unmodelled(host, op);
	if (!sharing)
		return refuse(op, RULE_MM_MAP_SHARING);
	mapping->tag |= AREA_TAG(sharing == MAP_SHARED_BIT ? AREA_FILE : AREA_COPY, 0);
	return STEP_MORE;
}

/* Whether a file that was opened so cannot be mapped so. */
static bool map_access_refused(const struct op *op, uint32_t mode)
{
	return mode == ACCESS_WRITE_ONLY || ((op->call->args[3] & MAP_SHARED_BIT) && mode == ACCESS_READ_ONLY &&
					     (op->call->args[2] & PROT_WRITE_BIT));
}

/* Whether such a file has an mmap of its own, which refuses. */
static bool map_is_asked(const struct host *host, const struct file *file)
{
	return file->kind == FILE_CONTAINER ? profile_get(host, PROFILE_CONTAINER_MMAP) != -LINUX_ENODEV
					    : file->kind == FILE_IOMMUFD && profile_get(host, PROFILE_IOMMUFD_MAPPABLE);
}

/* Containers, iommufds and groups have no memory, but are asked only when all else is right. */
static enum step_result map_no_memory(struct host *host, struct op *op, const struct mapping *mapping)
{
	const struct file *file = &host->files.items[mapping->file];
	const uint64_t sharing = op->call->args[3] & (MAP_SHARED_BIT | MAP_PRIVATE_BIT);
	uint32_t mode = file->flags & ACCESS_MODE;

	if (!sharing)
		return refuse(op, RULE_MM_MAP_SHARING);
	if (map_access_refused(op, mode))
		return refuse(op, RULE_MM_MAP_ACCESS);
	/* As with a device: then what was there is gone, or is put back. */
	if (mapping->occupied && map_is_asked(host, file))
		return unmodelled(host, op);
	if (file->kind == FILE_CONTAINER)
		return refuse_as(op, RULE_FD_NO_MMAP, profile_get(host, PROFILE_CONTAINER_MMAP));
	if (file->kind == FILE_IOMMUFD)
		return iommufd_mmap(host, op, mapping->file);
	return refuse(op, RULE_FD_NO_MMAP);
}

static enum step_result map_device(struct host *host, struct op *op, struct mapping *mapping)
{
	const struct file *file = &host->files.items[mapping->file];
	const uint32_t mode = file->flags & ACCESS_MODE;
	enum step_result result;

	if (!(op->call->args[3] & (MAP_SHARED_BIT | MAP_PRIVATE_BIT)))
		return unmodelled(host, op);
	if (map_access_refused(op, mode))
		return refuse(op, RULE_MM_MAP_ACCESS);
	/* What can be done later to memory of a file that was not opened for all of it is not modelled. */
	if (file->kind == FILE_DEVICE && mode != ACCESS_ALL)
		return unmodelled(host, op);
	op->file = mapping->file;
	result = file->kind == FILE_DEVICE ? device_mmap(host, op) : refuse(op, RULE_DEV_FILE_IDLE);
	op->file = NOTHING;
	/* A device refuses only after what was there is gone, or is put back: kernels differ. */
	if (op->outcome->ret)
		return mapping->occupied ? unmodelled(host, op) : result;
	mapping->tag = AREA_TAG(AREA_DEVICE, 0);
	mapping->populate = false;
	return STEP_MORE;
}

/* What the mapping would be made of. */
static enum step_result map_kind(struct host *host, struct op *op, struct mapping *mapping)
{
	if (mapping->file == NOTHING)
		return map_anonymous(op, mapping);
	switch (host->files.items[mapping->file].kind) {
	case FILE_MEMORY:
		return map_memory_file(host, op, mapping);
	case FILE_DEVICE:
	case FILE_DEVICE_IDLE:
		return map_device(host, op, mapping);
	case FILE_CONTAINER:
	case FILE_GROUP:
	case FILE_GROUP_GONE:
	case FILE_IOMMUFD:
		return map_no_memory(host, op, mapping);
	default:
		return unmodelled(host, op);
	}
}

/* The pool keeps as many huge pages as a mapping has, unless it is told not to. */
static enum step_result map_reserve(struct host *host, struct op *op, struct mapping *mapping)
{
	if (!(mapping->tag & AREA_HUGE) || (op->call->args[3] & MAP_NORESERVE_BIT))
		return STEP_MORE;
	if (mapping->length / mapping->unit > huge_pages_free(host))
		/* Whether what was there is gone then depends on the kernel. */
		return mapping->occupied ? unmodelled(host, op) : refuse(op, RULE_MM_MAP_HUGE_POOL);
	mapping->tag |= AREA_RESERVED;
	return STEP_MORE;
}

static enum step_result map_checks(struct host *host, struct op *op, struct mapping *mapping)
{
	if (op->call->args[5] & (host->machine->page_size - 1))
		return refuse(op, RULE_MM_MAP_OFFSET);
	if (!(op->call->args[3] & MAP_ANONYMOUS_BIT)) {
		mapping->file = task_file(op_task(host, op), (int32_t)op->call->args[4]);
		if (mapping->file == NOTHING)
			return refuse(op, RULE_FD_NOT_OPEN);
	}
	if (map_page_size(host, op, mapping) == STEP_DONE)
		return op->outcome->ret ? STEP_DONE : unmodelled(host, op);
	if (map_range(host, op, mapping) == STEP_DONE || map_lock(host, op, mapping) == STEP_DONE ||
	    map_kind(host, op, mapping) == STEP_DONE || map_reserve(host, op, mapping) == STEP_DONE)
		return STEP_DONE;
	if (mapping->occupied &&
	    cuts_huge_page(host, mapping->mm, mapping->address, mapping->address + mapping->length - 1))
		return unmodelled(host, op);
	if (!mapping->fixed)
		mapping->address = place(op, &host->mms.items[mapping->mm], mapping->length, mapping->unit);
	return mapping->address ? STEP_MORE : refuse(op, RULE_MM_MAP_TOO_LONG);
}

static enum step_result call_mmap(struct host *host, struct op *op)
{
	struct mapping mapping = {.address = op->call->args[0],
				  .length = op->call->args[1],
				  .unit = host->machine->page_size,
				  .mm = op_task(host, op)->mm,
				  .file = NOTHING};
	struct range area;

	if (map_checks(host, op, &mapping) == STEP_DONE)
		return STEP_DONE;
	area = (struct range){.first = mapping.address,
			      .last = mapping.address + mapping.length - 1,
			      .tag = mapping.tag | (op->call->args[2] & 7)};
	if (mapping.tag & AREA_RESERVED)
		host->huge_pages_reserved += mapping.length / mapping.unit;
	if (mapping.file != NOTHING) {
		file_get(host, mapping.file);
		area.weight = AREA_HOLDS(mapping.file);
		area.value = op->call->args[5];
	} else if (AREA_KIND(area.tag) == AREA_FILE) {
		uint32_t file = memory_file_new(host, mapping.length, area.tag & AREA_HUGE, 0);

		area.weight = AREA_HOLDS(file);
		/* What the pool keeps is kept for the file. */
		if (area.tag & AREA_RESERVED)
			host->memory_files.items[host->files.items[file].object].reserved =
			    mapping.length / mapping.unit;
		area.tag &= ~AREA_RESERVED;
	}
	mm_forget(host, mapping.mm, area.first, area.last);
	rangemap_insert(&host->mms.items[mapping.mm].areas, &area);
	if (area.tag & AREA_LOCKED)
		host->mms.items[mapping.mm].locked_areas += mapping.length / host->machine->page_size;
	if (mapping.populate)
		mm_populate(host, mapping.mm, area.first, area.last, true);
	hit(op, RULE_MM_MAP);
	return finish(op, (int64_t)mapping.address);
}

static enum step_result call_munmap(struct host *host, struct op *op)
{
	const uint64_t page = host->machine->page_size;
	const uint32_t mm = op_task(host, op)->mm;
	uint64_t address = op->call->args[0], length = op->call->args[1];

	if (length > TASK_SIZE || !range_valid(address, (length + page - 1) & ~(page - 1), page))
		return refuse(op, RULE_MM_UNMAP_RANGE);
	length = (length + page - 1) & ~(page - 1);
	if (cuts_huge_page(host, mm, address, address + length - 1))
		return refuse(op, RULE_MM_HUGE_SPLIT);
	mm_forget(host, mm, address, address + length - 1);
	hit(op, RULE_MM_UNMAP);
	return finish(op, 0);
}

/* ---- mremap ------------------------------------------------------------------------------- */

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
	if ((remapping->flags & REMAP_FIXED) && (!range_valid(remapping->new_address, remapping->new_length, page) ||
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
	    rangemap_overlap(areas, remapping->area.last + 1, end - 1))
		return 0;
	rangemap_edit(areas, remapping->area.first)->last = end - 1;
	lock_growth(host, remapping, remapping->address);
	return remapping->address;
}

static enum step_result call_mremap(struct host *host, struct op *op)
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
		    cuts_huge_page(host, remapping.mm, remapping.new_address, last))
			return unmodelled(host, op);
		mm_forget(host, remapping.mm, remapping.new_address, last);
		if (remapping.new_length < remapping.old_length) {
			mm_forget(host, remapping.mm, remapping.address + remapping.new_length,
				  remapping.address + remapping.old_length - 1);
			remapping.old_length = remapping.new_length;
		}
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
		at = place(op, &host->mms.items[remapping.mm], remapping.new_length, page);
	return at ? remap_move(host, op, &remapping, at) : refuse(op, RULE_MM_REMAP_NO_ROOM);
}

handler_fn *map_call_handler(enum call_op op)
{
	switch (op) {
	case CALL_MMAP:
		return call_mmap;
	case CALL_MUNMAP:
		return call_munmap;
	case CALL_MREMAP:
		return call_mremap;
	default:
		return NULL;
	}
}
