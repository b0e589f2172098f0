/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * What the kernel makes of the machine's IOMMU. The machine says what the hardware can do; the driver in each kernel
 * uses some of it, and that is what user space sees.
 */
#include "host.h"

uint64_t iommu_page_sizes(const struct host *host)
{
	const uint64_t page = host->machine->page_size;
	uint64_t sizes = host->machine->iommu_page_sizes;

	if (host->machine->iommu == IOMMU_INTEL && profile_get(host, PROFILE_INTEL_PAGE_SIZES))
		sizes = (uint64_t)profile_get(host, PROFILE_INTEL_PAGE_SIZES);
	if (host->machine->iommu == IOMMU_AMD)
		sizes &= (uint64_t)profile_get(host, PROFILE_AMD_PAGE_SIZES);
	return sizes & (page - 1) ? (sizes & ~(page - 1)) | page : sizes;
}

bool iommu_cache_coherent(const struct host *host)
{
	if (host->machine->iommu == IOMMU_SMMUV3)
		return profile_get(host, PROFILE_SMMU_CACHE_COHERENCE);
	return host->machine->cache_coherent;
}

struct iova_range iommu_aperture(const struct host *host)
{
	struct iova_range aperture = host->machine->aperture;
	uint64_t last = UINT64_MAX;

	if (host->machine->iommu == IOMMU_AMD)
		last = (uint64_t)profile_get(host, PROFILE_AMD_APERTURE_LAST);
	if (aperture.last > last)
		aperture.last = last;
	return aperture;
}

int64_t iommu_nesting(const struct host *host)
{
	if (defect_on(host, DEFECT_NESTING_FALLS_BACK))
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
