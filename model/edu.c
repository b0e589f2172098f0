/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * QEMU's edu device: the registers that its users touch and its DMA engine, which moves
 * bytes between memory and a buffer in the device through the IOMMU. It is the witness
 * that a mapping translates, and that what is not mapped does not.
 *
 * A transfer begins a tenth of a second after the command for it. Time passes while a task sleeps, and at no other
 * time: what is reached is what is mapped then.
 */
#include <string.h>

#include "host.h"

/* The value of a register whose bytes, as a program writes or reads them, are in the order that the device has. */
static uint64_t register_value(const struct device *device, const uint8_t *bytes, uint32_t length)
{
	uint64_t value = 0;

	if (!device->big_endian)
		return bytes_get(bytes, length);
	for (uint32_t i = 0; i < length; i++)
		value = value << 8 | bytes[i];
	return value;
}

static void register_bytes(const struct device *device, uint8_t *bytes, uint32_t length, uint64_t value)
{
	if (!device->big_endian) {
		bytes_put(bytes, length, value);
		return;
	}
	while (length--) {
		bytes[length] = (uint8_t)value;
		value >>= 8;
	}
}

/* What a register holds, as far as it is known. */
static void edu_register(const struct host *host, uint32_t index, uint64_t offset, uint8_t *bytes, uint8_t *known,
			 uint32_t length)
{
	const struct edu *edu = &host->devices.items[index].edu;
	const bool has_liveness = offset == EDU_LIVENESS && edu->alive;

	memset(known, 0, length);
	if (length != 4 || strcmp(host->machine->devices[index].model, "edu") != 0 ||
	    (offset != EDU_IDENTITY && !has_liveness))
		/* Whether a transfer is under way is a matter of time, what other registers hold the device's affair.
		 */
		return;
	register_bytes(&host->machine->devices[index], bytes, 4,
		       has_liveness ? (uint32_t)~edu->liveness : (uint32_t)EDU_IDENTITY_VALUE);
	memset(known, 0xff, length);
}

enum step_result edu_read(struct host *host, struct op *op, uint32_t index, uint64_t offset, uint32_t length)
{
	uint8_t bytes[4], known[4];

	if (length == sizeof(bytes)) {
		edu_register(host, index, offset, bytes, known, length);
		if (known[0])
			user_defined(host, op, 0, 0, bytes, sizeof(bytes));
	}
	return finish(op, length);
}

/* A buffer is reached from within it to before its last byte; for anything else QEMU gives up as a whole. */
static bool buffer_range(const struct edu *edu, uint64_t address, uint32_t *offset)
{
	if (address < EDU_BUFFER || address - EDU_BUFFER >= EDU_BUFFER_SIZE || !edu->count ||
	    edu->count >= EDU_BUFFER_SIZE - (address - EDU_BUFFER))
		return false;
	*offset = (uint32_t)(address - EDU_BUFFER);
	return true;
}

/* ---- transfers ---------------------------------------------------------------------------- */

/* A piece of a transfer that lies side by side in memory, or in one page of nothing. */
struct piece {
	uint64_t iova;
	uint32_t at; /* in the device's buffer */
	uint32_t length;
	enum rule refused; /* RULE_NONE: it is reached */
	struct run run;
};

static struct piece next_piece(const struct host *host, uint32_t index, uint64_t iova, uint32_t at, uint32_t length)
{
	const struct device_state *device = &host->devices.items[index];
	const bool to_memory = device->edu.to_memory;
	const uint64_t page = host->machine->page_size, in_page = page - (iova & (page - 1));
	struct piece piece = {.iova = iova, .at = at, .length = length, .refused = RULE_DMA_NO_MASTER};

	if (device->bus_master)
		piece.refused = container_translate(host, index, iova, length, to_memory, &piece.run);
	if (piece.refused == RULE_DMA_NO_MAPPING)
		piece.refused = ioas_translate(host, index, iova, length, to_memory, &piece.run);
	if (!piece.refused)
		piece.length = (uint32_t)piece.run.length;
	else if (piece.length > in_page)
		piece.length = (uint32_t)in_page;
	return piece;
}

/* What arrives from memory: what lies there; zeros from where nothing can be had. */
static void fetch(struct host *host, struct edu *edu, const struct piece *piece)
{
	uint8_t *bytes = edu->buffer->bytes + piece->at, *known = edu->buffer->known + piece->at;

	memset(bytes, 0, piece->length);
	memset(known, 0xff, piece->length);
	if (!piece->refused && piece->run.kind == RUN_MEMORY)
		frames_load(host, piece->run.place, bytes, known, piece->length);
	else if (!piece->refused && piece->run.kind == RUN_DEVICE)
		edu_register(host, piece->run.device, piece->run.place, bytes, known, piece->length);
}

static void deliver(struct host *host, struct edu *edu, const struct piece *piece)
{
	const uint8_t *bytes = edu->buffer->bytes + piece->at, *known = edu->buffer->known + piece->at;

	if (piece->refused)
		return;
	if (piece->run.kind == RUN_MEMORY)
		frames_store(host, piece->run.place, bytes, true, known, piece->length);
	else if (piece->run.kind == RUN_DEVICE)
		edu_write(host, piece->run.device, piece->run.place, bytes, piece->length);
}

/* Calls @function with each piece of the transfer that is under way, as long as that gives true. */
static bool each_piece(struct host *host, uint32_t index, struct op *op,
		       bool (*function)(struct host *host, uint32_t index, struct op *op, const struct piece *piece))
{
	const struct edu *edu = &host->devices.items[index].edu;
	uint64_t iova = edu->to_memory ? edu->target : edu->source;
	uint32_t start, length = (uint32_t)edu->count, done = 0;

	if (!buffer_range(edu, edu->to_memory ? edu->source : edu->target, &start))
		return true;
	if (host->machine->devices[index].dma_bits < 64)
		iova &= (UINT64_C(1) << host->machine->devices[index].dma_bits) - 1;
	while (done < length) {
		const struct piece piece = next_piece(host, index, iova + done, start + done, length - done);

		if (!function(host, index, op, &piece))
			return false;
		done += piece.length;
	}
	return true;
}

/*
 * Of the registers of devices, a transfer reaches one that a write sets and a read gives; what else it would do there
 * is not followed.
 */
static bool piece_known(struct host *host, uint32_t index, struct op *op, const struct piece *piece)
{
	const struct edu *edu = &host->devices.items[index].edu;

	(void)op;
	return piece->refused || piece->run.kind != RUN_DEVICE || !edu->to_memory ||
	       (!strcmp(host->machine->devices[piece->run.device].model, "edu") && piece->run.place == EDU_LIVENESS &&
		piece->length == 4);
}

static bool piece_move(struct host *host, uint32_t index, struct op *op, const struct piece *piece)
{
	struct edu *edu = &host->devices.items[index].edu;

	if (piece->refused)
		hit(op, piece->refused);
	else
		hit(op, edu->to_memory ? RULE_DMA_DELIVER : RULE_DMA_FETCH);
	if (edu->to_memory)
		deliver(host, edu, piece);
	else
		fetch(host, edu, piece);
	return true;
}

bool edu_can_go_on(struct host *host, uint32_t index, uint64_t milliseconds)
{
	const struct edu *edu = &host->devices.items[index].edu;

	return !edu->waits || milliseconds < edu->waits || each_piece(host, index, NULL, piece_known);
}

void edu_go_on(struct host *host, struct op *op, uint32_t index, uint64_t milliseconds)
{
	struct edu *edu = &host->devices.items[index].edu;

	if (!edu->waits)
		return;
	if (milliseconds < edu->waits) {
		edu->waits -= (uint32_t)milliseconds;
		return;
	}
	each_piece(host, index, op, piece_move);
	edu->waits = 0;
}

/* ---- registers ---------------------------------------------------------------------------- */

/* Whether a write reaches the device in one piece, and one that its registers take: those of the engine have 8 bytes.
 */
static bool written_at_once(const struct host *host, uint64_t offset, uint32_t length)
{
	if (length == 4)
		return true;
	return length == 8 && offset >= EDU_SOURCE && !(offset & 7) && profile_get(host, PROFILE_ACCESS_8_BYTES);
}

bool edu_write(struct host *host, uint32_t index, uint64_t offset, const uint8_t *bytes, uint32_t length)
{
	struct edu *edu = &host->devices.items[index].edu;
	uint64_t value;
	uint32_t start;

	if (!written_at_once(host, offset, length))
		return false;
	value = register_value(&host->machine->devices[index], bytes, length);
	if (offset == EDU_LIVENESS) {
		edu->alive = true;
		edu->liveness = (uint32_t)value;
		return true;
	}
	/* A device that is at it does not listen. */
	if (edu->waits)
		return offset == EDU_SOURCE || offset == EDU_TARGET || offset == EDU_COUNT || offset == EDU_COMMAND;
	switch (offset) {
	case EDU_SOURCE:
		edu->source = value;
		return true;
	case EDU_TARGET:
		edu->target = value;
		return true;
	case EDU_COUNT:
		edu->count = value;
		return true;
	case EDU_COMMAND:
		break;
	default:
		return false;
	}
	if (!(value & EDU_START))
		return true;
	/* Without an IOMMU an IOVA is an address of the machine's memory, and what lies there is nobody's knowledge. */
	if (host->groups.items[host->devices.items[index].group].noiommu && host->devices.items[index].bus_master)
		return false;
	if (!buffer_range(edu, value & EDU_TO_MEMORY ? edu->source : edu->target, &start))
		return false;
	if (!edu->buffer) {
		edu->buffer = memory_allocate(sizeof(*edu->buffer));
		memset(edu->buffer, 0, sizeof(*edu->buffer));
	}
	edu->to_memory = value & EDU_TO_MEMORY;
	edu->waits = EDU_DELAY;
	return true;
}
