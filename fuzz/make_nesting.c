/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Making what containers do that nest: requests for PASIDs, and operations on a guest's page tables.
 */
#include <string.h>

#include "generator_internal.h"

bool has_nesting(const struct generator *g)
{
	return g->profile.values[PROFILE_NESTING_INFO];
}

/* Few enough PASIDs that requests meet. */
static uint32_t choose_pasid(struct generator *g)
{
	static const uint32_t odd[] = {0, 0xfffff, 0x100000, 0x7fffffff, 0x80000000, 0x80000001, UINT32_MAX};

	return strange(g) ? ONE_OF(g, odd) : 1 + (uint32_t)below(g, 4);
}

bool make_pasid_request(struct generator *g, struct call *call)
{
	struct vfio_iommu_type1_pasid_request request = {0};

	if (!build_ioctl_to(g, call, OWNER_TYPE1, "VFIO_IOMMU_PASID_REQUEST"))
		return false;
	request.argsz = choose_argsz(g, sizeof(request), sizeof(request));
	request.flags = choose_flags(g, chance(g, 3, 4) ? VFIO_IOMMU_FLAG_ALLOC_PASID : VFIO_IOMMU_FLAG_FREE_PASID, 3);
	request.min = choose_pasid(g);
	request.max = chance(g, 1, 2) ? request.min : choose_pasid(g);
	if (request.max < request.min && !strange(g))
		request.max = request.min + 3;
	build_struct(g, call, &request, NULL, 0);
	return true;
}

/* The operation with what it is about, as it lies behind the head. */
static void build_op(struct generator *g, struct call *call, uint64_t fd, uint32_t op, const char *layout,
		     const void *object, uint32_t length)
{
	enum { HEAD = 8, LARGEST = 128 };
	uint8_t bytes[LARGEST] = {0};

	build_ioctl(call, fd, "VFIO_IOMMU_NESTING_OP");
	bytes_put(bytes, 4, choose_argsz(g, HEAD, HEAD + length));
	bytes_put(bytes + 4, 4, strange(g) ? below(g, 5) : op);
	struct_store(struct_by_name(layout, strlen(layout)), bytes + HEAD, object, length);
	build_bytes(g, call, bytes, HEAD + length);
}

bool make_bind_table(struct generator *g, struct call *call)
{
	static const uint32_t widths[] = {48, 48, 48, 57}, odd_widths[] = {0, 39, 64};
	static const uint64_t flags[] = {0, 0, 0, IOMMU_SVA_VTD_GPASID_SRE, IOMMU_SVA_VTD_GPASID_EAFE},
			      odd_flags[] = {4, 64};
	struct iommu_gpasid_bind_data data = {.version = IOMMU_GPASID_BIND_VERSION_1};
	const uint32_t op = chance(g, 2, 3) ? VFIO_IOMMU_NESTING_OP_BIND_PGTBL : VFIO_IOMMU_NESTING_OP_UNBIND_PGTBL;
	uint64_t fd;

	if (!choose_fd(g, OWNER_TYPE1, &fd))
		return false;
	data.argsz = choose_argsz(g, 56, sizeof(data));
	if (strange(g))
		data.version = (uint32_t)below(g, 3);
	data.format = strange(g) ? (uint32_t)below(g, 4) : (uint32_t)IOMMU_PASID_FORMAT_INTEL_VTD;
	data.addr_width = strange(g) ? ONE_OF(g, odd_widths) : ONE_OF(g, widths);
	data.flags = choose_flags(g, chance(g, 1, 2) ? IOMMU_SVA_GPASID_VAL : 0, 1);
	data.gpgd = choose_iova(g);
	data.hpasid = choose_pasid(g);
	data.padding = strange(g) ? 1 : 0;
	data.vtd_flags = strange(g) ? ONE_OF(g, odd_flags) : ONE_OF(g, flags);
	build_op(g, call, fd, op, "iommu_gpasid_bind_data", &data, sizeof(data));
	return true;
}

bool make_invalidate(struct generator *g, struct call *call)
{
	static const uint32_t least[] = {16, 32, sizeof(struct iommu_cache_invalidate_info)};
	struct iommu_cache_invalidate_info info = {.version = IOMMU_CACHE_INVALIDATE_INFO_VERSION_1};
	const uint8_t granularity = (uint8_t)below(g, 3);
	uint64_t fd;

	if (!choose_fd(g, OWNER_TYPE1, &fd))
		return false;
	info.argsz = choose_argsz(g, least[granularity], sizeof(info));
	info.granularity = strange(g) ? (uint8_t)below(g, 5) : granularity;
	if (strange(g))
		info.version = (uint32_t)below(g, 3);
	info.cache = (uint8_t)choose_flags(g, UINT32_C(1) << below(g, 3), 7);
	info.padding[5] = strange(g) ? 1 : 0;
	info.flags = choose_flags(g, chance(g, 3, 4) ? IOMMU_INV_ADDR_FLAGS_PASID : IOMMU_INV_ADDR_FLAGS_ARCHID, 7);
	info.pasid = choose_pasid(g);
	info.addr = choose_iova(g);
	info.granule_size = choose_size(g);
	info.nb_granules = below(g, 8);
	build_op(g, call, fd, VFIO_IOMMU_NESTING_OP_CACHE_INVLD, "iommu_cache_invalidate_info", &info,
		 chance(g, 7, 8) ? (uint32_t)sizeof(info) : least[granularity]);
	return true;
}
