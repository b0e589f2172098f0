/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * What GET_INFO tells of an iommufd's address space: page sizes, and a chain of two capabilities.
 */
#include "iommufd.h"
#include "type1.h"

enum {
	INFO_SIZE = 24,
	DMA_AVAIL_OFFSET = INFO_SIZE,
	DMA_AVAIL_SIZE = 12,
	RANGES_OFFSET = DMA_AVAIL_OFFSET + 16,
	RANGES_HEADER = 16,
	RANGE_SIZE = 16,
	NEXT = 4, /* where in a capability the offset of the next one stands */
};

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
	const struct ioas *ioas = op_ioas(host, op);
	const uint64_t page = host->machine->page_size;
	struct iova_range everything = {0, UINT64_MAX}, *windows = &everything;
	struct vfio_iommu_type1_info info = {0};
	uint32_t needed, length, count = 1;

	if (user_load_argsz(op, &info, op->row->minsz, RULE_IFD_INFO_FAULT, RULE_IFD_INFO_ARGSZ) == STEP_DONE)
		return STEP_DONE;
	if (!ioas)
		return refuse(op, RULE_IFD_INFO_NO_IOAS);
	length = info.argsz < INFO_SIZE ? info.argsz : (uint32_t)INFO_SIZE;
	info.flags = VFIO_IOMMU_INFO_PGSIZES | VFIO_IOMMU_INFO_CAPS;
	info.iova_pgsizes = -page;
	if (ioas->attached)
		info.iova_pgsizes = iommu_usable_page_sizes(host, ioas->page_sizes);
	if (ioas->windows.count) {
		windows = ioas->windows.items;
		count = ioas->windows.count;
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
