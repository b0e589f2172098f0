/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Making ioctls on a container whose IOMMU is TYPE1, or on an iommufd in its place.
 */
#include "generator_internal.h"

#define MAP_ACCESS  (VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE)
#define MAP_KNOWN   (MAP_ACCESS | VFIO_DMA_MAP_FLAG_VADDR)
#define UNMAP_KNOWN (VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP | VFIO_DMA_UNMAP_FLAG_ALL | VFIO_DMA_UNMAP_FLAG_VADDR)

/* Bytes that all mappings of the program pin now, or that iommufds would pin with a device. */
static uint64_t pinned(const struct generator *g)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < g->book.actor_count; i++)
		sum += host_locked_by_vfio(g->host, g->book.actors[i].task);
	for (uint32_t i = 0; i < g->book.dma_count && g->profile->values[PROFILE_IOMMUFD]; i++)
		sum += g->book.dmas[i].size < g->book.memory ? g->book.dmas[i].size : g->book.memory;
	return sum;
}

/* Memory for a mapping of @size bytes: @vaddr, and a @size that fits unless it is to be too long. */
static void map_memory(struct generator *g, uint32_t prot, uint64_t *vaddr, uint64_t *size)
{
	const uint64_t page = g->machine->page_size;
	const bool device = !g->careful && chance(g, 1, 8);
	const struct area *area = choose_area(g, strange(g) ? 0 : prot, device);
	uint64_t pages, first;

	if (!area || strange(g)) {
		*vaddr = area && chance(g, 3, 4) ? area->address + area->length - page * below(g, 3)
						 : choose_wild_address(g);
		if (strange(g))
			*vaddr += chance(g, 1, 2) ? 0x800 : 1;
		return;
	}
	pages = area->length / page;
	first = g->careful || chance(g, 1, 2) ? 0 : below(g, pages);
	*vaddr = area->address + first * page;
	if (*size > area->length - first * page && *size % page == 0 && !strange(g))
		*size = area->length - first * page;
}

/* Numbers that an iommufd takes from anybody until a device comes: not whole pages, where interrupts go. */
static void map_for_nobody(struct generator *g, struct vfio_iommu_type1_dma_map *map)
{
	static const uint64_t odd[] = {1, 0x10, 0x800, 0xfff};

	switch (below(g, 4)) {
	case 0:
		map->size += ONE_OF(g, odd);
		break;
	case 1:
		map->iova += ONE_OF(g, odd);
		break;
	case 2:
		map->vaddr += ONE_OF(g, odd);
		break;
	default:
		map->iova = choose_edge(g);
		break;
	}
}

bool make_map_dma(struct generator *g, struct call *call)
{
	static const uint32_t accesses[] = {MAP_ACCESS, MAP_ACCESS, VFIO_DMA_MAP_FLAG_READ, VFIO_DMA_MAP_FLAG_WRITE};
	struct vfio_iommu_type1_dma_map map = {0};
	uint32_t access = ONE_OF(g, accesses);
	uint64_t fd, most;

	if (!choose_fd(g, OWNER_TYPE1, &fd))
		return false;
	build_ioctl(call, fd, "VFIO_IOMMU_MAP_DMA");
	map.argsz = choose_argsz(g, sizeof(map), sizeof(map));
	map.flags = choose_flags(g, access, MAP_KNOWN);
	map.size = choose_size(g);
	map.iova = choose_iova(g);
	map_memory(g, map.flags & VFIO_DMA_MAP_FLAG_WRITE ? 2 : 1, &map.vaddr, &map.size);
	if (g->iommufd && !g->careful && chance(g, 1, 12))
		map_for_nobody(g, &map);
	if (g->iommufd && !g->careful && chance(g, 1, 16))
		map.flags = 0;
	/* No more can be pinned than there is memory, whatever the size says. */
	most = map.size < g->book.memory ? map.size : g->book.memory;
	if (pinned(g) + most > PINNED_MAX)
		return false;
	build_struct(g, call, &map, NULL, 0);
	return true;
}

/* A new address for a mapping, mostly one whose address was invalidated. */
bool make_update_vaddr(struct generator *g, struct call *call)
{
	struct vfio_iommu_type1_dma_map map = {.argsz = sizeof(map), .flags = VFIO_DMA_MAP_FLAG_VADDR};
	const struct dma *dma = choose_dma(g);
	const struct area *area = choose_area(g, 1, false);
	uint64_t fd;

	for (uint32_t i = 0; dma && !dma->invalid && i < g->book.dma_count; i++)
		if (g->book.dmas[i].invalid)
			dma = &g->book.dmas[i];
	if (!dma || (!dma->invalid && !strange(g)) || !choose_fd(g, OWNER_TYPE1, &fd))
		return false;
	build_ioctl(call, fd, "VFIO_IOMMU_MAP_DMA");
	map.iova = strange(g) ? choose_iova(g) : dma->iova;
	map.size = strange(g) ? choose_size(g) : dma->size;
	map.vaddr = area && chance(g, 1, 2) ? area->address : dma->vaddr;
	if (strange(g))
		map.vaddr = choose_wild_address(g);
	build_struct(g, call, &map, NULL, 0);
	return true;
}

/* A range over mappings: one exactly, several, or strangely something that cuts one in two. */
static void unmap_range(struct generator *g, struct vfio_iommu_type1_dma_unmap *unmap)
{
	const uint64_t page = g->machine->page_size;
	const struct dma *dma = choose_dma(g);

	if (!dma || strange(g)) {
		unmap->iova = choose_iova(g);
		unmap->size = choose_size(g);
		return;
	}
	unmap->iova = dma->iova;
	unmap->size = dma->size;
	if (chance(g, 1, 4)) {
		unmap->iova -= page * below(g, 16);
		unmap->size += page * below(g, 32);
	}
	/* An iommufd that was told TYPE1 cuts anywhere. */
	if (g->iommufd && chance(g, 1, 3)) {
		unmap->iova += page * below(g, 3);
		unmap->size = chance(g, 1, 8) ? 0x800 * below(g, 4) : page * (1 + below(g, 4));
	}
	if (strange(g) && chance(g, 1, 2))
		unmap->size = -unmap->iova; /* up to the top */
}

bool make_unmap_dma(struct generator *g, struct call *call)
{
	static const uint32_t usual[] = {0,
					 0,
					 0,
					 0,
					 0,
					 0,
					 VFIO_DMA_UNMAP_FLAG_ALL,
					 VFIO_DMA_UNMAP_FLAG_VADDR,
					 VFIO_DMA_UNMAP_FLAG_ALL | VFIO_DMA_UNMAP_FLAG_VADDR};
	struct vfio_iommu_type1_dma_unmap unmap = {0};
	struct vfio_bitmap bitmap = {.pgsize = g->machine->page_size, .size = 8};
	uint8_t tail[sizeof(bitmap)];
	uint64_t fd;
	bool dirty;

	if (!choose_fd(g, OWNER_TYPE1, &fd))
		return false;
	build_ioctl(call, fd, "VFIO_IOMMU_UNMAP_DMA");
	unmap.flags = choose_flags(g, ONE_OF(g, usual), UNMAP_KNOWN);
	dirty = unmap.flags & VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP;
	unmap.argsz = choose_argsz(g, sizeof(unmap), sizeof(unmap) + (dirty ? (uint32_t)sizeof(bitmap) : 0));
	if (!(unmap.flags & VFIO_DMA_UNMAP_FLAG_ALL) || strange(g))
		unmap_range(g, &unmap);
	bytes_put(tail, 8, bitmap.pgsize);
	bytes_put(tail + 8, 8, bitmap.size);
	bytes_put(tail + 16, 8, 0);
	build_struct(g, call, &unmap, tail, dirty ? (uint32_t)sizeof(tail) : 0);
	return true;
}

bool make_iommu_info(struct generator *g, struct call *call)
{
	/* From too small for the capabilities to more than enough; 16 and 20 are what older programs pass. */
	static const uint32_t sizes[] = {16, 20, 24, 24, 56, 100, 130, 256};
	struct vfio_iommu_type1_info info = {0};
	uint64_t fd;

	if (!choose_fd(g, OWNER_TYPE1, &fd))
		return false;
	build_ioctl(call, fd, "VFIO_IOMMU_GET_INFO");
	info.argsz = choose_argsz(g, 16, ONE_OF(g, sizes));
	info.flags = strange(g) ? UINT32_MAX : 0;
	build_struct(g, call, &info, NULL,
		     info.argsz > sizeof(info) && info.argsz <= 512 ? info.argsz - (uint32_t)sizeof(info) : 0);
	return true;
}
