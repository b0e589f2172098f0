/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Groups: /dev/vfio/N and /dev/vfio/noiommu-N. A group is opened once. Devices that are open by way of a container keep
 * the group's file open and its attachment in place; those that are open by way of an iommufd keep neither.
 */
#include <string.h>

#include "host.h"
#include "vfiosim/uapi.h"

static uint32_t op_group(const struct host *host, const struct op *op)
{
	return host->files.items[op->file].object;
}

uint32_t group_find(const struct host *host, uint64_t number)
{
	for (uint32_t i = 0; i < host->groups.count; i++)
		if (host->groups.items[i].number == number)
			return i;
	return NOTHING;
}

void group_release(struct host *host, uint32_t index)
{
	struct group *group = &host->groups.items[index];

	if (group->container != NOTHING && !defect_on(host, DEFECT_CLOSED_GROUP_STAYS))
		container_detach(host, index);
	host->groups.items[index].file = NOTHING;
	if (group->iommufd != NOTHING)
		iommufd_leave(host, index);
	group->offered = group->offered && group_has_devices(host, index);
}

bool group_has_devices_but(const struct host *host, uint32_t group, uint32_t device)
{
	for (uint32_t i = 0; i < host->devices.count; i++)
		if (i != device && host->devices.items[i].group == group &&
		    device_is_vfio(&host->machine->devices[i]) && !host->devices.items[i].unbound)
			return true;
	return false;
}

bool group_has_devices(const struct host *host, uint32_t group)
{
	return group_has_devices_but(host, group, NOTHING);
}

void group_vanish(struct host *host, uint32_t index)
{
	struct group *group = &host->groups.items[index];

	if (group->container != NOTHING)
		container_detach(host, index);
	if (group->file != NOTHING) {
		host->files.items[group->file].kind = FILE_GROUP_GONE;
		host->files.items[group->file].object = group->iommufd;
	}
	group->file = group->iommufd = NOTHING;
	group->offered = false;
}

/* Whether the group is in a container, or an iommufd stands for one. */
static bool group_has_iommu(const struct group *group)
{
	return group->container != NOTHING || group->iommufd != NOTHING;
}

enum step_result group_get_status(struct host *host, struct op *op)
{
	const struct group *group = &host->groups.items[op_group(host, op)];
	struct vfio_group_status status;

	if (!user_load(op, &status, sizeof(status)))
		return refuse(op, RULE_GRP_STATUS_FAULT);
	if (status.argsz < sizeof(status) && !defect_on(host, DEFECT_STATUS_ARGSZ))
		return refuse(op, RULE_GRP_STATUS_ARGSZ);
	status.flags = group_is_viable(host, op_group(host, op)) && !iommufd_owns_group(host, op_group(host, op))
			   ? VFIO_GROUP_FLAGS_VIABLE
			   : 0;
	if (group->container != NOTHING)
		status.flags |= defect_on(host, DEFECT_STATUS_WITHOUT_CONTAINER) ? 0 : VFIO_GROUP_FLAGS_CONTAINER_SET;
	/* An iommufd finds out when a device is opened. */
	if (group->iommufd != NOTHING)
		status.flags = VFIO_GROUP_FLAGS_CONTAINER_SET | VFIO_GROUP_FLAGS_VIABLE;
	hit(op, RULE_GRP_STATUS);
	user_store(host, op, &status, sizeof(status));
	return finish(op, 0);
}

/* The descriptor is looked up first, and then, under the group's lock, everything is decided. */
enum step_result group_set_container(struct host *host, struct op *op)
{
	uint32_t group = op_group(host, op);
	const struct file *file;

	if (op->step == 0) {
		uint8_t bytes[4];

		if (!user_read(op, 0, 0, bytes, sizeof(bytes)))
			return refuse(op, RULE_GRP_ATTACH_FAULT);
		op->number = (int32_t)bytes_get(bytes, sizeof(bytes));
		if (op->number < 0)
			return refuse_as(op, RULE_GRP_ATTACH_BAD_FD,
					 profile_get(host, PROFILE_SET_CONTAINER_NEGATIVE_FD));
		if (group_has_iommu(&host->groups.items[group]) &&
		    !profile_get(host, PROFILE_SET_CONTAINER_LOOKS_UP_FIRST))
			return refuse(op, RULE_GRP_ATTACH_TWICE);
		op->second_file = task_file(op_task(host, op), op->number);
		if (op->second_file == NOTHING)
			return refuse(op, RULE_GRP_ATTACH_BAD_FD);
		file_get(host, op->second_file);
		return STEP_MORE;
	}
	file = &host->files.items[op->second_file];
	if (group_has_iommu(&host->groups.items[group]) && !defect_on(host, DEFECT_ATTACH_AGAIN))
		return refuse(op, RULE_GRP_ATTACH_TWICE);
	if (file->kind == FILE_CONTAINER)
		return container_attach(host, op, file->object, group);
	if (file->kind == FILE_IOMMUFD)
		return iommufd_join(host, op, op->second_file, group);
	return refuse_as(op, RULE_GRP_ATTACH_OTHER_FILE, profile_get(host, PROFILE_SET_CONTAINER_OTHER_FILE));
}

enum step_result group_unset_container(struct host *host, struct op *op)
{
	const struct group *group = &host->groups.items[op_group(host, op)];
	enum rule besides;

	if (op->step) {
		container_settle(host, op->object, op_group(host, op));
		hit(op, RULE_GRP_DETACH);
		return finish(op, 0);
	}
	if (!group_has_iommu(group))
		return refuse(op, RULE_GRP_DETACH_NOT_ATTACHED);
	if (group->iommufd != NOTHING) {
		if (iommufd_owns_group(host, op_group(host, op)) && defect_on(host, DEFECT_IOMMUFD_LEAVE_IN_USE))
			return refuse(op, RULE_GRP_DETACH_DEVICE_OPEN);
		iommufd_leave(host, op_group(host, op));
		hit(op, RULE_IFD_LEAVE);
		return finish(op, 0);
	}
	if (group->users != 1 && !defect_on(host, DEFECT_DETACH_IN_USE))
		return refuse(op, RULE_GRP_DETACH_DEVICE_OPEN);
	if (container_parts_first(host, group->container)) {
		op->object = group->container;
		container_part(host, op_group(host, op));
		return STEP_MORE;
	}
	besides = container_detach(host, op_group(host, op));
	if (besides != RULE_NONE)
		hit(op, besides);
	hit(op, RULE_GRP_DETACH);
	return finish(op, 0);
}

/* The longest name is a page with its NUL. */
enum step_result group_read_name(struct op *op, char *name)
{
	const struct buffer *buffer = &op->call->buffers[0];
	uint32_t length = op->call->has_pointer ? buffer->length : 0;
	const uint8_t *end = length ? memchr(buffer->in, 0, length < GROUP_NAME_MAX ? length : GROUP_NAME_MAX) : NULL;

	if (!end && length < GROUP_NAME_MAX)
		return refuse(op, RULE_GRP_DEVICE_NAME_FAULT);
	if (!end)
		return refuse(op, RULE_GRP_DEVICE_NAME_LONG);
	memcpy(name, buffer->in, (size_t)(end - buffer->in) + 1);
	return STEP_MORE;
}

/*
 * Whether a name stands for a device. Options may follow a PCI address, each after blanks; the only one that exists,
 * vf_token, is for devices with virtual functions.
 */
static bool is_named(const struct host *host, const struct device *device, const char *name, bool *option)
{
	const size_t length = strlen(device->name);
	const char *rest = name + length;

	*option = false;
	if (device->driver == DRIVER_PLATFORM)
		return platform_is_named(host, device, name);
	if (strncmp(name, device->name, length))
		return false;
	if (defect_on(host, DEFECT_DEVICE_NAME_BEGINS))
		return true;
	if (*rest && (*rest != ' ' || device->driver == DRIVER_MDEV))
		return false;
	while (*rest == ' ')
		rest++;
	*option = *rest != 0;
	return true;
}

/* The device of the group that a name stands for: NOTHING if there is none. */
static uint32_t match_name(const struct host *host, uint32_t group, const char *name, bool *option)
{
	const struct machine *machine = host->machine;

	for (uint32_t i = 0; i < machine->device_count; i++)
		if (host->devices.items[i].group == group && device_is_vfio(&machine->devices[i]) &&
		    !host->devices.items[i].unbound && is_named(host, &machine->devices[i], name, option))
			return i;
	return NOTHING;
}

/* Whether the devices of a group may be opened at all. */
static enum step_result devices_available(struct host *host, struct op *op, uint32_t index)
{
	struct group *group = &host->groups.items[index];

	if (!group_has_iommu(group))
		return refuse(op, RULE_GRP_DEVICE_NO_CONTAINER);
	if (group->iommufd != NOTHING)
		return STEP_MORE;
	if (host->containers.items[group->container].kind == CONTAINER_BARE &&
	    !defect_on(host, DEFECT_DEVICE_WITHOUT_IOMMU)) {
		group->users += defect_on(host, DEFECT_DEVICE_REFUSED_COUNTED);
		return refuse(op, RULE_GRP_DEVICE_NO_IOMMU);
	}
	if (!group_is_viable(host, index))
		return refuse(op, RULE_GRP_DEVICE_NOT_VIABLE);
	return STEP_MORE;
}

/* What nothing translates for is not opened by somebody who could think that something does. */
static enum step_result open_noiommu(struct host *host, struct op *op, const struct group *group)
{
	if (noiommu_permit(host, op, RULE_NOI_DEVICE_CAPABILITY) == STEP_DONE)
		return STEP_DONE;
	if (group->iommufd != NOTHING && iommufd_has_ioas(host, group->iommufd))
		return refuse(op, RULE_NOI_DEVICE_IOAS);
	return STEP_MORE;
}

/*
 * Opens a device in the way that its group is set up for: STEP_MORE, or refused. What is open already is opened once
 * more without a question, whatever its group belongs to by now.
 */
static enum step_result open_device(struct host *host, struct op *op, struct group *group, uint32_t index)
{
	struct device_state *device = &host->devices.items[index];
	enum step_result result = STEP_MORE;

	if (device->open_count && group_has_iommu(group)) {
		/* A kernel takes this device out of the container in the end, which it never was put into. */
		if (!device->contained && group->container != NOTHING)
			return unmodelled(host, op);
		return STEP_MORE;
	}
	if (devices_available(host, op, device->group) == STEP_DONE || eeh_open(host, op, index) == STEP_DONE)
		return STEP_DONE;
	if (group->noiommu)
		result = open_noiommu(host, op, group);
	else if (group->iommufd != NOTHING)
		result = iommufd_open_device(host, op, index);
	if (result == STEP_DONE)
		return STEP_DONE;
	device->contained = group->container != NOTHING;
	device_enable(device);
	return STEP_MORE;
}

/* First the device is found by name, then, under the group's lock, it is opened, then its descriptor appears. */
enum step_result group_get_device_fd(struct host *host, struct op *op)
{
	const bool name_first = profile_get(host, PROFILE_GET_DEVICE_FD_NAME_FIRST);
	uint32_t group_index = op_group(host, op), file;
	struct group *group = &host->groups.items[group_index];
	struct device_state *device;

	if (op->step == 0) {
		char name[GROUP_NAME_MAX];
		bool option;

		if (group_read_name(op, name) == STEP_DONE)
			return STEP_DONE;
		if (!name_first && devices_available(host, op, group_index) == STEP_DONE)
			return STEP_DONE;
		op->object = match_name(host, group_index, name, &option);
		if (op->object == NOTHING)
			return refuse(op, RULE_GRP_DEVICE_MISSING);
		if (option)
			return refuse(op, RULE_GRP_DEVICE_OPTION);
		return STEP_MORE;
	}
	if (open_device(host, op, group, op->object) == STEP_DONE)
		return STEP_DONE;
	device = &host->devices.items[op->object];
	device->open_count +=
	    !group->noiommu || device->contained || !defect_on(host, DEFECT_IOMMUFD_NOIOMMU_UNCOUNTED);
	if (device->contained) {
		group->users += !defect_on(host, DEFECT_DEVICE_UNCOUNTED);
		file_get(host, group->file);
	}
	file = file_new(host, FILE_DEVICE, op->object, 2);
	hit(op, RULE_GRP_DEVICE_OPEN);
	return finish(op, task_install(host, op, file, 0, !defect_on(host, DEFECT_DEVICE_INHERITED)));
}
