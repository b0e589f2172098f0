/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Making ioctls on a container whose IOMMU driver is the first one that was proposed for POWER: entry by entry.
 */
#include "generator_internal.h"

bool has_tce_put(const struct generator *g)
{
	return has_tce(g) && g->profile.values[PROFILE_TCE_PUT];
}

/* Few enough entries that they meet, and those at both ends of the window; strangely those around it. */
static uint64_t choose_entry(struct generator *g)
{
	const struct iova_range window = g->machine->tce.default_window;
	const uint64_t page = g->machine->page_size, at = page * below(g, 4);

	if (strange(g))
		return chance(g, 1, 2) ? window.first - page - at : window.last + 1 + at;
	return chance(g, 1, 4) ? window.last + 1 - page - at : window.first + at;
}

bool make_tce_put(struct generator *g, struct call *call)
{
	static const uint32_t accesses[] = {VFIO_SPAPR_TCE_PUT_MASK, VFIO_SPAPR_TCE_PUT_MASK, VFIO_SPAPR_TCE_READ,
					    VFIO_SPAPR_TCE_WRITE, 0};
	struct vfio_iommu_spapr_tce_put put = {0};
	const struct area *area;

	if (!build_ioctl_to(g, call, OWNER_TCE_PUT, "VFIO_IOMMU_SPAPR_TCE_PUT"))
		return false;
	put.argsz = choose_argsz(g, sizeof(put), sizeof(put));
	put.flags =
	    choose_flags(g, g->careful ? VFIO_SPAPR_TCE_PUT_MASK : ONE_OF(g, accesses), VFIO_SPAPR_TCE_PUT_MASK);
	put.ioba = choose_entry(g);
	area = choose_area(g, 0, false);
	put.tce = area ? area->address + g->machine->page_size * below(g, area->length / g->machine->page_size)
		       : choose_wild_address(g);
	/* What empties an entry may say anything of the memory. */
	if (strange(g) || (!put.flags && chance(g, 1, 2)))
		put.tce += chance(g, 1, 2) ? 0x800 : choose_wild_address(g);
	build_struct(g, call, &put, NULL, 0);
	return true;
}

bool make_tce_put_info(struct generator *g, struct call *call)
{
	struct vfio_iommu_spapr_tce_info_2012 info = {0};

	if (!build_ioctl_to(g, call, OWNER_TCE_PUT, "VFIO_IOMMU_SPAPR_TCE_GET_INFO_2012"))
		return false;
	info.argsz = choose_argsz(g, sizeof(info), sizeof(info));
	build_struct(g, call, &info, NULL, 0);
	return true;
}
