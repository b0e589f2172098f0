/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Making calls on devices: what they tell, their interrupts, and reading, writing and mapping
 * their regions. What makes a device do DMA is in make_dma.c.
 */
#include <string.h>

#include "generator_internal.h"

enum { REGION_SHIFT = 40, TRANSFER_MAX = 64 };

bool make_device_info(struct generator *g, struct call *call)
{
	static const uint32_t sizes[] = {16, 20, 24, 24, 64};
	struct vfio_device_info info = {0};

	if (!build_ioctl_to(g, call, OWNER_DEVICE, "VFIO_DEVICE_GET_INFO"))
		return false;
	info.argsz = choose_argsz(g, 16, ONE_OF(g, sizes));
	info.cap_offset = strange(g) ? 77 : 0;
	build_struct(g, call, &info, NULL, 0);
	return true;
}

bool make_region_info(struct generator *g, struct call *call)
{
	static const uint32_t odd[] = {10, 100, UINT32_MAX};
	struct vfio_region_info info = {0};
	uint32_t extra;

	if (!build_ioctl_to(g, call, OWNER_DEVICE, "VFIO_DEVICE_GET_REGION_INFO"))
		return false;
	info.index = strange(g) ? ONE_OF(g, odd) : (uint32_t)below(g, 9);
	/* With and without room for a capability. */
	extra = chance(g, 1, 2) ? 0 : 32;
	info.argsz = choose_argsz(g, sizeof(info), (uint32_t)sizeof(info) + extra);
	build_struct(g, call, &info, NULL, extra);
	return true;
}

bool make_irq_info(struct generator *g, struct call *call)
{
	static const uint32_t odd[] = {5, 100, UINT32_MAX};
	struct vfio_irq_info info = {0};

	if (!build_ioctl_to(g, call, OWNER_DEVICE, "VFIO_DEVICE_GET_IRQ_INFO"))
		return false;
	info.argsz = choose_argsz(g, sizeof(info), sizeof(info));
	info.index = strange(g) ? ONE_OF(g, odd) : (uint32_t)below(g, 5);
	build_struct(g, call, &info, NULL, 0);
	return true;
}

/* An eventfd, or -1 for none. */
static int32_t choose_eventfd(struct generator *g)
{
	if (strange(g))
		return (int32_t)choose_any_fd(g);
	return g->book.eventfd_count && chance(g, 7, 8) ? g->book.eventfds[below(g, g->book.eventfd_count)] : -1;
}

/* Interrupts that are not there, too many of them, or so many that their end is before their start. */
static void choose_odd_irqs(struct generator *g, struct vfio_irq_set *set)
{
	static const uint32_t starts[] = {0, 0, 1, 2, 6, 1000, UINT32_MAX};
	uint32_t counts[] = {0, 1, 2, 6, 1000, UINT32_MAX, 0, 1};

	set->start = ONE_OF(g, starts);
	counts[6] -= set->start;
	counts[7] -= set->start;
	set->count = ONE_OF(g, counts);
}

bool make_set_irqs(struct generator *g, struct call *call)
{
	static const uint32_t types[] = {VFIO_IRQ_SET_DATA_NONE, VFIO_IRQ_SET_DATA_BOOL, VFIO_IRQ_SET_DATA_EVENTFD,
					 VFIO_IRQ_SET_DATA_EVENTFD};
	static const uint32_t actions[] = {VFIO_IRQ_SET_ACTION_TRIGGER, VFIO_IRQ_SET_ACTION_TRIGGER,
					   VFIO_IRQ_SET_ACTION_MASK, VFIO_IRQ_SET_ACTION_UNMASK};
	static const uint32_t odd[] = {0, 2, 6, 1000, UINT32_MAX};
	const uint32_t all = VFIO_IRQ_SET_DATA_TYPE_MASK | VFIO_IRQ_SET_ACTION_TYPE_MASK;
	struct vfio_irq_set set = {.count = 1};
	uint8_t data[16] = {0};
	uint32_t type = ONE_OF(g, types), length;

	if (!build_ioctl_to(g, call, OWNER_DEVICE, "VFIO_DEVICE_SET_IRQS"))
		return false;
	set.flags = choose_flags(g, type | ONE_OF(g, actions), all);
	set.index = strange(g) ? ONE_OF(g, odd) : (uint32_t)below(g, 5);
	/* Nothing of nothing is how interrupts are taken away. */
	if (type == VFIO_IRQ_SET_DATA_NONE && chance(g, 1, 2))
		set.count = 0;
	if (strange(g))
		choose_odd_irqs(g, &set);
	length = set.count <= 4 ? set.count * 4 : 0;
	if (set.flags & VFIO_IRQ_SET_DATA_EVENTFD)
		for (uint32_t i = 0; i < length; i += 4)
			bytes_put(data + i, 4, (uint32_t)choose_eventfd(g));
	else if (set.flags & VFIO_IRQ_SET_DATA_BOOL)
		data[0] = 1;
	else
		length = 0;
	set.argsz = choose_argsz(g, sizeof(set), (uint32_t)sizeof(set) + length);
	build_struct(g, call, &set, data, length);
	return true;
}

bool make_reset(struct generator *g, struct call *call)
{
	return build_ioctl_to(g, call, OWNER_DEVICE, "VFIO_DEVICE_RESET");
}

const struct device *device_at(struct generator *g, uint64_t fd)
{
	uint8_t nothing[4] = {0};
	struct call call = {.task = g->actor->task,
			    .thread = 1,
			    .op = CALL_PREAD,
			    .args = {fd, 0, sizeof(nothing), (uint64_t)VFIO_PCI_CONFIG_REGION_INDEX << REGION_SHIFT},
			    .buffer_count = 1,
			    .buffers = {{.length = sizeof(nothing), .in = nothing}}};
	struct outcome outcome;

	host_call(g->host, &call, NULL, &outcome);
	if (!outcome.modelled || outcome.ret != sizeof(nothing) || !outcome.out[0])
		return NULL;
	for (size_t i = 0; i < g->machine->device_count; i++)
		if (g->machine->devices[i].vendor == bytes_get(outcome.out[0], 2) &&
		    g->machine->devices[i].product == bytes_get(outcome.out[0] + 2, 2))
			return &g->machine->devices[i];
	return NULL;
}

/* An offset where a region begins, is, ends or is not. */
static uint64_t region_offset(struct generator *g, const struct device *device)
{
	static const uint64_t indices[] = {0, 0, 0, 1, 2, 3, 6, 7, 7, 7, 7};
	uint64_t index = strange(g) ? below(g, 12) : ONE_OF(g, indices), size = 0;

	if (device && index < device->region_count)
		size = device->regions[index].size;
	if (strange(g))
		return chance(g, 1, 8) ? UINT64_MAX - 7 : (index << REGION_SHIFT) + size - below(g, 3) * 4;
	return (index << REGION_SHIFT) + 4 * below(g, 4);
}

bool make_region_read(struct generator *g, struct call *call)
{
	static const uint32_t lengths[] = {4, 4, 4, 1, 2, 8, 64};
	uint32_t length;
	uint64_t fd;

	if (!choose_fd(g, OWNER_DEVICE, &fd))
		return false;
	length = strange(g) ? (uint32_t)below(g, TRANSFER_MAX) : ONE_OF(g, lengths);
	build_transfer(g, call, CALL_PREAD, fd, NULL, length, region_offset(g, device_at(g, fd)));
	return true;
}

/*
 * The command register, which decides whether the memory regions answer; edu's registers that start nothing; and
 * places that refuse.
 */
bool make_region_write(struct generator *g, struct call *call)
{
	enum { COMMAND = 4, LIVENESS = 4, SOURCE = 0x80 };
	static const uint8_t commands[] = {0, 2, 4, 6, 6};
	const uint64_t config = (uint64_t)VFIO_PCI_CONFIG_REGION_INDEX << REGION_SHIFT;
	const uint64_t rom = (uint64_t)VFIO_PCI_ROM_REGION_INDEX << REGION_SHIFT;
	const struct device *device;
	uint8_t bytes[4] = {0};
	uint64_t fd;

	if (!choose_fd(g, OWNER_DEVICE, &fd))
		return false;
	device = device_at(g, fd);
	if (chance(g, 1, 2)) {
		bytes[0] = ONE_OF(g, commands);
		build_transfer(g, call, CALL_PWRITE, fd, bytes, 2, config + COMMAND);
	} else if (device && !strcmp(device->model, "edu") && chance(g, 2, 3)) {
		bytes_put(bytes, 4, any(g) & UINT32_MAX);
		build_transfer(g, call, CALL_PWRITE, fd, bytes, 4, chance(g, 1, 2) ? LIVENESS : SOURCE);
	} else if (chance(g, 1, 2)) {
		build_transfer(g, call, CALL_PWRITE, fd, bytes, 4, rom + 4 * below(g, 2));
	} else {
		build_transfer(g, call, CALL_PWRITE, fd, bytes, 4, chance(g, 1, 2) ? config + 0x10000 : config * 2);
	}
	return true;
}

bool make_region_mmap(struct generator *g, struct call *call)
{
	const uint64_t page = g->machine->page_size;
	uint64_t fd;

	if (!choose_fd(g, OWNER_DEVICE, &fd))
		return false;
	call->op = CALL_MMAP;
	call->args[0] = MEMORY_FIRST + (UINT64_C(1) << 40) + below(g, 16) * 64 * page;
	call->args[1] = page * (1 + below(g, 16));
	call->args[2] = 3;
	call->args[3] = strange(g) ? 0x12 : 0x11; /* MAP_FIXED, shared or private */
	call->args[4] = fd;
	call->args[5] = strange(g) ? region_offset(g, device_at(g, fd)) : 0;
	return true;
}
