/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Making calls that only an iommufd knows: which of its address spaces the calls of a container go to, and devices by
 * files of their own, which are bound to an iommufd and attached to an address space.
 */
#include <inttypes.h>
#include <stdio.h>

#include "generator_internal.h"

bool has_device_files(const struct generator *g)
{
	return g->profile.values[PROFILE_DEVICE_CDEV];
}

/* A number that an address space, a device or a table of an iommufd may have: they are given out from 1 on. */
static uint32_t choose_id(struct generator *g)
{
	static const uint32_t odd[] = {0, 9, UINT32_MAX};

	if (strange(g))
		return ONE_OF(g, odd);
	return g->careful || chance(g, 1, 2) ? 1 : 1 + (uint32_t)below(g, 7);
}

bool make_iommufd_ioas(struct generator *g, struct call *call)
{
	struct iommu_vfio_ioas request = {0};

	if (!build_ioctl_to(g, call, OWNER_IOMMUFD, "IOMMU_VFIO_IOAS"))
		return false;
	request.argsz = choose_argsz(g, sizeof(request), sizeof(request));
	request.op = strange(g) ? 3 : (uint16_t)below(g, 3);
	request.reserved = strange(g);
	request.ioas_id = choose_id(g);
	build_struct(g, call, &request, NULL, 0);
	return true;
}

/* The number of the file of one of the devices that the program uses: devices that VFIO has are numbered in order. */
static uint32_t choose_file_number(struct generator *g)
{
	const uint32_t group = g->groups[below(g, g->group_count)];
	uint32_t number = 0, fitting = 0, chosen = 0;

	for (size_t i = 0; i < g->machine->device_count; i++) {
		const struct device *device = &g->machine->devices[i];

		if (!device_is_vfio(device))
			continue;
		if (device->group == group && !below(g, ++fitting))
			chosen = number;
		number++;
	}
	return chosen;
}

bool make_open_device_file(struct generator *g, struct call *call)
{
	static const uint64_t modes[] = {0, 1, 2};
	uint32_t number = choose_file_number(g);
	char path[64];

	if (strange(g))
		number = (uint32_t)below(g, 12);
	snprintf(path, sizeof(path), "/dev/vfio/devices/vfio%" PRIu32, number);
	call->op = CALL_OPEN;
	call->string = build_string(g, path);
	call->args[1] = strange(g) ? ONE_OF(g, modes) : 2;
	return true;
}

/* The group's file has to be closed before a device of it is bound. */
bool make_close_group(struct generator *g, struct call *call)
{
	call->op = CALL_CLOSE;
	return choose_fd(g, OWNER_GROUP, &call->args[0]);
}

bool make_bind_device(struct generator *g, struct call *call)
{
	struct vfio_device_bind_iommufd bind = {0};
	uint64_t device, iommufd;

	if (!choose_fd(g, OWNER_DEVICE, &device) || !choose_fd(g, OWNER_IOMMUFD, &iommufd))
		return false;
	build_ioctl(call, device, "VFIO_DEVICE_BIND_IOMMUFD");
	bind.argsz = choose_argsz(g, 16, 16);
	bind.flags = choose_flags(g, 0, VFIO_DEVICE_BIND_FLAG_TOKEN);
	bind.iommufd = (int32_t)iommufd;
	bind.token_uuid_ptr = bind.flags ? choose_wild_address(g) : 0;
	build_struct(g, call, &bind, NULL, 0);
	return true;
}

bool make_attach_device(struct generator *g, struct call *call)
{
	struct vfio_device_attach_iommufd_pt attach = {0};

	if (!build_ioctl_to(g, call, OWNER_DEVICE, "VFIO_DEVICE_ATTACH_IOMMUFD_PT"))
		return false;
	attach.argsz = choose_argsz(g, 12, 12);
	attach.flags = choose_flags(g, 0, VFIO_DEVICE_ATTACH_PASID);
	attach.pt_id = choose_id(g);
	build_struct(g, call, &attach, NULL, 0);
	return true;
}

bool make_detach_device(struct generator *g, struct call *call)
{
	struct vfio_device_detach_iommufd_pt detach = {0};

	if (!build_ioctl_to(g, call, OWNER_DEVICE, "VFIO_DEVICE_DETACH_IOMMUFD_PT"))
		return false;
	detach.argsz = choose_argsz(g, 8, 8);
	detach.flags = choose_flags(g, 0, VFIO_DEVICE_ATTACH_PASID);
	build_struct(g, call, &detach, NULL, 0);
	return true;
}
