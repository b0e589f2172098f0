/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Looking at a host without asking it anything: which container a descriptor leads to, and what is mapped there.
 */
#include "host.h"

/* The file behind a descriptor of a task, or NULL. */
static const struct file *file_behind(const struct host *host, uint32_t task, int fd)
{
	uint32_t file;

	if (!task || task > host->tasks.count || !host->tasks.items[task - 1].alive)
		return NULL;
	file = task_file(&host->tasks.items[task - 1], fd);
	return file == NOTHING ? NULL : &host->files.items[file];
}

uint32_t host_container(const struct host *host, uint32_t task, int fd)
{
	const struct file *file = file_behind(host, task, fd);

	if (!file)
		return HOST_NO_CONTAINER;
	switch (file->kind) {
	case FILE_CONTAINER:
		return file->object;
	case FILE_GROUP:
		return host->groups.items[file->object].container;
	case FILE_DEVICE:
		return host->groups.items[host->devices.items[file->object].group].container;
	default:
		return HOST_NO_CONTAINER;
	}
}

uint32_t host_container_count(const struct host *host)
{
	return host->containers.count;
}

uint32_t host_container_of_group(const struct host *host, uint32_t number)
{
	for (uint32_t i = 0; i < host->groups.count; i++)
		if (host->groups.items[i].number == number)
			return host->groups.items[i].container;
	return HOST_NO_CONTAINER;
}

/* The container's TYPE1 instance, or NULL. */
static const struct type1 *type1_of(const struct host *host, uint32_t index)
{
	const struct container *container;

	if (index >= host->containers.count)
		return NULL;
	container = &host->containers.items[index];
	if (!container->alive || container->kind != CONTAINER_TYPE1)
		return NULL;
	return &host->iommus.items[container->iommu];
}

uint64_t host_mapping_count(const struct host *host, uint32_t container)
{
	const struct type1 *iommu = type1_of(host, container);

	return iommu ? iommu->mappings.count : 0;
}

bool host_mapping_from(const struct host *host, uint32_t container, uint64_t iova, struct host_mapping *mapping)
{
	const struct type1 *iommu = type1_of(host, container);
	const struct range *found = iommu ? rangemap_from(&iommu->mappings, iova) : NULL;

	if (!found)
		return false;
	*mapping = (struct host_mapping){.first = found->first,
					 .last = found->last,
					 .vaddr = found->value,
					 .read = MAPPING_FLAGS(found->tag) & MAPPING_READ,
					 .write = MAPPING_FLAGS(found->tag) & MAPPING_WRITE};
	return true;
}

bool host_memory_is_device(const struct host *host, uint32_t task, uint64_t address, uint64_t length)
{
	if (!task || task > host->tasks.count || !length || address + (length - 1) < address)
		return false;
	return mm_touches_device(host, host->tasks.items[task - 1].mm, address, length);
}
