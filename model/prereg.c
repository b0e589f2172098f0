/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Preregistered memory: with the second version of sPAPR, what may be mapped is pinned and charged beforehand.
 *
 * Regions belong to an address space, where they do not overlap: value counts the instances that have registered it,
 * weight the table entries that refer to it, tag is the size of its own pages (as a shift), as far as the kernel knows
 * it. Each instance remembers which regions it has registered, to let go of them in the end.
 */
#include "spapr.h"

/* Pages of a region that the kernel pins at a time. */
#define PIN_CHUNK (UINT64_C(1) << 21)

/* Bytes that the kernel keeps for each page of a region. */
enum { BYTES_PER_PAGE = 8 };

static struct range *region_at(struct host *host, uint32_t mm, uint64_t address)
{
	return rangemap_edit_at(&host->mms.items[mm].regions, address);
}

/* How much of a region is of huge pages from @address on, up to @bytes. */
static uint64_t huge_from(const struct host *host, uint32_t mm, uint64_t address, uint64_t bytes)
{
	const struct range *run;
	uint64_t done = 0;

	while (done < bytes && (run = rangemap_at(&host->mms.items[mm].table, address + done)) &&
	       IOTABLE_KIND(run->tag) == RUN_MEMORY && frames_huge(host, run->value))
		done = run->last - address + 1;
	return done < bytes ? done : bytes;
}

/* How much of a region can be mapped from @address on by pages of that size, were all of it of large enough ones. */
static uint64_t said_usable(const struct host *host, uint32_t mm, uint64_t address, uint32_t page_shift)
{
	const struct range *region = rangemap_at(&host->mms.items[mm].regions, address);

	if (!region || (region->tag < page_shift && !defect_on(host, DEFECT_TCE_MAP_SMALL_PAGES)))
		return 0;
	return (region->last - address + 1) >> page_shift << page_shift;
}

uint64_t prereg_usable(const struct host *host, uint32_t mm, uint64_t address, uint32_t page_shift, uint64_t count)
{
	uint64_t bytes = said_usable(host, mm, address, page_shift);

	if (bytes >> page_shift > count)
		bytes = count << page_shift;
	if (UINT64_C(1) << page_shift > host->machine->page_size && !defect_on(host, DEFECT_TCE_MAP_SMALL_PAGES))
		bytes = huge_from(host, mm, address, bytes);
	return bytes >> page_shift;
}

bool prereg_too_small(const struct host *host, uint32_t mm, uint64_t address, uint32_t page_shift)
{
	return said_usable(host, mm, address, page_shift) && !prereg_usable(host, mm, address, page_shift, 1);
}

void prereg_mapped(struct host *host, uint32_t mm, uint64_t address, int64_t pages)
{
	struct range *region = region_at(host, mm, address);

	region->weight += (uint64_t)pages;
}

/* One instance less has the region, to which no entry refers; without any, its memory is given back. */
static void region_put(struct host *host, uint32_t mm, uint64_t first)
{
	struct range *region = region_at(host, mm, first);

	if (--region->value)
		return;
	/* An address space that is gone took its charges along. */
	if (host->mms.items[mm].users && !defect_on(host, DEFECT_TCE_UNREGISTER_KEEPS_CHARGE))
		host->mms.items[mm].locked -= (region->last - region->first + 1) / host->machine->page_size;
	iotable_unpin(host, &host->mms.items[mm].table, first, region->last);
	rangemap_remove(&host->mms.items[mm].regions, first);
}

void prereg_release(struct host *host, struct spapr *spapr)
{
	const struct range *mine;

	while ((mine = rangemap_from(&spapr->registered, 0))) {
		region_put(host, spapr->mm, mine->first);
		rangemap_remove(&spapr->registered, mine->first);
	}
}

/* ---- REGISTER_MEMORY ------------------------------------------------------------------------- */

/*
 * The size of the pages that the region is taken to be made of: the host's, unless it begins with a huge page. What
 * comes behind the first huge page is not looked at any more.
 */
static uint32_t page_shift_of(const struct host *host, uint32_t mm, uint64_t first, uint64_t size)
{
	const bool huge = rangemap_at(&host->mms.items[mm].areas, first)->tag & AREA_HUGE;
	const uint64_t bits = (huge ? host->machine->hugepage_size : host->machine->page_size) | first | size;
	uint32_t shift = 0;

	while (!(bits >> shift & 1))
		shift++;
	return shift;
}

/* A region that nobody has registered yet: charged, pinned, and only then compared with others. */
static enum step_result region_new(struct host *host, struct op *op,
				   const struct vfio_iommu_spapr_register_memory *wanted)
{
	const uint32_t mm = op_task(host, op)->mm;
	const uint64_t pages = wanted->size / host->machine->page_size;
	struct range region = {.first = wanted->vaddr, .last = wanted->vaddr + wanted->size - 1, .value = 1};
	uint64_t pinned, in_chunk;

	if (!pages && complain(host, op, RULE_TCE_REGISTER_EMPTY, true) == STEP_DONE)
		return STEP_DONE;
	if (!spapr_charge(host, op, pages))
		return refuse(op, RULE_TCE_REGISTER_LIMIT);
	if (!pages)
		return refuse(op, RULE_TCE_REGISTER_EMPTY);
	host->mms.items[mm].locked -= pages;
	/* Without memory for its list of pages the kernel complains, or looks for some at everybody's expense. */
	if (pages > host->machine->memory / 4 / BYTES_PER_PAGE)
		return unmodelled(host, op);
	if (mm_bring_in_hangs(host, mm, region.first, region.last, false))
		return complain(host, op, RULE_MM_HUGE_PART, true);
	pinned = spapr_bring_in(host, mm, wanted->vaddr, pages);
	if (pinned < pages && defect_on(host, DEFECT_TCE_REGISTER_FAILURE_CHARGED))
		host->mms.items[mm].locked += pages;
	in_chunk = pinned % PIN_CHUNK;
	if (pinned < pages && in_chunk)
		return refuse_as(op, RULE_TCE_REGISTER_PART, (int64_t)in_chunk);
	if (pinned < pages)
		return refuse(op, RULE_TCE_REGISTER_MEMORY);
	if (rangemap_overlap(&host->mms.items[mm].regions, region.first, region.last)) {
		if (defect_on(host, DEFECT_TCE_REGISTER_OVERLAP_CHARGED))
			host->mms.items[mm].locked += pages;
		return refuse(op, RULE_TCE_REGISTER_OVERLAP);
	}
	host->mms.items[mm].locked += pages;
	region.tag = page_shift_of(host, mm, wanted->vaddr, wanted->size);
	region.serial = (uint32_t)++host->serial;
	rangemap_insert(&host->mms.items[mm].regions, &region);
	spapr_pin(host, &host->mms.items[mm].table, mm, region.first, region.first, pages);
	return STEP_MORE;
}

/* Whether a range is just what the region at its start is. */
static bool is_region(const struct range *region, const struct vfio_iommu_spapr_register_memory *wanted)
{
	return region && region->first == wanted->vaddr && region->last == wanted->vaddr + wanted->size - 1;
}

enum step_result spapr_register_memory(struct host *host, struct op *op)
{
	static const struct spapr_argument argument = {
	    .fault = RULE_TCE_REGISTER_FAULT, .argsz = RULE_TCE_REGISTER_ARGSZ, .flags = RULE_TCE_REGISTER_FLAGS};
	const uint64_t in_page = host->machine->page_size - 1;
	struct vfio_iommu_spapr_register_memory wanted;
	struct range *region, mine;
	struct spapr *spapr;

	if (spapr_begin_v2(host, op, &wanted, &argument) == STEP_DONE)
		return STEP_DONE;
	spapr = op_spapr(host, op);
	if (((wanted.vaddr | wanted.size) & in_page) || wanted.vaddr + wanted.size < wanted.vaddr)
		return refuse(op, RULE_TCE_REGISTER_RANGE);
	region = region_at(host, spapr->mm, wanted.vaddr);
	if (!wanted.size || !is_region(region, &wanted)) {
		if (region_new(host, op, &wanted) == STEP_DONE)
			return STEP_DONE;
	} else {
		if (rangemap_at(&spapr->registered, wanted.vaddr))
			return defect_on(host, DEFECT_TCE_REGISTER_AGAIN) ? finish(op, 0)
									  : refuse(op, RULE_TCE_REGISTER_AGAIN);
		region->value++;
		if (defect_on(host, DEFECT_TCE_REGISTER_SHARED_CHARGED))
			host->mms.items[spapr->mm].locked += wanted.size / host->machine->page_size;
		hit(op, RULE_TCE_REGISTER_SHARED);
	}
	mine = (struct range){.first = wanted.vaddr, .last = wanted.vaddr + wanted.size - 1};
	rangemap_insert(&spapr->registered, &mine);
	spapr->enabled = true;
	hit(op, RULE_TCE_REGISTER);
	return finish(op, 0);
}

/* ---- UNREGISTER_MEMORY ----------------------------------------------------------------------- */

enum step_result spapr_unregister_memory(struct host *host, struct op *op)
{
	static const struct spapr_argument argument = {
	    .fault = RULE_TCE_UNREGISTER_FAULT, .argsz = RULE_TCE_UNREGISTER_ARGSZ, .flags = RULE_TCE_UNREGISTER_FLAGS};
	const uint64_t in_page = host->machine->page_size - 1;
	struct vfio_iommu_spapr_register_memory wanted;
	const struct range *region;
	struct spapr *spapr;

	if (spapr_enter_version(host, op, true) == STEP_DONE)
		return STEP_DONE;
	spapr = op_spapr(host, op);
	if (spapr->mm == NOTHING)
		return refuse(op, RULE_TCE_UNREGISTER_NOTHING);
	if (spapr_load(host, op, &wanted, &argument) == STEP_DONE)
		return STEP_DONE;
	if ((wanted.vaddr | wanted.size) & in_page)
		return refuse(op, RULE_TCE_UNREGISTER_ALIGN);
	region = rangemap_at(&host->mms.items[spapr->mm].regions, wanted.vaddr);
	if (defect_on(host, DEFECT_TCE_UNREGISTER_BY_START) && region && region->first == wanted.vaddr)
		wanted.size = region->last - region->first + 1;
	if (!wanted.size || !is_region(region, &wanted) || !rangemap_at(&spapr->registered, wanted.vaddr))
		return refuse(op, RULE_TCE_UNREGISTER_MISSING);
	if (region->weight && defect_on(host, DEFECT_TCE_UNREGISTER_BUSY))
		return refuse_as(op, RULE_TCE_UNREGISTER_MAPPED, -LINUX_EBUSY);
	if (region->value == 1 && region->weight) {
		/* The instance forgets it, the address space keeps it for good, and misses it when it ends. */
		if (complain(host, op, RULE_TCE_UNREGISTER_MAPPED, true) == STEP_DONE)
			return STEP_DONE;
	} else {
		region_put(host, spapr->mm, wanted.vaddr);
		hit(op, RULE_TCE_UNREGISTER);
	}
	rangemap_remove(&spapr->registered, wanted.vaddr);
	return finish(op, 0);
}
