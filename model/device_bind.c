/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * BIND_IOMMUFD: how a device that was opened by its own file, not by way of a group, finds its iommufd. Those of a
 * group are refused, whatever is asked for, but not before the request has been read.
 */
#include "host.h"
#include "vfiosim/uapi.h"

/* A kernel that takes requests of any size reads all of it, and wants nothing in what it does not know. */
static enum step_result read_all(struct op *op)
{
	uint32_t argsz, length = op->call->buffers[0].length;
	uint8_t bytes[4];

	if (!user_read(op, 0, 0, bytes, sizeof(bytes)))
		return refuse(op, RULE_DEV_BIND_FAULT);
	argsz = (uint32_t)bytes_get(bytes, sizeof(bytes));
	if (argsz < op->row->minsz)
		return refuse(op, RULE_DEV_BIND_ARGSZ);
	for (uint32_t i = sizeof(struct vfio_device_bind_iommufd); i < argsz && i < length; i++)
		if (op->call->buffers[0].in[i])
			return refuse(op, RULE_DEV_BIND_TRAILING);
	return argsz > length ? refuse(op, RULE_DEV_BIND_FAULT) : STEP_MORE;
}

enum step_result device_bind_iommufd(struct host *host, struct op *op)
{
	struct vfio_device_bind_iommufd bind = {0};

	if (!profile_get(host, PROFILE_DEVICE_CDEV) || defect_on(host, DEFECT_BIND_UNKNOWN))
		return refuse(op, RULE_FD_UNKNOWN_IOCTL);
	if (profile_get(host, PROFILE_BIND_OF_ANY_SIZE)) {
		if (read_all(op) == STEP_DONE)
			return STEP_DONE;
	} else {
		if (!user_load(op, &bind, op->row->minsz))
			return refuse(op, RULE_DEV_BIND_FAULT);
		if (bind.argsz < op->row->minsz)
			return refuse(op, RULE_DEV_BIND_ARGSZ);
	}
	return refuse(op, RULE_DEV_BIND_GROUP);
}
