/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Making ioctls of an iommufd's own: which address space the calls of a container go to.
 */
#include "generator_internal.h"

bool make_iommufd_ioas(struct generator *g, struct call *call)
{
	static const uint32_t odd_ids[] = {0, 2, UINT32_MAX};
	struct iommu_vfio_ioas request = {0};
	uint64_t fd;

	if (!choose_fd(g, OWNER_IOMMUFD, &fd))
		return false;
	build_ioctl(call, fd, "IOMMU_VFIO_IOAS");
	request.argsz = choose_argsz(g, sizeof(request), sizeof(request));
	request.op = strange(g) ? 3 : (uint16_t)below(g, 3);
	request.reserved = strange(g);
	/* The address space that the first group makes is number 1. */
	request.ioas_id = strange(g) ? ONE_OF(g, odd_ids) : 1;
	build_struct(g, call, &request, NULL, 0);
	return true;
}
