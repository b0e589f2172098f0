/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * What the kernel makes of the IOMMU that a group is behind. The machine says what the hardware can do; the driver in
 * each kernel uses some of it, and that is what user space sees.
 */
#include "host.h"

/* What the kernel makes of what the hardware can do. */
static struct translation amended(const struct host *host, struct translation translation)
{
	uint64_t last;

	switch (host->machine->iommu) {
	case IOMMU_INTEL:
		if (profile_get(host, PROFILE_INTEL_PAGE_SIZES))
			translation.page_sizes = (uint64_t)profile_get(host, PROFILE_INTEL_PAGE_SIZES);
		break;
	case IOMMU_AMD:
		translation.page_sizes &= (uint64_t)profile_get(host, PROFILE_AMD_PAGE_SIZES);
		last = (uint64_t)profile_get(host, PROFILE_AMD_APERTURE_LAST);
		if (translation.aperture.last > last)
			translation.aperture.last = last;
		break;
	case IOMMU_SMMUV3:
		translation.cache_coherent = profile_get(host, PROFILE_SMMU_CACHE_COHERENCE);
		break;
	default:
		break;
	}
	return translation;
}

struct translation iommu_translation(const struct host *host, uint32_t group)
{
	return amended(host, host->machine->groups[group].translation);
}

uint64_t iommu_usable_page_sizes(const struct host *host, uint64_t sizes)
{
	const uint64_t page = host->machine->page_size;

	return sizes & (page - 1) ? (sizes & ~(page - 1)) | page : sizes;
}

int64_t iommu_nesting(const struct host *host, uint32_t group)
{
	if (iommu_translation(host, group).nesting || defect_on(host, DEFECT_NESTING_FALLS_BACK))
		return 0;
	switch (host->machine->iommu) {
	case IOMMU_INTEL:
		return profile_get(host, PROFILE_INTEL_NESTING);
	case IOMMU_SMMUV3:
		return profile_get(host, PROFILE_SMMU_NESTING);
	default:
		return -LINUX_EINVAL;
	}
}

bool iommu_allows(const struct host *host, uint32_t access, bool write)
{
	if (write)
		return access & (defect_on(host, DEFECT_READ_ONLY_WRITTEN) ? MAPPING_READ : MAPPING_WRITE);
	/* An entry of a bare POWER machine that may be written may be read. */
	if (host->machine->iommu == IOMMU_SPAPR_POWERNV)
		return true;
	if (host->machine->iommu == IOMMU_INTEL && profile_get(host, PROFILE_INTEL_WRITE_ONLY_IS_READ))
		return true;
	return access & MAPPING_READ;
}
