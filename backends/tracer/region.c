/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * What the trace says of a process's memory.
 *
 * A trace does not carry every mmap and brk of a program. Before a call that uses
 * memory, what lies there is compared with what the trace has said so far, and the
 * difference is told with mmap, mprotect and munmap events that the program did not
 * make at that moment.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "tracer_internal.h"

static int regions_reserve(struct regions *regions, size_t more)
{
	size_t capacity = regions->capacity ? regions->capacity : 8;
	struct region *list;

	while (capacity < regions->count + more)
		capacity *= 2;
	if (capacity == regions->capacity)
		return 0;
	list = realloc(regions->list, capacity * sizeof(*list));
	if (!list)
		return -ENOMEM;
	regions->list = list;
	regions->capacity = capacity;
	return 0;
}

/* Index of the first region that ends after @address. */
static size_t index_after(const struct regions *regions, uint64_t address)
{
	size_t low = 0, high = regions->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (regions->list[middle].end > address)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

const struct region *regions_after(const struct regions *regions, uint64_t address)
{
	size_t index = index_after(regions, address);

	return index < regions->count ? &regions->list[index] : NULL;
}

static void insert_at(struct regions *regions, size_t index, const struct region *region)
{
	memmove(&regions->list[index + 1], &regions->list[index], (regions->count - index) * sizeof(*region));
	regions->list[index] = *region;
	regions->count++;
}

static void cut_front(struct region *region, uint64_t start)
{
	if (region->fd >= 0)
		region->offset += start - region->start;
	region->start = start;
}

int regions_clear(struct regions *regions, uint64_t start, uint64_t end)
{
	size_t first, last;

	if (regions_reserve(regions, 1))
		return -ENOMEM;
	first = index_after(regions, start);
	if (first < regions->count && regions->list[first].start < start) {
		struct region tail = regions->list[first];

		regions->list[first++].end = start;
		if (tail.end > end) {
			cut_front(&tail, end);
			insert_at(regions, first, &tail);
			return 0;
		}
	}
	last = first;
	while (last < regions->count && regions->list[last].end <= end)
		last++;
	if (last < regions->count && regions->list[last].start < end)
		cut_front(&regions->list[last], end);
	memmove(&regions->list[first], &regions->list[last], (regions->count - last) * sizeof(*regions->list));
	regions->count -= last - first;
	return 0;
}

int regions_set(struct regions *regions, const struct region *region)
{
	if (regions_clear(regions, region->start, region->end) || regions_reserve(regions, 1))
		return -ENOMEM;
	insert_at(regions, index_after(regions, region->start), region);
	return 0;
}

int regions_append(struct regions *regions, const struct region *region)
{
	if (regions_reserve(regions, 1))
		return -ENOMEM;
	regions->list[regions->count++] = *region;
	return 0;
}

int regions_copy(struct regions *to, const struct regions *from)
{
	*to = (struct regions){NULL, 0, 0};
	for (size_t i = 0; i < from->count; i++)
		if (regions_append(to, &from->list[i])) {
			regions_free(to);
			return -ENOMEM;
		}
	return 0;
}

void regions_free(struct regions *regions)
{
	free(regions->list);
	*regions = (struct regions){NULL, 0, 0};
}

static void tell_unmap(struct tracer *tracer, struct thread *thread, uint64_t start, uint64_t end)
{
	record_instant(tracer, thread, CALL_MUNMAP, NULL, 2, (const uint64_t[]){start, end - start}, 0);
	if (regions_clear(&thread->process->told, start, end))
		tracer_fail(tracer, -ENOMEM);
}

void regions_tell_devices_gone(struct tracer *tracer, struct thread *thread)
{
	const struct regions *told = &thread->process->told;

	for (size_t i = told->count; i-- > 0;)
		if (told->list[i].fd >= 0)
			tell_unmap(tracer, thread, told->list[i].start, told->list[i].end);
}

static void tell_region(struct tracer *tracer, struct thread *thread, const struct region *region)
{
	const uint64_t args[] = {region->start,
				 region->end - region->start,
				 region->prot,
				 region->flags | MAP_FIXED,
				 (uint64_t)(int64_t)region->fd,
				 region->offset};

	record_instant(tracer, thread, CALL_MMAP, NULL, 6, args, (int64_t)region->start);
	if (regions_set(&thread->process->told, region))
		tracer_fail(tracer, -ENOMEM);
}

static void tell_protection(struct tracer *tracer, struct thread *thread, const struct region *region)
{
	record_instant(tracer, thread, CALL_MPROTECT, NULL, 3,
		       (const uint64_t[]){region->start, region->end - region->start, region->prot}, 0);
	if (regions_set(&thread->process->told, region))
		tracer_fail(tracer, -ENOMEM);
}

/* Whether both put the same thing, protection aside, at the same place. */
static bool same_memory(const struct region *a, const struct region *b)
{
	return a->flags == b->flags && a->fd == b->fd && (a->fd < 0 || a->offset - a->start == b->offset - b->start);
}

static uint64_t lower(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Tells of @actual what the trace does not say already, piece by piece: what is right must stay untouched. */
static void tell_difference(struct tracer *tracer, struct thread *thread, const struct region *actual)
{
	struct region piece = *actual;

	while (piece.start < actual->end && !tracer->error) {
		const struct region *told = regions_after(&thread->process->told, piece.start);

		if (!told || told->start > piece.start) {
			piece.end = told ? lower(told->start, actual->end) : actual->end;
			tell_region(tracer, thread, &piece);
		} else {
			piece.end = lower(told->end, actual->end);
			if (!same_memory(told, &piece))
				tell_region(tracer, thread, &piece);
			else if (told->prot != piece.prot)
				tell_protection(tracer, thread, &piece);
		}
		cut_front(&piece, piece.end);
	}
}

/*
 * Says of a device's region which descriptor it is a mapping of, and of what in it: as the trace shows it. The offset
 * that the kernel shows counts only where the trace shows nothing, because vfio-pci replaces it by a physical address.
 */
static void resolve_device(const struct process *process, struct region *actual)
{
	const struct region *told = regions_after(&process->told, actual->start);

	actual->fd = -1;
	if (told && told->start <= actual->start && told->fd >= 0) {
		actual->fd = told->fd;
		actual->offset = told->offset + (actual->start - told->start);
	}
	for (size_t i = 0; i < process->descriptor_count && actual->fd < 0; i++)
		if (process->descriptors[i].file->kind == FILE_DEVICE)
			actual->fd = process->descriptors[i].fd;
}

/* Whether the kernel looks at the memory: it refuses these before. */
static bool memory_counts(const struct tracer *tracer, uint64_t address, uint64_t length)
{
	return length != 0 && (address | length) % tracer->page_size == 0 && address + length >= address;
}

void regions_tell(struct tracer *tracer, struct thread *thread, uint64_t address, uint64_t length)
{
	struct regions actual = {NULL, 0, 0};
	const struct region *stale;
	uint64_t end, gap, gap_end;
	int error;

	if (!memory_counts(tracer, address, length))
		return;
	end = address + length;
	error = memory_map(thread->tid, address, end, &actual, &gap_end);
	if (error == -ENOMEM)
		tracer_fail(tracer, error);
	if (error)
		goto out;
	for (size_t i = 0; i < actual.count; i++) {
		if (actual.list[i].fd >= 0)
			resolve_device(thread->process, &actual.list[i]);
		tell_difference(tracer, thread, &actual.list[i]);
	}
	gap = actual.count ? actual.list[actual.count - 1].end : address;
	while (gap < gap_end && !tracer->error && (stale = regions_after(&thread->process->told, gap)) &&
	       stale->start < gap_end) {
		uint64_t start = stale->start > gap ? stale->start : gap;

		gap = lower(stale->end, gap_end);
		tell_unmap(tracer, thread, start, gap);
	}
out:
	regions_free(&actual);
}

/* Says of the pages of @piece that have been written and that the trace knows nothing of that they have. */
static void tell_written(struct tracer *tracer, struct thread *thread, const struct region *piece)
{
	struct region written = *piece;
	uint64_t at = piece->start;

	written.written = true;
	while (!tracer->error && memory_written(thread->tid, at, piece->end, &written.start, &written.end)) {
		/* What they hold is of no interest: a byte of each says that it is there. */
		for (at = written.start; at < written.end; at += tracer->page_size)
			record_poke(tracer, thread, at);
		if (regions_set(&thread->process->told, &written))
			tracer_fail(tracer, -ENOMEM);
	}
}

void regions_tell_written(struct tracer *tracer, struct thread *thread, uint64_t address, uint64_t length)
{
	const uint64_t end = address + length;
	const struct region *told;

	if (!memory_counts(tracer, address, length))
		return;
	for (uint64_t at = address; at < end && (told = regions_after(&thread->process->told, at));) {
		struct region piece = *told;

		if (piece.start >= end)
			break;
		piece.start = piece.start > at ? piece.start : at;
		piece.end = lower(piece.end, end);
		if (!piece.written && piece.fd < 0 && piece.flags & MAP_PRIVATE && piece.prot & PROT_WRITE)
			tell_written(tracer, thread, &piece);
		at = piece.end;
	}
}
