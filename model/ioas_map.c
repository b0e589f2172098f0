/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * MAP_DMA and UNMAP_DMA of an iommufd's address space.
 */
#include "iommufd.h"
#include "type1.h"

enum { CAPABILITY_IPC_LOCK = 14 };

#define MAP_FLAGS_ALL (VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE)

/* By pin_failure. */
static const enum rule map_rules[] = {RULE_IFD_MAP_MEMORY, RULE_IFD_MAP_ACCESS, RULE_IFD_MAP_LIMIT};

/* ---- MAP_DMA --------------------------------------------------------------------------------- */

static uint32_t pages_new(struct host *host, const struct op *op, uint32_t access)
{
	const struct task *task = op_task(host, op);
	const uint32_t index = table_take(&host->pages, areas);

	host->pages.items[index] = (struct pages){.areas = 1,
						  .mm = task->mm,
						  .task = op->task,
						  .accounted = !task_capable(task, CAPABILITY_IPC_LOCK),
						  .access = access};
	return index;
}

/* What is wrong with the numbers of a mapping, in the order in which it is found: RULE_NONE if nothing is. */
static enum rule map_check(const struct host *host, const struct ioas *ioas, const struct vfio_iommu_type1_dma_map *map)
{
	const uint64_t unit = ioas_alignment(host, ioas), last = map->iova + map->size - 1;

	const bool wraps = map->vaddr + map->size < map->vaddr;

	if (wraps && profile_get(host, PROFILE_IOMMUFD_VADDR_WRAP_FIRST))
		return RULE_IFD_MAP_VADDR_WRAP;
	if (!map->size || map->size > UINT64_MAX - host->machine->page_size)
		return RULE_IFD_MAP_SIZE;
	if (wraps)
		return RULE_IFD_MAP_VADDR_WRAP;
	if ((map->size | map->iova) & (unit - 1))
		return RULE_IFD_MAP_ALIGN;
	if (last < map->iova)
		return RULE_IFD_MAP_IOVA_WRAP;
	if (!windows_allow(&ioas->windows, map->iova, last) && !defect_on(host, DEFECT_IOMMUFD_MAP_WINDOW))
		return RULE_IFD_MAP_WINDOW;
	if (rangemap_overlap(&ioas->areas, map->iova, last))
		return RULE_IFD_MAP_OVERLAP;
	if (map->vaddr & (unit - 1))
		return RULE_IFD_MAP_VADDR_ALIGN;
	return RULE_NONE;
}

enum step_result ioas_map_dma(struct host *host, struct op *op)
{
	struct ioas *ioas = op_ioas(host, op);
	struct vfio_iommu_type1_dma_map map;
	enum pin_failure failure = PIN_DONE;
	struct range area;
	enum rule rule;

	if (user_load_argsz(op, &map, sizeof(map), RULE_IFD_MAP_FAULT, RULE_IFD_MAP_ARGSZ) == STEP_DONE)
		return STEP_DONE;
	if ((map.flags & ~(uint32_t)MAP_FLAGS_ALL) || (!map.flags && defect_on(host, DEFECT_IOMMUFD_MAP_ACCESS)))
		return refuse(op, RULE_IFD_MAP_FLAGS);
	if (!ioas)
		return refuse(op, RULE_IFD_MAP_NO_IOAS);
	rule = map_check(host, ioas, &map);
	if (rule != RULE_NONE)
		return refuse(op, rule);
	if (ioas->attached && !map.flags && profile_get(host, PROFILE_IOMMUFD_NO_ACCESS_WARNS))
		return unmodelled(host, op);
	area = (struct range){.first = map.iova,
			      .last = map.iova + map.size - 1,
			      .value = map.vaddr,
			      .tag = pages_new(host, op, map.flags)};
	if (ioas->attached)
		failure = ioas_area_pin(host, ioas, &area);
	if (failure != PIN_DONE) {
		host->pages.items[area.tag].areas = 0;
		return refuse(op, map_rules[failure]);
	}
	rangemap_insert(&ioas->areas, &area);
	hit(op, RULE_IFD_MAP);
	return finish(op, 0);
}

/* ---- UNMAP_DMA ------------------------------------------------------------------------------- */

/* Cuts the area around @iova in two behind it. False when it would be in the middle of a page. */
static bool area_cut(struct host *host, struct op *op, struct ioas *ioas, uint64_t iova)
{
	const uint64_t page = host->machine->page_size;
	const struct range *found = rangemap_at(&ioas->areas, iova);
	struct range left, right;

	/* There is nothing to cut behind the last byte; behind the first one nobody ever tried. */
	if (!found || iova == found->first || iova == found->last)
		return true;
	if (((iova + 1) & (ioas_alignment(host, ioas) - 1)) || rangemap_overlap(&ioas->held, found->first, found->last))
		return false;
	left = right = *found;
	left.last = iova;
	right.first = iova + 1;
	right.value = left.value + (right.first - left.first);
	right.place = left.place ? left.place + (right.first - left.first) : 0;
	if (ioas->attached) {
		left.weight = (left.last - left.first + 1) / page;
		right.weight -= left.weight;
	}
	rangemap_remove(&ioas->areas, left.first);
	rangemap_insert(&ioas->areas, &left);
	rangemap_insert(&ioas->areas, &right);
	host->pages.items[left.tag].areas++;
	hit(op, RULE_IFD_UNMAP_CUT);
	return true;
}

/* Removes what lies in the range, area by area, up to one that reaches over an end. */
static enum rule unmap_range(struct host *host, struct op *op, struct ioas *ioas, uint64_t first, uint64_t last,
			     uint64_t *unmapped)
{
	const struct range *area;

	while ((area = rangemap_overlap(&ioas->areas, first, last))) {
		struct range gone = *area;

		if (gone.first < first || gone.last > last)
			return RULE_IFD_UNMAP_BISECT;
		if (rangemap_overlap(&ioas->held, gone.first, gone.last)) {
			pinners_let_go_of(host, (uint32_t)(ioas - host->ioases.items), gone.first, gone.last);
			hit(op, RULE_IFD_UNMAP_PINNED);
		}
		ioas_area_remove(host, ioas, gone.first);
		*unmapped += gone.last - gone.first + 1;
	}
	return *unmapped ? RULE_IFD_UNMAP : RULE_IFD_UNMAP_NOTHING;
}

/* A range, not all: what became of it. The end is cut first, and stays cut whatever becomes of the rest. */
static enum rule unmap_some(struct host *host, struct op *op, const struct vfio_iommu_type1_dma_unmap *unmap,
			    uint64_t *unmapped)
{
	struct ioas *ioas = op_ioas(host, op);
	uint64_t last = unmap->iova + unmap->size - 1;

	if ((ioas->small_pages || defect_on(host, DEFECT_IOMMUFD_CUTS_ALWAYS)) &&
	    (!area_cut(host, op, ioas, last) || (unmap->iova && !area_cut(host, op, ioas, unmap->iova - 1))))
		return RULE_IFD_UNMAP_CUT_ALIGN;
	if (!unmap->size)
		return RULE_IFD_UNMAP_EMPTY;
	if (last < unmap->iova)
		return RULE_IFD_UNMAP_WRAP;
	return unmap_range(host, op, ioas, unmap->iova, last, unmapped);
}

enum step_result ioas_unmap_dma(struct host *host, struct op *op)
{
	struct ioas *ioas = op_ioas(host, op);
	struct vfio_iommu_type1_dma_unmap unmap;
	uint64_t unmapped = 0;
	enum rule rule;

	if (user_load_argsz(op, &unmap, sizeof(unmap), RULE_IFD_UNMAP_FAULT, RULE_IFD_UNMAP_ARGSZ) == STEP_DONE)
		return STEP_DONE;
	if (unmap.flags & ~(uint32_t)VFIO_DMA_UNMAP_FLAG_ALL)
		return refuse(op, RULE_IFD_UNMAP_FLAGS);
	if (!ioas)
		return refuse(op, RULE_IFD_UNMAP_NO_IOAS);
	if (unmap.flags & VFIO_DMA_UNMAP_FLAG_ALL) {
		if (unmap.iova || unmap.size)
			return refuse(op, RULE_IFD_UNMAP_ALL_RANGE);
		rule = unmap_range(host, op, ioas, 0, UINT64_MAX, &unmapped);
	} else {
		rule = unmap_some(host, op, &unmap, &unmapped);
		if (rule == RULE_IFD_UNMAP_CUT_ALIGN)
			return refuse(op, rule);
	}
	/* How much is gone is told in any case, also where it went wrong. */
	if (rule == RULE_IFD_UNMAP || !defect_on(host, DEFECT_IOMMUFD_UNMAP_UNTOLD))
		unmap.size = unmapped;
	user_store(host, op, &unmap, sizeof(unmap));
	if (rule == RULE_IFD_UNMAP_NOTHING)
		return refuse_as(op, rule, profile_get(host, PROFILE_IOMMUFD_UNMAP_NOTHING));
	if (rule != RULE_IFD_UNMAP)
		return refuse(op, rule);
	hit(op, rule);
	return finish(op, 0);
}
