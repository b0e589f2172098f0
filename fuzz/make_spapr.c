/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Making ioctls on a container whose IOMMU is sPAPR TCE. Mapping is made as for TYPE1.
 */
#include "generator_internal.h"

bool has_tce(const struct generator *g)
{
	return g->machine->tce.windows != 0;
}

/* Memory to register: an area or a part of it, now and then what was registered before, or what strangely is none. */
static void choose_region(struct generator *g, struct vfio_iommu_spapr_register_memory *region)
{
	const uint64_t page = g->machine->page_size;
	const struct area *area = choose_area(g, strange(g) ? 0 : 2, !g->careful && chance(g, 1, 16));

	region->argsz = choose_argsz(g, sizeof(*region), sizeof(*region));
	region->flags = choose_flags(g, 0, 0);
	if (!area || strange(g)) {
		region->vaddr = area && chance(g, 1, 2) ? area->address + area->length - page : choose_wild_address(g);
		region->size = page * below(g, 4);
		if (strange(g))
			region->vaddr += 0x800;
		return;
	}
	region->vaddr = area->address;
	region->size = area->length;
	if (!g->careful && chance(g, 1, 3)) {
		region->size = page * (1 + below(g, area->length / page));
		if (chance(g, 1, 2))
			region->vaddr += area->length - region->size;
	}
	if (strange(g))
		region->size += chance(g, 1, 2) ? 0x800 : page * (1 + below(g, 64));
}

bool make_tce_memory(struct generator *g, struct call *call)
{
	struct vfio_iommu_spapr_register_memory region = {0};
	uint64_t fd;

	if (!choose_fd(g, OWNER_SPAPR, &fd))
		return false;
	build_ioctl(call, fd,
		    g->careful || chance(g, 2, 3) ? "VFIO_IOMMU_SPAPR_REGISTER_MEMORY"
						  : "VFIO_IOMMU_SPAPR_UNREGISTER_MEMORY");
	choose_region(g, &region);
	build_struct(g, call, &region, NULL, 0);
	return true;
}

/* A window that is small enough for a guest to be emptied in no time. */
static void choose_window(struct generator *g, struct vfio_iommu_spapr_tce_create *create)
{
	static const uint32_t shifts[] = {12, 12, 16, 16, 16, 21, 24, 30}, odd_shifts[] = {0, 11, 13, 34, 63, 64, 76};
	static const uint32_t entries[] = {0, 3, 8, 9, 9, 10, 12, 14, 16}, levels[] = {1, 1, 1, 1, 2, 3};

	create->argsz = choose_argsz(g, sizeof(*create), sizeof(*create));
	create->flags = choose_flags(g, 0, 0);
	create->page_shift = strange(g) ? ONE_OF(g, odd_shifts) : ONE_OF(g, shifts);
	create->levels = strange(g) ? (uint32_t)below(g, 8) : ONE_OF(g, levels);
	create->window_size = UINT64_C(1) << (create->page_shift + ONE_OF(g, entries)) % 64;
	if (strange(g))
		create->window_size *= 3;
	/* Where levels appear as they are needed, large windows cost nothing. */
	else if (g->machine->tce.levels > 1 && chance(g, 1, 4))
		create->window_size = UINT64_C(1) << (24 + below(g, 20));
}

bool make_tce_create(struct generator *g, struct call *call)
{
	struct vfio_iommu_spapr_tce_create create = {0};

	if (!build_ioctl_to(g, call, OWNER_SPAPR, "VFIO_IOMMU_SPAPR_TCE_CREATE"))
		return false;
	choose_window(g, &create);
	build_struct(g, call, &create, NULL, 0);
	return true;
}

bool make_tce_remove(struct generator *g, struct call *call)
{
	const uint64_t windows[] = {0, 0x1000, g->machine->tce.second_window, g->machine->tce.second_window + 0x12345,
				    g->machine->tce.second_window << 1};
	struct vfio_iommu_spapr_tce_remove gone = {0};

	if (!build_ioctl_to(g, call, OWNER_SPAPR, "VFIO_IOMMU_SPAPR_TCE_REMOVE"))
		return false;
	gone.argsz = choose_argsz(g, sizeof(gone), sizeof(gone));
	gone.flags = choose_flags(g, 0, 0);
	gone.start_addr = ONE_OF(g, windows);
	build_struct(g, call, &gone, NULL, 0);
	return true;
}

bool make_tce_info(struct generator *g, struct call *call)
{
	struct vfio_iommu_spapr_tce_info info = {0};

	if (!build_ioctl_to(g, call, OWNER_SPAPR, "VFIO_IOMMU_SPAPR_TCE_GET_INFO"))
		return false;
	info.argsz = choose_argsz(g, 16, chance(g, 1, 2) ? 16 : sizeof(info));
	build_struct(g, call, &info, NULL, 0);
	return true;
}

bool make_tce_enable(struct generator *g, struct call *call)
{
	uint64_t fd;

	if (!choose_fd(g, OWNER_SPAPR, &fd))
		return false;
	build_ioctl(call, fd, g->careful || chance(g, 2, 3) ? "VFIO_IOMMU_ENABLE" : "VFIO_IOMMU_DISABLE");
	return true;
}

bool make_tce_recovery(struct generator *g, struct call *call)
{
	struct vfio_eeh_pe_op recovery = {0};

	if (!build_ioctl_to(g, call, OWNER_SPAPR, "VFIO_EEH_PE_OP"))
		return false;
	recovery.argsz = choose_argsz(g, 12, chance(g, 1, 2) ? 12 : sizeof(recovery));
	recovery.flags = choose_flags(g, 0, 0);
	/* What a program does not take back others would find: no reset is begun. */
	do
		recovery.op = (uint32_t)below(g, 11);
	while (recovery.op == VFIO_EEH_PE_RESET_HOT || recovery.op == VFIO_EEH_PE_RESET_FUNDAMENTAL);
	recovery.err_type = (uint32_t)below(g, 3);
	recovery.err_func = (uint32_t)below(g, 22);
	recovery.err_addr = choose_wild_address(g);
	recovery.err_mask = chance(g, 1, 2) ? 0 : choose_wild_address(g);
	build_struct(g, call, &recovery, NULL, 0);
	return true;
}
