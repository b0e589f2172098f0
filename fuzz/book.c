/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * The book: memory, mappings, tasks and eventfds that a program has made.
 */
#include "generator_internal.h"

enum { ANONYMOUS = 0x20, HUGETLB = 0x40000, MCL_FUTURE = 2 };

/* A full list forgets what lies at this place, so that it is not always the newest. */
static uint32_t list_add(uint32_t *count, uint32_t max, uint64_t serial)
{
	return *count < max ? (*count)++ : (uint32_t)(serial % max);
}

static void area_add(struct book *book, const struct area *area)
{
	book->areas[list_add(&book->area_count, AREAS_MAX, area->address / 4096)] = *area;
}

static bool area_inside(const struct area *area, uint32_t task, uint64_t address, uint64_t length)
{
	return area->task == task && area->address >= address && area->address + area->length <= address + length;
}

/* Forgets the areas of @task that lie in a range; all of them when @length is all ones. */
static void areas_forget(struct book *book, uint32_t task, uint64_t address, uint64_t length)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < book->area_count; i++) {
		const struct area *area = &book->areas[i];
		bool gone = length == UINT64_MAX ? area->task == task : area_inside(area, task, address, length);

		if (!gone)
			book->areas[kept++] = *area;
	}
	book->area_count = kept;
}

static struct actor *actor_find(struct book *book, uint32_t task)
{
	for (uint32_t i = 0; i < book->actor_count; i++)
		if (book->actors[i].task == task)
			return &book->actors[i];
	return NULL;
}

void book_open(struct book *book)
{
	/* What lies behind the counts is never looked at. */
	book->area_count = book->dma_count = book->eventfd_count = book->memfd_count = 0;
	book->guest_count = book->ioasid_count = 0;
	book->actor_count = book->tasks_made = 1;
	book->memory = 0;
	book->mapped = false;
	book->actors[0] = (struct actor){.task = 1, .threads = 1};
}

static void learn_fork(struct book *book, const struct call *call, const struct outcome *outcome)
{
	struct actor child = *actor_find(book, call->task);
	uint32_t count = book->area_count;

	child.task = (uint32_t)outcome->ret;
	child.threads = 1;
	child.locks_ahead = false;
	book->actors[book->actor_count++] = child;
	book->tasks_made++;
	for (uint32_t i = 0; i < count; i++) {
		struct area area = book->areas[i];

		if (area.task != call->task)
			continue;
		area.task = child.task;
		area_add(book, &area);
	}
}

static void learn_gone(struct book *book, uint32_t task)
{
	struct actor *actor = actor_find(book, task);

	areas_forget(book, task, 0, UINT64_MAX);
	*actor = book->actors[--book->actor_count];
}

static bool is_memfd(const struct book *book, int32_t fd)
{
	for (uint32_t i = 0; i < book->memfd_count; i++)
		if (book->memfds[i] == fd)
			return true;
	return false;
}

/* What lies at the old place lies at the new one. */
static void learn_mremap(struct book *book, const struct call *call, const struct outcome *outcome)
{
	struct area moved = {.task = call->task, .address = (uint64_t)outcome->ret, .length = call->args[2]};

	for (uint32_t i = 0; i < book->area_count; i++)
		if (area_inside(&book->areas[i], call->task, call->args[0], call->args[1]))
			moved.prot = book->areas[i].prot;
	areas_forget(book, call->task, call->args[0], call->args[1]);
	areas_forget(book, call->task, moved.address, moved.length);
	area_add(book, &moved);
	if (call->args[2] > call->args[1])
		book->memory += call->args[2] - call->args[1];
}

static void learn_mmap(struct book *book, const struct call *call, const struct outcome *outcome)
{
	struct area area = {.task = call->task,
			    .prot = (uint32_t)call->args[2],
			    .address = (uint64_t)outcome->ret,
			    .length = call->args[1],
			    .device = !(call->args[3] & ANONYMOUS) && !is_memfd(book, (int32_t)call->args[4]),
			    .huge = call->args[3] & HUGETLB};

	areas_forget(book, area.task, area.address, area.length);
	area_add(book, &area);
	if (!area.device)
		book->memory += area.length;
}

static void learn_mprotect(struct book *book, const struct call *call)
{
	for (uint32_t i = 0; i < book->area_count; i++)
		if (area_inside(&book->areas[i], call->task, call->args[0], call->args[1]))
			book->areas[i].prot = (uint32_t)call->args[2];
}

static void learn_map(struct book *book, const struct call *call)
{
	struct vfio_iommu_type1_dma_map map;
	uint32_t count = book->dma_count;

	struct_load(call->ioctl->layout, &map, call->buffers[0].in, sizeof(map));
	book->mapped = true;
	if (!(map.flags & VFIO_DMA_MAP_FLAG_VADDR)) {
		book->dmas[list_add(&book->dma_count, MAPPINGS_MAX, map.iova / 4096)] =
		    (struct dma){.iova = map.iova, .size = map.size, .vaddr = map.vaddr};
		return;
	}
	for (uint32_t i = 0; i < count; i++)
		if (book->dmas[i].iova == map.iova)
			book->dmas[i].invalid = false;
}

static void learn_unmap(struct book *book, const struct call *call)
{
	struct vfio_iommu_type1_dma_unmap unmap;
	uint32_t kept = 0;

	struct_load(call->ioctl->layout, &unmap, call->buffers[0].in, sizeof(unmap));
	for (uint32_t i = 0; i < book->dma_count; i++) {
		struct dma dma = book->dmas[i];
		bool hit = (unmap.flags & VFIO_DMA_UNMAP_FLAG_ALL) ||
			   (dma.iova >= unmap.iova && dma.iova - unmap.iova < unmap.size);

		if (hit && (unmap.flags & VFIO_DMA_UNMAP_FLAG_VADDR))
			dma.invalid = true;
		else if (hit)
			continue;
		book->dmas[kept++] = dma;
	}
	book->dma_count = kept;
}

static void learn_ioctl(struct book *book, const struct call *call)
{
	if (!call->ioctl || call->ioctl->owner != OWNER_TYPE1)
		return;
	if (call->ioctl->number == VFIO_IOMMU_MAP_DMA)
		learn_map(book, call);
	else if (call->ioctl->number == VFIO_IOMMU_UNMAP_DMA)
		learn_unmap(book, call);
}

void book_learn(struct book *book, const struct call *call, const struct outcome *outcome)
{
	if (outcome->task_gone) {
		learn_gone(book, call->task);
		return;
	}
	if (outcome->ret < 0)
		return;
	switch (call->op) {
	case CALL_MMAP:
		learn_mmap(book, call, outcome);
		break;
	case CALL_MUNMAP:
		areas_forget(book, call->task, call->args[0], call->args[1]);
		break;
	case CALL_MREMAP:
		learn_mremap(book, call, outcome);
		break;
	case CALL_MPROTECT:
		learn_mprotect(book, call);
		break;
	case CALL_MLOCKALL:
		actor_find(book, call->task)->locks_ahead = call->args[0] & MCL_FUTURE;
		break;
	case CALL_MUNLOCKALL:
		actor_find(book, call->task)->locks_ahead = false;
		break;
	case CALL_MEMFD:
		book->memfds[list_add(&book->memfd_count, MEMFDS_MAX, (uint64_t)outcome->ret)] = (int32_t)outcome->ret;
		break;
	case CALL_IOCTL:
		learn_ioctl(book, call);
		break;
	case CALL_EVENTFD:
		book->eventfds[list_add(&book->eventfd_count, EVENTFDS_MAX, (uint64_t)outcome->ret)] =
		    (int32_t)outcome->ret;
		break;
	case CALL_GUEST:
		book->guests[list_add(&book->guest_count, GUESTS_MAX, (uint64_t)outcome->ret)] = (int32_t)outcome->ret;
		break;
	case CALL_IOASID_ALLOC:
	case CALL_VCMD_READ:
		book->ioasids[list_add(&book->ioasid_count, IOASIDS_MAX, (uint64_t)outcome->ret)] =
		    (uint32_t)outcome->ret;
		break;
	case CALL_FORK:
		learn_fork(book, call, outcome);
		break;
	case CALL_THREAD:
		actor_find(book, call->task)->threads++;
		break;
	case CALL_EXEC:
		actor_find(book, call->task)->locks_ahead = false;
		areas_forget(book, call->task, 0, UINT64_MAX);
		break;
	case CALL_SETRLIMIT:
		actor_find(book, call->task)->limited = true;
		break;
	default:
		break;
	}
}
