/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * QEMU's edu device: the registers that its users touch and its DMA engine, which moves
 * bytes between memory and a buffer in the device through the IOMMU. It is the witness
 * that a mapping translates, and that what is not mapped does not.
 *
 * Source: QEMU's specification of the device (docs/specs/edu).
 */
#include <string.h>

#include "host.h"

enum {
	REGISTER_IDENTITY = 0x00,
	REGISTER_LIVENESS = 0x04,
	REGISTER_SOURCE = 0x80,
	REGISTER_TARGET = 0x88,
	REGISTER_COUNT = 0x90,
	REGISTER_COMMAND = 0x98,
	IDENTITY = 0x010000ed,
	COMMAND_START = 1,
	COMMAND_TO_MEMORY = 2,
	BUFFER_ADDRESS = 0x40000,
};

enum step_result edu_read(struct host *host, struct op *op, uint32_t index, uint64_t offset, uint32_t length)
{
	struct edu *edu = &host->devices.items[index].edu;
	uint8_t bytes[4];

	if (length == sizeof(bytes)) {
		if (offset == REGISTER_IDENTITY)
			bytes_put(bytes, 4, IDENTITY);
		else if (offset == REGISTER_LIVENESS && edu->alive)
			bytes_put(bytes, 4, (uint32_t)~edu->liveness);
		else
			/* Whether a transfer is still under way is a matter of time, and time is not modelled. */
			return finish(op, length);
		user_defined(host, op, 0, 0, bytes, sizeof(bytes));
	}
	return finish(op, length);
}

/* The buffer in the device, from @address; false when that reaches outside. */
static bool buffer_range(const struct edu *edu, uint64_t address, uint32_t *offset)
{
	if (address < BUFFER_ADDRESS || address - BUFFER_ADDRESS > EDU_BUFFER_SIZE ||
	    edu->count > EDU_BUFFER_SIZE - (address - BUFFER_ADDRESS))
		return false;
	*offset = (uint32_t)(address - BUFFER_ADDRESS);
	return true;
}

/* One piece of a transfer: what lies in one page, since a device reaches memory page by page. */
static void transfer(struct host *host, uint32_t index, uint64_t iova, uint8_t *bytes, uint32_t length, bool to_memory)
{
	struct edu *edu = &host->devices.items[index].edu;
	struct dma_target to;
	uint8_t mask[EDU_BUFFER_SIZE];
	const struct range *area;

	if (!host->devices.items[index].bus_master || (!type1_translate(host, index, iova, to_memory, &to) &&
						       !ioas_translate(host, index, iova, to_memory, &to))) {
		/* A write goes nowhere. What a read that failed leaves in the device is the device's affair. */
		if (!to_memory)
			edu->buffer_known = false;
		return;
	}
	area = rangemap_at(&host->mms.items[to.mm].areas, to.address);
	/* Memory that was replaced after it was mapped is still pinned, but nobody but the device sees it any more. */
	if (!area || area->serial > to.serial) {
		if (!to_memory)
			edu->buffer_known = false;
		return;
	}
	if (to_memory) {
		mm_store(host, to.mm, to.address, bytes, edu->buffer_known, length);
		return;
	}
	mm_load(host, to.mm, to.address, bytes, mask, length);
	for (uint32_t i = 0; i < length; i++)
		if (!mask[i])
			edu->buffer_known = false;
	/* Pages that were the zero page when they were mapped have been copied by the first write since. */
	if (!to.whole)
		edu->buffer_known = false;
}

/* Whether one of the pieces of a transfer would go where only another task can see it. */
static bool reaches_other_memory(const struct host *host, uint32_t index, uint64_t iova, uint64_t count, bool to_memory)
{
	struct dma_target to;

	for (uint64_t done = 0; done < count; done += host->machine->page_size)
		if (type1_translate(host, index, iova + done, to_memory, &to) && to.elsewhere)
			return true;
	return false;
}

bool edu_write(struct host *host, uint32_t index, uint64_t offset, const uint8_t *bytes, uint32_t length)
{
	struct edu *edu = &host->devices.items[index].edu;
	bool to_memory;
	uint64_t value, iova;
	uint32_t start;

	if (length != 4)
		return false;
	value = bytes_get(bytes, 4);
	switch (offset) {
	case REGISTER_LIVENESS:
		edu->alive = true;
		edu->liveness = (uint32_t)value;
		return true;
	case REGISTER_SOURCE:
		edu->source = value;
		return true;
	case REGISTER_TARGET:
		edu->target = value;
		return true;
	case REGISTER_COUNT:
		edu->count = value;
		return true;
	case REGISTER_COMMAND:
		break;
	default:
		return false;
	}
	if (!(value & COMMAND_START))
		return true;
	/* Without an IOMMU an IOVA is an address of the machine's memory, and what lies there is nobody's knowledge. */
	if (host->groups.items[host->devices.items[index].group].noiommu && host->devices.items[index].bus_master)
		return false;
	to_memory = value & COMMAND_TO_MEMORY;
	if (!buffer_range(edu, to_memory ? edu->source : edu->target, &start))
		return false;
	iova = to_memory ? edu->target : edu->source;
	if (host->machine->devices[index].dma_bits < 64)
		iova &= (1ull << host->machine->devices[index].dma_bits) - 1;
	if (reaches_other_memory(host, index, iova, edu->count, to_memory))
		return false;
	if (!edu->buffer) {
		edu->buffer = memory_allocate(EDU_BUFFER_SIZE);
		memset(edu->buffer, 0, EDU_BUFFER_SIZE);
	}
	if (!to_memory)
		edu->buffer_known = true;
	for (uint64_t done = 0; done < edu->count;) {
		const uint64_t page = host->machine->page_size;
		uint64_t piece = page - ((iova + done) & (page - 1));

		if (piece > edu->count - done)
			piece = edu->count - done;
		transfer(host, index, iova + done, edu->buffer + start + done, (uint32_t)piece, to_memory);
		done += piece;
	}
	return true;
}
