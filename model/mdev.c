/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Mediated devices: devices in software, whose groups have an emulated IOMMU. Each has a driver of its own that
 * answers: the kernel's sample mtty, as far as the API defines what it does, and this project's pinner.
 */
#include <string.h>

#include "host.h"
#include "vfiosim/uapi.h"

enum { REGION_SHIFT = 40 };

static bool is_pinner(const struct host *host, uint32_t device)
{
	return !strcmp(host->machine->devices[device].model, "pinner");
}

static enum step_result get_info(struct host *host, struct op *op)
{
	const struct device *device = op_described(host, op);
	struct vfio_device_info info = {0};

	if (user_load_argsz(op, &info, op->row->minsz, RULE_DEV_INFO_FAULT, RULE_DEV_INFO_ARGSZ) == STEP_DONE)
		return STEP_DONE;
	info.flags = device->flags;
	info.num_regions = device->region_count;
	info.num_irqs = device->irq_count;
	host->devices.items[op_device(host, op)].told = true;
	user_store(host, op, &info, op->row->minsz);
	hit(op, RULE_DEV_INFO);
	return finish(op, 0);
}

static enum step_result get_region_info(struct host *host, struct op *op)
{
	const struct device *device = op_described(host, op);
	struct vfio_region_info info;

	if (user_load_argsz(op, &info, sizeof(info), RULE_DEV_REGION_FAULT, RULE_DEV_REGION_ARGSZ) == STEP_DONE)
		return STEP_DONE;
	if (info.index >= device->region_count)
		return refuse(op, RULE_DEV_REGION_INDEX);
	info.flags = device->regions[info.index].flags;
	info.size = device->regions[info.index].size;
	info.offset = device->regions[info.index].offset;
	user_store(host, op, &info, sizeof(info));
	hit(op, RULE_DEV_REGION);
	return finish(op, 0);
}

/* Before somebody has asked mtty how many interrupts it has, it has none; but who knows who has asked. */
static enum step_result get_irq_info(struct host *host, struct op *op)
{
	const struct device *device = op_described(host, op);
	struct vfio_irq_info info;

	if (user_load_argsz(op, &info, sizeof(info), RULE_DEV_IRQ_FAULT, RULE_DEV_IRQ_ARGSZ) == STEP_DONE)
		return STEP_DONE;
	if (info.index >= device->irq_count || device->irqs[info.index].refused)
		return refuse(op, RULE_DEV_IRQ_INDEX);
	if (!host->devices.items[op_device(host, op)].told)
		return unmodelled(host, op);
	info.flags = device->irqs[info.index].flags;
	info.count = device->irqs[info.index].count;
	user_store(host, op, &info, sizeof(info));
	hit(op, RULE_DEV_IRQ);
	return finish(op, 0);
}

/* The kernel itself looks whether a request makes sense; then the driver is asked, and the pinner has no features. */
static enum step_result feature(struct host *host, struct op *op)
{
	if (!is_pinner(host, op_device(host, op)))
		return unmodelled(host, op);
	return device_feature(host, op);
}

enum step_result mdev_ioctl(struct host *host, struct op *op)
{
	const bool pinner = is_pinner(host, op_device(host, op));

	switch (op->row->number) {
	case VFIO_DEVICE_GET_INFO:
		return get_info(host, op);
	case VFIO_DEVICE_GET_REGION_INFO:
		return get_region_info(host, op);
	case VFIO_DEVICE_GET_IRQ_INFO:
		return pinner ? refuse(op, RULE_DEV_IRQ_INDEX) : get_irq_info(host, op);
	case VFIO_DEVICE_SET_IRQS:
		return pinner ? refuse(op, RULE_DEV_IRQS_HEADER) : unmodelled(host, op);
	case VFIO_DEVICE_FEATURE:
		return feature(host, op);
	case VFIO_DEVICE_BIND_IOMMUFD:
		return device_bind_iommufd(host, op);
	case VFIO_DEVICE_ATTACH_IOMMUFD_PT:
		return device_attach_iommufd_pt(host, op);
	case VFIO_DEVICE_DETACH_IOMMUFD_PT:
		return device_detach_iommufd_pt(host, op);
	case VFIO_DEVICE_RESET:
		if (pinner)
			pinner_reset(host, op_device(host, op));
		hit(op, RULE_DEV_RESET);
		return finish(op, 0);
	default:
		break;
	}
	return refuse(op, RULE_FD_UNKNOWN_IOCTL);
}

void mdev_detached(struct host *host, uint32_t device)
{
	if (device_is_mediated(host, device) && is_pinner(host, device))
		pinner_detached(host, device);
}

void mdev_close(struct host *host, uint32_t device)
{
	if (is_pinner(host, device))
		pinner_reset(host, device);
}

/* Whether a transfer stays in a region; mtty itself does not look, and what it then does is nobody's business. */
static bool transfer_inside(const struct host *host, const struct op *op)
{
	const struct device *device = op_described(host, op);
	const uint64_t index = op->call->args[3] >> REGION_SHIFT,
		       inside = op->call->args[3] & ((1ull << REGION_SHIFT) - 1);
	const uint64_t length = op->call->buffer_count ? op->call->buffers[0].length : 0;

	return index < device->region_count && inside < device->regions[index].size &&
	       length <= device->regions[index].size - inside;
}

enum step_result mdev_read(struct host *host, struct op *op)
{
	const uint32_t length = op->call->buffer_count ? op->call->buffers[0].length : 0;

	if (is_pinner(host, op_device(host, op)))
		return pinner_read(host, op);
	if (!length) {
		hit(op, RULE_DEV_RW_NOTHING);
		return finish(op, 0);
	}
	if (!transfer_inside(host, op))
		return unmodelled(host, op);
	hit(op, RULE_DEV_READ);
	user_undefined(host, op, 0, 0, length);
	return finish(op, length);
}

enum step_result mdev_write(struct host *host, struct op *op)
{
	const uint32_t length = op->call->buffer_count ? op->call->buffers[0].length : 0;

	if (is_pinner(host, op_device(host, op)))
		return pinner_write(host, op);
	if (!length) {
		hit(op, RULE_DEV_RW_NOTHING);
		return finish(op, 0);
	}
	if (!transfer_inside(host, op))
		return unmodelled(host, op);
	hit(op, RULE_DEV_WRITE);
	return finish(op, length);
}
