/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Address spaces: what lies where, which pages exist, what is known of their contents,
 * and how many pages are charged.
 */
#include <string.h>

#include "host.h"
#include "vfiosim/uapi.h"

enum {
	PROT_READ_BIT = 1,
	PROT_WRITE_BIT = 2,
	PROT_EXEC_BIT = 4,
	MAP_SHARED_BIT = 0x01,
	MAP_PRIVATE_BIT = 0x02,
	MAP_FIXED_BIT = 0x10,
	MAP_ANONYMOUS_BIT = 0x20,
	MAP_POPULATE_BIT = 0x8000,
	MAP_HUGETLB_BIT = 0x40000,
	MAP_FIXED_NOREPLACE_BIT = 0x100000,
};

#define CONTENT_UNKNOWN 1u /* tag of a word whose value is not known */

/* User addresses end here on every kernel that is modelled with four page-table levels. */
#define TASK_SIZE 0x00007ffffffff000ull

/*
 * Forgets everything about [first, last]. An area of a device's region holds the device's file, each piece of it
 * once: one that is cut in two holds it twice, one that goes lets it go.
 */
static void mm_forget(struct host *host, uint32_t index, uint64_t first, uint64_t last)
{
	const struct range *found;

	while ((found = rangemap_overlap(&host->mms.items[index].areas, first, last))) {
		struct range area = *found;
		unsigned pieces = (area.first < first) + (area.last > last);

		rangemap_carve(&host->mms.items[index].areas, area.first > first ? area.first : first,
			       area.last < last ? area.last : last, false);
		if (area.weight && pieces == 2)
			file_get(host, AREA_FILE(area.weight));
		else if (area.weight && pieces == 0 && !defect_on(host, DEFECT_UNMAPPED_REGION_HELD))
			file_put(host, AREA_FILE(area.weight));
	}
	rangemap_carve(&host->mms.items[index].populated, first, last, false);
	rangemap_carve(&host->mms.items[index].contents, first, last, false);
}

uint32_t mm_new(struct host *host, uint32_t task)
{
	uint32_t index = table_add(&host->mms);

	host->mms.items[index].task = task;
	host->mms.items[index].users = 1;
	host->mms.items[index].next_address = 0x7f0000000000ull;
	return index;
}

uint32_t mm_fork(struct host *host, uint32_t parent, uint32_t task)
{
	uint32_t index = mm_new(host, task);
	struct mm *mm = &host->mms.items[index];
	const struct mm *from = &host->mms.items[parent];

	rangemap_copy(&mm->areas, &from->areas);
	rangemap_copy(&mm->populated, &from->populated);
	rangemap_copy(&mm->contents, &from->contents);
	mm->next_address = from->next_address;
	if (defect_on(host, DEFECT_FORK_COPIES_CHARGE))
		mm->locked = from->locked;
	for (const struct range *area = rangemap_from(&mm->areas, 0); area;
	     area = rangemap_from(&mm->areas, area->last + 1))
		if (area->weight)
			file_get(host, AREA_FILE(area->weight));
	return index;
}

void mm_put_user(struct host *host, uint32_t index)
{
	struct mm *mm = &host->mms.items[index];

	if (--mm->users)
		return;
	/* What VFIO charged goes with the address space: nobody is left to be charged. */
	if (!defect_on(host, DEFECT_EXIT_KEEPS_CHARGE))
		mm->locked = mm->leaked = 0;
	mm->locked_by_program = 0;
	mm_forget(host, index, 0, UINT64_MAX);
}

uint64_t mm_reach(const struct host *host, uint32_t index, uint64_t address, uint64_t length, uint32_t prot)
{
	const struct mm *mm = &host->mms.items[index];
	uint64_t reached = 0;

	while (reached < length) {
		const struct range *area = rangemap_at(&mm->areas, address + reached);

		if (!area || !(AREA_PROT(area->tag) & prot))
			return reached;
		if (area->last - (address + reached) >= length - reached - 1)
			return length;
		reached = area->last - address + 1;
	}
	return length;
}

bool mm_accessible(const struct host *host, uint32_t index, uint64_t address, uint64_t length, uint32_t prot)
{
	return mm_reach(host, index, address, length, prot) == length;
}

/* Pages of a readable private area from @first to @last that are more than the shared zero page. */
static uint64_t private_pages(const struct host *host, const struct mm *mm, uint64_t first, uint64_t last)
{
	return rangemap_covered(&mm->populated, first, last) / host->machine->page_size;
}

/* Whether an area can be brought in: a device's region cannot while the device does not decode memory. */
static bool region_decoded(const struct host *host, const struct range *area)
{
	return AREA_KIND(area->tag) != AREA_DEVICE || defect_on(host, DEFECT_PIN_REGION_OFF) ||
	       host->devices.items[host->files.items[AREA_FILE(area->weight)].object].memory_enabled;
}

struct pin mm_pin(struct host *host, uint32_t index, uint64_t vaddr, uint64_t size, bool write, uint64_t room)
{
	struct mm *mm = &host->mms.items[index];
	const uint64_t page = host->machine->page_size;
	const bool real = write || profile_get(host, PROFILE_READONLY_PIN_GETS_REAL_PAGES);
	const uint64_t batch = (uint64_t)profile_get(host, PROFILE_PIN_BATCH);
	const uint32_t needed = write && !defect_on(host, DEFECT_PIN_READ_ONLY) ? PROT_WRITE_BIT : PROT_READ_BIT;
	struct pin pin = {0};
	uint64_t address = vaddr, left = size, present = 0;

	if (defect_on(host, DEFECT_PIN_FORGETS_LAST))
		left -= page;
	/* Area by area, in the order of addresses, because the first thing that fails decides. */
	while (left) {
		const struct range *area = rangemap_at(&mm->areas, address);
		uint64_t length, pages, charge;

		if (!area || !(AREA_PROT(area->tag) & needed) || !region_decoded(host, area)) {
			pin.error = -LINUX_EFAULT;
			break;
		}
		length = area->last - address + 1 < left ? area->last - address + 1 : left;
		pages = length / page;
		if (AREA_KIND(area->tag) == AREA_DEVICE && !defect_on(host, DEFECT_PIN_CHARGES_REGION))
			charge = 0;
		else if (AREA_KIND(area->tag) == AREA_PRIVATE && !real)
			charge = private_pages(host, mm, address, address + length - 1);
		else
			charge = pages;
		if (charge > room - pin.charged) {
			uint64_t refused = address - vaddr + (room - pin.charged) * page;

			/* The batch with the first page too many was brought in as a whole. */
			present = (refused / page / batch + 1) * batch * page;
			if (present > address - vaddr + length)
				present = address - vaddr + length;
			pin.error = -LINUX_ENOMEM;
			break;
		}
		pin.charged += charge;
		present += length;
		address += length;
		left -= length;
	}
	if (real) {
		for (address = vaddr; address - vaddr < present;) {
			const struct range *area = rangemap_at(&mm->areas, address);
			uint64_t last = area->last < vaddr + present - 1 ? area->last : vaddr + present - 1;

			if (AREA_KIND(area->tag) == AREA_PRIVATE)
				rangemap_cover(&mm->populated, address, last);
			if (last == UINT64_MAX)
				break;
			address = last + 1;
		}
	}
	if (pin.error)
		pin.charged = 0;
	return pin;
}

bool mm_bring_in(struct host *host, uint32_t index, uint64_t address, uint64_t pages, bool write)
{
	struct mm *mm = &host->mms.items[index];
	const uint64_t page = host->machine->page_size;

	/* The memory may have gone with the last task that had it. */
	if (!mm->users)
		return false;
	while (pages) {
		const struct range *area = rangemap_at(&mm->areas, address);
		uint64_t here;

		if (!area || !(AREA_PROT(area->tag) & (write ? PROT_WRITE_BIT : PROT_READ_BIT)) ||
		    AREA_KIND(area->tag) == AREA_DEVICE)
			return false;
		here = (area->last - address + 1) / page;
		here = here < pages ? here : pages;
		if (AREA_KIND(area->tag) == AREA_PRIVATE)
			rangemap_cover(&mm->populated, address, address + here * page - 1);
		address += here * page;
		pages -= here;
	}
	return true;
}

/* The known value of the word at @address, which is a multiple of 8; false if it is not known. */
static bool word_get(const struct mm *mm, uint64_t address, uint64_t *value)
{
	const struct range *word = rangemap_at(&mm->contents, address);

	*value = word ? word->value : 0;
	if (word)
		return word->tag != CONTENT_UNKNOWN;
	/* Anonymous memory that nobody wrote is zero; shared memory may have other writers. */
	word = rangemap_at(&mm->areas, address);
	return word && AREA_KIND(word->tag) == AREA_PRIVATE;
}

void mm_load(struct host *host, uint32_t index, uint64_t address, uint8_t *bytes, uint8_t *mask, uint32_t length)
{
	const struct mm *mm = &host->mms.items[index];

	for (uint32_t i = 0; i < length; i++) {
		uint64_t value;
		bool known = word_get(mm, (address + i) & ~7ull, &value);

		bytes[i] = (uint8_t)(value >> 8 * ((address + i) & 7));
		mask[i] = known ? 0xff : 0;
	}
}

/* Private memory that somebody writes exists from then on. */
static void mm_written(struct host *host, uint32_t index, uint64_t address, uint64_t length)
{
	struct mm *mm = &host->mms.items[index];
	const uint64_t in_page = host->machine->page_size - 1;
	uint64_t first = address & ~in_page, last = (address + length - 1) | in_page;
	const struct range *area;

	while ((area = rangemap_overlap(&mm->areas, first, last))) {
		if (AREA_KIND(area->tag) == AREA_PRIVATE)
			rangemap_cover(&mm->populated, area->first > first ? area->first : first,
				       area->last < last ? area->last : last);
		if (area->last >= last)
			break;
		first = area->last + 1;
	}
}

void mm_store(struct host *host, uint32_t index, uint64_t address, const uint8_t *bytes, bool known, uint32_t length)
{
	struct mm *mm = &host->mms.items[index];

	if (!length)
		return;
	for (uint32_t i = 0; i < length;) {
		struct range word = {.first = (address + i) & ~7ull};
		bool whole = known;

		word.last = word.first + 7;
		if (!word_get(mm, word.first, &word.value) && !(address + i == word.first && length - i >= 8))
			whole = false;
		do {
			unsigned shift = 8 * (unsigned)((address + i) & 7);

			word.value = (word.value & ~(0xffull << shift)) | (uint64_t)(known ? bytes[i] : 0) << shift;
			i++;
		} while (i < length && ((address + i) & 7));
		word.tag = whole ? 0 : CONTENT_UNKNOWN;
		rangemap_carve(&mm->contents, word.first, word.last, false);
		rangemap_insert(&mm->contents, &word);
	}
	mm_written(host, index, address, length);
}

void mm_fill(struct host *host, uint32_t index, uint64_t address, uint64_t word, bool known, uint64_t length)
{
	struct mm *mm = &host->mms.items[index];
	uint32_t lead = (uint32_t)(-address & 7), rest;
	struct range middle = {.first = address + lead, .value = word, .tag = known ? 0 : CONTENT_UNKNOWN};
	uint8_t bytes[8];

	if (lead > length)
		lead = (uint32_t)length;
	bytes_put(bytes, sizeof(bytes), word);
	mm_store(host, index, address, bytes, known, lead);
	/* Words in memory begin with another byte of the pattern than the pattern does. */
	if (lead)
		middle.value = word >> 8 * lead | word << (64 - 8 * lead);
	rest = (uint32_t)((length - lead) & 7);
	if (length - lead > rest) {
		middle.last = address + length - rest - 1;
		rangemap_carve(&mm->contents, middle.first, middle.last, false);
		rangemap_insert(&mm->contents, &middle);
		mm_written(host, index, middle.first, middle.last - middle.first + 1);
	}
	bytes_put(bytes, sizeof(bytes), middle.value);
	mm_store(host, index, address + length - rest, bytes, known, rest);
}

static bool range_valid(const struct host *host, uint64_t address, uint64_t length)
{
	return length && !(address & (host->machine->page_size - 1)) && address < TASK_SIZE &&
	       length <= TASK_SIZE - address;
}

/* Where a mapping goes that has no fixed place: where it was observed if that is free, else below the last one. */
static uint64_t mm_place(struct host *host, struct op *op, struct mm *mm, uint64_t length)
{
	uint64_t wish = op->choice ? (uint64_t)op->choice->ret : 0;

	if (op->choice && op->choice->ret > 0 && range_valid(host, wish, length) &&
	    !rangemap_overlap(&mm->areas, wish, wish + length - 1))
		return wish;
	wish = mm->next_address;
	while (wish > length) {
		const struct range *area = rangemap_overlap(&mm->areas, wish - length, wish - 1);

		if (!area) {
			mm->next_address = wish - length;
			return wish - length;
		}
		wish = area->first;
	}
	return 0;
}

/* What an mmap would be made of, or why it cannot be made; @file is NOTHING for anonymous memory. */
static enum step_result map_kind(struct host *host, struct op *op, uint32_t file, enum area_kind *kind)
{
	const uint64_t flags = op->call->args[3], sharing = flags & (MAP_SHARED_BIT | MAP_PRIVATE_BIT);
	enum step_result result;

	if (file == NOTHING) {
		if (sharing != MAP_SHARED_BIT && sharing != MAP_PRIVATE_BIT)
			return refuse(op, RULE_MM_MAP_SHARING);
		*kind = sharing == MAP_PRIVATE_BIT && !(flags & MAP_HUGETLB_BIT) ? AREA_PRIVATE : AREA_SHARED;
		return STEP_MORE;
	}
	if (host->files.items[file].kind == FILE_CONTAINER || host->files.items[file].kind == FILE_GROUP ||
	    host->files.items[file].kind == FILE_IOMMUFD) {
		uint32_t mode = host->files.items[file].flags & ACCESS_MODE;

		if (!sharing)
			return refuse(op, RULE_MM_MAP_SHARING);
		if (mode == ACCESS_WRITE_ONLY ||
		    ((sharing & MAP_SHARED_BIT) && mode == ACCESS_READ_ONLY && (op->call->args[2] & PROT_WRITE_BIT)))
			return refuse(op, RULE_MM_MAP_ACCESS);
		if (host->files.items[file].kind == FILE_CONTAINER)
			return refuse_as(op, RULE_FD_NO_MMAP, profile_get(host, PROFILE_CONTAINER_MMAP));
		if (host->files.items[file].kind == FILE_IOMMUFD)
			return iommufd_mmap(host, op, file);
		return refuse(op, RULE_FD_NO_MMAP);
	}
	if (host->files.items[file].kind != FILE_DEVICE || !sharing)
		return unmodelled(host, op);
	op->file = file;
	result = device_mmap(host, op);
	op->file = NOTHING;
	*kind = AREA_DEVICE;
	return op->outcome->ret ? result : STEP_MORE;
}

static enum step_result call_mmap(struct host *host, struct op *op)
{
	const uint64_t page = host->machine->page_size, flags = op->call->args[3];
	const bool fixed = flags & (MAP_FIXED_BIT | MAP_FIXED_NOREPLACE_BIT);
	uint64_t address = op->call->args[0], length = op->call->args[1];
	uint32_t mm = op_task(host, op)->mm, file = NOTHING;
	const struct rangemap *areas = &host->mms.items[mm].areas;
	enum area_kind kind = AREA_PRIVATE;
	struct range area;
	bool occupied;

	if (op->call->args[5] & (page - 1))
		return refuse(op, RULE_MM_MAP_OFFSET);
	if (!(flags & MAP_ANONYMOUS_BIT)) {
		file = task_file(op_task(host, op), (int32_t)op->call->args[4]);
		if (file == NOTHING)
			return refuse(op, RULE_FD_NOT_OPEN);
	}
	if (!length)
		return refuse(op, RULE_MM_MAP_EMPTY);
	if (length > TASK_SIZE)
		return refuse(op, RULE_MM_MAP_TOO_LONG);
	length = (length + page - 1) & ~(page - 1);
	if (fixed && (address & (page - 1)))
		return refuse(op, RULE_MM_MAP_FIXED_ALIGN);
	if (fixed && !range_valid(host, address, length))
		return refuse(op, RULE_MM_MAP_TOO_LONG);
	occupied = fixed && rangemap_overlap(areas, address, address + length - 1);
	if (occupied && (flags & MAP_FIXED_NOREPLACE_BIT))
		return refuse(op, RULE_MM_MAP_OCCUPIED);
	if (map_kind(host, op, file, &kind) == STEP_DONE)
		/* A device refuses only after what was there is gone, or is put back: kernels differ. */
		return occupied && kind == AREA_DEVICE ? unmodelled(host, op) : STEP_DONE;
	if (!fixed)
		address = mm_place(host, op, &host->mms.items[mm], length);
	if (!address)
		return refuse(op, RULE_MM_MAP_TOO_LONG);
	if (file != NOTHING)
		file_get(host, file);
	mm_forget(host, mm, address, address + length - 1);
	area = (struct range){.first = address,
			      .last = address + length - 1,
			      .weight = file == NOTHING ? 0 : AREA_HOLDS(file),
			      .tag = AREA_TAG(kind, op->call->args[2] & 7),
			      .serial = (uint32_t)++host->serial};
	rangemap_insert(&host->mms.items[mm].areas, &area);
	if ((flags & MAP_POPULATE_BIT) && kind == AREA_PRIVATE && (AREA_PROT(area.tag) & PROT_WRITE_BIT))
		rangemap_cover(&host->mms.items[mm].populated, area.first, area.last);
	hit(op, RULE_MM_MAP);
	return finish(op, (int64_t)address);
}

static enum step_result call_munmap(struct host *host, struct op *op)
{
	const uint64_t page = host->machine->page_size;
	uint64_t address = op->call->args[0], length = op->call->args[1];

	if (length > TASK_SIZE || !range_valid(host, address, (length + page - 1) & ~(page - 1)))
		return refuse(op, RULE_MM_UNMAP_RANGE);
	length = (length + page - 1) & ~(page - 1);
	mm_forget(host, op_task(host, op)->mm, address, address + length - 1);
	hit(op, RULE_MM_UNMAP);
	return finish(op, 0);
}

static enum step_result call_mprotect(struct host *host, struct op *op)
{
	const uint64_t page = host->machine->page_size;
	struct mm *mm = &host->mms.items[op_task(host, op)->mm];
	uint64_t address = op->call->args[0], length = op->call->args[1], last;

	if (address & (page - 1))
		return refuse(op, RULE_MM_PROTECT_ALIGN);
	hit(op, RULE_MM_PROTECT);
	if (!length)
		return finish(op, 0);
	if (length > TASK_SIZE)
		return refuse(op, RULE_MM_PROTECT_HOLE);
	length = (length + page - 1) & ~(page - 1);
	last = address + length - 1;
	/* The kernel changes area after area and stops at the first hole; what it has changed stays changed. */
	while (address <= last) {
		const struct range *found = rangemap_at(&mm->areas, address);
		struct range area;

		if (!found)
			return refuse(op, RULE_MM_PROTECT_HOLE);
		area = *found;
		if (AREA_KIND(area.tag) == AREA_DEVICE)
			return unmodelled(host, op);
		area.first = address;
		area.last = area.last < last ? area.last : last;
		area.tag = AREA_TAG(AREA_KIND(area.tag), op->call->args[2] & 7);
		rangemap_carve(&mm->areas, area.first, area.last, false);
		rangemap_insert(&mm->areas, &area);
		address = area.last + 1;
	}
	return finish(op, 0);
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

static enum step_result call_poke(struct host *host, struct op *op)
{
	uint32_t mm = op_task(host, op)->mm;
	const struct buffer *bytes = &op->call->buffers[0];
	uint32_t length = op->call->buffer_count ? bytes->length : 0;

	if (mm_touches_device(host, mm, op->call->args[0], length))
		return unmodelled(host, op);
	if (!mm_accessible(host, mm, op->call->args[0], length, PROT_WRITE_BIT))
		return refuse(op, RULE_MM_FAULT);
	if (length)
		mm_store(host, mm, op->call->args[0], bytes->in, true, length);
	hit(op, RULE_MM_STORE);
	return finish(op, length);
}

static enum step_result call_peek(struct host *host, struct op *op)
{
	uint32_t mm = op_task(host, op)->mm;
	uint64_t address = op->call->args[0];
	uint32_t length = op->call->buffer_count ? op->call->buffers[0].length : 0;
	uint8_t word[64], mask[64];

	if (mm_touches_device(host, mm, address, length))
		return unmodelled(host, op);
	/* Memory that may be written may be read, whatever it says: page tables know no other way. */
	if (!mm_accessible(host, mm, address, length, PROT_READ_BIT | PROT_WRITE_BIT))
		return refuse(op, RULE_MM_FAULT);
	for (uint32_t at = 0; at < length;) {
		uint32_t part = length - at < sizeof(word) ? length - at : (uint32_t)sizeof(word);

		mm_load(host, mm, address + at, word, mask, part);
		user_write(host, op, 0, at, word, part);
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
	case CALL_MMAP:
		return call_mmap;
	case CALL_MUNMAP:
		return call_munmap;
	case CALL_MPROTECT:
		return call_mprotect;
	case CALL_POKE:
		return call_poke;
	case CALL_PEEK:
		return call_peek;
	default:
		return NULL;
	}
}
