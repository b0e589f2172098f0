/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Devices: what vfio-pci tells about a device, and reading, writing and mapping its regions.
 */
#include <string.h>

#include "host.h"
#include "vfiosim/uapi.h"

enum { REGION_SHIFT = 40, COMMAND_REGISTER = 4, COMMAND_MEMORY = 2, COMMAND_MASTER = 4 };

uint32_t op_device(const struct host *host, const struct op *op)
{
	return host->files.items[op->file].object;
}

const struct device *op_described(const struct host *host, const struct op *op)
{
	return &host->machine->devices[op_device(host, op)];
}

void device_enable(struct device_state *device)
{
	device->bus_master = false;
	device->memory_enabled = true;
}

void device_release(struct host *host, uint32_t index)
{
	struct device_state *device = &host->devices.items[index];
	struct group *group = &host->groups.items[device->group];

	if (!--device->open_count || defect_on(host, DEFECT_ANY_CLOSE_RESETS)) {
		if (device_is_mediated(host, index))
			mdev_close(host, index);
		device->bus_master = device->own_file = false;
		if (!defect_on(host, DEFECT_CLOSE_KEEPS_IRQS))
			device->irq_type = IRQ_TYPE_NONE;
		device->request_trigger = device->error_trigger = false;
		if (!defect_on(host, DEFECT_CLOSE_KEEPS_IOEVENTFDS))
			device->ioeventfds.count = 0;
		eeh_closed(host, index);
	}
	if (device->contained) {
		group->users--;
		if (!defect_on(host, DEFECT_DEVICE_KEEPS_GROUP))
			file_put(host, group->file);
	} else if (!device->open_count) {
		iommufd_close_device(host, index);
	}
}

enum step_result device_get_info(struct host *host, struct op *op)
{
	const struct device *device = op_described(host, op);
	const uint32_t smallest = op->row->minsz;
	struct vfio_device_info info = {0};

	if (!user_load(op, &info, smallest))
		return refuse(op, RULE_DEV_INFO_FAULT);
	if (info.argsz < smallest && !defect_on(host, DEFECT_DEVICE_INFO_ARGSZ))
		return refuse(op, RULE_DEV_INFO_ARGSZ);
	info.flags = device->flags;
	info.num_regions = device->region_count;
	info.num_irqs = device->irq_count;
	if (!user_store(host, op, &info, info_length(host, info.argsz)))
		return refuse(op, RULE_DEV_INFO_FAULT);
	hit(op, RULE_DEV_INFO);
	return finish(op, 0);
}

/* The capability of a BAR with an MSI-X table that may be mapped as a whole: a bare header. */
static enum step_result region_caps(struct host *host, struct op *op, struct vfio_region_info *info)
{
	const uint32_t needed = sizeof(*info) + sizeof(struct vfio_info_cap_header);
	uint8_t bytes[sizeof(struct vfio_info_cap_header)] = {0};

	info->flags |= VFIO_REGION_INFO_FLAG_CAPS;
	if (info->argsz < needed) {
		info->argsz = needed;
		info->cap_offset = 0;
		return STEP_MORE;
	}
	bytes_put(bytes, 2, VFIO_REGION_INFO_CAP_MSIX_MAPPABLE);
	bytes_put(bytes + 2, 2, 1);
	if (!user_write(host, op, 0, sizeof(*info), bytes, sizeof(bytes)))
		return refuse(op, RULE_DEV_REGION_FAULT);
	info->cap_offset = sizeof(*info);
	return STEP_MORE;
}

enum step_result device_get_region_info(struct host *host, struct op *op)
{
	const struct device *device = op_described(host, op);
	struct vfio_region_info info;
	const struct region *region;

	if (user_load_argsz(op, &info, sizeof(info), RULE_DEV_REGION_FAULT, RULE_DEV_REGION_ARGSZ) == STEP_DONE)
		return STEP_DONE;
	region = info.index < device->region_count ? &device->regions[info.index] : NULL;
	if (!region || region->refused || (!region->size && defect_on(host, DEFECT_REGION_ABSENT_REFUSED)))
		return refuse(op, RULE_DEV_REGION_INDEX);
	info.flags = region->flags;
	info.size = region->size;
	info.offset = region->offset;
	if (region->msix_mappable && region_caps(host, op, &info) == STEP_DONE)
		return STEP_DONE;
	user_store(host, op, &info, sizeof(info));
	hit(op, RULE_DEV_REGION);
	return finish(op, 0);
}

enum step_result device_get_irq_info(struct host *host, struct op *op)
{
	const struct device *device = op_described(host, op);
	struct vfio_irq_info info;

	if (user_load_argsz(op, &info, sizeof(info), RULE_DEV_IRQ_FAULT, RULE_DEV_IRQ_ARGSZ) == STEP_DONE)
		return STEP_DONE;
	if (info.index >= device->irq_count || device->irqs[info.index].refused)
		return refuse(op, RULE_DEV_IRQ_INDEX);
	info.flags = device->irqs[info.index].flags;
	if (defect_on(host, DEFECT_IRQ_MASKABLE))
		info.flags |= VFIO_IRQ_INFO_MASKABLE;
	if (device->irqs[info.index].dynamic && profile_get(host, PROFILE_MSIX_DYNAMIC))
		info.flags &= ~(uint32_t)VFIO_IRQ_INFO_NORESIZE;
	info.count = device->irqs[info.index].count;
	user_store(host, op, &info, sizeof(info));
	hit(op, RULE_DEV_IRQ);
	return finish(op, 0);
}

enum step_result device_reset(struct host *host, struct op *op)
{
	const struct device *device = op_described(host, op);

	if (!device->resettable && !defect_on(host, DEFECT_RESET_ALWAYS))
		return refuse(op, RULE_DEV_RESET_IMPOSSIBLE);
	hit(op, RULE_DEV_RESET);
	return finish(op, 0);
}

/* What vfio-pci does not know, other drivers may. */
enum step_result device_unknown(struct host *host, struct op *op)
{
	(void)host;
	return refuse(op, RULE_FD_UNKNOWN_IOCTL);
}

/* The region that an offset of the device's file lies in, and where in it. */
static const struct region *offset_region(const struct device *device, uint64_t offset, uint64_t *inside)
{
	uint64_t index = offset >> REGION_SHIFT;

	*inside = offset & ((1ull << REGION_SHIFT) - 1);
	return index < device->region_count ? &device->regions[index] : NULL;
}

/* How many bytes a transfer moves, or the refusal of one that moves none. */
static enum step_result transfer_check(struct host *host, struct op *op, bool write, const struct region **region,
				       uint64_t *inside, uint32_t *count)
{
	const struct device *device = op_described(host, op);
	const struct device_state *state = &host->devices.items[op_device(host, op)];
	uint64_t left;

	*region = offset_region(device, op->call->args[3], inside);
	*count = op->call->buffer_count ? op->call->buffers[0].length : 0;
	if (!*count) {
		hit(op, RULE_DEV_RW_NOTHING);
		return finish(op, 0);
	}
	if (!*region)
		return refuse(op, RULE_DEV_RW_INDEX);
	if ((*region)->index == VFIO_PCI_CONFIG_REGION_INDEX) {
		/* Configuration space takes a transfer whole or not at all. */
		if (*inside >= (*region)->size || *count > (*region)->size - *inside) {
			if (*inside >= (*region)->size || !defect_on(host, DEFECT_CONFIG_CUT))
				return refuse(op, RULE_DEV_RW_CONFIG_END);
			*count = (uint32_t)((*region)->size - *inside);
		}
		return eeh_check_config(host, op, op_device(host, op), write, *inside, *count);
	}
	if ((write && (*region)->index == VFIO_PCI_ROM_REGION_INDEX && !defect_on(host, DEFECT_ROM_WRITTEN)) ||
	    (*region)->refused || *inside >= (*region)->size)
		return refuse(op, RULE_DEV_RW_BAR_END);
	if (!state->memory_enabled && (*region)->index == VFIO_PCI_ROM_REGION_INDEX)
		return refuse(op, RULE_DEV_RW_ROM_OFF);
	/* What covers an MSI-X table is not passed on to the device, decoding or not. */
	if (!state->memory_enabled && (*region)->msix_mappable)
		return unmodelled(host, op);
	if (!state->memory_enabled && !(*region)->io_ports && !defect_on(host, DEFECT_MEMORY_OFF_REACHED))
		return refuse(op, RULE_DEV_RW_MEMORY_OFF);
	left = (*region)->size - *inside;
	if (*count > left && defect_on(host, DEFECT_REGION_END_REFUSED))
		return refuse(op, RULE_DEV_RW_BAR_END);
	if (*count > left)
		*count = (uint32_t)left;
	return STEP_MORE;
}

/*
 * An edu device refuses accesses of less than 4 bytes, which is what any that is no multiple of them becomes. Where
 * the processor hears of that, the kernel does not survive it.
 */
static enum step_result check_bus(struct host *host, struct op *op, const struct device *device,
				  const struct region *region, uint64_t inside, uint32_t count)
{
	const bool narrow = region->index == 0 && !strcmp(device->model, "edu") && ((inside | count) & 3);

	return narrow && !strcmp(host->machine->arch, "aarch64") ? complain(host, op, RULE_DEV_RW_ABORT, true)
								 : STEP_MORE;
}

enum step_result device_read(struct host *host, struct op *op)
{
	const struct device *device = op_described(host, op);
	const struct region *region;
	uint64_t inside;
	uint32_t count;

	if (transfer_check(host, op, false, &region, &inside, &count) == STEP_DONE ||
	    check_bus(host, op, device, region, inside, count) == STEP_DONE)
		return STEP_DONE;
	hit(op, RULE_DEV_READ);
	/* What a register holds is the device's affair, not the API's, unless the model has the device. */
	user_undefined(host, op, 0, 0, count);
	if (region->index == VFIO_PCI_CONFIG_REGION_INDEX && inside == 0 && count >= 4) {
		uint8_t identity[4];

		bytes_put(identity, 2, device->vendor);
		bytes_put(identity + 2, 2, device->product);
		user_defined(host, op, 0, 0, identity, sizeof(identity));
	} else if (region->index == 0 && !strcmp(device->model, "edu") && !eeh_in_reset(host, op_device(host, op))) {
		return edu_read(host, op, op_device(host, op), inside, count);
	}
	return finish(op, count);
}

enum step_result device_write(struct host *host, struct op *op)
{
	uint32_t index = op_device(host, op), count;
	const struct device *device = &host->machine->devices[index];
	const struct region *region;
	const uint8_t *bytes;
	uint64_t inside;

	if (transfer_check(host, op, true, &region, &inside, &count) == STEP_DONE ||
	    check_bus(host, op, device, region, inside, count) == STEP_DONE)
		return STEP_DONE;
	bytes = op->call->buffers[0].in;
	if (region->index == VFIO_PCI_CONFIG_REGION_INDEX && inside <= COMMAND_REGISTER &&
	    inside + count > COMMAND_REGISTER) {
		uint8_t command = bytes[COMMAND_REGISTER - inside];

		host->devices.items[index].bus_master = command & COMMAND_MASTER;
		host->devices.items[index].memory_enabled = command & COMMAND_MEMORY;
	} else if (region->index == 0 && !strcmp(device->model, "edu") && !eeh_in_reset(host, index) &&
		   !edu_write(host, index, inside, bytes, count)) {
		return unmodelled(host, op);
	}
	hit(op, RULE_DEV_WRITE);
	return finish(op, count);
}

/* STEP_MORE if a region may be mapped so; the mapping itself is the address space's affair. */
enum step_result device_mmap(struct host *host, struct op *op)
{
	const struct device *device = op_described(host, op);
	const uint64_t page = host->machine->page_size;
	uint64_t inside, length = (op->call->args[1] + page - 1) & ~(page - 1);
	const struct region *region = offset_region(device, op->call->args[5], &inside);

	if (device_is_mediated(host, op_device(host, op)))
		return refuse(op, RULE_DEV_MMAP_REGION);
	if (device_is_platform(host, op_device(host, op)) && platform_mmap_check(host, op) == STEP_DONE)
		return op->outcome->ret ? STEP_DONE : STEP_MORE;
	if (!region)
		return refuse(op, RULE_DEV_MMAP_INDEX);
	if ((op->call->args[3] & 3) != 1 && (op->call->args[3] & 3) != 3 && !defect_on(host, DEFECT_MMAP_PRIVATE))
		return refuse(op, RULE_DEV_MMAP_PRIVATE);
	if (!(region->flags & VFIO_REGION_INFO_FLAG_MMAP) && !defect_on(host, DEFECT_MMAP_ANY_REGION))
		return refuse(op, RULE_DEV_MMAP_REGION);
	if ((length > ((region->size + page - 1) & ~(page - 1)) ||
	     inside > ((region->size + page - 1) & ~(page - 1)) - length) &&
	    !defect_on(host, DEFECT_MMAP_BEYOND))
		return refuse(op, RULE_DEV_MMAP_SIZE);
	hit(op, RULE_DEV_MMAP);
	return STEP_MORE;
}
