/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Calls that say what lies where in an address space: mmap, munmap; mremap has a file of its own.
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
};

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
	if (!mm_range_valid(mapping->address, mapping->length, mapping->unit))
		return refuse(op, RULE_MM_MAP_TOO_LONG);
	if (!mm_slices_fit(host, mapping->mm, mapping->address, mapping->address + mapping->length - 1, mapping->unit))
		return refuse(op, RULE_MM_MAP_SLICE);
	mapping->occupied = rangemap_overlap(&host->mms.items[mapping->mm].areas, mapping->address,
					     mapping->address + mapping->length - 1);
	if (mapping->occupied && (flags & MAP_FIXED_NOREPLACE_BIT))
		return refuse(op, RULE_MM_MAP_OCCUPIED);
	return STEP_MORE;
}

/* Whether bringing it in never ends. It is not tried without a page in the pool, or without all that are to be kept. */
static bool map_hangs(const struct host *host, const struct op *op, const struct mapping *mapping)
{
	const uint64_t wanted = op->call->args[3] & MAP_NORESERVE_BIT ? 1 : mapping->length / mapping->unit;

	return mapping->populate && mm_populate_hangs(host, mapping->tag | (op->call->args[2] & 7)) &&
	       wanted <= huge_pages_free(host);
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

/* Containers, iommufds and groups have no memory. */
static enum step_result map_no_memory(struct host *host, struct op *op, const struct mapping *mapping)
{
	const struct file *file = &host->files.items[mapping->file];

	if (!(op->call->args[3] & (MAP_SHARED_BIT | MAP_PRIVATE_BIT)))
		return refuse(op, RULE_MM_MAP_SHARING);
	if (map_access_refused(op, file->flags & ACCESS_MODE))
		return refuse(op, RULE_MM_MAP_ACCESS);
	return map_is_asked(host, file) ? STEP_MORE : refuse(op, RULE_FD_NO_MMAP);
}

static enum step_result map_device(struct host *host, struct op *op, struct mapping *mapping)
{
	const struct file *file = &host->files.items[mapping->file];
	const uint32_t mode = file->flags & ACCESS_MODE;

	if (!(op->call->args[3] & (MAP_SHARED_BIT | MAP_PRIVATE_BIT)))
		return unmodelled(host, op);
	if (map_access_refused(op, mode))
		return refuse(op, RULE_MM_MAP_ACCESS);
	/* What can be done later to memory of a file that was not opened for all of it is not modelled. */
	if (file->kind == FILE_DEVICE && mode != ACCESS_ALL)
		return unmodelled(host, op);
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
	    map_kind(host, op, mapping) == STEP_DONE)
		return STEP_DONE;
	if (mapping->occupied &&
	    mm_cuts_huge_page(host, mapping->mm, mapping->address, mapping->address + mapping->length - 1))
		return refuse_as(op, RULE_MM_MAP_HUGE_SPLIT, profile_get(host, PROFILE_MAP_SPLITS_HUGE_PAGE));
	if (!mapping->fixed)
		mapping->address = mm_place(host, op, mapping->mm, mapping->length, mapping->unit);
	if (!mapping->address)
		return refuse(op, RULE_MM_MAP_TOO_LONG);
	return map_hangs(host, op, mapping) ? complain(host, op, RULE_MM_HUGE_PART, true) : STEP_MORE;
}

/* ---- what is asked when there is room ------------------------------------------------------ */

/* Asks the file that has an mmap of its own. */
static enum step_result map_ask(struct host *host, struct op *op, const struct mapping *mapping)
{
	enum file_kind kind = mapping->file == NOTHING ? FILE_MEMORY : host->files.items[mapping->file].kind;
	enum step_result result;

	switch (kind) {
	case FILE_CONTAINER:
		return refuse_as(op, RULE_FD_NO_MMAP, profile_get(host, PROFILE_CONTAINER_MMAP));
	case FILE_IOMMUFD:
		return iommufd_mmap(host, op, mapping->file);
	case FILE_DEVICE_IDLE:
		return refuse(op, RULE_DEV_FILE_IDLE);
	case FILE_DEVICE:
		op->file = mapping->file;
		result = device_mmap(host, op);
		op->file = NOTHING;
		return result;
	default:
		return STEP_MORE;
	}
}

/*
 * Takes away what would be replaced, but for what files have: a file goes when the call is over, and until then has
 * its huge pages.
 */
static void map_clear_private(struct host *host, const struct mapping *mapping)
{
	const uint64_t last = mapping->address + mapping->length - 1;
	uint64_t at = mapping->address;
	const struct range *found;

	while (at <= last && (found = rangemap_overlap(&host->mms.items[mapping->mm].areas, at, last))) {
		const struct range area = *found;

		if (!area.weight)
			mm_forget(host, mapping->mm, area.first > at ? area.first : at,
				  area.last < last ? area.last : last);
		at = area.last + 1;
	}
}

/* The pool keeps as many huge pages as a mapping has, unless it is told not to. */
static enum step_result map_reserve(struct host *host, struct op *op, struct mapping *mapping)
{
	if (!(mapping->tag & AREA_HUGE) || (op->call->args[3] & MAP_NORESERVE_BIT))
		return STEP_MORE;
	if (mapping->occupied)
		map_clear_private(host, mapping);
	if (mapping->length / mapping->unit > huge_pages_free(host))
		return refuse(op, RULE_MM_MAP_HUGE_POOL);
	mapping->tag |= AREA_RESERVED;
	return STEP_MORE;
}

/* Files and the pool are asked only when what was there has gone, and it does not come back. */
static enum step_result map_make_room(struct host *host, struct op *op, struct mapping *mapping)
{
	const uint64_t last = mapping->address + mapping->length - 1;

	if (mapping->occupied)
		hit(op, RULE_MM_MAP_REPLACES);
	if (map_ask(host, op, mapping) == STEP_MORE && map_reserve(host, op, mapping) == STEP_MORE)
		return STEP_MORE;
	if (mapping->occupied && !defect_on(host, DEFECT_REFUSED_MAP_RESTORES))
		mm_forget(host, mapping->mm, mapping->address, last);
	return STEP_DONE;
}

static enum step_result call_mmap(struct host *host, struct op *op)
{
	struct mapping mapping = {.address = op->call->args[0],
				  .length = op->call->args[1],
				  .unit = host->machine->page_size,
				  .mm = op_task(host, op)->mm,
				  .file = NOTHING};
	struct range area;

	if (map_checks(host, op, &mapping) == STEP_DONE || map_make_room(host, op, &mapping) == STEP_DONE)
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

	if (length > TASK_SIZE || !mm_range_valid(address, (length + page - 1) & ~(page - 1), page))
		return refuse(op, RULE_MM_UNMAP_RANGE);
	length = (length + page - 1) & ~(page - 1);
	if (mm_cuts_huge_page(host, mm, address, address + length - 1))
		return refuse(op, RULE_MM_HUGE_SPLIT);
	mm_forget(host, mm, address, address + length - 1);
	hit(op, RULE_MM_UNMAP);
	return finish(op, 0);
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
