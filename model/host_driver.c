/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * The host's own drivers of devices that share a group with vfio-pci's. Such a driver has its device do DMA through the
 * host's own tables, and a group has one set of tables for all: as long as one of its devices is the host's, the group
 * is not viable, and while a program has the group, no driver of the host may have a device of it.
 *
 * Kernels before 5.19 saw to the second only when it was too late: a driver that was bound nevertheless, which nobody
 * but an administrator does, ended the kernel.
 */
#include "host.h"

bool group_is_viable(const struct host *host, uint32_t group)
{
	for (uint32_t i = 0; i < host->devices.count; i++)
		if (host->devices.items[i].group == group && host->machine->devices[i].driver == DRIVER_HOST &&
		    (!host->devices.items[i].unbound || defect_on(host, DEFECT_HOST_DRIVER_REMEMBERED)))
			return false;
	return true;
}

bool group_is_taken(const struct host *host, uint32_t group)
{
	return host->groups.items[group].container != NOTHING || iommufd_owns_group(host, group);
}

enum step_result host_driver_unbind(struct host *host, struct op *op, uint32_t device)
{
	if (host->devices.items[device].unbound)
		return refuse(op, RULE_DRV_UNBIND_MISSING);
	host->devices.items[device].unbound = true;
	hit(op, RULE_DRV_HOST_UNBIND);
	return finish(op, (int64_t)op->call->args[2]);
}

enum step_result host_driver_bind(struct host *host, struct op *op, uint32_t index)
{
	struct device_state *device = &host->devices.items[index];

	if (!device->unbound)
		return refuse_as(op, RULE_DRV_BIND_BOUND, profile_get(host, PROFILE_BIND_BOUND));
	if (group_is_taken(host, device->group) && !defect_on(host, DEFECT_HOST_DRIVER_BESIDE)) {
		if (profile_get(host, PROFILE_VIABLE_WHEN_ATTACHED))
			return refuse(op, RULE_DRV_HOST_BIND_OWNED);
		return complain(host, op, RULE_DRV_HOST_BIND_LIVE, true);
	}
	device->unbound = false;
	hit(op, RULE_DRV_HOST_BIND);
	return finish(op, (int64_t)op->call->args[2]);
}
