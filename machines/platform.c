/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Platform devices of a machine: what the board says of them, as a program sees it. Where a region lies in the device's
 * file follows from its index and from where in its page it begins, so that a page of the file is a page of the board.
 */
#include "machines_internal.h"
#include "vfiosim/uapi.h"

enum { REGION_SHIFT = 40 };

static void describe_regions(const struct board_device *platform, uint32_t page_size, struct region *regions)
{
	for (uint32_t i = 0; i < platform->region_count; i++) {
		const uint64_t address = platform->regions[i].address, size = platform->regions[i].size;

		regions[i] = (struct region){.index = i,
					     .flags = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE,
					     .size = size,
					     .offset = (uint64_t)i << REGION_SHIFT | (address & (page_size - 1))};
		/* What shares a page with others is not mapped. */
		if (((address | size) & (page_size - 1)) == 0)
			regions[i].flags |= VFIO_REGION_INFO_FLAG_MMAP;
	}
}

int platform_describe(struct tree *tree, int node, const struct machine *machine, struct device *device)
{
	static const char *const properties[] = {"address", "model", "driver", NULL};
	const struct board_device *platform = machine->board ? board_find(machine->board, device->name) : NULL;
	struct region *regions;
	struct irq *irqs;

	if (tree_known(tree, node, properties, tree_nothing) != 0)
		return -1;
	if (!platform)
		return tree_fail(tree, node,
				 "property \"address\" says \"%.64s\", expected the path of a device of /board",
				 device->name);
	if (platform->region_count > MACHINE_INDEXES_MAX || platform->irq_count > MACHINE_INDEXES_MAX)
		return tree_fail(tree, node, "%u regions and %u interrupts, expected at most %u of each",
				 platform->region_count, platform->irq_count, MACHINE_INDEXES_MAX);
	regions = tree_take(tree, platform->region_count, sizeof(*regions));
	irqs = tree_take(tree, platform->irq_count, sizeof(*irqs));
	if (!regions || !irqs)
		return -1;
	describe_regions(platform, machine->page_size, regions);
	for (uint32_t i = 0; i < platform->irq_count; i++)
		irqs[i] = (struct irq){.index = i, .flags = VFIO_IRQ_INFO_EVENTFD, .count = 1};
	device->name = platform->path;
	device->flags = VFIO_DEVICE_FLAGS_PLATFORM;
	device->platform = platform;
	device->region_count = platform->region_count;
	device->irq_count = platform->irq_count;
	device->regions = regions;
	device->irqs = irqs;
	return 0;
}
