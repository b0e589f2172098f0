/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * sPAPR mappings: MAP_DMA and UNMAP_DMA put entries into the table of a window, and empty them.
 *
 * Entries are put one after the other. What was there is replaced; when one cannot be put, those before it are
 * emptied, whatever they were before the call.
 */
#include "spapr.h"

/* So many entries are emptied in a time that somebody waits for. */
#define ENTRIES_IN_REASON (UINT64_C(1) << 24)

/* One region after the other is referred to by so many entries less. */
static void let_go_of_regions(struct host *host, const struct spapr *spapr, const struct tce_table *table,
			      const struct range *run)
{
	uint64_t user = run->value, left = (run->last - run->first + 1) >> table->page_shift, part;

	while ((part = prereg_usable(host, spapr->mm, user, table->page_shift, left))) {
		prereg_mapped(host, spapr->mm, user, -(int64_t)part);
		user += part << table->page_shift;
		left -= part;
	}
}

/* Lets go of what entries hold, which are to be emptied or replaced. */
static void let_go(struct host *host, struct spapr *spapr, const struct tce_table *table, uint64_t address,
		   uint64_t last)
{
	uint64_t from = address;
	struct range run;

	while (spapr->v2 && !defect_on(host, DEFECT_TCE_USE_STAYS) && tce_table_find(table, from, last, &run)) {
		let_go_of_regions(host, spapr, table, &run);
		if (run.last == last)
			break;
		from = run.last + 1;
	}
	if (!spapr->v2 && !defect_on(host, DEFECT_TCE_PAGE_STAYS))
		iotable_unpin(host, &spapr->table, address, last);
}

void spapr_clear(struct host *host, struct spapr *spapr, struct tce_table *table, uint64_t address, uint64_t count)
{
	if (!count)
		return;
	let_go(host, spapr, table, address, address + (count << table->page_shift) - 1);
	tce_table_clear(table, address, count);
}

/*
 * How many of @count pages from @user on may be mapped, one after the other. Those that the first version pins are
 * brought in, and so is one that has no place in the window any more.
 */
static uint64_t usable(struct host *host, const struct spapr *spapr, const struct tce_table *table, uint64_t user,
		       uint64_t count, uint64_t fit)
{
	uint64_t done = 0, more;

	if (!spapr->v2)
		return spapr_bring_in(host, spapr->mm, user, count <= fit ? count : fit + 1);
	do {
		more =
		    prereg_usable(host, spapr->mm, user + (done << table->page_shift), table->page_shift, count - done);
		done += more;
	} while (more && done < count);
	return done;
}

/* What devices may do by an entry that is put with these flags. */
static uint32_t access_of(const struct host *host, uint32_t flags)
{
	if (defect_on(host, DEFECT_TCE_ANY_DIRECTION))
		return MAPPING_READ | MAPPING_WRITE;
	if (defect_on(host, DEFECT_TCE_DIRECTION_TURNED))
		return (flags & MAPPING_READ ? MAPPING_WRITE : 0) | (flags & MAPPING_WRITE ? MAPPING_READ : 0);
	return flags & (MAPPING_READ | MAPPING_WRITE);
}

/* Puts entries that all can be put, region by region. */
static void put(struct host *host, struct spapr *spapr, struct tce_table *table, uint64_t address, uint64_t count,
		uint64_t user, uint32_t flags)
{
	const uint32_t access = access_of(host, flags);

	if (count)
		let_go(host, spapr, table, address, address + (count << table->page_shift) - 1);
	if (!spapr->v2)
		spapr_pin(host, &spapr->table, spapr->mm, user, address, count);
	while (count) {
		uint64_t part = count;

		if (spapr->v2) {
			part = prereg_usable(host, spapr->mm, user, table->page_shift, count);
			prereg_mapped(host, spapr->mm, user, defect_on(host, DEFECT_TCE_USE_ONCE) ? 1 : (int64_t)part);
		}
		tce_table_put(table, address, part, user, access);
		address += part << table->page_shift;
		user += part << table->page_shift;
		count -= part;
	}
}

/*
 * Entries behind the window's end. A kernel looks only at where the first one lies. The hypervisor refuses the first
 * one behind, which the second version does not survive; a table of one's own has no end that anybody watches.
 */
static enum step_result map_beyond(struct host *host, struct op *op, struct spapr *spapr, struct tce_table *table,
				   const struct vfio_iommu_type1_dma_map *map)
{
	const uint64_t fit = tce_table_pages_from(table, map->iova);

	if (defect_on(host, DEFECT_TCE_MAP_CUT)) {
		put(host, spapr, table, map->iova, fit, map->vaddr, map->flags);
		return finish(op, 0);
	}
	if (host->machine->iommu != IOMMU_SPAPR_PSERIES)
		return unmodelled(host, op);
	if (spapr->v2)
		return complain(host, op, RULE_TCE_MAP_BEYOND_V2, true);
	spapr_clear(host, spapr, table, map->iova, fit);
	return refuse(op, RULE_TCE_MAP_BEYOND);
}

/* The page at @user is not mapped: the second version has not registered it, or not as pages of that size. */
static enum step_result unusable(struct host *host, struct op *op, const struct spapr *spapr,
				 const struct tce_table *table, uint64_t user)
{
	const uint64_t block = host->machine->hugepage_size;
	const struct range *area;

	if (!spapr->v2)
		return refuse(op, RULE_TCE_MAP_MEMORY);
	if (!prereg_too_small(host, spapr->mm, user, table->page_shift))
		return refuse(op, RULE_TCE_MAP_UNREGISTERED);
	/* A kernel may have put a page that is large enough where there is room for one, without being asked. */
	area = rangemap_at(&host->mms.items[spapr->mm].areas, user);
	if (!area || (area->first <= user - user % block && area->last - user >= block - 1 - user % block))
		return unmodelled(host, op);
	return refuse(op, RULE_TCE_MAP_SMALL_PAGES);
}

static enum step_result map_entries(struct host *host, struct op *op, struct spapr *spapr, struct tce_table *table,
				    const struct vfio_iommu_type1_dma_map *map)
{
	const uint64_t count = map->size >> table->page_shift, fit = tce_table_pages_from(table, map->iova);
	const uint64_t asked = (count <= fit ? count : fit + 1) << table->page_shift;
	uint64_t good;

	if (!spapr->v2 && asked && mm_bring_in_hangs(host, spapr->mm, map->vaddr, map->vaddr + asked - 1, false))
		return complain(host, op, RULE_MM_HUGE_PART, true);
	good = usable(host, spapr, table, map->vaddr, count, fit);
	if (good > fit)
		return map_beyond(host, op, spapr, table, map);
	if (good < count) {
		if (defect_on(host, DEFECT_TCE_MAP_HALF))
			put(host, spapr, table, map->iova, good, map->vaddr, map->flags);
		else
			spapr_clear(host, spapr, table, map->iova, good);
		return unusable(host, op, spapr, table, map->vaddr + (good << table->page_shift));
	}
	put(host, spapr, table, map->iova, count, map->vaddr, map->flags);
	hit(op, RULE_TCE_MAP);
	return finish(op, 0);
}

/* Whether it is too early for mappings. */
static bool not_enabled(struct host *host, const struct op *op, const struct spapr *spapr)
{
	if (spapr->enabled)
		return false;
	if (!defect_on(host, DEFECT_TCE_NOT_ENABLED))
		return true;
	spapr_adopt(host, op);
	return false;
}

/* What mapping and unmapping begin with: the argument is in @object, and the window that was pending is there. */
static enum step_result begin(struct host *host, struct op *op, void *object, const struct spapr_argument *argument)
{
	if (spapr_enter(host, op) == STEP_DONE)
		return STEP_DONE;
	if (not_enabled(host, op, op_spapr(host, op)))
		return refuse(op, RULE_TCE_NOT_ENABLED);
	if (spapr_load(host, op, object, argument) == STEP_DONE)
		return STEP_DONE;
	return spapr_default_window(host, op);
}

enum step_result spapr_map_dma(struct host *host, struct op *op)
{
	static const struct spapr_argument argument = {.fault = RULE_TCE_MAP_FAULT,
						       .argsz = RULE_TCE_MAP_ARGSZ,
						       .flags = RULE_TCE_MAP_FLAGS,
						       .known_flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE};
	struct vfio_iommu_type1_dma_map map = {0};
	struct tce_table *table;
	struct spapr *spapr;
	uint64_t in_page;

	if (begin(host, op, &map, &argument) == STEP_DONE)
		return STEP_DONE;
	spapr = op_spapr(host, op);
	table = spapr_find_window(spapr, map.iova);
	if (!table || (table->last - map.iova < tce_table_page(table) && defect_on(host, DEFECT_TCE_WINDOW_LAST_PAGE)))
		return refuse(op, RULE_TCE_MAP_NO_WINDOW);
	in_page = tce_table_page(table) - 1;
	if ((map.size & in_page && !defect_on(host, DEFECT_TCE_MAP_SIZE)) || map.vaddr & in_page)
		return refuse(op, RULE_TCE_MAP_ALIGN);
	if (!map.flags && !defect_on(host, DEFECT_TCE_MAP_NO_ACCESS))
		return refuse(op, RULE_TCE_MAP_ACCESS);
	if (defect_on(host, DEFECT_TCE_MAP_IOVA_ROUNDED))
		map.iova &= ~in_page;
	if (map.iova & in_page)
		return refuse_as(op, RULE_TCE_MAP_IOVA_ALIGN, 1);
	return map_entries(host, op, spapr, table, &map);
}

enum step_result spapr_unmap_dma(struct host *host, struct op *op)
{
	static const struct spapr_argument argument = {
	    .fault = RULE_TCE_UNMAP_FAULT, .argsz = RULE_TCE_UNMAP_ARGSZ, .flags = RULE_TCE_UNMAP_FLAGS};
	struct vfio_iommu_type1_dma_unmap unmap = {0};
	struct tce_table *table;
	struct spapr *spapr;
	uint64_t in_page, count;

	if (begin(host, op, &unmap, &argument) == STEP_DONE)
		return STEP_DONE;
	spapr = op_spapr(host, op);
	table = spapr_find_window(spapr, unmap.iova);
	if (!table)
		return refuse(op, RULE_TCE_UNMAP_NO_WINDOW);
	in_page = tce_table_page(table) - 1;
	if (unmap.size & in_page && !defect_on(host, DEFECT_TCE_UNMAP_SIZE))
		return refuse(op, RULE_TCE_UNMAP_ALIGN);
	if (unmap.iova & in_page)
		return refuse_as(op, RULE_TCE_UNMAP_IOVA_ALIGN, 1);
	count = unmap.size >> table->page_shift;
	if (count > tce_table_pages_from(table, unmap.iova)) {
		if (!profile_get(host, PROFILE_TCE_END_UNWATCHED))
			return refuse_as(op, RULE_TCE_UNMAP_BEYOND, 1);
		/* What comes behind a table of the kernel's own is other memory of the kernel. */
		if (host->machine->iommu != IOMMU_SPAPR_PSERIES || count > ENTRIES_IN_REASON)
			return unmodelled(host, op);
		count = tce_table_pages_from(table, unmap.iova);
		hit(op, RULE_TCE_UNMAP_BEYOND_UNSEEN);
	}
	spapr_clear(host, spapr, table, unmap.iova, count && defect_on(host, DEFECT_TCE_UNMAP_FIRST) ? 1 : count);
	hit(op, RULE_TCE_UNMAP);
	return finish(op, 0);
}

/*
 * The emulated hardware of a bare machine takes as many bits of an address as its table has entries for, and no others
 * but the one that tells the windows apart: what lies behind a window of one level is in it again. Interrupts have
 * their own addresses.
 */
static uint64_t as_seen(const struct host *host, const struct spapr *spapr, uint64_t iova)
{
	const bool interrupt = iova >> 16 == 0xffff, second = iova >= host->machine->tce.second_window;
	const struct tce_table *table = &spapr->tables[second];

	if (host->machine->iommu != IOMMU_SPAPR_POWERNV || iova >> 60 || interrupt || table->levels != 1)
		return iova;
	return table->first + ((iova - table->first) & (table->last - table->first));
}

enum rule spapr_translate(const struct host *host, uint32_t device, uint64_t iova, uint64_t bytes, bool write,
			  struct run *run)
{
	const struct spapr *spapr = &host->spaprs.items[host->groups.items[host->devices.items[device].group].joined];
	const struct rangemap *pages = &spapr->table;
	const struct tce_table *table = spapr->tables;
	struct range entries;
	uint64_t place, last;

	iova = as_seen(host, spapr, iova);
	place = iova;
	while (table < spapr->tables + TCE_WINDOWS && !tce_table_spans(table, iova))
		table++;
	if (table == spapr->tables + TCE_WINDOWS)
		return RULE_DMA_NO_MAPPING;
	last = table->last - iova < bytes - 1 ? table->last : iova + bytes - 1;
	if (!tce_table_find(table, iova, last, &entries) || entries.first != iova)
		return RULE_DMA_NO_MAPPING;
	bytes = entries.last - iova + 1;
	/* The second version has pinned memory by where it is, whatever is mapped of it. */
	if (spapr->v2) {
		pages = &host->mms.items[spapr->mm].table;
		place = entries.value;
	}
	if (!iotable_find(pages, &entries, place, bytes, run))
		return RULE_DMA_NO_MAPPING;
	return iommu_allows(host, MAPPING_FLAGS(entries.tag), write) ? RULE_NONE : RULE_DMA_FORBIDDEN;
}
