/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Making QEMU's edu device transfer bytes: the witness of what is mapped. The calls of one transfer belong together,
 * because the device is at it for a while, and would be at it still when the next program begins.
 */
#include <string.h>

#include "generator_internal.h"
#include "vfiosim/edu.h"

enum {
	REGION_SHIFT = 40,
	COMMAND = 4, /* in configuration space */
	COMMAND_ON = 6,
	USED = 256,	       /* bytes of the buffer */
	WAIT = EDU_DELAY + 20, /* milliseconds: guests have nothing else to do meanwhile */
	LENGTH_MAX = 64,
};

static void add_register(struct generator *g, uint64_t fd, uint64_t offset, uint32_t value)
{
	uint8_t bytes[4];

	bytes_put(bytes, 4, value);
	build_transfer(g, build_next(g), CALL_PWRITE, fd, bytes, sizeof(bytes), offset);
}

/* The device begins to move @length bytes, and is waited for. */
static void add_transfer(struct generator *g, uint64_t fd, uint64_t iova, uint32_t buffer, uint32_t length,
			 bool to_memory)
{
	struct call *sleep;

	add_register(g, fd, EDU_SOURCE, to_memory ? buffer : (uint32_t)iova);
	add_register(g, fd, EDU_TARGET, to_memory ? (uint32_t)iova : buffer);
	add_register(g, fd, EDU_COUNT, length);
	add_register(g, fd, EDU_COMMAND, to_memory ? EDU_START | EDU_TO_MEMORY : EDU_START);
	sleep = build_next(g);
	sleep->op = CALL_SLEEP;
	sleep->args[0] = WAIT;
}

static void add_access(struct generator *g, uint64_t address, uint32_t length, bool store)
{
	struct call *call = build_next(g);
	uint8_t bytes[LENGTH_MAX];

	for (uint32_t i = 0; i < length; i++)
		bytes[i] = (uint8_t)below(g, 256);
	call->op = store ? CALL_POKE : CALL_PEEK;
	call->args[0] = address;
	if (!store)
		call->args[2] = length;
	build_buffer(g, call, store ? bytes : NULL, length);
}

/* Whether the model knows what comes of the whole script. */
static bool script_modelled(const struct generator *g)
{
	struct host *host = host_clone(g->host);
	struct outcome outcome = {.modelled = true};

	for (uint32_t i = 0; i < g->script_count && outcome.modelled; i++)
		host_call(host, &g->script[i], NULL, &outcome);
	host_free(host);
	return outcome.modelled;
}

/* A mapping to be reached, anywhere in it or across its end, or strangely some other place. */
static uint64_t choose_target(struct generator *g, const struct dma *dma, uint32_t length)
{
	const uint64_t page = g->machine->page_size;
	uint64_t offset = page * below(g, dma->size / page) + 8 * below(g, 4);

	if (strange(g))
		return choose_iova(g) & UINT32_MAX;
	if (chance(g, 1, 4))
		offset = page * (1 + below(g, dma->size / page)) - length / 2;
	return dma->iova + offset;
}

bool make_dma(struct generator *g, struct call *call)
{
	static const uint32_t lengths[] = {8, 8, 8, 4, 16, 24, LENGTH_MAX};
	const struct dma *dma = choose_dma(g);
	const bool fetch = chance(g, 1, 2);
	const struct device *device;
	uint32_t length, buffer;
	uint64_t fd, iova;

	(void)call;
	if (!dma || dma->size < g->machine->page_size || g->room < SCRIPT_MAX || !choose_fd(g, OWNER_DEVICE, &fd))
		return false;
	device = device_at(g, fd);
	if (!device || strcmp(device->model, "edu") != 0)
		return false;
	length = ONE_OF(g, lengths);
	/* What is delivered is known when it was fetched before, to the same place. */
	buffer = EDU_BUFFER + (chance(g, 1, 4) ? 8 * (uint32_t)below(g, USED / 8) : 0);
	iova = choose_target(g, dma, length);
	if (chance(g, 3, 4)) {
		static const uint8_t on[2] = {COMMAND_ON};

		build_transfer(g, build_next(g), CALL_PWRITE, fd, on, sizeof(on),
			       ((uint64_t)VFIO_PCI_CONFIG_REGION_INDEX << REGION_SHIFT) + COMMAND);
	}
	if (fetch && chance(g, 3, 4))
		add_access(g, dma->vaddr + (iova - dma->iova), length, true);
	add_transfer(g, fd, iova, buffer, length, !fetch);
	if (!fetch)
		add_access(g, dma->vaddr + (iova - dma->iova), length, false);
	if (g->failed || !script_modelled(g)) {
		g->script_count = 0;
		return false;
	}
	return true;
}
