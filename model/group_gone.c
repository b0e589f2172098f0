/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * The open file of a group that has vanished with its last device: a group of nothing. It has left its container; from
 * an iommufd it can still be taken. The group that comes with the device when that is bound again is another one.
 */
#include "host.h"
#include "vfiosim/uapi.h"

void group_gone_release(struct host *host, uint32_t iommufd)
{
	if (iommufd != NOTHING)
		file_put(host, iommufd);
}

static enum step_result get_status(struct host *host, struct op *op)
{
	struct vfio_group_status status;

	(void)host;
	if (user_load_argsz(op, &status, sizeof(status), RULE_GRP_STATUS_FAULT, RULE_GRP_STATUS_ARGSZ) == STEP_DONE)
		return STEP_DONE;
	return refuse(op, RULE_GRP_GONE);
}

static enum step_result set_container(struct host *host, struct op *op)
{
	uint8_t bytes[4];

	if (!user_read(op, 0, 0, bytes, sizeof(bytes)))
		return refuse(op, RULE_GRP_ATTACH_FAULT);
	if (task_file(op_task(host, op), (int32_t)bytes_get(bytes, sizeof(bytes))) == NOTHING)
		return refuse(op, RULE_GRP_ATTACH_BAD_FD);
	if (host->files.items[op->file].object != NOTHING)
		return refuse(op, RULE_GRP_ATTACH_TWICE);
	return refuse(op, RULE_GRP_GONE);
}

static enum step_result unset_container(struct host *host, struct op *op)
{
	struct file *file = &host->files.items[op->file];
	const uint32_t iommufd = file->object;

	if (iommufd == NOTHING)
		return refuse(op, RULE_GRP_DETACH_NOT_ATTACHED);
	file->object = NOTHING;
	file_put(host, iommufd);
	hit(op, RULE_IFD_LEAVE);
	return finish(op, 0);
}

static enum step_result get_device_fd(struct host *host, struct op *op)
{
	char name[GROUP_NAME_MAX];

	(void)host;
	return group_read_name(op, name) == STEP_DONE ? STEP_DONE : refuse(op, RULE_GRP_DEVICE_MISSING);
}

handler_fn *group_gone_ioctl_handler(uint32_t number)
{
	switch (number) {
	case VFIO_GROUP_GET_STATUS:
		return get_status;
	case VFIO_GROUP_SET_CONTAINER:
		return set_container;
	case VFIO_GROUP_UNSET_CONTAINER:
		return unset_container;
	case VFIO_GROUP_GET_DEVICE_FD:
		return get_device_fd;
	default:
		return NULL;
	}
}
