/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Reads /groups: the IOMMU groups that a program can reach through /dev/vfio, and
 * every device in them, also those that vfio-pci does not drive.
 */
#include <ctype.h>
#include <libfdt.h>
#include <stdlib.h>
#include <string.h>

#include "machines_internal.h"
#include "vfiosim/uapi.h"

#define VFIO_PCI "vfio-pci"

static const struct tree_word drivers[] = {
    {"none", DRIVER_NONE},
    {VFIO_PCI, DRIVER_VFIO_PCI},
    {"host", DRIVER_HOST},
    {"pcieport", DRIVER_PCIEPORT},
    {"mdev", DRIVER_MDEV},
    {"vfio-platform", DRIVER_PLATFORM},
    {NULL, 0},
};

static const struct tree_word device_flags[] = {
    {"reset", VFIO_DEVICE_FLAGS_RESET},
    {"pci", VFIO_DEVICE_FLAGS_PCI},
    {NULL, 0},
};

static const struct tree_word region_flags[] = {
    {"read", VFIO_REGION_INFO_FLAG_READ},
    {"write", VFIO_REGION_INFO_FLAG_WRITE},
    {"mmap", VFIO_REGION_INFO_FLAG_MMAP},
    {NULL, 0},
};

static const struct tree_word irq_flags[] = {
    {"eventfd", VFIO_IRQ_INFO_EVENTFD},
    {"maskable", VFIO_IRQ_INFO_MASKABLE},
    {"automasked", VFIO_IRQ_INFO_AUTOMASKED},
    {"noresize", VFIO_IRQ_INFO_NORESIZE},
    {NULL, 0},
};

/* Nodes of a list are in the order of their index, without a gap. */
static int read_index(const struct tree *tree, int node, uint32_t expected, uint32_t *index)
{
	if (tree_u32(tree, node, "reg", 0, MACHINE_INDEXES_MAX - 1, index) != 0)
		return -1;
	if (*index != expected)
		return tree_fail(tree, node, "property \"reg\" is %u, expected %u: indexes ascend from 0 without gaps",
				 *index, expected);
	return 0;
}

/* What a node has that only says that the kernel refuses the index. */
static const char *const refused_properties[] = {"reg", "refused", NULL};

/* What the lists of regions and interrupts have besides their nodes. */
static const char *const list_properties[] = {"#address-cells", "#size-cells", NULL};

/* A mediated device's driver may tell flags of a region without a byte; vfio-pci never does. */
static int read_region(struct tree *tree, int node, uint32_t page_size, enum device_driver driver,
		       struct region *region)
{
	static const char *const absent_properties[] = {"reg", "offset", "absent", NULL};
	static const char *const properties[] = {"reg", "offset", "size", "flags", "io-ports", "msix-mappable", NULL};
	bool absent;

	if (tree_bool(tree, node, "refused", &region->refused) != 0)
		return -1;
	if (region->refused)
		return tree_known(tree, node, refused_properties, tree_nothing);
	if (tree_u64(tree, node, "offset", 0, INT64_MAX, &region->offset) != 0 ||
	    tree_bool(tree, node, "absent", &absent) != 0)
		return -1;
	if (absent)
		return tree_known(tree, node, absent_properties, tree_nothing);
	if (tree_known(tree, node, properties, tree_nothing) != 0 ||
	    tree_u64(tree, node, "size", driver == DRIVER_MDEV ? 0 : 1, (uint64_t)INT64_MAX - region->offset,
		     &region->size) != 0 ||
	    tree_flags(tree, node, "flags", region_flags, &region->flags) != 0 ||
	    tree_bool(tree, node, "io-ports", &region->io_ports) != 0 ||
	    tree_bool(tree, node, "msix-mappable", &region->msix_mappable) != 0)
		return -1;
	if ((region->flags & VFIO_REGION_INFO_FLAG_MMAP) != 0 &&
	    (region->offset % page_size != 0 || region->size % page_size != 0))
		return tree_fail(tree, node, "a region that can be mapped has to begin and end at a page of %u bytes",
				 page_size);
	if (region->msix_mappable)
		region->flags |= VFIO_REGION_INFO_FLAG_CAPS;
	return 0;
}

/* A byte of the device fd belongs to one region. */
static int check_regions_apart(const struct tree *tree, int node, const struct region *regions, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		for (uint32_t j = i + 1; j < count; j++) {
			const struct region *a = &regions[i], *b = &regions[j];

			if (a->offset < b->offset + b->size && b->offset < a->offset + a->size)
				return tree_fail(tree, node, "regions %u and %u overlap", i, j);
		}
	}
	return 0;
}

static int read_regions(struct tree *tree, int device_node, uint32_t page_size, struct device *device)
{
	struct region *regions;
	int list, node, count;

	list = tree_child(tree, device_node, "regions");
	if (list < 0 || tree_known(tree, list, list_properties, NULL) != 0)
		return -1;
	count = tree_count(tree, list, MACHINE_INDEXES_MAX);
	if (count < 0)
		return -1;
	regions = tree_take(tree, (size_t)count, sizeof(*regions));
	if (regions == NULL)
		return -1;
	fdt_for_each_subnode(node, tree->blob, list)
	{
		struct region *region = &regions[device->region_count];

		if (read_index(tree, node, device->region_count, &region->index) != 0 ||
		    read_region(tree, node, page_size, device->driver, region) != 0)
			return -1;
		device->region_count++;
	}
	device->regions = regions;
	return check_regions_apart(tree, list, regions, device->region_count);
}

static int read_irq(const struct tree *tree, int node, struct irq *irq)
{
	static const char *const properties[] = {"reg", "count", "flags", "dynamic", NULL};

	if (tree_bool(tree, node, "refused", &irq->refused) != 0)
		return -1;
	if (irq->refused)
		return tree_known(tree, node, refused_properties, tree_nothing);
	if (tree_known(tree, node, properties, tree_nothing) != 0 ||
	    tree_u32(tree, node, "count", 0, 4096, &irq->count) != 0 ||
	    tree_flags(tree, node, "flags", irq_flags, &irq->flags) != 0 ||
	    tree_bool(tree, node, "dynamic", &irq->dynamic) != 0)
		return -1;
	return 0;
}

static int read_irqs(struct tree *tree, int device_node, struct device *device)
{
	struct irq *irqs;
	int list, node, count;

	list = tree_child(tree, device_node, "irqs");
	if (list < 0 || tree_known(tree, list, list_properties, NULL) != 0)
		return -1;
	count = tree_count(tree, list, MACHINE_INDEXES_MAX);
	if (count < 0)
		return -1;
	irqs = tree_take(tree, (size_t)count, sizeof(*irqs));
	if (irqs == NULL)
		return -1;
	fdt_for_each_subnode(node, tree->blob, list)
	{
		struct irq *irq = &irqs[device->irq_count];

		if (read_index(tree, node, device->irq_count, &irq->index) != 0 || read_irq(tree, node, irq) != 0)
			return -1;
		device->irq_count++;
	}
	device->irqs = irqs;
	return 0;
}

/* Whether @text has a digit in lower-case hexadecimal for each x of @shape, and is like @shape elsewhere. */
static bool has_shape(const char *text, const char *shape)
{
	size_t i;

	for (i = 0; shape[i] != '\0'; i++) {
		bool digit = isdigit((unsigned char)text[i]) || (text[i] >= 'a' && text[i] <= 'f');

		if (shape[i] == 'x' ? !digit : text[i] != shape[i])
			return false;
	}
	return text[i] == '\0';
}

/* "0000:00:03.0": domain, bus, device and function, as the kernel writes them. */
static bool is_pci_address(const char *text)
{
	return has_shape(text, "xxxx:xx:xx.x") && strtoul(text + 8, NULL, 16) < 32 && strchr("01234567", text[11]);
}

static bool is_uuid(const char *text)
{
	return has_shape(text, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx");
}

static const char *const vfio_children[] = {"regions", "irqs", NULL};

/* The host's own driver of a device has a name of its own: it is a folder in /sys/bus/pci/drivers. */
static int read_host_device(struct tree *tree, int node, struct device *device)
{
	static const char *const properties[] = {"address",   "model",	     "driver", "vendor-id",
						 "device-id", "host-driver", NULL};

	if (tree_known(tree, node, properties, tree_nothing) != 0 ||
	    tree_string(tree, node, "host-driver", &device->pci_driver) != 0)
		return -1;
	if (strchr(device->pci_driver, '/') || strcmp(device->pci_driver, VFIO_PCI) == 0)
		return tree_fail(tree, node, "property \"host-driver\" says \"%.40s\", expected a driver of the host",
				 device->pci_driver);
	return 0;
}

static int read_pci_device(struct tree *tree, int node, uint32_t page_size, struct device *device)
{
	static const char *const properties[] = {"address", "model", "driver", "vendor-id", "device-id", NULL};
	static const char *const vfio_properties[] = {"address", "model",    "driver",	   "vendor-id", "device-id",
						      "flags",	 "dma-bits", "big-endian", NULL};
	uint32_t vendor, product;

	if (tree_u32(tree, node, "vendor-id", 0, UINT16_MAX, &vendor) != 0 ||
	    tree_u32(tree, node, "device-id", 0, UINT16_MAX, &product) != 0)
		return -1;
	if (!is_pci_address(device->name))
		return tree_fail(tree, node,
				 "property \"address\" says \"%.32s\", expected a PCI address such as 0000:00:03.0",
				 device->name);
	device->vendor = (uint16_t)vendor;
	device->product = (uint16_t)product;
	if (device->driver == DRIVER_HOST)
		return read_host_device(tree, node, device);
	if (device->driver != DRIVER_VFIO_PCI)
		return tree_known(tree, node, properties, tree_nothing);
	device->pci_driver = VFIO_PCI;
	if (tree_known(tree, node, vfio_properties, vfio_children) != 0 ||
	    tree_flags(tree, node, "flags", device_flags, &device->flags) != 0 ||
	    tree_u32(tree, node, "dma-bits", 1, 64, &device->dma_bits) != 0 ||
	    tree_bool(tree, node, "big-endian", &device->big_endian) != 0 ||
	    read_regions(tree, node, page_size, device) != 0)
		return -1;
	device->resettable = (device->flags & VFIO_DEVICE_FLAGS_RESET) != 0;
	return read_irqs(tree, node, device);
}

/* A mediated device has no address of its own on any bus: its name is the UUID that it is made with. */
static int read_mdev_device(struct tree *tree, int node, uint32_t page_size, struct device *device)
{
	static const char *const properties[] = {"address", "model", "driver", "parent", "type", "flags", NULL};

	if (!is_uuid(device->name))
		return tree_fail(tree, node, "property \"address\" says \"%.40s\", expected a UUID in lower case",
				 device->name);
	if (tree_known(tree, node, properties, vfio_children) != 0 ||
	    tree_string(tree, node, "parent", &device->mdev_parent) != 0 ||
	    tree_string(tree, node, "type", &device->mdev_type) != 0)
		return -1;
	if (tree_flags(tree, node, "flags", device_flags, &device->flags) != 0 ||
	    read_regions(tree, node, page_size, device) != 0)
		return -1;
	device->resettable = (device->flags & VFIO_DEVICE_FLAGS_RESET) != 0;
	/* A device without interrupts has no list of them. */
	return tree_has_child(tree, node, "irqs") ? read_irqs(tree, node, device) : 0;
}

static int read_device(struct tree *tree, int node, uint32_t group, const struct machine *machine,
		       struct device *device)
{
	uint32_t driver;

	device->group = group;
	if (tree_string(tree, node, "address", &device->name) != 0 ||
	    tree_string(tree, node, "model", &device->model) != 0 ||
	    tree_choice(tree, node, "driver", drivers, &driver) != 0)
		return -1;
	device->driver = (enum device_driver)driver;
	if (device->driver == DRIVER_PLATFORM)
		return platform_describe(tree, node, machine, device);
	return device->driver == DRIVER_MDEV ? read_mdev_device(tree, node, machine->page_size, device)
					     : read_pci_device(tree, node, machine->page_size, device);
}

static int compare_devices(const void *left, const void *right)
{
	const struct device *a = left, *b = right;

	return strcmp(a->name, b->name);
}

/* Sizes of all groups together, so that devices lie in one array. */
static int count_devices(const struct tree *tree, int groups, size_t *total)
{
	int node;

	if (tree_count(tree, groups, MACHINE_DEVICES_MAX) < 0)
		return -1;
	*total = 0;
	fdt_for_each_subnode(node, tree->blob, groups)
	{
		int count = tree_count(tree, node, MACHINE_DEVICES_MAX);

		if (count < 0)
			return -1;
		*total += (size_t)count;
	}
	if (*total > MACHINE_DEVICES_MAX)
		return tree_fail(tree, groups, "%zu devices, expected at most %u", *total, MACHINE_DEVICES_MAX);
	return 0;
}

/* A group may be behind an IOMMU that differs from the machine's; what it does not say is the same. */
static int read_translation(struct tree *tree, int node, const struct machine *machine, struct machine_group *group)
{
	static const char *const properties[] = {"reg",	     "noiommu",	       "page-sizes",	   "aperture",
						 "reserved", "cache-coherent", NESTING_PROPERTIES, NULL};
	static const char *const emulated_properties[] = {"reg", NULL};
	static const char *const noiommu_properties[] = {"reg", "noiommu", NULL};
	static const char *const tce_properties[] = {"reg", "page-sizes", "cache-coherent", "without-table", NULL};

	if (group->emulated)
		return tree_known(tree, node, emulated_properties, NULL);
	/* Where the machine has no IOMMU that goes without saying. */
	group->noiommu |= machine->iommu == IOMMU_NONE;
	if (group->noiommu)
		return tree_known(tree, node, noiommu_properties, NULL);
	if (tree_known(tree, node, machine_has_tce(machine) ? tce_properties : properties, NULL) != 0 ||
	    tree_bool(tree, node, "without-table", &group->tableless) != 0)
		return -1;
	group->translation = (struct translation){.page_sizes = machine->iommu_page_sizes,
						  .aperture = machine->aperture,
						  .reserved_count = machine->reserved_count,
						  .reserved = machine->reserved,
						  .cache_coherent = machine->cache_coherent,
						  .nesting = machine->nesting};
	return translation_amend(tree, node, &group->translation);
}

static int read_group(struct tree *tree, int node, const struct machine *machine, struct machine_group *group,
		      struct device *devices, size_t *count)
{
	bool reachable = false, mediated = false;
	uint32_t members = 0;
	int device;

	if (tree_u32(tree, node, "reg", 0, INT32_MAX, &group->number) != 0 ||
	    tree_bool(tree, node, "noiommu", &group->noiommu) != 0)
		return -1;
	for (size_t i = 0; i < *count; i++)
		if (devices[i].group == group->number)
			return tree_fail(tree, node, "property \"reg\" is %u, but another group has that number",
					 group->number);
	fdt_for_each_subnode(device, tree->blob, node)
	{
		if (read_device(tree, device, group->number, machine, &devices[*count]) != 0)
			return -1;
		reachable |= device_is_vfio(&devices[*count]);
		mediated |= devices[*count].driver == DRIVER_MDEV;
		(*count)++;
		members++;
	}
	if (!reachable)
		return tree_fail(tree, node,
				 "no device with driver \"vfio-pci\", \"mdev\" or \"vfio-platform\": such a group is "
				 "not in /dev/vfio");
	if (mediated && members > 1)
		return tree_fail(tree, node, "a mediated device is alone in its group, and %u devices are here",
				 members);
	group->emulated = mediated;
	return read_translation(tree, node, machine, group);
}

static int compare_groups(const void *left, const void *right)
{
	const struct machine_group *a = left, *b = right;

	return (a->number > b->number) - (a->number < b->number);
}

int devices_read(struct tree *tree, int groups, struct machine *machine)
{
	struct machine_group *described;
	struct device *devices;
	size_t total, count = 0;
	int node;

	if (tree_known(tree, groups, list_properties, NULL) != 0 || count_devices(tree, groups, &total) != 0)
		return -1;
	/* Each group has a device at least. */
	described = tree_take(tree, total, sizeof(*described));
	devices = tree_take(tree, total, sizeof(*devices));
	if (described == NULL || devices == NULL)
		return -1;
	fdt_for_each_subnode(node, tree->blob, groups)
	{
		if (read_group(tree, node, machine, &described[machine->group_count++], devices, &count) != 0)
			return -1;
	}
	qsort(described, machine->group_count, sizeof(*described), compare_groups);
	machine->groups = described;
	qsort(devices, count, sizeof(*devices), compare_devices);
	for (size_t i = 1; i < count; i++)
		if (strcmp(devices[i - 1].name, devices[i].name) == 0)
			return tree_fail(tree, groups, "device \"%s\" is there twice", devices[i].name);
	machine->devices = devices;
	machine->device_count = count;
	return 0;
}
