/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * PCI drivers as an administrator deals with them, in /sys/bus/pci/drivers: the address of a device written to `unbind`
 * of a driver's folder takes the device away from it, written to `bind` gives it back. What that means for a driver of
 * the host is in host_driver.c.
 *
 * vfio-pci's groups come and go with their devices. A device that somebody has open is not taken before it is closed,
 * which the writer waits for, and some kernels also have him wait for the group to leave its container; here all calls
 * come one after the other, so he waits for ever.
 */
#include <string.h>

#include "host.h"
#include "spapr.h"

/* What the file of a driver is for. Its object says that, and whose it is by some device that the driver may have. */
enum { DRIVER_BIND, DRIVER_UNBIND, DRIVER_FILES };

static bool is_text(const char *text, const char *bytes, size_t length)
{
	return strlen(text) == length && memcmp(text, bytes, length) == 0;
}

/* Some device that the driver with this name may have, or NOTHING. */
static uint32_t any_device(const struct host *host, const char *name, size_t length)
{
	for (uint32_t i = 0; i < host->devices.count; i++)
		if (host->machine->devices[i].pci_driver && is_text(host->machine->devices[i].pci_driver, name, length))
			return i;
	return NOTHING;
}

enum step_result driver_open(struct host *host, struct op *op, const char *name)
{
	enum { CLOSE_ON_EXEC = 02000000 };
	const uint64_t flags = op->call->args[1];
	const size_t length = strcspn(name, "/");
	const char *rest = name + length;
	const bool binds = strcmp(rest, "/bind") == 0;
	const uint32_t device = any_device(host, name, length);
	uint32_t file;

	if (device == NOTHING || (flags & ACCESS_MODE) != ACCESS_WRITE_ONLY || (!binds && strcmp(rest, "/unbind") != 0))
		return unmodelled(host, op);
	file =
	    file_new(host, FILE_DRIVER, device * DRIVER_FILES + (binds ? DRIVER_BIND : DRIVER_UNBIND), (uint32_t)flags);
	hit(op, RULE_FD_OPEN);
	return finish(op, task_install(host, op, file, 0, flags & CLOSE_ON_EXEC));
}

uint32_t driver_device(const struct host *host, const char *driver, const char *address, size_t length)
{
	for (uint32_t i = 0; i < host->devices.count; i++) {
		const struct device *device = &host->machine->devices[i];

		if (device->pci_driver && strcmp(device->pci_driver, driver) == 0 &&
		    host->devices.items[i].presence != DEVICE_OFF_BUS && is_text(device->name, address, length))
			return i;
	}
	return NOTHING;
}

/* The device with the address that is written, of those that the driver of the file may have; else NOTHING. */
static uint32_t written_device(const struct host *host, const struct op *op, const struct file *file)
{
	const struct buffer *buffer = &op->call->buffers[0];
	size_t count = op->call->args[2];

	if (count && buffer->in[count - 1] == '\n')
		count--;
	return driver_device(host, host->machine->devices[file->object / DRIVER_FILES].pci_driver,
			     (const char *)buffer->in, count);
}

/*
 * Whoever has the device is asked to let go of it: by an eventfd, if he has set one for that, else by nothing but a
 * line on the console.
 */
static enum step_result wait_for_device(struct host *host, struct op *op, const struct device_state *device)
{
	if (device->request_trigger)
		return unmodelled(host, op);
	return complain(host, op, RULE_DRV_UNBIND_WAITS, true);
}

/* Whether the last device of the group is taken only when the group has left its container, which the writer waits for.
 */
static bool waits_for_container(const struct host *host, uint32_t group)
{
	return profile_get(host, PROFILE_GROUP_OUTLIVES_DEVICES) && host->groups.items[group].container != NOTHING;
}

enum step_result driver_take(struct host *host, struct op *op, uint32_t index)
{
	struct device_state *device = &host->devices.items[index];
	struct group *group = &host->groups.items[device->group];
	const bool last = !group_has_devices_but(host, device->group, index);

	if (device_is_held(host, index))
		return wait_for_device(host, op, device);
	if (last && waits_for_container(host, device->group))
		return complain(host, op, RULE_DRV_UNBIND_WAITS_GROUP, true);
	device->unbound = true;
	if (last) {
		if (profile_get(host, PROFILE_GROUP_OUTLIVES_DEVICES))
			group->offered = group->file != NOTHING;
		else
			group_vanish(host, device->group);
		hit(op, RULE_DRV_UNBIND_LAST);
	}
	return STEP_MORE;
}

static enum step_result unbind(struct host *host, struct op *op, uint32_t index)
{
	if (host->devices.items[index].unbound)
		return refuse(op, RULE_DRV_UNBIND_MISSING);
	/* Behind a port its reset takes the others along, which is not to be had on its own. */
	if (device_hot_resets(host, index) && !device_is_held(host, index))
		return unmodelled(host, op);
	if (driver_take(host, op, index) == STEP_DONE)
		return STEP_DONE;
	hit(op, RULE_DRV_UNBIND);
	return finish(op, (int64_t)op->call->args[2]);
}

/* A group that noiommu makes up has the lowest free number: the one it had, if no other such group is gone, too. */
static bool number_is_known(const struct host *host, uint32_t group)
{
	for (uint32_t i = 0; i < host->groups.count && host->groups.items[group].noiommu; i++)
		if (i != group && host->groups.items[i].noiommu && !group_has_devices(host, i))
			return false;
	return true;
}

void driver_give(struct host *host, uint32_t index)
{
	struct device_state *device = &host->devices.items[index];

	device->number = device_file_number(host);
	device->unbound = false;
	host->groups.items[device->group].offered = true;
}

static enum step_result bind(struct host *host, struct op *op, uint32_t index)
{
	const struct device_state *device = &host->devices.items[index];

	if (!spapr_binds(host))
		return refuse(op, RULE_DRV_BIND_REFUSED);
	if (device->presence == DEVICE_UNGROUPED)
		return refuse(op, RULE_DRV_BIND_MISSING);
	if (!device->unbound)
		return refuse_as(op, RULE_DRV_BIND_BOUND, profile_get(host, PROFILE_BIND_BOUND));
	if (!number_is_known(host, device->group))
		return unmodelled(host, op);
	driver_give(host, index);
	hit(op, RULE_DRV_BIND);
	return finish(op, (int64_t)op->call->args[2]);
}

enum step_result driver_write(struct host *host, struct op *op)
{
	const struct file *file = &host->files.items[task_file(op_task(host, op), (int32_t)op->call->args[0])];
	const struct buffer *buffer = &op->call->buffers[0];
	const bool binds = file->object % DRIVER_FILES == DRIVER_BIND;
	uint32_t index;

	if (!op->call->buffer_count || !op->call->args[2] || op->call->args[2] > buffer->length)
		return unmodelled(host, op);
	index = written_device(host, op, file);
	if (index == NOTHING)
		return refuse(op, binds ? RULE_DRV_BIND_MISSING : RULE_DRV_UNBIND_MISSING);
	if (host->machine->devices[index].driver == DRIVER_HOST)
		return binds ? host_driver_bind(host, op, index) : host_driver_unbind(host, op, index);
	if (host->groups.items[host->devices.items[index].group].noiommu &&
	    profile_get(host, PROFILE_NOIOMMU) != NOIOMMU_ENABLED)
		return unmodelled(host, op);
	return binds ? bind(host, op, index) : unbind(host, op, index);
}
