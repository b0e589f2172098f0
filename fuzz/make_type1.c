/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Making ioctls on a container whose IOMMU is TYPE1, or on an iommufd in its place.
 */
#include "generator_internal.h"

#define MAP_ACCESS  (VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE)
#define MAP_KNOWN   (MAP_ACCESS | VFIO_DMA_MAP_FLAG_VADDR)
#define UNMAP_KNOWN (VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP | VFIO_DMA_UNMAP_FLAG_ALL | VFIO_DMA_UNMAP_FLAG_VADDR)
#define DIRTY_KNOWN \
	(VFIO_IOMMU_DIRTY_PAGES_FLAG_START | VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP | VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP)

/* Bytes that all mappings of the program pin now, or that iommufds would pin with a device. */
static uint64_t pinned(const struct generator *g)
{
	uint64_t sum = 0;

	/* TCE tables are charged as if they were full; what is really pinned is no more than there is memory. */
	for (uint32_t i = 0; i < g->book.actor_count && !has_tce(g); i++)
		sum += host_locked_by_vfio(g->host, g->book.actors[i].task);
	for (uint32_t i = 0; i < g->book.dma_count && g->profile.values[PROFILE_IOMMUFD]; i++)
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
	uint64_t most;

	if (!build_ioctl_to(g, call, OWNER_TYPE1, "VFIO_IOMMU_MAP_DMA"))
		return false;
	map.argsz = choose_argsz(g, sizeof(map), sizeof(map));
	map.flags = choose_flags(g, access, MAP_KNOWN);
	map.size = choose_size(g);
	map.iova = choose_iova(g);
	map_memory(g, map.flags & VFIO_DMA_MAP_FLAG_WRITE ? 2 : 1, &map.vaddr, &map.size);
	if (g->iommufd && !g->careful && chance(g, 1, 12))
		map_for_nobody(g, &map);
	if ((g->iommufd || has_tce(g)) && !g->careful && chance(g, 1, 16))
		map.flags = 0;
	/* No more can be pinned than there is memory, whatever the size says. */
	most = map.size < g->book.memory ? map.size : g->book.memory;
	if (pinned(g) + most > PINNED_MAX)
		return false;
	build_struct(g, call, &map, NULL, 0);
	return true;
}

/* A device's region is mapped for other devices, as programs that run guests do. */
bool make_map_region(struct generator *g, struct call *call)
{
	enum { CALLS = 2 };
	struct vfio_iommu_type1_dma_map map = {.argsz = sizeof(map), .flags = MAP_ACCESS};
	uint64_t fd;

	call = build_next(g);
	if (g->room < CALLS || !choose_fd(g, OWNER_TYPE1, &fd) || !make_region_mmap(g, call))
		return false;
	map.vaddr = call->args[0];
	map.size = call->args[1];
	map.iova = choose_iova(g);
	if (pinned(g) + map.size > PINNED_MAX)
		return false;
	call = build_next(g);
	build_ioctl(call, fd, "VFIO_IOMMU_MAP_DMA");
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

/*
 * A program gives way to another one, as in an update without a stop: all addresses are invalidated, and the new one,
 * which may lock so much or so little, gives a mapping its own.
 */
bool make_hand_over(struct generator *g, struct call *call)
{
	enum { CALLS = 5, CAPABILITY_IPC_LOCK = 14 };
	struct vfio_iommu_type1_dma_unmap all = {.argsz = sizeof(all),
						 .flags = VFIO_DMA_UNMAP_FLAG_VADDR | VFIO_DMA_UNMAP_FLAG_ALL};
	struct vfio_iommu_type1_dma_map map = {.argsz = sizeof(map), .flags = VFIO_DMA_MAP_FLAG_VADDR};
	const uint64_t page = g->machine->page_size;
	const struct dma *dma = choose_dma(g);
	uint64_t fd;

	(void)call;
	if (!dma || g->room < CALLS || g->actor->threads > 1 || !choose_fd(g, OWNER_TYPE1, &fd))
		return false;
	map.iova = dma->iova;
	map.size = dma->size;
	map.vaddr = dma->vaddr;
	call = build_next(g);
	build_ioctl(call, fd, "VFIO_IOMMU_UNMAP_DMA");
	build_struct(g, call, &all, NULL, 0);
	build_next(g)->op = CALL_EXEC;
	call = build_next(g);
	call->op = CALL_SETRLIMIT;
	call->args[0] = page * below(g, 1 + 2 * (map.size / page % 1024));
	if (chance(g, 3, 4)) {
		call = build_next(g);
		call->op = CALL_DROPCAP;
		call->args[0] = CAPABILITY_IPC_LOCK;
	}
	call = build_next(g);
	build_ioctl(call, fd, "VFIO_IOMMU_MAP_DMA");
	build_struct(g, call, &map, NULL, 0);
	return true;
}

/* A range over mappings: one exactly, several, now and then from within one, or strangely any. */
static void choose_range(struct generator *g, uint64_t *iova, uint64_t *size)
{
	const uint64_t page = g->machine->page_size;
	const struct dma *dma = choose_dma(g);

	if (!dma || strange(g)) {
		*iova = choose_iova(g);
		*size = choose_size(g);
		return;
	}
	*iova = dma->iova;
	*size = dma->size;
	if (chance(g, 1, 4)) {
		*iova -= page * below(g, 16);
		*size += page * below(g, 32);
	} else if (!g->careful && chance(g, 1, 16)) {
		*iova += page;
	}
	/* An iommufd that was told TYPE1 cuts anywhere. */
	if (g->iommufd && chance(g, 1, 3)) {
		*iova += page * below(g, 3);
		*size = chance(g, 1, 8) ? 0x800 * below(g, 4) : page * (1 + below(g, 4));
	}
	if (strange(g) && chance(g, 1, 2))
		*size = -*iova; /* up to the top */
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

	if (!build_ioctl_to(g, call, OWNER_TYPE1, "VFIO_IOMMU_UNMAP_DMA"))
		return false;
	unmap.flags = choose_flags(g, ONE_OF(g, usual), UNMAP_KNOWN);
	unmap.argsz = choose_argsz(g, sizeof(unmap), sizeof(unmap));
	if (!(unmap.flags & VFIO_DMA_UNMAP_FLAG_ALL) || strange(g))
		choose_range(g, &unmap.iova, &unmap.size);
	build_struct(g, call, &unmap, NULL, 0);
	return true;
}

/* ---- dirty pages ------------------------------------------------------------------------------ */

/* Where bitmaps lie that are no memory of the program's: nothing else is there. */
#define BITMAP_PLACE (MEMORY_END + UINT64_C(0x10000))

#define BITMAP_BYTES_MAX 4096

/* From before a mapping, or its start, to the end of it or of another one. */
static void choose_dirty_range(struct generator *g, uint64_t *iova, uint64_t *size)
{
	const uint64_t page = g->machine->page_size;
	const struct dma *from = choose_dma(g), *to = choose_dma(g);
	uint64_t end;

	if (!from || chance(g, 1, 4)) {
		choose_range(g, iova, size);
		return;
	}
	if (to->iova < from->iova) {
		const struct dma *swapped = from;

		from = to;
		to = swapped;
	}
	*iova = from->iova;
	end = to->iova + to->size;
	if (chance(g, 1, 2))
		*iova -= page * below(g, 130);
	if (chance(g, 1, 2))
		end += page * below(g, 130);
	*size = end - *iova;
}

/* A bitmap that is large enough for a range, as a rule. */
static void choose_bitmap(struct generator *g, uint64_t range, struct vfio_bitmap *bitmap)
{
	const uint64_t page = g->machine->page_size, whole = (range / page + 63) / 64 * 8;
	const uint64_t sizes[] = {0, 7, whole - 8, whole - 1, UINT64_C(1) << 28, (UINT64_C(1) << 28) + 1, UINT64_MAX};
	const uint64_t pages[] = {0, 1, page / 2, page * 2, page * 3, UINT64_C(0x200000), UINT64_C(1) << 63};
	const struct area *area = choose_area(g, 2, false);

	bitmap->size = strange(g) ? ONE_OF(g, sizes) : whole + 8 * below(g, 3);
	bitmap->pgsize = strange(g) ? ONE_OF(g, pages) : page;
	bitmap->data = BITMAP_PLACE;
	if (strange(g))
		bitmap->data = choose_wild_address(g);
	else if (area && chance(g, 1, 3))
		bitmap->data = area->address + (chance(g, 1, 4) ? area->length - below(g, 64) : below(g, 64));
}

/* The memory behind a bitmap's pointer, with clean or random bytes, or strangely too little of it. */
static void build_bitmap(struct generator *g, struct call *call, const struct vfio_bitmap *bitmap)
{
	uint8_t bytes[BITMAP_BYTES_MAX] = {0};
	uint32_t length = bitmap->size < sizeof(bytes) ? (uint32_t)bitmap->size : (uint32_t)sizeof(bytes);
	const bool random = chance(g, 1, 2);

	if (bitmap->data != BITMAP_PLACE || !call->has_pointer)
		return;
	if (strange(g) && length)
		length = (uint32_t)below(g, length);
	for (uint32_t i = 0; random && i < length; i++)
		bytes[i] = chance(g, 1, 2) ? 0 : (uint8_t)below(g, 256);
	build_pointee(g, call, bitmap->data, bytes, length);
}

bool make_dirty_unmap(struct generator *g, struct call *call)
{
	struct vfio_iommu_type1_dma_unmap unmap = {.flags = VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP};
	struct vfio_bitmap bitmap;
	uint8_t tail[sizeof(bitmap)];

	if (!build_ioctl_to(g, call, OWNER_TYPE1, "VFIO_IOMMU_UNMAP_DMA"))
		return false;
	unmap.argsz = choose_argsz(g, sizeof(unmap) + sizeof(tail), sizeof(unmap) + sizeof(tail));
	unmap.flags = choose_flags(g, unmap.flags, UNMAP_KNOWN);
	choose_dirty_range(g, &unmap.iova, &unmap.size);
	choose_bitmap(g, unmap.size, &bitmap);
	struct_store(call->ioctl->layout->flex_struct, tail, &bitmap, sizeof(tail));
	build_struct(g, call, &unmap, tail, sizeof(tail));
	build_bitmap(g, call, &bitmap);
	return true;
}

bool make_dirty_get(struct generator *g, struct call *call)
{
	struct vfio_iommu_type1_dirty_bitmap request = {.flags = VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP};
	struct vfio_iommu_type1_dirty_bitmap_get range;
	struct vfio_bitmap bitmap;
	uint8_t tail[sizeof(range)];

	if (!build_ioctl_to(g, call, OWNER_TYPE1, "VFIO_IOMMU_DIRTY_PAGES"))
		return false;
	request.argsz = choose_argsz(g, sizeof(request) + sizeof(tail), sizeof(request) + sizeof(tail));
	choose_dirty_range(g, &range.iova, &range.size);
	choose_bitmap(g, range.size, &bitmap);
	range.bitmap_pgsize = bitmap.pgsize;
	range.bitmap_size = bitmap.size;
	range.bitmap_data = bitmap.data;
	struct_store(call->ioctl->layout->flex_struct, tail, &range, sizeof(tail));
	build_struct(g, call, &request, tail, sizeof(tail));
	build_bitmap(g, call, &bitmap);
	return true;
}

/* The log of dirty pages is started, or sometimes stopped. */
bool make_dirty_log(struct generator *g, struct call *call)
{
	struct vfio_iommu_type1_dirty_bitmap request = {.flags = VFIO_IOMMU_DIRTY_PAGES_FLAG_START};

	if (!build_ioctl_to(g, call, OWNER_TYPE1, "VFIO_IOMMU_DIRTY_PAGES"))
		return false;
	request.argsz = choose_argsz(g, sizeof(request), sizeof(request));
	if (!g->careful && chance(g, 1, 4))
		request.flags = VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP;
	request.flags = choose_flags(g, request.flags, DIRTY_KNOWN);
	build_struct(g, call, &request, NULL, 0);
	return true;
}

bool make_iommu_info(struct generator *g, struct call *call)
{
	/* From too small for the capabilities to more than enough; 16 and 20 are what older programs pass. */
	static const uint32_t sizes[] = {16, 20, 24, 24, 56, 100, 130, 256};
	struct vfio_iommu_type1_info info = {0};

	if (!build_ioctl_to(g, call, OWNER_TYPE1, "VFIO_IOMMU_GET_INFO"))
		return false;
	info.argsz = choose_argsz(g, 16, ONE_OF(g, sizes));
	info.flags = strange(g) ? UINT32_MAX : 0;
	build_struct(g, call, &info, NULL,
		     info.argsz > sizeof(info) && info.argsz <= 512 ? info.argsz - (uint32_t)sizeof(info) : 0);
	return true;
}
