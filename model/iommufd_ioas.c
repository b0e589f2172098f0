/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * IOMMU_VFIO_IOAS: which address space of an iommufd the calls of a container go to. A group that joins makes one
 * where there is none to go to. To forget it changes nothing about what is mapped there, nor for the devices that use
 * it; it can be chosen again, and the group that joins before that makes another one.
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
	uint32_t ioas;

	if (load(op, &request) == STEP_DONE)
		return STEP_DONE;
	if (request.reserved)
		return refuse(op, RULE_IFD_IOAS_OP);
	switch (request.op) {
	case IOMMU_VFIO_IOAS_GET:
		if (iommufd->ioas == NOTHING)
			return refuse(op, RULE_IFD_IOAS_NONE);
		request.ioas_id = host->ioases.items[iommufd->ioas].id;
		user_store(host, op, &request, sizeof(request));
		break;
	case IOMMU_VFIO_IOAS_SET:
		ioas = iommufd_find_ioas(host, op->file, request.ioas_id);
		if (ioas == NOTHING)
			return refuse(op, RULE_IFD_IOAS_UNKNOWN);
		iommufd->ioas = ioas;
		break;
	case IOMMU_VFIO_IOAS_CLEAR:
		iommufd->ioas = NOTHING;
		break;
	default:
		return refuse(op, RULE_IFD_IOAS_OP);
	}
	hit(op, RULE_IFD_IOAS);
	return finish(op, 0);
}
