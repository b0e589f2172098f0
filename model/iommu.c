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

uint32_t iommu_windows(const struct host *host, struct iova_range windows[WINDOWS_MAX])
{
	const struct machine *machine = host->machine;
	const struct iova_range aperture = iommu_aperture(host);
	uint64_t first = aperture.first;
	uint32_t count = 0;

	for (size_t i = 0; i < machine->reserved_count && count < WINDOWS_MAX - 1; i++) {
		const struct iova_range *reserved = &machine->reserved[i];

		if (reserved->first > aperture.last || reserved->last < first)
			continue;
		if (reserved->first > first)
			windows[count++] = (struct iova_range){first, reserved->first - 1};
		if (reserved->last >= aperture.last)
			return count;
		first = reserved->last + 1;
	}
	windows[count++] = (struct iova_range){first, aperture.last};
	return count;
}

bool iommu_windows_contain(const struct host *host, uint64_t first, uint64_t last)
{
	const struct machine *machine = host->machine;
	const struct iova_range aperture = iommu_aperture(host);

	if (first < aperture.first || last > aperture.last)
		return false;
	for (size_t i = 0; i < machine->reserved_count; i++)
		if (first <= machine->reserved[i].last && last >= machine->reserved[i].first)
			return false;
	return true;
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
