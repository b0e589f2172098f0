/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * An address space of an iommufd: what is mapped there, and who translates by it. A container's ioctls go to one
 * (ioas_info.c, ioas_map.c); the drivers of mediated devices reach through one (ioas_access.c).
 *
 * Without a device a mapping is a note: nothing is looked at but the numbers, any byte is a place where it may begin
 * or end, and nothing is pinned. The first device that attaches brings the hardware's windows and page sizes, and all
 * mappings have to fit; then their pages are pinned, in ascending order of IOVAs, and from then on each new mapping's
 * are.
 */
#include "iommufd.h"
#include "iotable.h"
#include "type1.h"

uint32_t ioas_new(struct host *host, uint32_t iommufd, uint32_t id)
{
	uint32_t index = 0;

	while (index < host->ioases.count && host->ioases.items[index].iommufd != NOTHING)
		index++;
	if (index == host->ioases.count)
		index = table_add(&host->ioases);
	host->ioases.items[index] = (struct ioas){.iommufd = iommufd, .id = id};
	return index;
}

uint64_t ioas_alignment(const struct host *host, const struct ioas *ioas)
{
	const uint64_t hardware = ioas->page_sizes & -ioas->page_sizes;
	uint64_t unit = ioas->small_pages || ioas->accesses ? host->machine->page_size : 1;

	return ioas->attached && hardware > unit ? hardware : unit;
}

static uint64_t in_page(const struct host *host, uint64_t address)
{
	return address & (host->machine->page_size - 1);
}

/* ---- areas and their pages ----------------------------------------------------------------- */

/* How many pages of memory an area lies in. */
static uint64_t area_pages(const struct host *host, const struct range *area)
{
	const uint64_t page = host->machine->page_size;

	return (area->last - area->first + in_page(host, area->value)) / page + 1;
}

static void area_unpin(struct host *host, struct ioas *ioas, struct range *area)
{
	const struct pages *pages = &host->pages.items[area->tag];

	iotable_unpin_mapping(host, &ioas->table, area);
	area->place = 0;
	host->mms.items[pages->mm].pinned -= area->weight;
	if (pages->accounted)
		host->user_locked -= area->weight;
	area->weight = 0;
}

/* By pin_failure. */
static const enum rule attach_rules[] = {RULE_IFD_ATTACH_MEMORY, RULE_IFD_ATTACH_ACCESS, RULE_IFD_ATTACH_LIMIT};

enum pin_failure ioas_area_pin(struct host *host, struct ioas *ioas, struct range *area)
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
	pin = iotable_pin(host, &ioas->table, &request);
	if (pin.error)
		return PIN_MEMORY;
	if (pin.kinds & 1u << RUN_DEVICE)
		failure = PIN_MEMORY;
	else if (!pages->access)
		failure = PIN_ACCESS;
	else if (pages->accounted && host->user_locked + count > limit / host->machine->page_size)
		failure = PIN_LIMIT;
	if (failure != PIN_DONE) {
		iotable_unpin_mapping(host, &ioas->table, area);
		area->place = 0;
		return failure;
	}
	if (pages->accounted)
		host->user_locked += count;
	host->mms.items[pages->mm].pinned += count;
	area->weight = count;
	return PIN_DONE;
}

void ioas_area_remove(struct host *host, struct ioas *ioas, uint64_t first)
{
	struct range *area = rangemap_edit(&ioas->areas, first);

	area_unpin(host, ioas, area);
	host->pages.items[area->tag].areas--;
	rangemap_remove(&ioas->areas, first);
}

void ioas_clear(struct host *host, struct ioas *ioas)
{
	const struct range *area;

	while ((area = rangemap_from(&ioas->areas, 0)))
		ioas_area_remove(host, ioas, area->first);
	windows_clear(&ioas->windows);
}

/* The area behind one, or NULL. */
static const struct range *area_next(const struct ioas *ioas, const struct range *area)
{
	return area->last == UINT64_MAX ? NULL : rangemap_from(&ioas->areas, area->last + 1);
}

/* ---- devices ------------------------------------------------------------------------------- */

/* Whether all areas begin and end, in IOVAs and in memory, at multiples of @unit. */
static bool areas_aligned(const struct host *host, const struct ioas *ioas, uint64_t unit)
{
	const struct range *area = rangemap_from(&ioas->areas, 0);

	for (; area; area = area_next(ioas, area))
		if ((area->first | (area->last + 1) | in_page(host, area->value)) & (unit - 1))
			return false;
	return true;
}

static bool areas_in_windows(const struct ioas *ioas, const struct windows *windows)
{
	const struct range *area = rangemap_from(&ioas->areas, 0);

	for (; area; area = area_next(ioas, area))
		if (!windows_allow(windows, area->first, area->last))
			return false;
	return true;
}

static void areas_unpin(struct host *host, struct ioas *ioas)
{
	const struct range *area = rangemap_from(&ioas->areas, 0);

	for (; area; area = area_next(ioas, area)) {
		struct range *pinned = rangemap_edit(&ioas->areas, area->first);

		area_unpin(host, ioas, pinned);
		area = pinned;
	}
}

/* Whether there is an area that makes some kernels complain of themselves when a device attaches. */
static bool areas_warn(const struct host *host, const struct ioas *ioas)
{
	const struct range *area = rangemap_from(&ioas->areas, 0);

	if (!profile_get(host, PROFILE_IOMMUFD_NO_ACCESS_WARNS))
		return false;
	while (area && host->pages.items[area->tag].access)
		area = area_next(ioas, area);
	return area;
}

/* Narrows windows to what the IOMMU of a group translates, with @reserved less what it keeps for itself. */
static void windows_narrow_to(const struct host *host, uint32_t group, struct windows *windows, bool reserved)
{
	const struct translation translation = iommu_translation(host, group);

	windows_narrow(windows, translation.aperture);
	for (size_t i = 0; reserved && i < translation.reserved_count; i++)
		windows_exclude(windows, &translation.reserved[i]);
}

void ioas_hardware_changed(struct host *host, struct ioas *ioas)
{
	const uint32_t index = (uint32_t)(ioas - host->ioases.items);

	windows_clear(&ioas->windows);
	ioas->page_sizes = UINT64_MAX;
	for (uint32_t i = 0; i < host->devices.count; i++) {
		const struct device_state *device = &host->devices.items[i];

		if (device->ioas != index || host->machine->groups[device->group].emulated)
			continue;
		windows_narrow_to(host, device->group, &ioas->windows, true);
		ioas->page_sizes &= iommu_translation(host, device->group).page_sizes;
	}
}

/* Whether all that is mapped lies in the windows of a group: STEP_MORE, or refused. */
static enum step_result windows_suit(struct host *host, struct op *op, const struct ioas *ioas, uint32_t group,
				     bool reserved)
{
	struct windows windows = {0};
	bool inside;

	windows_narrow_to(host, group, &windows, reserved);
	inside = areas_in_windows(ioas, &windows);
	windows_clear(&windows);
	return inside || defect_on(host, DEFECT_IOMMUFD_ATTACH_WINDOW) ? STEP_MORE : refuse(op, RULE_IFD_ATTACH_WINDOW);
}

/* Whether all that is mapped is made of whole pages of a group's IOMMU: STEP_MORE, or refused. */
static enum step_result pages_suit(struct host *host, struct op *op, const struct ioas *ioas, uint32_t group)
{
	const uint64_t page_sizes = iommu_translation(host, group).page_sizes;

	return areas_aligned(host, ioas, page_sizes & -page_sizes) || defect_on(host, DEFECT_IOMMUFD_ATTACH_ALIGN)
		   ? STEP_MORE
		   : refuse(op, RULE_IFD_ATTACH_ALIGN);
}

/* Pins all that is mapped, or nothing: STEP_MORE, or refused. */
static enum step_result areas_pin(struct host *host, struct op *op, struct ioas *ioas)
{
	const struct range *area = rangemap_from(&ioas->areas, 0);

	for (; area; area = area_next(ioas, area)) {
		struct range *pinned = rangemap_edit(&ioas->areas, area->first);
		enum pin_failure failure = ioas_area_pin(host, ioas, pinned);

		if (failure != PIN_DONE) {
			areas_unpin(host, ioas);
			return refuse(op, attach_rules[failure]);
		}
		area = pinned;
	}
	return STEP_MORE;
}

enum step_result ioas_attach(struct host *host, struct op *op, struct ioas *ioas, uint32_t group, bool moves)
{
	const bool first = !ioas->attached;

	/* What the IOMMU keeps for itself is asked first, but last where the table was made for a group that moves. */
	if (windows_suit(host, op, ioas, group, !moves) == STEP_DONE || pages_suit(host, op, ioas, group) == STEP_DONE)
		return STEP_DONE;
	if (first && (areas_warn(host, ioas) || ioas->held.count))
		return unmodelled(host, op);
	if (first && !defect_on(host, DEFECT_IOMMUFD_ATTACH_PINS_NOTHING) && areas_pin(host, op, ioas) == STEP_DONE)
		return STEP_DONE;
	if (moves && windows_suit(host, op, ioas, group, true) == STEP_DONE) {
		if (first)
			areas_unpin(host, ioas);
		return STEP_DONE;
	}
	ioas->attached++;
	return STEP_MORE;
}

void ioas_detach(struct host *host, struct ioas *ioas)
{
	if (--ioas->attached == 0 && !defect_on(host, DEFECT_IOMMUFD_CLOSE_KEEPS_PINS))
		areas_unpin(host, ioas);
}

enum step_result ioas_attach_access(struct host *host, struct op *op, struct ioas *ioas)
{
	if (!areas_aligned(host, ioas, host->machine->page_size))
		return refuse(op, RULE_IFD_ATTACH_ALIGN);
	ioas->accesses++;
	return STEP_MORE;
}

void ioas_detach_access(struct ioas *ioas)
{
	ioas->accesses--;
}

enum step_result ioas_use_small_pages(struct host *host, struct op *op, struct ioas *ioas)
{
	if (ioas->small_pages)
		return STEP_MORE;
	/* What the hardware may hold as one large page cannot be cut any more. */
	if (ioas->attached && ioas->areas.count)
		return refuse(op, RULE_IFD_SET_IOMMU_MAPPED);
	if (!areas_aligned(host, ioas, host->machine->page_size))
		return refuse(op, RULE_IFD_SET_IOMMU_ALIGN);
	ioas->small_pages = true;
	return STEP_MORE;
}

enum rule ioas_translate(const struct host *host, uint32_t device, uint64_t iova, uint64_t bytes, bool write,
			 struct run *run)
{
	const uint32_t index = host->devices.items[device].ioas;
	const struct ioas *ioas = index == NOTHING ? NULL : &host->ioases.items[index];
	const struct range *area = ioas ? rangemap_at(&ioas->areas, iova) : NULL;

	if (!area || !iotable_find(&ioas->table, area, iova, bytes, run))
		return RULE_DMA_NO_MAPPING;
	return iommu_allows(host, host->pages.items[area->tag].access, write) ? RULE_NONE : RULE_DMA_FORBIDDEN;
}
