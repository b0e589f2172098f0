/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Platform devices as they were proposed in 2013: found by the path of their node, with regions and interrupts that say
 * where in the device tree they come from. Registers that share a page with those of others are read and written, never
 * mapped. What the proposal leaves open is decided in docs/proposals.md.
 */
#include <string.h>

#include "host.h"
#include "vfiosim/uapi.h"

enum { REGION_SHIFT = 40, TYPE_REGION = 0, TYPE_IRQ = 1 };

#define SYSFS_FOLDER "/sys/bus/platform/devices/"

bool platform_is_named(const struct host *host, const struct device *device, const char *name)
{
	const size_t folder = strlen(SYSFS_FOLDER), length = strlen(device->name);

	if (strncmp(name, device->name, length) == 0 && (!name[length] || defect_on(host, DEFECT_PLATFORM_NAME_BEGINS)))
		return true;
	return strncmp(name, SYSFS_FOLDER, folder) == 0 && strcmp(name + folder, device->platform->sysfs) == 0 &&
	       !defect_on(host, DEFECT_PLATFORM_TREE_ONLY);
}

/* Those of the node itself, which come after those of the nodes below it. */
static uint32_t own_irqs(const struct board_device *platform)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < platform->irq_count; i++)
		count += strcmp(platform->irqs[i].path, platform->path) == 0;
	return count;
}

static enum step_result get_info(struct host *host, struct op *op)
{
	const struct device *device = op_described(host, op);
	struct vfio_device_info info = {0};

	if (user_load_argsz(op, &info, op->row->minsz, RULE_DEV_INFO_FAULT, RULE_DEV_INFO_ARGSZ) == STEP_DONE)
		return STEP_DONE;
	info.flags = defect_on(host, DEFECT_PLATFORM_UNFLAGGED) ? 0 : device->flags;
	info.num_regions = device->region_count;
	info.num_irqs =
	    defect_on(host, DEFECT_PLATFORM_CHILDREN_FORGOTTEN) ? own_irqs(device->platform) : device->irq_count;
	user_store(host, op, &info, op->row->minsz);
	hit(op, RULE_PLT_INFO);
	return finish(op, 0);
}

/* Where a region comes from, which is always the device's own node. */
static const char *find_region(const struct host *host, const struct board_device *platform,
			       struct vfio_path_info *info)
{
	const struct board_region *region = &platform->regions[info->index];

	info->start = defect_on(host, DEFECT_PLATFORM_START_RUNS_ON) ? info->index : region->start;
	if (region->ranges)
		info->flags = defect_on(host, DEFECT_PLATFORM_RANGES_BIT_0) ? 1 : VFIO_DEVTREE_INFO_RANGES;
	return platform->path;
}

/* Where an interrupt comes from: a node, and an entry of it. */
static const char *find_irq(const struct host *host, const struct board_device *platform, struct vfio_path_info *info)
{
	const struct board_irq *irq = &platform->irqs[info->index];

	info->start = irq->start;
	return defect_on(host, DEFECT_PLATFORM_OWN_PATH) ? platform->path : irq->path;
}

/* Writes back the struct with the path, or without it how long it would have to be. */
static enum step_result write_path(struct host *host, struct op *op, struct vfio_path_info *info, const char *path)
{
	const uint32_t length = (uint32_t)strlen(path) + 1;
	const bool fits = info->argsz - sizeof(*info) >= length;

	if (!fits && !defect_on(host, DEFECT_PLATFORM_PATH_CUT)) {
		info->argsz = (uint32_t)sizeof(*info) + length;
		if (!user_store(host, op, info, sizeof(*info)))
			return refuse(op, RULE_PLT_TREE_FAULT);
		return refuse(op, RULE_PLT_TREE_ROOM);
	}
	if (!user_write(host, op, 0, sizeof(*info), path, fits ? length : info->argsz - (uint32_t)sizeof(*info)) ||
	    !user_store(host, op, info, sizeof(*info)))
		return refuse(op, RULE_PLT_TREE_FAULT);
	hit(op, RULE_PLT_TREE);
	return finish(op, 0);
}

static enum step_result get_devtree_info(struct host *host, struct op *op)
{
	const struct board_device *platform = op_described(host, op)->platform;
	struct vfio_path_info info;
	uint32_t count;

	if (user_load_argsz(op, &info, sizeof(info), RULE_PLT_TREE_FAULT, RULE_PLT_TREE_ARGSZ) == STEP_DONE)
		return STEP_DONE;
	if (info.type != TYPE_REGION && info.type != TYPE_IRQ)
		return refuse(op, RULE_PLT_TREE_TYPE);
	count = info.type == TYPE_REGION ? platform->region_count : platform->irq_count;
	if (defect_on(host, DEFECT_PLATFORM_INDEX_OF_REGIONS) && platform->region_count < count)
		count = platform->region_count;
	if (info.index >= count)
		return refuse(op, RULE_PLT_TREE_INDEX);
	info.flags = 0;
	return write_path(host, op, &info,
			  info.type == TYPE_REGION ? find_region(host, platform, &info)
						   : find_irq(host, platform, &info));
}

enum step_result platform_ioctl(struct host *host, struct op *op)
{
	switch (op->row->number) {
	case VFIO_DEVICE_GET_INFO:
		return get_info(host, op);
	case VFIO_DEVICE_GET_REGION_INFO:
		return device_get_region_info(host, op);
	case VFIO_DEVICE_GET_IRQ_INFO:
		return device_get_irq_info(host, op);
	case VFIO_DEVICE_GET_DEVTREE_INFO:
		return get_devtree_info(host, op);
	/* How interrupts are signalled is the existing mechanism, says the proposal, and leaves it at that. */
	case VFIO_DEVICE_SET_IRQS:
		return unmodelled(host, op);
	case VFIO_DEVICE_RESET:
		return device_reset(host, op);
	default:
		break;
	}
	return refuse(op, RULE_FD_UNKNOWN_IOCTL);
}

/* How many bytes a transfer moves, or the end of one that moves none. */
static enum step_result transfer_check(struct host *host, struct op *op, uint32_t *count)
{
	const struct device *device = op_described(host, op);
	const uint64_t offset = op->call->args[3], index = offset >> REGION_SHIFT, page = host->machine->page_size;
	uint64_t begin, end;

	*count = op->call->buffer_count ? op->call->buffers[0].length : 0;
	if (!*count) {
		hit(op, RULE_DEV_RW_NOTHING);
		return finish(op, 0);
	}
	if (index >= device->region_count)
		return refuse(op, RULE_DEV_RW_INDEX);
	begin = device->regions[index].offset;
	end = begin + device->regions[index].size;
	if (defect_on(host, DEFECT_PLATFORM_REACHES_PAGE)) {
		begin -= begin % page;
		end += (page - end % page) % page;
	}
	if (offset < begin || offset >= end)
		return refuse(op, RULE_PLT_RW_OUTSIDE);
	if (*count > end - offset)
		*count = (uint32_t)(end - offset);
	return STEP_MORE;
}

enum step_result platform_read(struct host *host, struct op *op)
{
	uint32_t count;

	if (transfer_check(host, op, &count) == STEP_DONE)
		return STEP_DONE;
	hit(op, RULE_PLT_READ);
	user_undefined(host, op, 0, 0, count);
	return finish(op, count);
}

enum step_result platform_write(struct host *host, struct op *op)
{
	uint32_t count;

	if (transfer_check(host, op, &count) == STEP_DONE)
		return STEP_DONE;
	hit(op, RULE_PLT_WRITE);
	return finish(op, count);
}

enum step_result platform_mmap_check(struct host *host, struct op *op)
{
	const struct device *device = op_described(host, op);
	const uint64_t index = op->call->args[5] >> REGION_SHIFT;

	if (index >= device->region_count || device->regions[index].flags & VFIO_REGION_INFO_FLAG_MMAP)
		return STEP_MORE;
	if (!defect_on(host, DEFECT_PLATFORM_MAPS_PAGE))
		return refuse(op, RULE_PLT_MMAP_PAGE);
	hit(op, RULE_DEV_MMAP);
	return finish(op, 0);
}
