/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * TYPE1 dirty tracking: which pages devices may have written, and DIRTY_PAGES, which starts and stops it and asks.
 */
#include "type1.h"
#include "vfiosim/uapi.h"

/* The most pages that one bitmap is for. */
#define BITMAP_PAGES_MAX ((uint64_t)INT32_MAX)

/* ---- who dirties what ---------------------------------------------------------------------- */

bool type1_all_dirty(const struct host *host, const struct type1 *iommu)
{
	for (uint32_t i = 0; i < host->groups.count; i++) {
		const struct group *group = &host->groups.items[i];

		if (group->container != NOTHING && !group->pinned_scope && !defect_on(host, DEFECT_DIRTY_IOMMU_CLEAN) &&
		    host->containers.items[group->container].iommu == iommu - host->iommus.items)
			return true;
	}
	return false;
}

/* A page that is pinned may be written at any time: those in [first, last] count as dirty. */
static void add_pinned(struct type1 *iommu, uint64_t first, uint64_t last)
{
	const struct range *pinned;

	while ((pinned = rangemap_overlap(&iommu->pinned, first, last))) {
		rangemap_cover(&iommu->dirty, pinned->first, pinned->last);
		if (pinned->last >= last)
			break;
		first = pinned->last + 1;
	}
}

void type1_mark_dirty(struct host *host, uint32_t index, uint64_t iova, uint64_t size)
{
	struct type1 *iommu = &host->iommus.items[index];
	const uint64_t in_page = type1_smallest_page(iommu) - 1;
	uint64_t first = iova & ~in_page, last = (iova + size - 1) | in_page;
	struct found found;

	if (!iommu->tracking || !size)
		return;
	/* A mapping may be less than a page, since a group with larger ones has joined. */
	found = type1_find(host, iommu, iova, iova);
	if (found.any && first < found.mapping.first)
		first = found.mapping.first;
	if (found.any && last > found.mapping.last)
		last = found.mapping.last;
	rangemap_cover(&iommu->dirty, first, last);
}

void type1_scope_narrowed(struct host *host, uint32_t index)
{
	struct type1 *iommu = &host->iommus.items[index];
	struct found found;

	if (!iommu->tracking)
		return;
	for (found = type1_first_in(iommu, 0, UINT64_MAX); found.any; found = type1_next_in(iommu, &found, UINT64_MAX))
		rangemap_cover(&iommu->dirty, found.mapping.first, found.mapping.last);
}

void type1_dirty_forget(struct type1 *iommu, const struct range *mapping)
{
	rangemap_carve(&iommu->dirty, mapping->first, mapping->last, false);
	rangemap_carve(&iommu->tails, mapping->serial, mapping->serial, false);
}

void type1_dirty_clear(struct type1 *iommu)
{
	rangemap_clear(&iommu->dirty);
	rangemap_clear(&iommu->tails);
}

bool type1_can_track(const struct type1 *iommu, uint64_t size)
{
	return size / type1_smallest_page(iommu) <= BITMAP_PAGES_MAX;
}

/* ---- what is asked of a bitmap -------------------------------------------------------------------- */

enum step_result type1_bitmap_check(struct host *host, struct op *op, const struct vfio_bitmap *bitmap, uint64_t size,
				    struct user_pointer *pointer)
{
	const uint64_t lowest = bitmap->pgsize & -bitmap->pgsize, in_word = 63;
	uint64_t pages;

	*pointer = user_pointer_find(host, op, bitmap->data);
	switch (user_pointer_place(pointer, bitmap->size)) {
	case POINTER_OF_KERNEL:
		if (defect_on(host, DEFECT_DIRTY_POINTER))
			break;
		return refuse(op, RULE_T1_DIRTY_POINTER);
	case POINTER_DEPENDS:
		return unmodelled(host, op);
	case POINTER_OF_TASK:
		break;
	}
	if (!lowest) {
		if (complain(host, op, RULE_T1_DIRTY_SHIFT, profile_get(host, PROFILE_SHIFTS_WATCHED)) == STEP_DONE)
			return STEP_DONE;
		return refuse(op, RULE_T1_DIRTY_PAGE_SIZE);
	}
	/* A page size of several bits counts as its lowest one here, and sums wrap. */
	pages = size / lowest;
	if (!pages || !bitmap->size || (bitmap->size > DIRTY_BITMAP_MAX && !defect_on(host, DEFECT_DIRTY_SIZE_LIMIT)) ||
	    (bitmap->size < ((pages + in_word) & ~in_word) / 8 && !defect_on(host, DEFECT_DIRTY_SIZE)))
		return refuse(op, RULE_T1_DIRTY_SIZE);
	return STEP_MORE;
}

/* ---- DIRTY_PAGES ---------------------------------------------------------------------------------- */

static enum step_result start(const struct host *host, struct op *op, struct type1 *iommu)
{
	struct found found;

	if (iommu->tracking) {
		hit(op, RULE_T1_DIRTY_START_TWICE);
		return finish(op, defect_on(host, DEFECT_DIRTY_START_REFUSED) ? -LINUX_EBUSY : LINUX_OK);
	}
	for (found = type1_first_in(iommu, 0, UINT64_MAX); found.any; found = type1_next_in(iommu, &found, UINT64_MAX))
		if (!type1_can_track(iommu, found.mapping.last - found.mapping.first + 1)) {
			iommu->tracking = defect_on(host, DEFECT_DIRTY_START_HALF);
			return refuse(op, RULE_T1_DIRTY_TOO_LARGE);
		}
	iommu->tracking = true;
	add_pinned(iommu, 0, UINT64_MAX);
	hit(op, RULE_T1_DIRTY_START);
	return finish(op, 0);
}

static enum step_result stop(const struct host *host, struct op *op, struct type1 *iommu)
{
	if (!iommu->tracking) {
		hit(op, RULE_T1_DIRTY_STOP_IDLE);
		return finish(op, defect_on(host, DEFECT_DIRTY_STOP_REFUSED) ? -LINUX_EINVAL : LINUX_OK);
	}
	iommu->tracking = defect_on(host, DEFECT_DIRTY_STOP_GOES_ON);
	type1_dirty_clear(iommu);
	hit(op, RULE_T1_DIRTY_STOP);
	return finish(op, 0);
}

/* The range of GET_BITMAP, behind the request. */
static enum step_result load_range(const struct host *host, struct op *op, uint32_t argsz,
				   struct vfio_iommu_type1_dirty_bitmap_get *range)
{
	const struct struct_desc *layout = op->row->layout;
	uint8_t bytes[sizeof(*range)];
	uint64_t end;
	bool wraps;

	if (argsz - layout->size < sizeof(bytes))
		return refuse(op, RULE_T1_DIRTY_ARGSZ);
	if (!user_read(op, 0, layout->size, bytes, sizeof(bytes)))
		return refuse(op, RULE_T1_DIRTY_FAULT);
	struct_load(layout->flex_struct, range, bytes, sizeof(bytes));
	end = range->iova + range->size;
	if (profile_get(host, PROFILE_TOP_RANGE_FINDS_NOTHING))
		wraps = end < range->iova;
	else if (range->size)
		wraps = end && end < range->iova;
	else
		return refuse(op, RULE_T1_DIRTY_SIZE);
	if (wraps)
		return refuse_as(op, RULE_T1_DIRTY_WRAP, profile_get(host, PROFILE_WRAP_REFUSED));
	return STEP_MORE;
}

static enum step_result get_bitmap(struct host *host, struct op *op, struct type1 *iommu, uint32_t argsz)
{
	const uint64_t page = type1_smallest_page(iommu);
	struct vfio_iommu_type1_dirty_bitmap_get range = {0};
	struct user_pointer pointer;
	struct found found;
	uint64_t last;

	if (load_range(host, op, argsz, &range) == STEP_DONE)
		return STEP_DONE;
	if (type1_bitmap_check(host, op,
			       &(struct vfio_bitmap){range.bitmap_pgsize, range.bitmap_size, range.bitmap_data},
			       range.size, &pointer) == STEP_DONE)
		return STEP_DONE;
	if (range.bitmap_pgsize != page &&
	    !(range.bitmap_pgsize == 2 * page && defect_on(host, DEFECT_DIRTY_PAGE_SIZE)))
		return refuse(op, RULE_T1_DIRTY_PAGE_SIZE);
	if ((range.iova | range.size) & (page - 1))
		return refuse(op, RULE_T1_DIRTY_ALIGN);
	if (!iommu->tracking)
		return defect_on(host, DEFECT_DIRTY_GET_IDLE) ? finish(op, 0) : refuse(op, RULE_T1_DIRTY_IDLE);
	last = range.iova + range.size - 1;
	if (type1_bisects(host, iommu, range.iova, last, NULL) && !defect_on(host, DEFECT_DIRTY_BISECT))
		return refuse(op, RULE_T1_DIRTY_BISECT);
	if (!type1_report_modelled(host, op, iommu, range.iova, last, &pointer))
		return unmodelled(host, op);
	found = type1_first_in(iommu, range.iova, last);
	hit(op, found.any ? RULE_T1_DIRTY_GET : RULE_T1_DIRTY_NOTHING);
	for (; found.any; found = type1_next_in(iommu, &found, last)) {
		if (!type1_report(host, op, iommu, &found.mapping, range.iova, &pointer))
			return refuse(op, RULE_T1_DIRTY_BITMAP_FAULT);
		/* What has been told is clean again, but what is pinned may be written at any time. */
		rangemap_carve(&iommu->dirty, found.mapping.first, found.mapping.last, false);
		if (!defect_on(host, DEFECT_DIRTY_PINNED_ONCE))
			add_pinned(iommu, found.mapping.first, found.mapping.last);
	}
	return finish(op, 0);
}

enum step_result type1_dirty_pages(struct host *host, struct op *op)
{
	struct type1 *iommu = op_type1(host, op);
	struct vfio_iommu_type1_dirty_bitmap request;

	if (!iommu->v2 && !defect_on(host, DEFECT_DIRTY_V1) && !defect_on(host, DEFECT_DIRTY_V1_READS))
		return refuse(op, RULE_T1_DIRTY_V1);
	if (!user_load(op, &request, sizeof(request)))
		return refuse(op, RULE_T1_DIRTY_FAULT);
	if (!iommu->v2 && defect_on(host, DEFECT_DIRTY_V1_READS))
		return refuse(op, RULE_T1_DIRTY_V1);
	if (request.argsz < sizeof(request) && !defect_on(host, DEFECT_DIRTY_ARGSZ))
		return refuse(op, RULE_T1_DIRTY_ARGSZ);
	if (defect_on(host, DEFECT_DIRTY_TWO_REQUESTS) && (request.flags & VFIO_IOMMU_DIRTY_PAGES_FLAG_START))
		request.flags &= ~(uint32_t)VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP;
	switch (request.flags) {
	case VFIO_IOMMU_DIRTY_PAGES_FLAG_START:
		return start(host, op, iommu);
	case VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP:
		return stop(host, op, iommu);
	case VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP:
		return get_bitmap(host, op, iommu, request.argsz);
	default:
		return refuse(op, RULE_T1_DIRTY_FLAGS);
	}
}
