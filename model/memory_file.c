/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Files that exist in memory only: what memfd_create makes, and what shared anonymous memory is made of. Their pages
 * come into being when they are touched, and are the same for all who map them.
 */
#include "host.h"

enum {
	FLAG_CLOEXEC = 1,
	FLAG_ALLOW_SEALING = 2,
	OPEN_READ_WRITE = 2,
};

uint32_t memory_file_new(struct host *host, uint64_t size, bool huge, uint32_t flags)
{
	const uint32_t index = table_take(&host->memory_files, alive);

	host->memory_files.items[index] = (struct memory_file){.alive = true, .huge = huge, .size = size};
	return file_new(host, FILE_MEMORY, index, flags);
}

/* Drops the file's own pages from @offset on. */
static void drop_from(struct host *host, uint32_t index, uint64_t offset)
{
	struct rangemap *pages = &host->memory_files.items[index].pages;
	struct range piece;

	while (rangemap_take(pages, offset, UINT64_MAX, &piece))
		frames_refer(host, piece.value, piece.last - piece.first + 1, -1);
}

void memory_file_release(struct host *host, uint32_t index)
{
	host->huge_pages_reserved -= host->memory_files.items[index].reserved;
	drop_from(host, index, 0);
	host->memory_files.items[index].alive = false;
}

static uint64_t page_bytes(const struct host *host, const struct memory_file *file)
{
	return file->huge ? host->machine->hugepage_size : host->machine->page_size;
}

/* New pages for [offset, last] of a file, which has none there; as many as there are. */
static struct run take(struct host *host, struct memory_file *file, uint64_t offset, uint64_t last)
{
	struct range page = {.first = offset, .last = last};

	if (file->huge) {
		uint64_t count = (last - offset + 1) / host->machine->hugepage_size;
		uint64_t most = file->reserved ? file->reserved : huge_pages_free(host);

		if (count > most)
			count = most;
		if (!count)
			return (struct run){.kind = RUN_NOTHING};
		page.last = offset + count * host->machine->hugepage_size - 1;
		if (file->reserved) {
			file->reserved -= count;
			host->huge_pages_reserved -= count;
		}
	}
	page.value = frames_take(host, page.last - page.first + 1, file->huge);
	if (!page.value)
		return (struct run){.kind = RUN_NOTHING};
	rangemap_join(&file->pages, &page, true);
	return (struct run){.kind = RUN_MEMORY, .place = page.value, .length = page.last - page.first + 1};
}

struct run memory_file_touch(struct host *host, uint32_t index, uint64_t offset, uint64_t last)
{
	struct memory_file *file = &host->memory_files.items[index];
	const uint64_t unit = page_bytes(host, file);
	uint64_t end = (file->size + unit - 1) / unit * unit;
	const struct range *found;

	if (offset >= end)
		return (struct run){.kind = RUN_NOTHING};
	if (last >= end)
		last = end - 1;
	found = rangemap_overlap(&file->pages, offset, last);
	if (!found || found->first > offset)
		return take(host, file, offset, found ? found->first - 1 : last);
	if (found->last < last)
		last = found->last;
	return (struct run){
	    .kind = RUN_MEMORY, .place = found->value + (offset - found->first), .length = last - offset + 1};
}

static enum step_result call_memfd(struct host *host, struct op *op)
{
	const uint64_t flags = op->call->args[0];

	/* Huge pages, and what newer kernels know of executable files, are not modelled. */
	if (flags & 0x1cull)
		return unmodelled(host, op);
	if (flags & ~(uint64_t)(FLAG_CLOEXEC | FLAG_ALLOW_SEALING))
		return refuse(op, RULE_FD_MEMORY_FLAGS);
	hit(op, RULE_FD_MEMORY);
	return finish(
	    op, task_install(host, op, memory_file_new(host, 0, false, OPEN_READ_WRITE), 0, flags & FLAG_CLOEXEC));
}

/* Private copies of what a file no longer has go as well. */
static void drop_copies(struct host *host, uint32_t file, uint64_t offset)
{
	for (uint32_t i = 0; i < host->mms.count; i++) {
		const struct range *area;
		uint64_t at = 0;

		while ((area = rangemap_from(&host->mms.items[i].areas, at))) {
			uint64_t first = area->first, last = area->last;

			at = last + 1;
			if (AREA_KIND(area->tag) != AREA_COPY || AREA_FILE_AT(area->weight) != file ||
			    area->value + (last - first) < offset)
				continue;
			if (area->value < offset)
				first += offset - area->value;
			mm_drop_pages(host, i, first, last);
		}
	}
}

/* What is behind the end of a file, in its last page, is zeros. */
static void clear_tail(struct host *host, const struct memory_file *file)
{
	static const uint8_t zeros[64];
	const uint64_t page = host->machine->page_size;
	const struct range *found = rangemap_at(&file->pages, file->size);

	for (uint64_t at = file->size; found && at % page;) {
		uint64_t length = page - at % page;

		length = length < sizeof(zeros) ? length : sizeof(zeros);
		frames_store(host, found->value + (at - found->first), zeros, true, NULL, (uint32_t)length);
		at += length;
	}
}

static enum step_result call_ftruncate(struct host *host, struct op *op)
{
	const uint64_t page = host->machine->page_size, size = op->call->args[1];
	uint32_t file;
	struct memory_file *memory;

	if ((int64_t)size < 0)
		return refuse(op, RULE_FD_TRUNCATE_NEGATIVE);
	file = task_file(op_task(host, op), (int32_t)op->call->args[0]);
	if (file == NOTHING)
		return refuse(op, RULE_FD_NOT_OPEN);
	if (host->files.items[file].kind != FILE_MEMORY)
		return refuse(op, RULE_FD_TRUNCATE_OTHER);
	memory = &host->memory_files.items[host->files.items[file].object];
	if (size < memory->size) {
		uint64_t end = (size + page - 1) / page * page;

		memory->size = size;
		drop_from(host, host->files.items[file].object, end);
		drop_copies(host, file, end);
		clear_tail(host, memory);
	}
	memory->size = size;
	hit(op, RULE_FD_TRUNCATE);
	return finish(op, 0);
}

handler_fn *memory_file_call_handler(enum call_op op)
{
	switch (op) {
	case CALL_MEMFD:
		return call_memfd;
	case CALL_FTRUNCATE:
		return call_ftruncate;
	default:
		return NULL;
	}
}
