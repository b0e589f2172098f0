/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Making the ioctl on platform devices that was proposed for them: where in the device tree something comes from.
 */
#include "generator_internal.h"

bool has_platform(const struct generator *g)
{
	return g->machine->device_count && g->machine->devices[0].platform;
}

bool make_devtree_info(struct generator *g, struct call *call)
{
	/* With and without room for a path. */
	static const uint32_t rooms[] = {0, 8, 40, 44, 48, 64, 64, 128};
	struct vfio_path_info info = {0};
	uint32_t room = ONE_OF(g, rooms);

	if (!build_ioctl_to(g, call, OWNER_DEVICE, "VFIO_DEVICE_GET_DEVTREE_INFO"))
		return false;
	info.argsz = choose_argsz(g, sizeof(info), (uint32_t)sizeof(info) + room);
	info.index = strange(g) ? UINT32_MAX : (uint32_t)below(g, 5);
	info.type = strange(g) ? 2 : (uint32_t)below(g, 2);
	build_struct(g, call, &info, NULL, room);
	return true;
}
