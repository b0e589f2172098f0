/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Virtual machines as they come and go, and which kernel a call is made in.
 */
#include <stdlib.h>

#include "host.h"

enum { KERNEL_OF_HOST = -1 };

/* guest(): what makes a virtual machine is no subject here, only that there is one. */
static enum step_result make_guest(struct host *host, struct op *op)
{
	const uint64_t viommus = op->call->args[0];
	uint32_t index;

	if (!profile_get(host, PROFILE_IOASID_LAST))
		return refuse(op, RULE_IOA_ABSENT);
	if (!viommus || viommus > VIOMMUS_MAX)
		return refuse(op, RULE_GST_VIOMMUS);
	index = table_take(&host->guests, alive);
	host->guests.items[index] =
	    (struct guest){.alive = true, .viommu_count = (uint32_t)viommus, .allocator = NOTHING};
	hit(op, RULE_GST_MAKE);
	return finish(op, task_install(host, op, file_new(host, FILE_GUEST, index, 2), 0, false));
}

void guest_release(struct host *host, uint32_t index)
{
	struct guest *guest = &host->guests.items[index];

	if (!defect_on(host, DEFECT_IOASID_GUEST_KEEPS))
		ioasid_drop(&host->ioasids, guest_owner(index), 0, UINT32_MAX);
	free(guest->ids.ids.items);
	*guest = (struct guest){.alive = false};
}

enum step_result kernel_find(struct host *host, struct op *op, struct kernel *kernel)
{
	const int32_t number = (int32_t)op->call->args[0];
	uint32_t file;

	if (!profile_get(host, PROFILE_IOASID_LAST))
		return refuse(op, RULE_IOA_ABSENT);
	if (number == KERNEL_OF_HOST) {
		*kernel = (struct kernel){.ids = &host->ioasids};
		return STEP_MORE;
	}
	file = task_file(op_task(host, op), number);
	if (file == NOTHING)
		return refuse(op, RULE_FD_NOT_OPEN);
	if (host->files.items[file].kind != FILE_GUEST)
		return refuse(op, RULE_GST_OTHER);
	kernel->index = host->files.items[file].object;
	kernel->guest = &host->guests.items[kernel->index];
	kernel->ids = &kernel->guest->ids;
	return STEP_MORE;
}

enum step_result kernel_find_guest(struct host *host, struct op *op, struct kernel *kernel)
{
	if (kernel_find(host, op, kernel) == STEP_DONE)
		return STEP_DONE;
	return kernel->guest ? STEP_MORE : refuse(op, RULE_GST_NO_VIOMMU);
}

enum step_result kernel_find_viommu(struct host *host, struct op *op, struct kernel *kernel, struct viommu **viommu)
{
	if (kernel_find_guest(host, op, kernel) == STEP_DONE)
		return STEP_DONE;
	if (op->call->args[1] >= kernel->guest->viommu_count)
		return refuse(op, RULE_GST_NO_VIOMMU);
	*viommu = &kernel->guest->viommus[op->call->args[1]];
	return STEP_MORE;
}

handler_fn *guest_call_handler(enum call_op op)
{
	switch (op) {
	case CALL_GUEST:
		return make_guest;
	case CALL_IOMMU_INIT:
		return iommu_init;
	case CALL_IOASID_SET_ALLOCATOR:
		return ioasid_set_allocator;
	case CALL_IOASID_CLEAR_ALLOCATOR:
		return ioasid_clear_allocator;
	case CALL_VCMD_WRITE:
		return vcmd_write;
	case CALL_VCMD_SERVE:
		return vcmd_serve;
	case CALL_VCMD_READ:
		return vcmd_read;
	case CALL_VCMD_FAULT:
		return vcmd_fault;
	default:
		return NULL;
	}
}
