/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * The address space of an iommufd, as a container's ioctls use it: GET_INFO, MAP_DMA, UNMAP_DMA.
 *
 * Without a device a mapping is a note: nothing is looked at but the numbers, any byte is a place where it may begin
 * or end, and nothing is pinned. The first device that attaches brings the hardware's windows and page sizes, and all
 * mappings have to fit; then their pages are pinned, in ascending order of IOVAs, and from then on each new mapping's
 * are.
 */
#include "iommufd.h"
#include "iotable.h"
#include "type1.h"

enum {
	CAPABILITY_IPC_LOCK = 14,
	INFO_SIZE = 24,
	DMA_AVAIL_OFFSET = INFO_SIZE,
	DMA_AVAIL_SIZE = 12,
	RANGES_OFFSET = DMA_AVAIL_OFFSET + 16,
	RANGES_HEADER = 16,
	RANGE_SIZE = 16,
	NEXT = 4, /* where in a capability the offset of the next one stands */
};

#define MAP_FLAGS_ALL (VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE)

/* The smallest unit that mappings begin and end at: bytes, until there is a device or a wish to cut. */
static uint64_t alignment(const struct host *host, const struct iommufd *iommufd)
{
	const uint64_t hardware = iommufd->page_sizes & -iommufd->page_sizes;
	uint64_t unit = iommufd->small_pages || iommufd->accesses ? host->machine->page_size : 1;

	return iommufd->attached && hardware > unit ? hardware : unit;
}

static uint64_t in_page(const struct host *host, uint64_t address)
{
	return address & (host->machine->page_size - 1);
}

/* ---- areas and their pages ----------------------------------------------------------------- */

static uint32_t pages_new(struct host *host, const struct op *op, uint32_t access)
{
	const struct task *task = op_task(host, op);
	uint32_t index = 0;

	while (index < host->pages.count && host->pages.items[index].areas)
		index++;
	if (index == host->pages.count)
		index = table_add(&host->pages);
	host->pages.items[index] = (struct pages){.areas = 1,
						  .mm = task->mm,
						  .task = op->task,
						  .accounted = !task_capable(task, CAPABILITY_IPC_LOCK),
						  .access = access};
	return index;
}

/* How many pages of memory an area lies in. */
static uint64_t area_pages(const struct host *host, const struct range *area)
{
	const uint64_t page = host->machine->page_size;

	return (area->last - area->first + in_page(host, area->value)) / page + 1;
}

static void area_unpin(struct host *host, struct iommufd *iommufd, struct range *area)
{
	const struct pages *pages = &host->pages.items[area->tag];

	iotable_unpin_mapping(host, &iommufd->table, area);
	area->place = 0;
	host->mms.items[pages->mm].pinned -= area->weight;
	if (pages->accounted)
		host->user_locked -= area->weight;
	area->weight = 0;
}

/* Why pages are not pinned, and what is answered then, where a mapping is made and where a device is attached. */
enum pin_failure { PIN_MEMORY, PIN_ACCESS, PIN_LIMIT, PIN_DONE };

static const enum rule map_rules[] = {RULE_IFD_MAP_MEMORY, RULE_IFD_MAP_ACCESS, RULE_IFD_MAP_LIMIT};
static const enum rule attach_rules[] = {RULE_IFD_ATTACH_MEMORY, RULE_IFD_ATTACH_ACCESS, RULE_IFD_ATTACH_LIMIT};

/* Pins the memory of an area: all of it, before it is known whether the limit allows for it. */
static enum pin_failure area_pin(struct host *host, struct iommufd *iommufd, struct range *area)
{
	const struct pages *pages = &host->pages.items[area->tag];
	const uint64_t count = area_pages(host, area), limit = host->tasks.items[pages->task].memlock;
	const struct pin_request request = {.mm = pages->mm,
					    .vaddr = area->value,
					    .iova = area->first,
					    .size = area->last - area->first + 1,
					    .write = pages->access & MAPPING_WRITE,
					    .room = UINT64_MAX,
					    .mapping = area};
	enum pin_failure failure = PIN_DONE;
	struct pin pin;

	/* The memory may have gone with the last task that had it. */
	if (!host->mms.items[pages->mm].users)
		return PIN_MEMORY;
	pin = iotable_pin(host, &iommufd->table, &request);
	if (pin.error)
		return PIN_MEMORY;
	if (pin.kinds & 1u << RUN_DEVICE)
		failure = PIN_MEMORY;
	else if (!pages->access)
		failure = PIN_ACCESS;
	else if (pages->accounted && host->user_locked + count > limit / host->machine->page_size)
		failure = PIN_LIMIT;
	if (failure != PIN_DONE) {
		iotable_unpin_mapping(host, &iommufd->table, area);
		area->place = 0;
		return failure;
	}
	if (pages->accounted)
		host->user_locked += count;
	host->mms.items[pages->mm].pinned += count;
	area->weight = count;
	return PIN_DONE;
}

static void area_remove(struct host *host, struct iommufd *iommufd, uint64_t first)
{
	struct range *area = rangemap_edit(&iommufd->areas, first);

	area_unpin(host, iommufd, area);
	host->pages.items[area->tag].areas--;
	rangemap_remove(&iommufd->areas, first);
}

void ioas_clear(struct host *host, struct iommufd *iommufd)
{
	const struct range *area;

	while ((area = rangemap_from(&iommufd->areas, 0)))
		area_remove(host, iommufd, area->first);
	windows_clear(&iommufd->windows);
}

/* The area behind one, or NULL. */
static const struct range *area_next(const struct iommufd *iommufd, const struct range *area)
{
	return area->last == UINT64_MAX ? NULL : rangemap_from(&iommufd->areas, area->last + 1);
}

/* ---- devices ------------------------------------------------------------------------------- */

/* Whether all areas begin and end, in IOVAs and in memory, at multiples of @unit. */
static bool areas_aligned(const struct host *host, const struct iommufd *iommufd, uint64_t unit)
{
	const struct range *area = rangemap_from(&iommufd->areas, 0);

	for (; area; area = area_next(iommufd, area))
		if ((area->first | (area->last + 1) | in_page(host, area->value)) & (unit - 1))
			return false;
	return true;
}

static bool areas_in_windows(const struct iommufd *iommufd, const struct windows *windows)
{
	const struct range *area = rangemap_from(&iommufd->areas, 0);

	for (; area; area = area_next(iommufd, area))
		if (!windows_allow(windows, area->first, area->last))
			return false;
	return true;
}

static void areas_unpin(struct host *host, struct iommufd *iommufd)
{
	const struct range *area = rangemap_from(&iommufd->areas, 0);

	for (; area; area = area_next(iommufd, area)) {
		struct range *pinned = rangemap_edit(&iommufd->areas, area->first);

		area_unpin(host, iommufd, pinned);
		area = pinned;
	}
}

/* Whether there is an area that makes some kernels complain of themselves when a device attaches. */
static bool areas_warn(const struct host *host, const struct iommufd *iommufd)
{
	const struct range *area = rangemap_from(&iommufd->areas, 0);

	if (!profile_get(host, PROFILE_IOMMUFD_NO_ACCESS_WARNS))
		return false;
	while (area && host->pages.items[area->tag].access)
		area = area_next(iommufd, area);
	return area;
}

/* Narrows windows and page sizes to what the IOMMU of a group has, too. */
static void hardware_narrow(const struct host *host, uint32_t group, struct windows *windows, uint64_t *page_sizes)
{
	const struct translation translation = iommu_translation(host, group);

	windows_narrow(windows, translation.aperture);
	for (size_t i = 0; i < translation.reserved_count; i++)
		windows_exclude(windows, &translation.reserved[i]);
	*page_sizes &= translation.page_sizes;
}

void ioas_hardware_changed(struct host *host, struct iommufd *iommufd)
{
	windows_clear(&iommufd->windows);
	iommufd->page_sizes = UINT64_MAX;
	for (uint32_t i = 0; i < host->devices.count; i++) {
		const struct device_state *device = &host->devices.items[i];

		if (device->iommufd == NOTHING || !device->attached || host->machine->groups[device->group].emulated)
			continue;
		if (&host->iommufds.items[host->files.items[device->iommufd].object] == iommufd)
			hardware_narrow(host, device->group, &iommufd->windows, &iommufd->page_sizes);
	}
}

/* Whether all that is mapped suits the IOMMU of a group: STEP_MORE, or refused. */
static enum step_result areas_suit(struct host *host, struct op *op, const struct iommufd *iommufd, uint32_t group)
{
	struct windows windows = {0};
	uint64_t page_sizes = UINT64_MAX;
	bool inside;

	hardware_narrow(host, group, &windows, &page_sizes);
	inside = areas_in_windows(iommufd, &windows);
	windows_clear(&windows);
	if (!inside && !defect_on(host, DEFECT_IOMMUFD_ATTACH_WINDOW))
		return refuse(op, RULE_IFD_ATTACH_WINDOW);
	if (!areas_aligned(host, iommufd, page_sizes & -page_sizes) && !defect_on(host, DEFECT_IOMMUFD_ATTACH_ALIGN))
		return refuse(op, RULE_IFD_ATTACH_ALIGN);
	return STEP_MORE;
}

enum step_result ioas_attach(struct host *host, struct op *op, struct iommufd *iommufd, uint32_t group)
{
	const struct range *area = NULL;

	if (areas_suit(host, op, iommufd, group) == STEP_DONE)
		return STEP_DONE;
	if (!iommufd->attached && (areas_warn(host, iommufd) || iommufd->held.count))
		return unmodelled(host, op);
	if (!iommufd->attached && !defect_on(host, DEFECT_IOMMUFD_ATTACH_PINS_NOTHING))
		area = rangemap_from(&iommufd->areas, 0);
	for (; area; area = area_next(iommufd, area)) {
		struct range *pinned = rangemap_edit(&iommufd->areas, area->first);
		enum pin_failure failure = area_pin(host, iommufd, pinned);

		if (failure != PIN_DONE) {
			areas_unpin(host, iommufd);
			return refuse(op, attach_rules[failure]);
		}
		area = pinned;
	}
	iommufd->attached++;
	return STEP_MORE;
}

void ioas_detach(struct host *host, struct iommufd *iommufd)
{
	if (--iommufd->attached == 0 && !defect_on(host, DEFECT_IOMMUFD_CLOSE_KEEPS_PINS))
		areas_unpin(host, iommufd);
}

enum step_result ioas_attach_access(struct host *host, struct op *op, struct iommufd *iommufd)
{
	if (!areas_aligned(host, iommufd, host->machine->page_size))
		return refuse(op, RULE_IFD_ATTACH_ALIGN);
	iommufd->accesses++;
	return STEP_MORE;
}

void ioas_detach_access(struct iommufd *iommufd)
{
	iommufd->accesses--;
}

enum step_result ioas_use_small_pages(struct host *host, struct op *op, struct iommufd *iommufd)
{
	if (iommufd->small_pages)
		return STEP_MORE;
	/* What the hardware may hold as one large page cannot be cut any more. */
	if (iommufd->attached && iommufd->areas.count)
		return refuse(op, RULE_IFD_SET_IOMMU_MAPPED);
	if (!areas_aligned(host, iommufd, host->machine->page_size))
		return refuse(op, RULE_IFD_SET_IOMMU_ALIGN);
	iommufd->small_pages = true;
	return STEP_MORE;
}

enum rule ioas_translate(const struct host *host, uint32_t device, uint64_t iova, uint64_t bytes, bool write,
			 struct run *run)
{
	const uint32_t file = host->devices.items[device].iommufd;
	const struct iommufd *iommufd;
	const struct range *area;

	if (file == NOTHING || !host->devices.items[device].attached)
		return RULE_DMA_NO_MAPPING;
	iommufd = &host->iommufds.items[host->files.items[file].object];
	area = rangemap_at(&iommufd->areas, iova);
	if (!area || !iotable_find(&iommufd->table, area, iova, bytes, run))
		return RULE_DMA_NO_MAPPING;
	return iommu_allows(host, host->pages.items[area->tag].access, write) ? RULE_NONE : RULE_DMA_FORBIDDEN;
}

/* ---- GET_INFO ------------------------------------------------------------------------------ */

/* The capability of valid ranges, as far as @room bytes go: ranges first, and the head only if all of it fits. */
static bool write_ranges(struct host *host, struct op *op, const struct iova_range *windows, uint32_t count,
			 uint64_t room)
{
	uint8_t head[RANGES_HEADER] = {0}, range[RANGE_SIZE];

	for (uint32_t i = 0; i < count; i++) {
		bytes_put(range, 8, windows[i].first);
		bytes_put(range + 8, 8, windows[i].last);
		if (room >= RANGES_HEADER + (i + 1) * RANGE_SIZE &&
		    !user_write(host, op, 0, RANGES_OFFSET + RANGES_HEADER + i * RANGE_SIZE, range, sizeof(range)))
			return false;
	}
	bytes_put(head, 2, VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE);
	bytes_put(head + 2, 2, 1);
	bytes_put(head + 8, 4, count);
	return room < RANGES_HEADER + count * RANGE_SIZE || user_write(host, op, 0, RANGES_OFFSET, head, sizeof(head));
}

/* Writes as many of the capabilities as a caller with @argsz has room for. False is a fault. */
static bool write_capabilities(struct host *host, struct op *op, const struct iova_range *windows, uint32_t count,
			       uint32_t argsz)
{
	uint8_t available[DMA_AVAIL_SIZE] = {0}, next[4];

	bytes_put(available, 2, VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL);
	bytes_put(available + 2, 2, 1);
	bytes_put(available + 8, 4, UINT32_MAX); /* there is no limit on their number */
	bytes_put(next, 4, RANGES_OFFSET);
	if (argsz >= DMA_AVAIL_OFFSET + DMA_AVAIL_SIZE &&
	    !user_write(host, op, 0, DMA_AVAIL_OFFSET, available, sizeof(available)))
		return false;
	if (argsz > RANGES_OFFSET && !write_ranges(host, op, windows, count, argsz - RANGES_OFFSET))
		return false;
	return argsz < RANGES_OFFSET || user_write(host, op, 0, DMA_AVAIL_OFFSET + NEXT, next, sizeof(next));
}

enum step_result ioas_get_info(struct host *host, struct op *op)
{
	const struct iommufd *iommufd = op_iommufd(host, op);
	const uint64_t page = host->machine->page_size;
	struct iova_range everything = {0, UINT64_MAX}, *windows = &everything;
	struct vfio_iommu_type1_info info = {0};
	uint32_t needed, length, count = 1;

	if (user_load_argsz(op, &info, op->row->minsz, RULE_IFD_INFO_FAULT, RULE_IFD_INFO_ARGSZ) == STEP_DONE)
		return STEP_DONE;
	if (!iommufd->has_ioas)
		return refuse(op, RULE_IFD_INFO_NO_IOAS);
	length = info.argsz < INFO_SIZE ? info.argsz : (uint32_t)INFO_SIZE;
	info.flags = VFIO_IOMMU_INFO_PGSIZES | VFIO_IOMMU_INFO_CAPS;
	info.iova_pgsizes = -page;
	if (iommufd->attached)
		info.iova_pgsizes = iommu_usable_page_sizes(host, iommufd->page_sizes);
	if (iommufd->windows.count) {
		windows = iommufd->windows.items;
		count = iommufd->windows.count;
	}
	needed = RANGES_OFFSET + RANGES_HEADER + count * RANGE_SIZE;
	if (!write_capabilities(host, op, windows, count, info.argsz))
		return refuse(op, RULE_IFD_INFO_FAULT);
	info.cap_offset = info.argsz >= needed ? INFO_SIZE : 0;
	hit(op, info.cap_offset ? RULE_IFD_INFO_CHAIN : RULE_IFD_INFO_ROOM);
	if (info.argsz < needed || !defect_on(host, DEFECT_IOMMUFD_INFO_ARGSZ))
		info.argsz = needed;
	if (!user_store(host, op, &info, length))
		return refuse(op, RULE_IFD_INFO_FAULT);
	hit(op, RULE_IFD_INFO);
	return finish(op, 0);
}

/* ---- MAP_DMA --------------------------------------------------------------------------------- */

/* What is wrong with the numbers of a mapping, in the order in which it is found: RULE_NONE if nothing is. */
static enum rule map_check(const struct host *host, const struct iommufd *iommufd,
			   const struct vfio_iommu_type1_dma_map *map)
{
	const uint64_t unit = alignment(host, iommufd), last = map->iova + map->size - 1;

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
	if (!windows_allow(&iommufd->windows, map->iova, last) && !defect_on(host, DEFECT_IOMMUFD_MAP_WINDOW))
		return RULE_IFD_MAP_WINDOW;
	if (rangemap_overlap(&iommufd->areas, map->iova, last))
		return RULE_IFD_MAP_OVERLAP;
	if (map->vaddr & (unit - 1))
		return RULE_IFD_MAP_VADDR_ALIGN;
	return RULE_NONE;
}

enum step_result ioas_map_dma(struct host *host, struct op *op)
{
	struct iommufd *iommufd = op_iommufd(host, op);
	struct vfio_iommu_type1_dma_map map;
	enum pin_failure failure = PIN_DONE;
	struct range area;
	enum rule rule;

	if (user_load_argsz(op, &map, sizeof(map), RULE_IFD_MAP_FAULT, RULE_IFD_MAP_ARGSZ) == STEP_DONE)
		return STEP_DONE;
	if ((map.flags & ~(uint32_t)MAP_FLAGS_ALL) || (!map.flags && defect_on(host, DEFECT_IOMMUFD_MAP_ACCESS)))
		return refuse(op, RULE_IFD_MAP_FLAGS);
	if (!iommufd->has_ioas)
		return refuse(op, RULE_IFD_MAP_NO_IOAS);
	rule = map_check(host, iommufd, &map);
	if (rule != RULE_NONE)
		return refuse(op, rule);
	if (iommufd->attached && !map.flags && profile_get(host, PROFILE_IOMMUFD_NO_ACCESS_WARNS))
		return unmodelled(host, op);
	area = (struct range){.first = map.iova,
			      .last = map.iova + map.size - 1,
			      .value = map.vaddr,
			      .tag = pages_new(host, op, map.flags)};
	if (iommufd->attached)
		failure = area_pin(host, iommufd, &area);
	if (failure != PIN_DONE) {
		host->pages.items[area.tag].areas = 0;
		return refuse(op, map_rules[failure]);
	}
	rangemap_insert(&iommufd->areas, &area);
	hit(op, RULE_IFD_MAP);
	return finish(op, 0);
}

/* ---- UNMAP_DMA ------------------------------------------------------------------------------- */

/* Cuts the area around @iova in two behind it. False when it would be in the middle of a page. */
static bool area_cut(struct host *host, struct op *op, struct iommufd *iommufd, uint64_t iova)
{
	const uint64_t page = host->machine->page_size;
	const struct range *found = rangemap_at(&iommufd->areas, iova);
	struct range left, right;

	/* There is nothing to cut behind the last byte; behind the first one nobody ever tried. */
	if (!found || iova == found->first || iova == found->last)
		return true;
	if (((iova + 1) & (alignment(host, iommufd) - 1)) ||
	    rangemap_overlap(&iommufd->held, found->first, found->last))
		return false;
	left = right = *found;
	left.last = iova;
	right.first = iova + 1;
	right.value = left.value + (right.first - left.first);
	right.place = left.place ? left.place + (right.first - left.first) : 0;
	if (iommufd->attached) {
		left.weight = (left.last - left.first + 1) / page;
		right.weight -= left.weight;
	}
	rangemap_remove(&iommufd->areas, left.first);
	rangemap_insert(&iommufd->areas, &left);
	rangemap_insert(&iommufd->areas, &right);
	host->pages.items[left.tag].areas++;
	hit(op, RULE_IFD_UNMAP_CUT);
	return true;
}

/* Removes what lies in the range, area by area, up to one that reaches over an end. */
static enum rule unmap_range(struct host *host, struct op *op, struct iommufd *iommufd, uint64_t first, uint64_t last,
			     uint64_t *unmapped)
{
	const struct range *area;

	while ((area = rangemap_overlap(&iommufd->areas, first, last))) {
		struct range gone = *area;

		if (gone.first < first || gone.last > last)
			return RULE_IFD_UNMAP_BISECT;
		if (rangemap_overlap(&iommufd->held, gone.first, gone.last)) {
			pinners_let_go_of(host, (uint32_t)(iommufd - host->iommufds.items), gone.first, gone.last);
			hit(op, RULE_IFD_UNMAP_PINNED);
		}
		area_remove(host, iommufd, gone.first);
		*unmapped += gone.last - gone.first + 1;
	}
	return *unmapped ? RULE_IFD_UNMAP : RULE_IFD_UNMAP_NOTHING;
}

/* A range, not all: what became of it. The end is cut first, and stays cut whatever becomes of the rest. */
static enum rule unmap_some(struct host *host, struct op *op, const struct vfio_iommu_type1_dma_unmap *unmap,
			    uint64_t *unmapped)
{
	struct iommufd *iommufd = op_iommufd(host, op);
	uint64_t last = unmap->iova + unmap->size - 1;

	if ((iommufd->small_pages || defect_on(host, DEFECT_IOMMUFD_CUTS_ALWAYS)) &&
	    (!area_cut(host, op, iommufd, last) || (unmap->iova && !area_cut(host, op, iommufd, unmap->iova - 1))))
		return RULE_IFD_UNMAP_CUT_ALIGN;
	if (!unmap->size)
		return RULE_IFD_UNMAP_EMPTY;
	if (last < unmap->iova)
		return RULE_IFD_UNMAP_WRAP;
	return unmap_range(host, op, iommufd, unmap->iova, last, unmapped);
}

enum step_result ioas_unmap_dma(struct host *host, struct op *op)
{
	struct iommufd *iommufd = op_iommufd(host, op);
	struct vfio_iommu_type1_dma_unmap unmap;
	uint64_t unmapped = 0;
	enum rule rule;

	if (user_load_argsz(op, &unmap, sizeof(unmap), RULE_IFD_UNMAP_FAULT, RULE_IFD_UNMAP_ARGSZ) == STEP_DONE)
		return STEP_DONE;
	if (unmap.flags & ~(uint32_t)VFIO_DMA_UNMAP_FLAG_ALL)
		return refuse(op, RULE_IFD_UNMAP_FLAGS);
	if (!iommufd->has_ioas)
		return refuse(op, RULE_IFD_UNMAP_NO_IOAS);
	if (unmap.flags & VFIO_DMA_UNMAP_FLAG_ALL) {
		if (unmap.iova || unmap.size)
			return refuse(op, RULE_IFD_UNMAP_ALL_RANGE);
		rule = unmap_range(host, op, iommufd, 0, UINT64_MAX, &unmapped);
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
