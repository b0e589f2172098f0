/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * TYPE1 mappings: MAP_DMA and UNMAP_DMA, and the pages they are charged for.
 */
#include "type1.h"
#include "vfiosim/uapi.h"

enum { CAPABILITY_IPC_LOCK = 14 };

static uint32_t map_flags(const struct host *host)
{
	uint32_t flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE;

	return profile_get(host, PROFILE_VADDR_UPDATE) ? flags | VFIO_DMA_MAP_FLAG_VADDR : flags;
}

static uint32_t unmap_flags(const struct host *host)
{
	uint32_t flags = VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP;

	if (profile_get(host, PROFILE_UNMAP_ALL))
		flags |= VFIO_DMA_UNMAP_FLAG_ALL;
	return profile_get(host, PROFILE_VADDR_UPDATE) ? flags | VFIO_DMA_UNMAP_FLAG_VADDR : flags;
}

/* MAP_DMA with the VADDR flag: an invalidated mapping gets a new address, and its charge moves to the caller. */
static enum step_result update_vaddr(struct host *host, struct op *op, struct type1 *iommu,
				     const struct vfio_iommu_type1_dma_map *map, const struct found *found)
{
	const struct task *task = op_task(host, op);
	const struct range *old = &found->mapping;
	uint32_t flags, owner;
	struct range *mapping;

	if (!found->any)
		return refuse(op, RULE_T1_VADDR_NO_MAPPING);
	if (!(MAPPING_FLAGS(old->tag) & MAPPING_VADDR_INVALID) && !defect_on(host, DEFECT_UPDATE_VALID))
		return refuse(op, RULE_T1_VADDR_NOT_INVALID);
	if ((old->first != map->iova || old->last != map->iova + map->size - 1) && !defect_on(host, DEFECT_UPDATE_PART))
		return refuse(op, RULE_T1_VADDR_NOT_INVALID);
	owner = MAPPING_MM(old->tag);
	if (owner != task->mm && task_lock_room(host, op->task) < old->weight &&
	    !defect_on(host, DEFECT_UPDATE_UNLIMITED))
		return refuse(op, RULE_T1_VADDR_LIMIT);
	flags = MAPPING_FLAGS(old->tag) & ~MAPPING_VADDR_INVALID;
	if (owner != task->mm && !defect_on(host, DEFECT_UPDATE_KEEPS_OWNER)) {
		flags = task_capable(task, CAPABILITY_IPC_LOCK) ? flags | MAPPING_LOCK_CAP : flags & ~MAPPING_LOCK_CAP;
		if (host->mms.items[owner].users)
			host->mms.items[owner].locked -= old->weight;
		host->mms.items[task->mm].locked += old->weight;
	}
	mapping = type1_edit(iommu, found);
	mapping->value = map->vaddr;
	mapping->tag = MAPPING_TAG(defect_on(host, DEFECT_UPDATE_KEEPS_OWNER) ? owner : task->mm, flags);
	iommu->invalid_vaddrs--;
	hit(op, RULE_T1_VADDR_UPDATE);
	return finish(op, 0);
}

/* Whether [first, last] lies where mappings may. */
static bool windows_contain(const struct host *host, const struct type1 *iommu, uint64_t first, uint64_t last)
{
	if (defect_on(host, DEFECT_WINDOW_UNCHECKED))
		return true;
	if (defect_on(host, DEFECT_WINDOW_START))
		last = first;
	if (defect_on(host, DEFECT_WINDOW_ONE_PAGE) && last - first >= host->machine->page_size)
		last -= host->machine->page_size;
	if (!iommu->windows.count && defect_on(host, DEFECT_MAP_EMULATED_WINDOW))
		return last <= host->machine->aperture.last;
	return windows_allow(&iommu->windows, first, last);
}

/* Maps what the checks have passed. Where a group is behind an IOMMU it is pinned, and the memory may still refuse. */
static enum step_result map_commit(struct host *host, struct op *op, struct type1 *iommu,
				   const struct vfio_iommu_type1_dma_map *map)
{
	const struct task *task = op_task(host, op);
	/* Its pages stay when it goes. */
	const bool is_top = type1_lost_at_top(host, map->iova + map->size - 1);
	const uint32_t mm = task->mm, exempt = task_capable(task, CAPABILITY_IPC_LOCK) ? MAPPING_LOCK_CAP : 0;
	uint32_t flags = map->flags & (MAPPING_READ | MAPPING_WRITE), node;
	struct range mapping = {.first = map->iova,
				.last = map->iova + map->size - 1,
				.value = map->vaddr,
				.tag = MAPPING_TAG(mm, flags | exempt)};
	struct pin pin = {0};

	/*
	 * A search that went wrong lets a mapping lie over another one. What their removal does then depends on
	 * which of their pages happen to be neighbours, and may be a warning of the kernel.
	 */
	if (rangemap_overlap(&iommu->mappings, mapping.first, mapping.last))
		return unmodelled(host, op);
	node = type1_link(iommu, mapping.first, mapping.last);
	if (type1_backed(iommu) || defect_on(host, DEFECT_MAP_EMULATED_PINS))
		pin = iotable_pin(host, &iommu->table,
				  &(struct pin_request){.mm = mm,
							.vaddr = map->vaddr,
							.iova = map->iova,
							.size = map->size,
							.write = flags & MAPPING_WRITE,
							.room = task_lock_room(host, op->task),
							.mapping = is_top ? NULL : &mapping});
	if (pin.error) {
		type1_unlink(iommu, node);
		host->mms.items[mm].locked += defect_on(host, DEFECT_CHARGE_STAYS);
		iommu->entries_left -= defect_on(host, DEFECT_ENTRY_LOST_BY_FAILURE);
		return refuse(op, pin.error == -LINUX_ENOMEM ? RULE_T1_MAP_LIMIT : RULE_T1_MAP_MEMORY);
	}
	if (iommu->tracking && !type1_can_track(iommu, map->size)) {
		type1_unlink(iommu, node);
		iotable_unpin_mapping(host, &iommu->table, &mapping);
		return refuse(op, RULE_T1_MAP_TOO_LARGE);
	}
	mapping.weight = pin.charged + defect_on(host, DEFECT_CHARGE_ONE_MORE);
	mapping.serial = (uint32_t)++host->serial;
	type1_keep(host, iommu, node, &mapping);
	host->mms.items[mm].locked += mapping.weight;
	iommu->entries_left--;
	if (!type1_backed(iommu))
		hit(op, RULE_T1_MAP_EMULATED);
	if (pin.kinds & 1u << RUN_ZERO)
		hit(op, RULE_T1_MAP_ZERO);
	if (pin.kinds & 1u << RUN_DEVICE)
		hit(op, RULE_T1_MAP_DEVICE);
	hit(op, is_top ? RULE_T1_MAP_TOP : RULE_T1_MAP);
	return finish(op, 0);
}

enum step_result type1_map_dma(struct host *host, struct op *op)
{
	struct type1 *iommu = op_type1(host, op);
	struct vfio_iommu_type1_dma_map map;
	const uint64_t in_page = type1_smallest_page(iommu) - 1;
	struct found found;
	uint32_t access;
	bool update;

	if (!user_load(op, &map, sizeof(map)))
		return refuse(op, RULE_T1_MAP_FAULT);
	if (map.argsz < sizeof(map) && !defect_on(host, DEFECT_MAP_ARGSZ))
		return refuse(op, RULE_T1_MAP_ARGSZ);
	if ((map.flags & ~map_flags(host)) && !defect_on(host, DEFECT_MAP_FLAGS))
		return refuse(op, RULE_T1_MAP_FLAGS);
	if (!map.size)
		return defect_on(host, DEFECT_MAP_EMPTY) ? finish(op, 0) : refuse(op, RULE_T1_MAP_EMPTY);
	/* Kernels that look at this later answer all that lies between with the same errno. */
	if (map.iova + map.size - 1 < map.iova ||
	    (map.vaddr + map.size - 1 < map.vaddr && !defect_on(host, DEFECT_MAP_VADDR_WRAPS)))
		return refuse_as(op, RULE_T1_MAP_WRAP, profile_get(host, PROFILE_WRAP_REFUSED));
	update = map.flags & VFIO_DMA_MAP_FLAG_VADDR;
	access = map.flags & (VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE);
	if (update == !!access && (access || !defect_on(host, DEFECT_MAP_NO_ACCESS)))
		return refuse(op, RULE_T1_MAP_ACCESS);
	if (defect_on(host, DEFECT_MAP_ALIGN_IOVA))
		map.vaddr &= ~in_page;
	if ((map.size | map.iova | map.vaddr) & in_page)
		return refuse(op, RULE_T1_MAP_ALIGN);
	found = type1_find(host, iommu, map.iova, map.iova + map.size - 1);
	if (update)
		return update_vaddr(host, op, iommu, &map, &found);
	if (found.any && defect_on(host, DEFECT_MAP_SAME_AGAIN) && found.mapping.first == map.iova &&
	    found.mapping.last == map.iova + map.size - 1)
		return finish(op, 0);
	if (found.any)
		return refuse(op, RULE_T1_MAP_OVERLAP);
	if (!iommu->entries_left && !defect_on(host, DEFECT_ENTRIES_UNLIMITED))
		return refuse(op, RULE_T1_MAP_ENTRIES);
	if (!windows_contain(host, iommu, map.iova, map.iova + map.size - 1))
		return refuse(op, RULE_T1_MAP_WINDOW);
	return map_commit(host, op, iommu, &map);
}

/* v1: what begins before the range is left alone, and ends the matter. */
static bool ends_unmapping(const struct type1 *iommu, const struct found *found, uint64_t first)
{
	return !iommu->v2 && found->mapping.first < first;
}

/* What is unmapped, and how far that has come. */
struct unmapping {
	uint64_t first, last;
	struct found start;		   /* what was found at @first, if it was looked for */
	const struct user_pointer *bitmap; /* where dirty pages are told; NULL: nowhere */
	uint64_t size;			   /* of what has been removed, or made invalid */
};

/* UNMAP_DMA with the VADDR flag: either every mapping in the range gives up its address, or none does. */
static enum step_result invalidate_vaddrs(struct host *host, struct op *op, struct type1 *iommu,
					  struct unmapping *unmapping)
{
	const uint64_t first = unmapping->first, last = unmapping->last;
	struct found found;

	for (found = type1_find_first(iommu, first, last); found.any && !ends_unmapping(iommu, &found, first);
	     found = type1_find_next(iommu, &found, last)) {
		if (!(MAPPING_FLAGS(found.mapping.tag) & MAPPING_VADDR_INVALID))
			continue;
		if (defect_on(host, DEFECT_INVALIDATE_REFUSED))
			iommu->invalid_vaddrs++;
		if (!defect_on(host, DEFECT_INVALIDATE_AGAIN))
			return refuse(op, RULE_T1_UNMAP_VADDR_TWICE);
	}
	for (found = type1_find_first(iommu, first, last); found.any && !ends_unmapping(iommu, &found, first);
	     found = type1_find_next(iommu, &found, last)) {
		type1_edit(iommu, &found)->tag |= MAPPING_VADDR_INVALID;
		iommu->invalid_vaddrs++;
		unmapping->size += found.mapping.last - found.mapping.first + 1;
	}
	hit(op, RULE_T1_UNMAP_VADDR);
	return STEP_MORE;
}

/* The first mapping of the range. */
static struct found unmapping_begin(const struct type1 *iommu, const struct unmapping *unmapping)
{
	if (unmapping->start.any && !iommu->has_tree)
		return unmapping->start;
	return type1_find_first(iommu, unmapping->first, unmapping->last);
}

/*
 * Removes what lies in the range: whole mappings only. With a bitmap, each one's dirty pages are told first, and one
 * for which that fails stays, with all that would follow.
 */
static enum step_result unmap_commit(struct host *host, struct op *op, struct type1 *iommu, struct unmapping *unmapping)
{
	const uint64_t first = unmapping->first, last = unmapping->last;
	const struct user_pointer *bitmap = unmapping->bitmap;
	const bool search = profile_get(host, PROFILE_UNMAP_IN_SEARCH_ORDER);
	struct found found, next = {.any = false};

	found = search ? type1_find(host, iommu, first, last) : unmapping_begin(iommu, unmapping);
	for (; found.any; found = search ? type1_find(host, iommu, first, last) : next) {
		if (ends_unmapping(iommu, &found, first) && !defect_on(host, DEFECT_V1_UNMAPS_INSIDE)) {
			hit(op, RULE_T1_UNMAP_V1_INSIDE);
			return STEP_MORE;
		}
		if (host->mms.items[MAPPING_MM(found.mapping.tag)].task != op->task &&
		    profile_get(host, PROFILE_UNMAP_BY_MAPPER_ONLY)) {
			hit(op, RULE_T1_UNMAP_FOREIGN);
			return STEP_MORE;
		}
		/* Mediated devices are asked to let go, and do before this goes on. */
		if (type1_is_pinned(iommu, &found.mapping) && !defect_on(host, DEFECT_UNMAP_ASKS_NOBODY)) {
			pinners_let_go(host, (uint32_t)(iommu - host->iommus.items), found.mapping.first,
				       found.mapping.last);
			found.mapping = *type1_edit(iommu, &found);
			hit(op, RULE_T1_UNMAP_PINNED);
		}
		/* Not before: what was let go of may have been pinned together with pages of the next mapping. */
		if (!search)
			next = type1_find_next(iommu, &found, last);
		if (bitmap && !defect_on(host, DEFECT_DIRTY_UNMAP_UNTOLD) &&
		    !type1_report(host, op, iommu, &found.mapping, first, bitmap) &&
		    !defect_on(host, DEFECT_DIRTY_UNMAP_ANYWAY))
			return refuse(op, RULE_T1_UNMAP_BITMAP_FAULT);
		if (type1_lost_at_top(host, found.mapping.last))
			hit(op, RULE_T1_UNMAP_TOP_LEAK);
		if (defect_on(host, DEFECT_UNMAP_SIZE_LAST))
			unmapping->size = 0;
		unmapping->size += found.mapping.last - found.mapping.first + 1;
		if (defect_on(host, DEFECT_UNMAP_UNCHARGES_CALLER))
			found.mapping.tag = MAPPING_TAG(op_task(host, op)->mm, MAPPING_FLAGS(found.mapping.tag));
		type1_remove(host, iommu, &found);
		if (defect_on(host, DEFECT_UNMAP_FIRST_ONLY))
			return STEP_MORE;
	}
	if (iommu->has_tree && rangemap_overlap(&iommu->mappings, first, last))
		hit(op, RULE_T1_UNMAP_HIDDEN);
	if (bitmap && unmapping->size)
		hit(op, RULE_T1_UNMAP_BITMAP);
	return STEP_MORE;
}

/*
 * Whether a mediated device takes for pinned what would go without its being asked: another one has let go of it. The
 * kernel warns when the device lets go later.
 */
static bool forgotten_pins(const struct host *host, const struct type1 *iommu, uint64_t first, uint64_t last)
{
	const struct range *mapping = rangemap_overlap(&iommu->mappings, first, last);

	for (; mapping;
	     mapping = mapping->last < last ? rangemap_overlap(&iommu->mappings, mapping->last + 1, last) : NULL)
		if (!type1_is_pinned(iommu, mapping) &&
		    pinners_remember(host, (uint32_t)(iommu - host->iommus.items), mapping->first, mapping->last))
			return true;
	return false;
}

bool type1_bisects(const struct host *host, const struct type1 *iommu, uint64_t first, uint64_t last,
		   struct found *start)
{
	struct found found = type1_find(host, iommu, first, first);

	if (start)
		*start = found;
	if (found.any && found.mapping.first != first && !defect_on(host, DEFECT_BISECT_UNCHECKED_START))
		return true;
	/* What holds both ends need not be looked for twice, unless the kernel's search may miss it. */
	if (iommu->has_tree || !found.any || found.mapping.last < last)
		found = type1_find_at(iommu, last);
	return found.any && found.mapping.last != last && !defect_on(host, DEFECT_BISECT_UNCHECKED_END);
}

/* UNMAP_DMA that also asks for dirty pages: what is checked of that before anything else. */
static enum step_result load_bitmap(struct host *host, struct op *op, const struct vfio_iommu_type1_dma_unmap *unmap,
				    struct vfio_bitmap *bitmap, struct user_pointer *pointer)
{
	uint8_t bytes[sizeof(*bitmap)];

	if (unmap->flags & (VFIO_DMA_UNMAP_FLAG_ALL | VFIO_DMA_UNMAP_FLAG_VADDR))
		return refuse(op, RULE_T1_UNMAP_FLAG_PAIR);
	if (unmap->argsz < sizeof(*unmap) + sizeof(bytes))
		return refuse(op, RULE_T1_UNMAP_ARGSZ);
	if (!user_read(op, 0, sizeof(*unmap), bytes, sizeof(bytes)))
		return refuse(op, RULE_T1_UNMAP_FAULT);
	struct_load(op->row->layout->flex_struct, bitmap, bytes, sizeof(bytes));
	return type1_bitmap_check(host, op, bitmap, unmap->size, pointer);
}

enum step_result type1_unmap_dma(struct host *host, struct op *op)
{
	struct type1 *iommu = op_type1(host, op);
	struct vfio_iommu_type1_dma_unmap unmap;
	const uint64_t in_page = type1_smallest_page(iommu) - 1;
	struct vfio_bitmap bitmap = {0};
	struct user_pointer pointer;
	struct unmapping unmapping = {.size = 0};
	uint64_t last;
	bool all, report;

	if (!user_load(op, &unmap, sizeof(unmap)))
		return refuse(op, RULE_T1_UNMAP_FAULT);
	if (unmap.argsz < sizeof(unmap) && !defect_on(host, DEFECT_UNMAP_ARGSZ))
		return refuse(op, RULE_T1_UNMAP_ARGSZ);
	if ((unmap.flags & ~unmap_flags(host)) && !defect_on(host, DEFECT_UNMAP_FLAGS))
		return refuse(op, RULE_T1_UNMAP_FLAGS);
	report = unmap.flags & VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP;
	if (report && load_bitmap(host, op, &unmap, &bitmap, &pointer) == STEP_DONE)
		return STEP_DONE;
	all = unmap.flags & VFIO_DMA_UNMAP_FLAG_ALL;
	if ((unmap.flags & VFIO_DMA_UNMAP_FLAG_VADDR) && iommu->emulated_groups &&
	    !defect_on(host, DEFECT_VADDR_BESIDE_MDEV))
		return refuse(op, RULE_T1_UNMAP_VADDR_EMULATED);
	if (unmap.iova & in_page)
		return refuse(op, RULE_T1_UNMAP_ALIGN);
	if (all) {
		if ((unmap.iova || unmap.size) && !defect_on(host, DEFECT_UNMAP_ALL_RANGE))
			return refuse(op, RULE_T1_UNMAP_ALL_RANGE);
		/* One byte short of all, which no mapping notices. */
		last = UINT64_MAX - 1;
	} else {
		if (!unmap.size)
			return refuse(op, RULE_T1_UNMAP_EMPTY);
		if (unmap.size & in_page)
			return refuse(op, RULE_T1_UNMAP_ALIGN);
		last = unmap.iova + unmap.size - 1;
		if (last < unmap.iova || (last == UINT64_MAX && defect_on(host, DEFECT_UNMAP_TOP_WRAPS)))
			return refuse_as(op, RULE_T1_UNMAP_WRAP, profile_get(host, PROFILE_WRAP_REFUSED));
		if (report && !iommu->tracking)
			return refuse(op, RULE_T1_UNMAP_NOT_TRACKING);
		if (report && bitmap.pgsize != in_page + 1)
			return refuse(op, RULE_T1_DIRTY_PAGE_SIZE);
		if ((iommu->v2 || defect_on(host, DEFECT_V1_REFUSES_BISECT)) &&
		    type1_bisects(host, iommu, unmap.iova, last, &unmapping.start))
			return refuse(op, RULE_T1_UNMAP_BISECT);
		if (report && !type1_report_modelled(host, op, iommu, unmap.iova, last, &pointer))
			return unmodelled(host, op);
	}
	if (iommu->emulated_groups && forgotten_pins(host, iommu, unmap.iova, last))
		return unmodelled(host, op);
	unmapping.first = unmap.iova;
	unmapping.last = last;
	unmapping.bitmap = report ? &pointer : NULL;
	if (type1_lost_at_top(host, last)) {
		hit(op, RULE_T1_UNMAP_TOP);
	} else if (unmap.flags & VFIO_DMA_UNMAP_FLAG_VADDR) {
		if (invalidate_vaddrs(host, op, iommu, &unmapping) == STEP_DONE)
			return STEP_DONE;
	} else if (unmap_commit(host, op, iommu, &unmapping) == STEP_DONE) {
		return STEP_DONE;
	}
	unmap.size = defect_on(host, DEFECT_UNMAP_SIZE_ASKED) ? unmap.size : unmapping.size;
	user_store(host, op, &unmap, sizeof(unmap));
	hit(op, unmapping.size ? RULE_T1_UNMAP : RULE_T1_UNMAP_NOTHING);
	return finish(op, 0);
}
