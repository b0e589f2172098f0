/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Interrupts of a device: DEVICE_SET_IRQS. One kind of interrupt (INTx, MSI or MSI-X) is
 * set up at a time; the error and request interrupts stand beside it.
 */
#include <string.h>

#include "host.h"
#include "vfiosim/uapi.h"

#define IRQ_FLAGS_ALL (VFIO_IRQ_SET_DATA_TYPE_MASK | VFIO_IRQ_SET_ACTION_TYPE_MASK)

struct irq_request {
	uint32_t data_type, action;
	uint32_t width;		 /* bytes of data for each interrupt */
	struct vfio_irq_set set; /* its array is not copied */
};

static const struct irq *request_irq(const struct device *device, const struct irq_request *request)
{
	return request->set.index < device->irq_count ? &device->irqs[request->set.index] : NULL;
}

/* What the user passed is checked as a whole before any interrupt is looked at. */
static enum step_result request_check(const struct host *host, struct op *op, const struct device *device,
				      struct irq_request *request)
{
	const struct vfio_irq_set *set = &request->set;
	const struct irq *irq = request_irq(device, request);
	uint32_t count = irq ? irq->count : 0;

	if (set->argsz < sizeof(*set) || !irq ||
	    (set->count >= UINT32_MAX - set->start && !defect_on(host, DEFECT_IRQS_WRAP)) ||
	    (set->flags & ~(uint32_t)IRQ_FLAGS_ALL))
		return refuse(op, RULE_DEV_IRQS_HEADER);
	if (set->start >= count || set->start + set->count > count)
		return refuse(op, RULE_DEV_IRQS_RANGE);
	request->data_type = set->flags & VFIO_IRQ_SET_DATA_TYPE_MASK;
	request->action = set->flags & VFIO_IRQ_SET_ACTION_TYPE_MASK;
	switch (request->data_type) {
	case VFIO_IRQ_SET_DATA_NONE:
		request->width = 0;
		break;
	case VFIO_IRQ_SET_DATA_BOOL:
		request->width = 1;
		break;
	case VFIO_IRQ_SET_DATA_EVENTFD:
		request->width = 4;
		break;
	default:
		return refuse(op, RULE_DEV_IRQS_DATA_TYPE);
	}
	if (set->argsz - sizeof(*set) < (uint64_t)set->count * request->width && !defect_on(host, DEFECT_IRQS_ARGSZ))
		return refuse(op, RULE_DEV_IRQS_ARGSZ);
	return STEP_MORE;
}

/* The eventfd number @index of the request's data is no descriptor (-1), an eventfd, or refused. */
static enum step_result eventfd_check(struct host *host, struct op *op, uint32_t index, int32_t *number)
{
	uint8_t bytes[4];
	uint32_t file;

	if (!user_read(op, 0, (uint32_t)sizeof(struct vfio_irq_set) + 4 * index, bytes, sizeof(bytes)))
		return refuse(op, RULE_DEV_IRQS_FAULT);
	*number = (int32_t)bytes_get(bytes, sizeof(bytes));
	if (*number < 0)
		return STEP_MORE;
	file = task_file(op_task(host, op), *number);
	if (file == NOTHING)
		return refuse(op, RULE_FD_NOT_OPEN);
	if (host->files.items[file].kind != FILE_EVENTFD && !defect_on(host, DEFECT_IRQS_ANY_FILE))
		return refuse(op, RULE_DEV_IRQS_NOT_EVENTFD);
	return STEP_MORE;
}

static enum step_result done(struct op *op)
{
	hit(op, RULE_DEV_IRQS);
	return finish(op, 0);
}

static enum step_result trigger_intx(struct host *host, struct op *op, const struct irq_request *request)
{
	struct device_state *device = &host->devices.items[op_device(host, op)];
	int32_t number = -1;

	if (device->irq_type == IRQ_TYPE_INTX && !request->set.count && request->data_type == VFIO_IRQ_SET_DATA_NONE) {
		device->irq_type = IRQ_TYPE_NONE;
		return done(op);
	}
	if ((device->irq_type != IRQ_TYPE_INTX && device->irq_type != IRQ_TYPE_NONE) || request->set.start ||
	    request->set.count != 1)
		return refuse(op, RULE_DEV_IRQS_STATE);
	if (request->data_type == VFIO_IRQ_SET_DATA_EVENTFD) {
		if (eventfd_check(host, op, 0, &number) == STEP_DONE)
			return STEP_DONE;
		device->irq_type = IRQ_TYPE_INTX;
		return done(op);
	}
	return device->irq_type == IRQ_TYPE_INTX ? done(op) : refuse(op, RULE_DEV_IRQS_STATE);
}

static enum step_result mask_intx(struct host *host, struct op *op, const struct irq_request *request)
{
	const struct device_state *device = &host->devices.items[op_device(host, op)];

	if (device->irq_type != IRQ_TYPE_INTX || request->set.start || request->set.count != 1)
		return refuse(op, RULE_DEV_IRQS_STATE);
	if (request->data_type != VFIO_IRQ_SET_DATA_EVENTFD)
		return done(op);
	if (request->action == VFIO_IRQ_SET_ACTION_MASK)
		return refuse(op, RULE_DEV_IRQS_ACTION);
	return unmodelled(host, op);
}

static enum step_result trigger_messages(struct host *host, struct op *op, const struct irq_request *request)
{
	struct device_state *device = &host->devices.items[op_device(host, op)];
	const enum irq_type type = (enum irq_type)request->set.index;

	if (device->irq_type == type && !request->set.count && request->data_type == VFIO_IRQ_SET_DATA_NONE) {
		device->irq_type = IRQ_TYPE_NONE;
		return done(op);
	}
	if (device->irq_type != type && device->irq_type != IRQ_TYPE_NONE && !defect_on(host, DEFECT_IRQS_TWO_KINDS))
		return refuse(op, RULE_DEV_IRQS_STATE);
	if (request->data_type != VFIO_IRQ_SET_DATA_EVENTFD)
		return device->irq_type == type ? done(op) : refuse(op, RULE_DEV_IRQS_STATE);
	if (!request->set.count)
		return unmodelled(host, op);
	for (uint32_t i = 0; i < request->set.count; i++) {
		int32_t number = -1;

		if (eventfd_check(host, op, i, &number) == STEP_DONE)
			return STEP_DONE;
	}
	device->irq_type = type;
	return done(op);
}

/* The error and the request interrupt: one eventfd each, which may be fired for a test. */
static enum step_result trigger_single(struct host *host, struct op *op, const struct irq_request *request,
				       bool *trigger)
{
	int32_t number = -1;

	if (request->set.start || request->set.count > 1)
		return refuse(op, RULE_DEV_IRQS_STATE);
	if (request->data_type == VFIO_IRQ_SET_DATA_NONE) {
		if (!*trigger && !defect_on(host, DEFECT_IRQS_FIRE_NOTHING))
			return refuse(op, RULE_DEV_IRQS_STATE);
		if (!request->set.count)
			*trigger = false;
		return done(op);
	}
	if (!request->set.count)
		return refuse(op, RULE_DEV_IRQS_STATE);
	if (request->data_type == VFIO_IRQ_SET_DATA_BOOL)
		return done(op);
	if (eventfd_check(host, op, 0, &number) == STEP_DONE)
		return STEP_DONE;
	if (number < -1) {
		int64_t answer = profile_get(host, PROFILE_IRQ_EVENTFD_BELOW_MINUS_ONE);

		return answer ? refuse_as(op, RULE_DEV_IRQS_STATE, answer) : done(op);
	}
	*trigger = number >= 0;
	return done(op);
}

enum step_result device_set_irqs(struct host *host, struct op *op)
{
	uint32_t index = op_device(host, op);
	const struct device *description = &host->machine->devices[index];
	struct device_state *device = &host->devices.items[index];
	struct irq_request request;

	if (eeh_blocked(host, index))
		return unmodelled(host, op);
	if (!user_load(op, &request.set, sizeof(request.set)))
		return refuse(op, RULE_DEV_IRQS_FAULT);
	if (request_check(host, op, description, &request) == STEP_DONE)
		return STEP_DONE;
	if ((uint64_t)request.set.count * request.width > op->call->buffers[0].length - sizeof(request.set))
		return refuse(op, RULE_DEV_IRQS_FAULT);
	switch (request.set.index) {
	case VFIO_PCI_INTX_IRQ_INDEX:
		if (request.action == VFIO_IRQ_SET_ACTION_TRIGGER)
			return trigger_intx(host, op, &request);
		if (request.action == VFIO_IRQ_SET_ACTION_MASK || request.action == VFIO_IRQ_SET_ACTION_UNMASK)
			return mask_intx(host, op, &request);
		break;
	case VFIO_PCI_MSI_IRQ_INDEX:
	case VFIO_PCI_MSIX_IRQ_INDEX:
		if (request.action == VFIO_IRQ_SET_ACTION_TRIGGER)
			return trigger_messages(host, op, &request);
		break;
	case VFIO_PCI_ERR_IRQ_INDEX:
		if (request.action == VFIO_IRQ_SET_ACTION_TRIGGER)
			return trigger_single(host, op, &request, &device->error_trigger);
		break;
	case VFIO_PCI_REQ_IRQ_INDEX:
		if (request.action == VFIO_IRQ_SET_ACTION_TRIGGER)
			return trigger_single(host, op, &request, &device->request_trigger);
		break;
	}
	return refuse(op, RULE_DEV_IRQS_ACTION);
}
