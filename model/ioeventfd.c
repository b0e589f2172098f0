/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * DEVICE_IOEVENTFD: eventfds that write a value to a place in a BAR when they are signalled. What the
 * API shows of them is which are there.
 */
#include <string.h>

#include "host.h"
#include "vfiosim/uapi.h"

enum { REGION_SHIFT = 40, IOEVENTFDS_MAX = 1000, LAST_BAR = VFIO_PCI_BAR5_REGION_INDEX };

/* The request with this place, value and width, or NOTHING. */
static uint32_t find(const struct host *host, const struct device_state *device, const struct ioeventfd *wanted)
{
	for (uint32_t i = 0; i < device->ioeventfds.count; i++) {
		const struct ioeventfd *one = &device->ioeventfds.items[i];

		if (one->offset == wanted->offset && one->width == wanted->width &&
		    (one->data == wanted->data || defect_on(host, DEFECT_IOEVENTFD_ANY_VALUE)))
			return i;
	}
	return NOTHING;
}

/* Where the value shall go: inside one BAR, of a width that can be written at once. */
static enum step_result check_place(struct host *host, struct op *op, const struct device *device,
				    const struct ioeventfd *wanted)
{
	const uint64_t index = wanted->offset >> REGION_SHIFT;
	const uint64_t inside = wanted->offset & ((1ull << REGION_SHIFT) - 1);
	const uint32_t width = defect_on(host, DEFECT_IOEVENTFD_BEYOND) ? 1 : wanted->width;

	if (wanted->offset >> 63 && profile_get(host, PROFILE_IOEVENTFD_SIGNED_INDEX))
		return unmodelled(host, op);
	if (index > LAST_BAR || index >= device->region_count || inside + width > device->regions[index].size)
		return refuse(op, RULE_DEV_IOEVENTFD_PLACE);
	/* Nobody may write an MSI-X table, and where in the region it lies is not told. */
	if (device->regions[index].msix_mappable)
		return unmodelled(host, op);
	if (wanted->width == 8 && !profile_get(host, PROFILE_IOEVENTFD_8_BYTES))
		return refuse(op, RULE_DEV_IOEVENTFD_PLACE);
	return STEP_MORE;
}

enum step_result device_ioeventfd(struct host *host, struct op *op)
{
	const uint32_t index = op_device(host, op), smallest = op->row->minsz;
	const struct device *device = &host->machine->devices[index];
	struct device_state *state = &host->devices.items[index];
	struct vfio_device_ioeventfd request = {0};
	struct ioeventfd wanted;
	uint32_t found, file, at;

	if (user_load_argsz(op, &request, smallest, RULE_DEV_IOEVENTFD_FAULT, RULE_DEV_IOEVENTFD_ARGSZ) == STEP_DONE)
		return STEP_DONE;
	wanted = (struct ioeventfd){.offset = request.offset, .data = request.data, .width = request.flags};
	if ((wanted.width & ~(uint32_t)VFIO_DEVICE_IOEVENTFD_SIZE_MASK) || !wanted.width ||
	    ((wanted.width & (wanted.width - 1)) && !defect_on(host, DEFECT_IOEVENTFD_TWO_WIDTHS)) || request.fd < -1)
		return refuse(op, RULE_DEV_IOEVENTFD_FLAGS);
	if (check_place(host, op, device, &wanted) == STEP_DONE)
		return STEP_DONE;
	found = find(host, state, &wanted);
	if (found != NOTHING && request.fd != -1)
		return refuse(op, RULE_DEV_IOEVENTFD_TWICE);
	if (found != NOTHING) {
		memmove(state->ioeventfds.items + found, state->ioeventfds.items + found + 1,
			(state->ioeventfds.count - found - 1) * sizeof(wanted));
		state->ioeventfds.count--;
		hit(op, RULE_DEV_IOEVENTFD_GONE);
		return finish(op, 0);
	}
	if (request.fd < 0)
		return refuse(op, RULE_DEV_IOEVENTFD_MISSING);
	if (state->ioeventfds.count >= IOEVENTFDS_MAX)
		return refuse(op, RULE_DEV_IOEVENTFD_LIMIT);
	file = task_file(op_task(host, op), request.fd);
	if (file == NOTHING)
		return refuse(op, RULE_DEV_IOEVENTFD_BAD_FD);
	if (host->files.items[file].kind != FILE_EVENTFD)
		return refuse(op, RULE_DEV_IOEVENTFD_NOT_EVENTFD);
	at = table_add(&state->ioeventfds);
	state->ioeventfds.items[at] = wanted;
	hit(op, RULE_DEV_IOEVENTFD);
	return finish(op, 0);
}
