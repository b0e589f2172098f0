/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * The PCI bus as an administrator deals with it: a number other than 0 written to /sys/bus/pci/devices/ADDRESS/remove
 * takes a device from the bus, written to /sys/bus/pci/rescan it brings back what was taken. A device that goes leaves
 * its driver and its group, and one that comes is put into its group, if it has a table: for that the IOMMU's code
 * listens to the bus.
 *
 * Only on machines that nobody but the model has. On others a device comes back with other addresses in its BARs,
 * perhaps in a group of another number, and with the driver that likes it best.
 */
#include <string.h>

#include "host.h"
#include "spapr.h"

enum step_result bus_open(struct host *host, struct op *op, const char *name)
{
	enum { CLOSE_ON_EXEC = 02000000 };
	static const char devices[] = "devices/", removal[] = "/remove";
	const uint64_t flags = op->call->args[1];
	uint32_t file, device = NOTHING;

	if (host->machine->qemu_args || (flags & ACCESS_MODE) != ACCESS_WRITE_ONLY)
		return unmodelled(host, op);
	if (!strncmp(name, devices, sizeof(devices) - 1)) {
		const char *address = name + sizeof(devices) - 1, *rest = strchr(address, '/');

		if (!rest || strcmp(rest, removal) != 0)
			return unmodelled(host, op);
		device = driver_device(host, "vfio-pci", address, (size_t)(rest - address));
		if (device == NOTHING)
			return refuse(op, RULE_BUS_OPEN_MISSING);
	} else if (strcmp(name, "rescan") != 0) {
		return unmodelled(host, op);
	}
	file = file_new(host, FILE_BUS, device, (uint32_t)flags);
	hit(op, RULE_FD_OPEN);
	return finish(op, task_install(host, op, file, 0, flags & CLOSE_ON_EXEC));
}

/* A device goes: first from its driver, then from its group. One that is in no group has none to leave. */
static enum step_result take(struct host *host, struct op *op, uint32_t index)
{
	struct device_state *device = &host->devices.items[index];

	if (device->presence == DEVICE_OFF_BUS)
		return refuse(op, RULE_BUS_REMOVE_GONE);
	if (device->presence == DEVICE_UNGROUPED && defect_on(host, DEFECT_TCE7_REMOVE_NO_GROUP))
		return complain(host, op, RULE_TCE7_FALL, true);
	if (host->groups.items[device->group].noiommu)
		return unmodelled(host, op);
	if (!device->unbound && driver_take(host, op, index) == STEP_DONE)
		return STEP_DONE;
	device->presence = DEVICE_OFF_BUS;
	hit(op, RULE_BUS_REMOVE);
	return STEP_MORE;
}

/* A device comes. Without a table it comes to no group, and so to no driver; and some kernels' driver takes none. */
static void bring(struct host *host, struct op *op, uint32_t index)
{
	struct device_state *device = &host->devices.items[index];

	if (host->machine->groups[device->group].tableless || defect_on(host, DEFECT_TCE7_ADDED_FORGOTTEN)) {
		device->presence = DEVICE_UNGROUPED;
		hit(op, RULE_BUS_ADD_NO_TABLE);
		return;
	}
	device->presence = DEVICE_GROUPED;
	if (spapr_binds(host))
		driver_give(host, index);
	hit(op, RULE_BUS_ADD);
}

enum step_result bus_write(struct host *host, struct op *op)
{
	const struct file *file = &host->files.items[task_file(op_task(host, op), (int32_t)op->call->args[0])];
	const struct buffer *buffer = &op->call->buffers[0];
	const uint64_t count = op->call->args[2];

	/* One digit, as everybody writes it. */
	if (!op->call->buffer_count || !count || count > 2 || count > buffer->length || buffer->in[0] < '0' ||
	    buffer->in[0] > '9' || (count == 2 && buffer->in[1] != '\n'))
		return unmodelled(host, op);
	if (buffer->in[0] == '0')
		return finish(op, (int64_t)count);
	if (file->object != NOTHING)
		return take(host, op, file->object) == STEP_DONE ? STEP_DONE : finish(op, (int64_t)count);
	for (uint32_t i = 0; i < host->devices.count; i++)
		if (host->devices.items[i].presence == DEVICE_OFF_BUS)
			bring(host, op, i);
	return finish(op, (int64_t)count);
}
