/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * IOMMU_VFIO_IOAS: which address space of an iommufd the calls of a container go to. The first group that joins makes
 * one, and without ioctls of the iommufd that are not modelled there is no other to choose. To forget it changes
 * nothing about what is mapped there, nor for the devices that use it.
 */
#include "iommufd.h"
#include "vfiosim/uapi.h"

/* Takes a request of any size from that of the struct on: STEP_MORE, or refused. */
static enum step_result load(struct op *op, struct iommu_vfio_ioas *request)
{
	const struct buffer *buffer = &op->call->buffers[0];

	if (!user_load(op, request, sizeof(request->argsz)))
		return refuse(op, RULE_IFD_IOAS_FAULT);
	if (request->argsz < op->row->minsz)
		return refuse(op, RULE_IFD_IOAS_SIZE);
	for (uint32_t i = sizeof(*request); i < request->argsz && i < buffer->length; i++)
		if (buffer->in[i])
			return refuse(op, RULE_IFD_IOAS_TRAILING);
	if (request->argsz > buffer->length || !user_load(op, request, sizeof(*request)))
		return refuse(op, RULE_IFD_IOAS_FAULT);
	return STEP_MORE;
}

enum step_result iommufd_vfio_ioas(struct host *host, struct op *op)
{
	struct iommufd *iommufd = op_iommufd(host, op);
	struct iommu_vfio_ioas request = {0};

	if (load(op, &request) == STEP_DONE)
		return STEP_DONE;
	if (request.reserved)
		return refuse(op, RULE_IFD_IOAS_OP);
	switch (request.op) {
	case IOMMU_VFIO_IOAS_GET:
		if (!iommufd->has_ioas)
			return refuse(op, RULE_IFD_IOAS_NONE);
		request.ioas_id = iommufd->ioas_id;
		user_store(host, op, &request, sizeof(request));
		break;
	case IOMMU_VFIO_IOAS_SET:
		if (!iommufd->made_ioas || request.ioas_id != iommufd->ioas_id)
			return refuse(op, RULE_IFD_IOAS_UNKNOWN);
		iommufd->has_ioas = true;
		break;
	case IOMMU_VFIO_IOAS_CLEAR:
		iommufd->has_ioas = false;
		break;
	default:
		return refuse(op, RULE_IFD_IOAS_OP);
	}
	hit(op, RULE_IFD_IOAS);
	return finish(op, 0);
}
