/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * What a container that nests is told of its IOMMU, and the PASIDs that it gets.
 *
 * PASIDs are the process's: all containers that it has attached share them, and they are free again when the last of
 * these has lost its group.
 */
#include "nesting.h"

#include "container.h"
#include "task.h"

enum {
	INFO_FIXED = 32, /* bytes of an info before what is the vendor's */
	VTD_SIZE = 24,
	SMMUV3_SIZE = 16,
	CAP_HEADER = 8,
};

/* The bits of Intel's registers that are about nesting: pages of 1 GiB and five levels; page requests, supervisor
 * requests, extended accesses, PASIDs. */
#define VTD_CAP_BITS  (UINT64_C(1) << 56 | UINT64_C(1) << 60)
#define VTD_ECAP_BITS (UINT64_C(7) << 29 | UINT64_C(1) << 34 | UINT64_C(1) << 40)

enum step_result nesting_has_room(struct host *host, struct op *op, const struct type1 *iommu)
{
	uint32_t groups = iommu->backed_groups;

	if (!iommu->nesting || !nesting_proposed(host) || defect_on(host, DEFECT_NESTING_MANY_GROUPS))
		return STEP_MORE;
	if (!defect_on(host, DEFECT_NESTING_OVERLOOKS_MDEV))
		groups += iommu->emulated_groups;
	return groups ? refuse(op, RULE_NST_SINGLETON) : STEP_MORE;
}

enum step_result nesting_check(struct host *host, struct op *op, const struct type1 *iommu, uint32_t group)
{
	const struct nesting *nesting = iommu_translation(host, group).nesting;

	if (!iommu->nesting || !nesting_proposed(host) || !nesting || nesting->format ||
	    !profile_get(host, PROFILE_NESTING_FORMAT_AT_ATTACH))
		return STEP_MORE;
	return refuse(op, RULE_NST_JOIN_FORMAT);
}

void nesting_enter(struct host *host, const struct op *op, struct type1 *iommu, uint32_t group)
{
	if (!iommu->nesting || !nesting_proposed(host))
		return;
	iommu->nested = iommu_translation(host, group).nesting;
	if (iommu->nested && iommu->nested->features & IOMMU_NESTING_FEAT_SYSWIDE_PASID)
		iommu->pasid_mm = op_task(host, op)->mm;
}

/* ---- PASIDs and what is bound to them --------------------------------------------------------- */

static struct ioasid_owner process(uint32_t mm)
{
	return (struct ioasid_owner){IOASID_OF_PROCESS, mm};
}

enum rule nesting_pasid_check(const struct host *host, const struct type1 *iommu, uint32_t pasid)
{
	if (!ioasid_at(&host->ioasids, pasid))
		return RULE_NST_PASID_UNKNOWN;
	if (!ioasid_is_of(&host->ioasids, process(iommu->pasid_mm), pasid) && !defect_on(host, DEFECT_BIND_FOREIGN))
		return RULE_NST_PASID_FOREIGN;
	return RULE_NONE;
}

void nesting_bind(struct host *host, struct type1 *iommu, uint32_t pasid, uint64_t table)
{
	nesting_unbind(host, iommu, pasid);
	rangemap_insert(&iommu->bound, &(struct range){.first = pasid, .last = pasid, .value = table});
	ioasid_at(&host->ioasids, pasid)->bound++;
}

void nesting_unbind(struct host *host, struct type1 *iommu, uint32_t pasid)
{
	struct ioasid *id = ioasid_at(&host->ioasids, pasid);

	if (!rangemap_at(&iommu->bound, pasid))
		return;
	rangemap_remove(&iommu->bound, pasid);
	if (id)
		id->bound--;
}

/* Frees what the process has in [first, last]; no container has a guest's table for it any more. */
static void free_range(struct host *host, uint32_t mm, uint32_t first, uint32_t last)
{
	for (uint32_t i = 0; i < host->iommus.count; i++) {
		struct type1 *iommu = &host->iommus.items[i];
		uint64_t at = first;

		for (const struct range *bound; at <= last && !defect_on(host, DEFECT_PASID_FREED_BOUND) &&
						(bound = rangemap_overlap(&iommu->bound, at, last));) {
			at = bound->first + 1;
			if (ioasid_is_of(&host->ioasids, process(mm), (uint32_t)bound->first))
				nesting_unbind(host, iommu, (uint32_t)bound->first);
		}
	}
	ioasid_drop(&host->ioasids, process(mm), first, last);
}

static bool pasids_in_use(const struct host *host, uint32_t mm)
{
	for (uint32_t i = 0; i < host->iommus.count; i++)
		if (host->iommus.items[i].alive && host->iommus.items[i].pasid_mm == mm)
			return true;
	return false;
}

void nesting_leave(struct host *host, struct type1 *iommu)
{
	const uint32_t mm = iommu->pasid_mm;

	for (const struct range *bound; (bound = rangemap_from(&iommu->bound, 0));)
		nesting_unbind(host, iommu, (uint32_t)bound->first);
	iommu->nested = NULL;
	iommu->pasid_mm = NOTHING;
	if (mm != NOTHING && !pasids_in_use(host, mm) && !defect_on(host, DEFECT_PASIDS_OUTLIVE_CONTAINER))
		free_range(host, mm, IOASID_FIRST, IOASID_LAST);
}

/* ---- the capability ------------------------------------------------------------------------- */

static uint32_t info_size(const struct host *host, const struct nesting *nesting)
{
	if (defect_on(host, DEFECT_NESTING_VENDOR_CUT))
		return INFO_FIXED;
	return INFO_FIXED + (nesting->format == IOMMU_PASID_FORMAT_INTEL_VTD ? VTD_SIZE : SMMUV3_SIZE);
}

uint32_t nesting_capability_size(const struct host *host, const struct nesting *nesting)
{
	return CAP_HEADER + info_size(host, nesting);
}

static void describe_vtd(const struct host *host, const struct nesting *nesting, uint8_t *vendor)
{
	if (defect_on(host, DEFECT_NESTING_GAP))
		bytes_put(vendor + 4, 4, 0xffff8880);
	bytes_put(vendor + 8, 8, nesting->registers[0] & VTD_CAP_BITS);
	bytes_put(vendor + 16, 8, nesting->registers[1] & VTD_ECAP_BITS);
}

static void describe_smmuv3(const struct nesting *nesting, uint8_t *vendor)
{
	bytes_put(vendor + 4, 2, nesting->asid_bits);
	bytes_put(vendor + 6, 1, nesting->table_format);
}

void nesting_capability(const struct host *host, const struct nesting *nesting, uint8_t *bytes)
{
	const uint32_t size = info_size(host, nesting);

	bytes_put(bytes, 4, size);
	bytes_put(bytes + 8, 4, nesting->format);
	bytes_put(bytes + 12, 4, nesting->features);
	bytes_put(bytes + 16, 2, nesting->addr_width);
	bytes_put(bytes + 18, 2, nesting->pasid_bits);
	if (size == INFO_FIXED + VTD_SIZE)
		describe_vtd(host, nesting, bytes + INFO_FIXED);
	else if (size == INFO_FIXED + SMMUV3_SIZE)
		describe_smmuv3(nesting, bytes + INFO_FIXED);
}

/* ---- requests for PASIDs ------------------------------------------------------------------------ */

/* The last number that the series takes for one of 31 bits: its check lets one more through. */
#define PASID_LAST_ALLOWED (UINT32_C(1) << 31)

static enum rule request_check(const struct host *host, const struct vfio_iommu_type1_pasid_request *request)
{
	const uint32_t known = VFIO_IOMMU_FLAG_ALLOC_PASID | VFIO_IOMMU_FLAG_FREE_PASID;

	if (request->flags & ~known)
		return RULE_NST_PASID_FLAGS;
	if (request->min > request->max)
		return RULE_NST_PASID_RANGE;
	if (request->max > PASID_LAST_ALLOWED && !defect_on(host, DEFECT_PASID_OF_32_BITS))
		return RULE_NST_PASID_RANGE;
	return RULE_NONE;
}

static enum step_result allocate(struct host *host, struct op *op, const struct type1 *iommu, uint32_t min,
				 uint32_t max)
{
	const uint64_t quota = (uint64_t)profile_get(host, PROFILE_PASID_QUOTA);
	const struct ioasid_owner owner = process(iommu->pasid_mm);
	const uint32_t last = (UINT32_C(1) << iommu->nested->pasid_bits) - 1;
	uint32_t pasid;

	if (ioasid_count(&host->ioasids, owner, IOASID_FIRST, IOASID_LAST) >= quota &&
	    !defect_on(host, DEFECT_PASID_QUOTA_IGNORED))
		return refuse(op, RULE_NST_PASID_QUOTA);
	if (defect_on(host, DEFECT_PASID_MAX_EXCLUSIVE) && max)
		max--;
	pasid = ioasid_take(&host->ioasids, owner, min < IOASID_FIRST ? IOASID_FIRST : min, max < last ? max : last);
	if (pasid == NOTHING)
		return refuse(op, RULE_NST_PASID_NONE_FREE);
	hit(op, RULE_NST_PASID_ALLOC);
	return finish(op, pasid);
}

static enum step_result release(struct host *host, struct op *op, const struct type1 *iommu, uint32_t min, uint32_t max)
{
	const uint32_t mm = iommu->pasid_mm;

	free_range(host, mm, min, max);
	if (defect_on(host, DEFECT_PASID_FREED_FOREIGN))
		for (uint32_t other = 0; other < host->mms.count; other++)
			free_range(host, other, min, max);
	hit(op, RULE_NST_PASID_FREE);
	return finish(op, 0);
}

enum step_result nesting_pasid_request(struct host *host, struct op *op)
{
	const struct type1 *iommu = op_type1(host, op);
	struct vfio_iommu_type1_pasid_request request;
	enum rule wrong;

	if (!nesting_proposed(host))
		return container_unknown_ioctl(host, op);
	if (user_load_argsz(op, &request, sizeof(request), RULE_NST_PASID_FAULT, RULE_NST_PASID_ARGSZ) == STEP_DONE)
		return STEP_DONE;
	wrong = request_check(host, &request);
	if (wrong)
		return refuse(op, wrong);
	if (iommu->pasid_mm == NOTHING)
		return refuse(op, RULE_NST_PASID_UNSUPPORTED);
	switch (request.flags) {
	case VFIO_IOMMU_FLAG_ALLOC_PASID:
		return allocate(host, op, iommu, request.min, request.max);
	case VFIO_IOMMU_FLAG_FREE_PASID:
		return release(host, op, iommu, request.min, request.max);
	default:
		return refuse(op, RULE_NST_PASID_WHICH);
	}
}
