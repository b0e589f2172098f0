/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * What a container that nests does with a guest's page tables: it binds them to PASIDs, unbinds them, and has what the
 * IOMMU has cached of them invalidated. VFIO hands on what the user passed; what is checked here after the features of
 * the IOMMU is the IOMMU layer's and its driver's, in their order.
 */
#include "nesting.h"

#include <string.h>

#include "container.h"
#include "user.h"

enum {
	HEADER = 8,	    /* bytes before what is the IOMMU's */
	BIND_FIXED = 56,    /* of a binding, before what is the vendor's */
	INV_FIXED = 16,	    /* of an invalidation, before its granularity's */
	INV_PASID_END = 32, /* with that of a PASID */
	VTD_PASID_BITS = 20,
};

#define VTD_FIVE_LEVELS	  (UINT64_C(1) << 60) /* of the capability register */
#define VTD_SUPERVISOR	  (UINT64_C(1) << 31) /* of the extended one: supervisor requests, extended accesses */
#define VTD_EXTENDED	  (UINT64_C(1) << 34)
#define VTD_FLAGS_KNOWN	  (IOMMU_SVA_VTD_GPASID_CD * 2 - 1)
#define VTD_FLAGS_PLAIN	  (IOMMU_SVA_VTD_GPASID_SRE | IOMMU_SVA_VTD_GPASID_EAFE)
#define INV_CACHES	  (IOMMU_CACHE_INV_TYPE_IOTLB | IOMMU_CACHE_INV_TYPE_DEV_IOTLB | IOMMU_CACHE_INV_TYPE_PASID)
#define INV_PASID_FLAGS	  (IOMMU_INV_ADDR_FLAGS_PASID | IOMMU_INV_ADDR_FLAGS_ARCHID)
#define INV_ADDRESS_FLAGS (INV_PASID_FLAGS | IOMMU_INV_ADDR_FLAGS_LEAF)

/* Reads the first @length bytes of what follows the header. False is a fault. */
static bool read_data(struct op *op, const char *layout, void *object, uint32_t length)
{
	uint8_t bytes[sizeof(struct iommu_gpasid_bind_data)];

	if (!user_read(op, 0, HEADER, bytes, length))
		return false;
	struct_load(struct_by_name(layout, strlen(layout)), object, bytes, length);
	return true;
}

enum step_result nesting_answer(struct host *host, struct op *op, enum rule refusal)
{
	if (!refusal)
		return finish(op, 0);
	if (profile_get(host, PROFILE_NESTING_REFUSALS_TOLD))
		return refuse(op, refusal);
	hit(op, RULE_NST_UNTOLD);
	return finish(op, 0);
}

/* ---- binding --------------------------------------------------------------------------------- */

/* What the IOMMU layer wants of a binding, whoever made the IOMMU. */
static enum rule bind_read(const struct host *host, struct op *op, struct iommu_gpasid_bind_data *data)
{
	memset(data, 0, sizeof(*data));
	if (!read_data(op, "iommu_gpasid_bind_data", data, BIND_FIXED))
		return RULE_NST_BIND_FAULT;
	if (data->argsz < BIND_FIXED)
		return RULE_NST_BIND_ARGSZ;
	if (!read_data(op, "iommu_gpasid_bind_data", data,
		       data->argsz < sizeof(*data) ? data->argsz : (uint32_t)sizeof(*data)))
		return RULE_NST_BIND_FAULT;
	if (data->version != IOMMU_GPASID_BIND_VERSION_1)
		return RULE_NST_BIND_VERSION;
	if (data->format > IOMMU_PASID_FORMAT_INTEL_VTD)
		return RULE_NST_BIND_FORMAT;
	if (data->flags & ~(uint64_t)IOMMU_SVA_GPASID_VAL)
		return RULE_NST_BIND_FLAGS;
	if (data->padding && !defect_on(host, DEFECT_BIND_PADDING))
		return RULE_NST_BIND_PADDING;
	return RULE_NONE;
}

/* What Intel's driver wants of the table itself. */
static enum rule vtd_table_check(const struct nesting *nesting, const struct iommu_gpasid_bind_data *data)
{
	if (data->addr_width != 48 && (data->addr_width != 57 || !(nesting->registers[0] & VTD_FIVE_LEVELS)))
		return RULE_NST_BIND_WIDTH;
	if ((data->vtd_flags & IOMMU_SVA_VTD_GPASID_SRE && !(nesting->registers[1] & VTD_SUPERVISOR)) ||
	    (data->vtd_flags & IOMMU_SVA_VTD_GPASID_EAFE && !(nesting->registers[1] & VTD_EXTENDED)))
		return RULE_NST_BIND_ACCESS;
	return data->vtd_flags & ~(uint64_t)VTD_FLAGS_PLAIN ? RULE_NST_BIND_MEMORY_TYPE : RULE_NONE;
}

static enum rule vtd_bind_check(const struct host *host, const struct type1 *iommu,
				const struct iommu_gpasid_bind_data *data)
{
	enum rule wrong;

	if (data->format != IOMMU_PASID_FORMAT_INTEL_VTD)
		return RULE_NST_BIND_FORMAT;
	if (data->argsz < sizeof(*data))
		return RULE_NST_BIND_VENDOR_ARGSZ;
	if (data->vtd_flags & ~(uint64_t)VTD_FLAGS_KNOWN)
		return RULE_NST_BIND_VENDOR_FLAGS;
	if (!data->hpasid || data->hpasid >> VTD_PASID_BITS)
		return RULE_NST_BIND_PASID;
	wrong = nesting_pasid_check(host, iommu, (uint32_t)data->hpasid);
	if (wrong)
		return wrong;
	if (rangemap_at(&iommu->bound, data->hpasid) && !defect_on(host, DEFECT_BIND_TWICE))
		return RULE_NST_BIND_BUSY;
	return vtd_table_check(iommu->nested, data);
}

/* What Intel's driver wants of an unbinding: no more than a PASID, and of that the lower half. */
static enum rule vtd_unbind_check(const struct host *host, const struct type1 *iommu,
				  const struct iommu_gpasid_bind_data *data)
{
	const uint32_t pasid = (uint32_t)data->hpasid;

	return pasid >> VTD_PASID_BITS ? RULE_NST_BIND_PASID : nesting_pasid_check(host, iommu, pasid);
}

/* A binding that failed is undone, in the series even where it is another one's, that stood before it. */
static enum step_result bind_failed(struct host *host, struct op *op, struct type1 *iommu,
				    const struct iommu_gpasid_bind_data *data, enum rule wrong)
{
	if (profile_get(host, PROFILE_NESTING_FAILED_BIND_UNBINDS) && !vtd_unbind_check(host, iommu, data) &&
	    rangemap_at(&iommu->bound, (uint32_t)data->hpasid)) {
		nesting_unbind(host, iommu, (uint32_t)data->hpasid);
		hit(op, RULE_NST_BIND_UNDONE);
	}
	return refuse(op, wrong);
}

static enum step_result bind_table(struct host *host, struct op *op, struct type1 *iommu)
{
	struct iommu_gpasid_bind_data data;
	enum rule wrong;

	if (iommu->nested->format != IOMMU_PASID_FORMAT_INTEL_VTD)
		return refuse(op, RULE_NST_BIND_NO_DRIVER);
	wrong = bind_read(host, op, &data);
	if (wrong)
		return refuse(op, wrong);
	wrong = vtd_bind_check(host, iommu, &data);
	if (wrong)
		return bind_failed(host, op, iommu, &data, wrong);
	nesting_bind(host, iommu, (uint32_t)data.hpasid, data.gpgd);
	hit(op, RULE_NST_BIND);
	return finish(op, 0);
}

static enum step_result unbind_table(struct host *host, struct op *op, struct type1 *iommu)
{
	struct iommu_gpasid_bind_data data;
	enum rule wrong = RULE_NST_BIND_NO_DRIVER;

	if (iommu->nested->format == IOMMU_PASID_FORMAT_INTEL_VTD)
		wrong = bind_read(host, op, &data);
	if (!wrong)
		wrong = vtd_unbind_check(host, iommu, &data);
	if (wrong)
		return nesting_answer(host, op, wrong);
	nesting_unbind(host, iommu, (uint32_t)data.hpasid);
	hit(op, RULE_NST_UNBIND);
	return finish(op, 0);
}

/* ---- invalidation ----------------------------------------------------------------------------- */

/* What the IOMMU layer wants of the parts that depend on the granularity. */
static enum rule inv_granularity_check(const struct host *host, const struct iommu_cache_invalidate_info *info)
{
	switch (info->granularity) {
	case IOMMU_INV_GRANU_ADDR:
		if (info->cache & IOMMU_CACHE_INV_TYPE_PASID && !defect_on(host, DEFECT_INV_PASIDS_BY_ADDRESS))
			return RULE_NST_INV_COMBINATION;
		return info->flags & ~(uint32_t)INV_ADDRESS_FLAGS ? RULE_NST_INV_FLAGS : RULE_NONE;
	case IOMMU_INV_GRANU_PASID:
		return info->flags & ~(uint32_t)INV_PASID_FLAGS ? RULE_NST_INV_FLAGS : RULE_NONE;
	case IOMMU_INV_GRANU_DOMAIN:
		return info->cache & IOMMU_CACHE_INV_TYPE_DEV_IOTLB ? RULE_NST_INV_COMBINATION : RULE_NONE;
	default:
		return RULE_NST_INV_GRANULARITY;
	}
}

static uint32_t inv_least(const struct iommu_cache_invalidate_info *info)
{
	switch (info->granularity) {
	case IOMMU_INV_GRANU_PASID:
		return INV_PASID_END;
	case IOMMU_INV_GRANU_ADDR:
		return sizeof(*info);
	default:
		return INV_FIXED;
	}
}

/* What the IOMMU layer wants of an invalidation, whoever made the IOMMU. */
static enum rule inv_read(const struct host *host, struct op *op, struct iommu_cache_invalidate_info *info)
{
	memset(info, 0, sizeof(*info));
	if (!read_data(op, "iommu_cache_invalidate_info", info, INV_FIXED))
		return RULE_NST_INV_FAULT;
	if (info->argsz < INV_FIXED || (info->argsz < inv_least(info) && !defect_on(host, DEFECT_INV_GRANULE_CUT)))
		return RULE_NST_INV_ARGSZ;
	if (!read_data(op, "iommu_cache_invalidate_info", info,
		       info->argsz < sizeof(*info) ? info->argsz : (uint32_t)sizeof(*info)))
		return RULE_NST_INV_FAULT;
	if (info->version != IOMMU_CACHE_INVALIDATE_INFO_VERSION_1)
		return RULE_NST_INV_VERSION;
	if (info->cache & ~INV_CACHES)
		return RULE_NST_INV_CACHE;
	for (size_t i = 0; i < sizeof(info->padding); i++)
		if (info->padding[i])
			return RULE_NST_INV_PADDING;
	return inv_granularity_check(host, info);
}

/*
 * Intel's driver goes through the caches and stops without an error at one that it cannot invalidate so. A PASID that
 * is not named is 0.
 */
static enum rule vtd_invalidate(const struct host *host, struct op *op, const struct type1 *iommu,
				const struct iommu_cache_invalidate_info *info)
{
	const uint32_t pasid = info->flags & IOMMU_INV_ADDR_FLAGS_PASID ? (uint32_t)info->pasid : 0;

	for (uint32_t cache = IOMMU_CACHE_INV_TYPE_IOTLB; cache <= IOMMU_CACHE_INV_TYPE_PASID; cache <<= 1) {
		const bool able = cache == IOMMU_CACHE_INV_TYPE_IOTLB ? info->granularity != IOMMU_INV_GRANU_DOMAIN
								      : cache == IOMMU_CACHE_INV_TYPE_DEV_IOTLB &&
									    info->granularity == IOMMU_INV_GRANU_ADDR;
		enum rule wrong;

		if (!(info->cache & cache))
			continue;
		if (!able) {
			hit(op, RULE_NST_INV_LEFT_UNDONE);
			return RULE_NONE;
		}
		wrong = nesting_pasid_check(host, iommu, pasid);
		if (wrong)
			return wrong;
		if (!rangemap_at(&iommu->bound, pasid))
			return RULE_NST_INV_UNBOUND;
	}
	hit(op, RULE_NST_INV);
	return RULE_NONE;
}

/* Arm's driver has address space identifiers of its own, and knows no PASIDs. */
static enum rule smmuv3_invalidate(struct op *op, const struct iommu_cache_invalidate_info *info)
{
	if (info->cache & IOMMU_CACHE_INV_TYPE_IOTLB) {
		if (info->granularity == IOMMU_INV_GRANU_DOMAIN || info->flags & IOMMU_INV_ADDR_FLAGS_PASID ||
		    (info->granularity == IOMMU_INV_GRANU_PASID && !(info->flags & IOMMU_INV_ADDR_FLAGS_ARCHID)))
			return RULE_NST_INV_ARCHID;
	}
	if (info->cache & ~(uint32_t)IOMMU_CACHE_INV_TYPE_IOTLB)
		return RULE_NST_INV_NO_CACHE;
	hit(op, RULE_NST_INV);
	return RULE_NONE;
}

static enum step_result invalidate(struct host *host, struct op *op, const struct type1 *iommu)
{
	struct iommu_cache_invalidate_info info;
	enum rule wrong;

	if (!iommu->nested || !(iommu->nested->features & IOMMU_NESTING_FEAT_CACHE_INVLD))
		return refuse(op, RULE_NST_INV_UNSUPPORTED);
	wrong = inv_read(host, op, &info);
	if (!wrong)
		wrong = iommu->nested->format == IOMMU_PASID_FORMAT_INTEL_VTD ? vtd_invalidate(host, op, iommu, &info)
									      : smmuv3_invalidate(op, &info);
	return nesting_answer(host, op, wrong);
}

/* ---- the call ------------------------------------------------------------------------------------ */

enum step_result nesting_op(struct host *host, struct op *op)
{
	struct type1 *iommu = op_type1(host, op);
	struct vfio_iommu_type1_nesting_op header;

	if (!nesting_proposed(host))
		return container_unknown_ioctl(host, op);
	if (user_load_argsz(op, &header, sizeof(header), RULE_NST_OP_FAULT, RULE_NST_OP_ARGSZ) == STEP_DONE)
		return STEP_DONE;
	if (header.op > VFIO_IOMMU_NESTING_OP_CACHE_INVLD)
		return refuse(op, RULE_NST_OP_UNKNOWN);
	if (header.op == VFIO_IOMMU_NESTING_OP_CACHE_INVLD)
		return invalidate(host, op, iommu);
	if (!iommu->nested || !(iommu->nested->features & IOMMU_NESTING_FEAT_BIND_PGTBL))
		return refuse(op, RULE_NST_BIND_UNSUPPORTED);
	if (iommu->pasid_mm == NOTHING)
		return refuse(op, RULE_NST_BIND_NO_PASIDS);
	return header.op == VFIO_IOMMU_NESTING_OP_BIND_PGTBL ? bind_table(host, op, iommu)
							     : unbind_table(host, op, iommu);
}
