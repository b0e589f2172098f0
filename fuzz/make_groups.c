/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Making ioctls on containers and groups.
 */
#include <stdio.h>
#include <string.h>

#include "generator_internal.h"

/* Numbers that are no extension: beyond the last one, and such that a narrow type would cut down to one. */
static const uint64_t no_extensions[] = {0, 11, 12, 100, UINT64_C(1) << 31, (UINT64_C(1) << 32) + 1, UINT64_MAX};

bool make_api_version(struct generator *g, struct call *call)
{
	return build_ioctl_to(g, call, OWNER_CONTAINER, "VFIO_GET_API_VERSION");
}

bool make_check_extension(struct generator *g, struct call *call)
{
	if (!build_ioctl_to(g, call, OWNER_CONTAINER, "VFIO_CHECK_EXTENSION"))
		return false;
	call->args[2] = strange(g) ? ONE_OF(g, no_extensions) : 1 + below(g, 10);
	return true;
}

bool make_set_iommu(struct generator *g, struct call *call)
{
	if (!build_ioctl_to(g, call, OWNER_CONTAINER, "VFIO_SET_IOMMU"))
		return false;
	call->args[2] = !g->careful && chance(g, 1, 4) ? 1 + below(g, 10) : g->iommu_type;
	if (strange(g))
		call->args[2] = ONE_OF(g, no_extensions);
	return true;
}

bool make_group_status(struct generator *g, struct call *call)
{
	struct vfio_group_status status = {0};

	if (!build_ioctl_to(g, call, OWNER_GROUP, "VFIO_GROUP_GET_STATUS"))
		return false;
	status.argsz = choose_argsz(g, sizeof(status), sizeof(status));
	status.flags = strange(g) ? UINT32_MAX : 0;
	build_struct(g, call, &status, NULL, 0);
	return true;
}

/*
 * Whether this call would have the host pin more than a program may: a group that joins has everything pinned that was
 * mapped for mediated devices.
 */
static bool pins_too_much(struct generator *g, const struct call *call)
{
	struct outcome outcome;
	struct host *host;
	uint64_t sum = 0;

	if (!g->book.mapped)
		return false;
	host = host_clone(g->host);
	host_call(host, call, NULL, &outcome);
	for (uint32_t task = 1; task <= TASKS_MAX; task++)
		sum += host_locked_by_vfio(host, task);
	host_free(host);
	return sum > PINNED_MAX;
}

bool make_set_container(struct generator *g, struct call *call)
{
	uint64_t group, container;
	uint8_t number[4];

	if (!choose_fd(g, OWNER_GROUP, &group) || !choose_fd(g, OWNER_CONTAINER, &container))
		return false;
	build_ioctl(call, group, "VFIO_GROUP_SET_CONTAINER");
	bytes_put(number, sizeof(number), container);
	build_bytes(g, call, number, sizeof(number));
	return has_tce(g) || !pins_too_much(g, call);
}

bool make_unset_container(struct generator *g, struct call *call)
{
	return build_ioctl_to(g, call, OWNER_GROUP, "VFIO_GROUP_UNSET_CONTAINER");
}

/* A device of the group at @fd that can be opened, or any device if there is none. */
static const struct device *device_of_group(struct generator *g, uint64_t fd)
{
	const struct device *devices = g->machine->devices;
	size_t count = g->machine->device_count, start = below(g, count);
	const struct host_fd *group = find_fd(g, fd);

	for (size_t i = 0; i < count && group && group->owner == OWNER_GROUP; i++) {
		const struct device *device = &devices[(start + i) % count];

		if (device->group == group->group && device_is_vfio(device))
			return device;
	}
	return &devices[start];
}

/* What a device is called. One of the platform has two names. */
static void usual_name(struct generator *g, const struct device *device, char *name, size_t size)
{
	if (device->platform && chance(g, 1, 3))
		snprintf(name, size, "/sys/bus/platform/devices/%s", device->platform->sysfs);
	else
		snprintf(name, size, "%s", device->name);
}

/* Names that are nearly right, and names that are nothing. */
static void strange_name(struct generator *g, const char *right, char *name, size_t size)
{
	static const char *const formats[] = {"%s ", "%s  ",  "%sx",  "%s vf_token=1", "%s option",
					      " %s", "%.11s", "%.0s", "edu%.0s"};

	snprintf(name, size, ONE_OF(g, formats), right);
}

bool make_get_device_fd(struct generator *g, struct call *call)
{
	enum { LONGEST = 4096 }; /* and one byte more is too long */
	char name[LONGEST + 8] = "";
	size_t length;

	if (!build_ioctl_to(g, call, OWNER_GROUP, "VFIO_GROUP_GET_DEVICE_FD"))
		return false;
	usual_name(g, device_of_group(g, call->args[0]), name, sizeof(name));
	if (strange(g) && chance(g, 1, 2))
		strange_name(g, g->machine->devices[below(g, g->machine->device_count)].name, name, sizeof(name));
	length = strlen(name) + 1;
	if (strange(g) && chance(g, 1, 8)) {
		memset(name, 'x', LONGEST + 1);
		length = LONGEST + 2;
	}
	build_bytes(g, call, name, (uint32_t)length);
	return true;
}

/* Numbers of VFIO that have no row: unused ones, and such that belong to another kind of descriptor. */
bool make_unknown_ioctl(struct generator *g, struct call *call)
{
	static const uint32_t numbers[] = {
	    0,	3,  6,	VFIO_IOCTL_NUMBER(4),  VFIO_IOCTL_NUMBER(11), VFIO_IOCTL_NUMBER(22),
	    24, 99, 50, VFIO_IOCTL_NUMBER(16), VFIO_IOCTL_NUMBER(60), VFIO_IOCTL_NUMBER(99)};
	uint32_t number = ONE_OF(g, numbers);
	uint64_t fd = choose_any_fd(g);
	int owner = host_fd_owner(g->host, g->actor->task, (int32_t)fd);

	if (number < VFIO_IOCTL_NUMBER(0))
		number = VFIO_IOCTL_TYPE << 8 | number;
	if (owner < 0 || ioctl_by_number(number, (enum ioctl_owner)owner))
		return false;
	call->op = CALL_IOCTL;
	call->args[0] = fd;
	call->args[1] = number;
	call->args[2] = chance(g, 1, 2) ? 0 : choose_wild_address(g);
	return true;
}

/* The next step of a driver that has lost something on the way. */
bool make_advance(struct generator *g, struct call *call)
{
	make_fn *step = make_get_device_fd;
	bool made;

	if (!count_fds(g, OWNER_CONTAINER))
		step = make_open_container;
	else if (!count_fds(g, OWNER_GROUP))
		step = make_open_group;
	else if (!count_fds(g, has_tce_put(g) ? OWNER_TCE_PUT : OWNER_TYPE1) || (g->iommufd && chance(g, 1, 4)))
		step = chance(g, 1, 2) ? make_set_container : make_set_iommu;
	else if (has_tce_put(g))
		step = choose_area(g, 0, false) ? make_tce_put : make_mmap;
	else if (has_tce(g) && chance(g, 1, 3))
		step = g->iommu_type == VFIO_SPAPR_TCE_IOMMU ? make_tce_enable : make_tce_memory;
	else if (chance(g, 1, 2))
		step = choose_area(g, 0, false) ? make_map_dma : make_mmap;
	g->careful = true;
	made = step(g, call);
	g->careful = false;
	return made;
}
