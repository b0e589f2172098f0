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

struct translation iommu_of_machine(const struct host *host)
{
	const struct machine *machine = host->machine;

	return amended(host, (struct translation){.page_sizes = machine->iommu_page_sizes,
						  .aperture = machine->aperture,
						  .reserved_count = machine->reserved_count,
						  .reserved = machine->reserved,
						  .cache_coherent = machine->cache_coherent});
}

uint32_t iommu_windows(const struct host *host, struct iova_range windows[WINDOWS_MAX])
{
	const struct machine *machine = host->machine;
	const struct iova_range aperture = iommu_of_machine(host).aperture;
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
	const struct iova_range aperture = iommu_of_machine(host).aperture;

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
