/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Hot resets: of the bus or slot that a device is on, with every device on it. A device on the
 * root bus has neither.
 */
#include <stdlib.h>
#include <string.h>

#include "host.h"
#include "vfiosim/uapi.h"

enum { DEPENDENT_BYTES = 8 };

/* The part of a device's name that is its place: domain, bus and what follows, all hexadecimal. */
struct place {
	unsigned domain, bus, slot, function;
};

static struct place place_of(const struct device *device)
{
	struct place place = {0};
	char *end;

	place.domain = (unsigned)strtoul(device->name, &end, 16);
	place.bus = *end == ':' ? (unsigned)strtoul(end + 1, &end, 16) : 0;
	place.slot = *end == ':' ? (unsigned)strtoul(end + 1, &end, 16) : 0;
	place.function = *end == '.' ? (unsigned)strtoul(end + 1, &end, 16) : 0;
	return place;
}

/* Who opened a device by its own file names no groups: the device's iommufd says what is his. */
static bool op_own_file(const struct host *host, const struct op *op)
{
	return host->devices.items[op_device(host, op)].own_file;
}

static bool same_bus(const struct device *a, const struct device *b)
{
	const struct place first = place_of(a), second = place_of(b);

	return first.domain == second.domain && first.bus == second.bus;
}

static bool on_root_bus(const struct device *device)
{
	return !place_of(device).bus;
}

bool device_hot_resets(const struct host *host, uint32_t device)
{
	return !on_root_bus(&host->machine->devices[device]);
}

static uint32_t count_dependents(const struct host *host, const struct device *device)
{
	uint32_t count = 0;

	for (size_t i = 0; i < host->machine->device_count; i++)
		count += same_bus(&host->machine->devices[i], device);
	return count;
}

enum step_result device_get_hot_reset_info(struct host *host, struct op *op)
{
	const struct device *device = op_described(host, op);
	struct vfio_pci_hot_reset_info info;
	uint32_t at = sizeof(info);

	if (user_load_argsz(op, &info, sizeof(info), RULE_DEV_HOT_FAULT, RULE_DEV_HOT_HEADER) == STEP_DONE)
		return STEP_DONE;
	if (on_root_bus(device) && !defect_on(host, DEFECT_HOT_ROOT_BUS))
		return refuse(op, RULE_DEV_HOT_IMPOSSIBLE);
	if (op_own_file(host, op))
		return unmodelled(host, op);
	info.flags = 0;
	info.count = count_dependents(host, device);
	if ((info.argsz - sizeof(info)) / DEPENDENT_BYTES < info.count) {
		if (!defect_on(host, DEFECT_HOT_ROOM_UNTOLD))
			user_store(host, op, &info, sizeof(info));
		return refuse(op, RULE_DEV_HOT_INFO_ROOM);
	}
	if (profile_get(host, PROFILE_HOT_RESET_INFO_HEADER_FIRST))
		user_store(host, op, &info, sizeof(info));
	for (size_t i = 0; i < host->machine->device_count; i++) {
		const struct device *other = &host->machine->devices[i];
		const struct place place = place_of(other);
		uint8_t bytes[DEPENDENT_BYTES];

		if (!same_bus(other, device))
			continue;
		bytes_put(bytes, 4, other->group);
		bytes_put(bytes + 4, 2, place.domain);
		bytes_put(bytes + 6, 1, place.bus);
		bytes_put(bytes + 7, 1, place.slot << 3 | place.function);
		if (!user_write(host, op, 0, at, bytes, sizeof(bytes)))
			return refuse(op, RULE_DEV_HOT_FAULT);
		at += sizeof(bytes);
	}
	user_store(host, op, &info, sizeof(info));
	hit(op, RULE_DEV_HOT_INFO);
	return finish(op, 0);
}

/* Whether all on the bus is vfio-pci's, and the groups that the call names have what is open of it; or the refusal. */
static enum step_result check_groups(struct host *host, struct op *op, const struct device *device, uint32_t count)
{
	uint64_t named = 0; /* bit by index of a group; a bus has few */

	for (uint32_t i = 0; i < count; i++) {
		uint8_t bytes[4];
		uint32_t file;

		if (!user_read(op, 0, (uint32_t)sizeof(struct vfio_pci_hot_reset) + i * 4, bytes, sizeof(bytes)))
			return refuse(op, RULE_DEV_HOT_FAULT);
		file = task_file(op_task(host, op), (int32_t)bytes_get(bytes, 4));
		if (file == NOTHING)
			return refuse(op, RULE_DEV_HOT_BAD_FD);
		/* A group that has vanished is one that owns nothing. */
		if (host->files.items[file].kind == FILE_GROUP_GONE)
			continue;
		if (host->files.items[file].kind != FILE_GROUP)
			return refuse(op, RULE_DEV_HOT_NOT_GROUP);
		if (host->files.items[file].object < 64)
			named |= 1ull << host->files.items[file].object;
	}
	for (uint32_t i = 0; i < host->machine->device_count; i++) {
		const struct device_state *state = &host->devices.items[i];

		if (!same_bus(&host->machine->devices[i], device))
			continue;
		if ((host->machine->devices[i].driver != DRIVER_VFIO_PCI || state->unbound) &&
		    !defect_on(host, DEFECT_HOT_OTHERS))
			return refuse(op, RULE_DEV_HOT_OTHERS);
		if (state->open_count && !defect_on(host, DEFECT_HOT_NOT_OWNED) &&
		    (state->group >= 64 || !(named >> state->group & 1)))
			return refuse(op, RULE_DEV_HOT_NOT_OWNED);
	}
	return STEP_MORE;
}

enum step_result device_hot_reset(struct host *host, struct op *op)
{
	const struct device *device = op_described(host, op);
	const bool count_first = profile_get(host, PROFILE_HOT_RESET_COUNT_FIRST);
	struct vfio_pci_hot_reset reset;

	if (!user_load(op, &reset, sizeof(reset)))
		return refuse(op, RULE_DEV_HOT_FAULT);
	if (reset.argsz < sizeof(reset) || reset.flags)
		return refuse(op, RULE_DEV_HOT_HEADER);
	if (eeh_blocked(host, op_device(host, op)))
		return unmodelled(host, op);
	if (count_first && !reset.count != op_own_file(host, op))
		return refuse(op, RULE_DEV_HOT_COUNT);
	if (on_root_bus(device))
		return refuse(op, RULE_DEV_HOT_IMPOSSIBLE);
	if (op_own_file(host, op))
		return unmodelled(host, op);
	if (!reset.count || (reset.count > count_dependents(host, device) && !defect_on(host, DEFECT_HOT_ANY_COUNT)))
		return refuse(op, RULE_DEV_HOT_COUNT);
	if (check_groups(host, op, device, reset.count) == STEP_DONE)
		return STEP_DONE;
	/* Whether the devices come back in time is theirs to say. */
	if (op->choice && op->choice->ret == rules[RULE_DEV_HOT_LOST].error)
		return refuse(op, RULE_DEV_HOT_LOST);
	hit(op, RULE_DEV_HOT_RESET);
	return finish(op, 0);
}
