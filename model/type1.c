/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * TYPE1: the IOMMU API of x86 and arm. One instance for each container with an IOMMU.
 *
 * This file has what surrounds mappings: extensions, opening and releasing an instance, and GET_INFO.
 * Mapping and unmapping are in type1_map.c, groups that join and leave in type1_groups.c.
 */
#include "type1.h"

#include <string.h>

#include "nesting.h"

#include "vfiosim/uapi.h"

/* Whether every domain enforces cache coherency; so it is where there is none. */
static bool coherent(const struct host *host, uint32_t iommu)
{
	for (uint32_t i = 0; i < host->groups.count; i++)
		if (host->groups.items[i].joined == iommu && !host->machine->groups[i].emulated &&
		    !iommu_translation(host, i).cache_coherent)
			return false;
	return true;
}

int64_t type1_check_extension(const struct host *host, uint32_t iommu, uint64_t extension)
{
	switch (extension) {
	case VFIO_TYPE1_IOMMU:
	case VFIO_TYPE1v2_IOMMU:
		return 1;
	case VFIO_TYPE1_NESTING_IOMMU:
		return profile_get(host, PROFILE_NESTING_OFFERED);
	case VFIO_UNMAP_ALL:
		return profile_get(host, PROFILE_UNMAP_ALL);
	case VFIO_UPDATE_VADDR:
		/* Mediated devices may need an address at any time. */
		if (iommu == NOTHING ? !defect_on(host, DEFECT_VADDR_ALWAYS_OFFERED)
				     : host->iommus.items[iommu].emulated_groups &&
					   !defect_on(host, DEFECT_VADDR_OFFERED_BESIDE_MDEV))
			return 0;
		return profile_get(host, PROFILE_VADDR_UPDATE);
	case VFIO_DMA_CC_IOMMU:
		return iommu != NOTHING && coherent(host, iommu);
	default:
		return 0;
	}
}

uint32_t type1_open(struct host *host, uint64_t type)
{
	uint32_t index;
	struct type1 *iommu;

	index = table_take(&host->iommus, alive);
	iommu = &host->iommus.items[index];
	memset(iommu, 0, sizeof(*iommu));
	iommu->alive = true;
	iommu->v2 = type != VFIO_TYPE1_IOMMU;
	iommu->nesting = type == VFIO_TYPE1_NESTING_IOMMU;
	iommu->pasid_mm = NOTHING;
	iommu->entries_left = (uint32_t)profile_get(host, PROFILE_DMA_ENTRY_LIMIT);
	iommu->page_sizes = -(uint64_t)host->machine->page_size;
	type1_open_mappings(host, iommu);
	return index;
}

void type1_release(struct host *host, uint32_t index)
{
	struct type1 *iommu = &host->iommus.items[index];

	for (uint32_t i = 0; i < host->groups.count; i++)
		if (host->groups.items[i].joined == index)
			host->groups.items[i].joined = NOTHING;
	nesting_leave(host, iommu);
	type1_close_mappings(host, iommu);
	iotable_unpin(host, &iommu->held, 0, UINT64_MAX);
	rangemap_clear(&iommu->pinned);
	windows_clear(&iommu->windows);
	memset(iommu, 0, sizeof(*iommu));
}

bool type1_backed(const struct type1 *iommu)
{
	return iommu->backed_groups;
}

uint64_t type1_smallest_page(const struct type1 *iommu)
{
	return iommu->page_sizes & -iommu->page_sizes;
}

uint64_t type1_room(const struct host *host, uint32_t mm)
{
	const uint64_t limit = host->tasks.items[host->mms.items[mm].task].memlock / host->machine->page_size;
	const uint64_t used = mm_locked(&host->mms.items[mm]);

	return limit > used ? limit - used : 0;
}

enum rule type1_translate(const struct host *host, uint32_t device, uint64_t iova, uint64_t bytes, bool write,
			  struct run *run)
{
	const uint32_t index = host->groups.items[host->devices.items[device].group].joined;
	const struct type1 *iommu = index == NOTHING ? NULL : &host->iommus.items[index];
	const struct range *mapping = iommu ? rangemap_at(&iommu->mappings, iova) : NULL;

	if (!mapping || !iotable_find(&iommu->table, mapping, iova, bytes, run))
		return RULE_DMA_NO_MAPPING;
	return iommu_allows(host, MAPPING_FLAGS(mapping->tag), write) ? RULE_NONE : RULE_DMA_FORBIDDEN;
}

struct type1 *op_type1(struct host *host, const struct op *op)
{
	return &host->iommus.items[op_iommu(host, op)];
}

/* ---- GET_INFO ------------------------------------------------------------------------------ */

enum {
	CAP_HEADER = 8,
	CAP_MIGRATION_SIZE = 32,
	CAP_DMA_AVAIL_SIZE = 12,
	CAP_IOVA_HEADER = 16, /* before the ranges */
	CAP_IOVA_RANGE = 16,
	INFO_SIZE = 24,
	WINDOWS_MAX = 64,
	CAP_NESTING_MAX = 64,
	CAPS_MAX = CAP_MIGRATION_SIZE + 16 + CAP_IOVA_HEADER + WINDOWS_MAX * CAP_IOVA_RANGE + 8 + CAP_NESTING_MAX,
};

/* A capability chain as it is built: bytes, and where the `next` of the last one stands. */
struct chain {
	uint8_t bytes[CAPS_MAX];
	uint32_t length;
	uint32_t last_next; /* offset of the link to fill in; 0 for the first */
	uint32_t base;	    /* what the links count from, seen from the chain */
	uint32_t alignment;
};

/* The place of one more capability, or NULL: without memory for it, those that were there are lost as well. */
static uint8_t *chain_add(const struct host *host, struct chain *chain, uint16_t id, uint32_t size)
{
	uint32_t start = chain->length, padded = (size + chain->alignment - 1) & ~(chain->alignment - 1);
	const uint64_t memory = (uint64_t)profile_get(host, PROFILE_CAPABILITY_MEMORY);
	uint8_t *cap = chain->bytes + start;

	if (memory && start + padded > memory) {
		chain->length = chain->last_next = 0;
		return NULL;
	}
	memset(cap, 0, padded);
	if (chain->last_next)
		bytes_put(chain->bytes + chain->last_next, 4, chain->base + start);
	chain->last_next = start + 4;
	chain->length += padded;
	bytes_put(cap, 2, id);
	bytes_put(cap + 2, 2, 1);
	return cap;
}

static enum rule add_migration(const struct host *host, const struct type1 *iommu, struct chain *chain)
{
	uint8_t *cap = chain_add(host, chain, VFIO_IOMMU_TYPE1_INFO_CAP_MIGRATION, CAP_MIGRATION_SIZE);

	if (!cap)
		return RULE_T1_INFO_MEMORY;
	bytes_put(cap + 16, 8, type1_smallest_page(iommu));
	bytes_put(cap + 24, 8, DIRTY_BITMAP_MAX);
	if (defect_on(host, DEFECT_MIGRATION_GAP))
		bytes_put(cap + 12, 4, 0xffff8880);
	return RULE_NONE;
}

static enum rule add_entries_left(const struct host *host, const struct type1 *iommu, struct chain *chain)
{
	uint32_t entries = iommu->entries_left;
	uint8_t *cap;

	if (!profile_get(host, PROFILE_DMA_AVAIL_TOLD))
		return RULE_NONE;
	if (defect_on(host, DEFECT_AVAIL_NEVER_SHRINKS))
		entries = (uint32_t)profile_get(host, PROFILE_DMA_ENTRY_LIMIT);
	cap = chain_add(host, chain, VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL, CAP_DMA_AVAIL_SIZE);
	if (!cap)
		return RULE_T1_INFO_MEMORY;
	bytes_put(cap + CAP_HEADER, 4, entries);
	return RULE_NONE;
}

static enum rule add_windows(const struct host *host, const struct type1 *iommu, struct chain *chain)
{
	uint32_t windows = iommu->windows.count < WINDOWS_MAX ? iommu->windows.count : (uint32_t)WINDOWS_MAX;
	const uint64_t beyond = defect_on(host, DEFECT_WINDOW_END_EXCLUSIVE) ? 1 : 0;
	uint8_t *cap;

	if (!windows)
		return RULE_NONE;
	cap = chain_add(host, chain, VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE, CAP_IOVA_HEADER + windows * CAP_IOVA_RANGE);
	if (!cap)
		return RULE_T1_INFO_MEMORY;
	bytes_put(cap + CAP_HEADER, 4, windows);
	for (uint32_t i = 0; i < windows; i++) {
		bytes_put(cap + CAP_IOVA_HEADER + i * CAP_IOVA_RANGE, 8, iommu->windows.items[i].first);
		bytes_put(cap + CAP_IOVA_HEADER + i * CAP_IOVA_RANGE + 8, 8, iommu->windows.items[i].last + beyond);
	}
	return RULE_NONE;
}

static enum rule add_nesting(const struct host *host, const struct type1 *iommu, struct chain *chain)
{
	uint8_t *cap;

	if (!iommu->nested)
		return RULE_NONE;
	if (!iommu->nested->format)
		return RULE_NST_INFO_FORMAT;
	cap = chain_add(host, chain, VFIO_IOMMU_TYPE1_INFO_CAP_NESTING, nesting_capability_size(host, iommu->nested));
	if (!cap)
		return RULE_T1_INFO_MEMORY;
	nesting_capability(host, iommu->nested, cap + CAP_HEADER);
	return RULE_NONE;
}

/* What there is to tell, or the rule by which the call fails: what goes wrong first, as a rule. */
static enum rule chain_build(const struct host *host, const struct type1 *iommu, struct chain *chain)
{
	enum rule wrong;

	chain->length = chain->last_next = 0;
	chain->base = defect_on(host, DEFECT_CHAIN_OFFSETS) ? 0 : INFO_SIZE;
	chain->alignment = (uint32_t)profile_get(host, PROFILE_CAPABILITY_ALIGNMENT);
	wrong = add_migration(host, iommu, chain);
	if (!wrong)
		wrong = add_entries_left(host, iommu, chain);
	if (!wrong)
		wrong = add_windows(host, iommu, chain);
	if (nesting_proposed(host) && (!wrong || !profile_get(host, PROFILE_NESTING_ERROR_KEPT)))
		wrong = add_nesting(host, iommu, chain);
	return wrong;
}

enum step_result type1_get_info(struct host *host, struct op *op)
{
	const struct type1 *iommu = op_type1(host, op);
	struct vfio_iommu_type1_info info = {0};
	struct chain chain;
	enum rule wrong;
	uint32_t length;

	if (!user_load(op, &info, op->row->minsz))
		return refuse(op, RULE_T1_INFO_FAULT);
	if (info.argsz < op->row->minsz && !defect_on(host, DEFECT_INFO_ARGSZ))
		return refuse(op, RULE_T1_INFO_ARGSZ);
	length = info_length(host, info.argsz);
	wrong = chain_build(host, iommu, &chain);
	if (wrong)
		return refuse(op, wrong);
	info.flags = VFIO_IOMMU_INFO_PGSIZES | (chain.length ? VFIO_IOMMU_INFO_CAPS : 0);
	info.iova_pgsizes = iommu->page_sizes;
	if (!chain.length) {
		hit(op, RULE_T1_INFO_NO_CHAIN);
	} else if (info.argsz < INFO_SIZE + chain.length) {
		if (!defect_on(host, DEFECT_INFO_ROOM_UNTOLD))
			info.argsz = INFO_SIZE + chain.length;
		hit(op, RULE_T1_INFO_ROOM);
	} else {
		if (!user_write(host, op, 0, INFO_SIZE, chain.bytes, chain.length))
			return refuse(op, RULE_T1_INFO_FAULT);
		info.cap_offset = INFO_SIZE;
		hit(op, RULE_T1_INFO_CHAIN);
	}
	if (!user_store(host, op, &info, length))
		return defect_on(host, DEFECT_INFO_FAULT_POSITIVE) ? finish(op, length)
								   : refuse(op, RULE_T1_INFO_FAULT);
	hit(op, RULE_T1_INFO);
	return finish(op, 0);
}
