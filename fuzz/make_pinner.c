/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Making calls on this project's mediated device (include/vfiosim/pinner.h): aiming it, telling it what to do, and
 * looking at what came of it. Its registers keep what was written, so that a command follows some aiming or none.
 */
#include "generator_internal.h"
#include "vfiosim/pinner.h"

/* Whether the device at a descriptor says that it is a pinner; the model is asked. */
static bool is_pinner(struct generator *g, uint64_t fd)
{
	uint8_t nothing[PINNER_REGISTER_SIZE] = {0};
	struct call call = {.task = g->actor->task,
			    .thread = 1,
			    .op = CALL_PREAD,
			    .args = {fd, 0, PINNER_REGISTER_SIZE, PINNER_IDENTITY},
			    .buffer_count = 1,
			    .buffers = {{.length = PINNER_REGISTER_SIZE, .in = nothing}}};
	struct outcome outcome;

	host_call(g->host, &call, NULL, &outcome);
	return outcome.modelled && outcome.ret == PINNER_REGISTER_SIZE && outcome.out[0] &&
	       bytes_get(outcome.out[0], PINNER_REGISTER_SIZE) == PINNER_IDENTITY_VALUE;
}

/* One of the acting task's pinners. False if it has none. */
static bool choose_pinner(struct generator *g, uint64_t *fd)
{
	uint32_t count = 0;

	*fd = 0;
	list_fds(g);
	for (uint32_t i = 0; i < g->fd_count; i++) {
		const uint64_t number = (uint64_t)g->fds[i].number;

		if (g->fds[i].owner == OWNER_DEVICE && is_pinner(g, number) && !below(g, ++count))
			*fd = number;
	}
	return count;
}

static void build_register(struct generator *g, struct call *call, uint64_t fd, uint64_t offset, uint64_t value)
{
	uint8_t bytes[PINNER_REGISTER_SIZE];

	bytes_put(bytes, sizeof(bytes), value);
	build_transfer(g, call, CALL_PWRITE, fd, bytes, sizeof(bytes), offset);
}

/* In, at the end of, and beside mappings; pages as a rule. */
static uint64_t aimed_iova(struct generator *g)
{
	const struct dma *dma = choose_dma(g);
	const uint64_t page = g->machine->page_size;
	uint64_t pages;

	if (!dma || strange(g))
		return choose_iova(g);
	pages = dma->size / page;
	switch (below(g, 8)) {
	case 0:
		return dma->iova + dma->size - page;
	case 1:
		return dma->iova + page * below(g, pages ? pages : 1);
	case 2:
		return dma->iova + below(g, 2 * page);
	default:
		return dma->iova;
	}
}

bool make_pinner_aim(struct generator *g, struct call *call)
{
	static const uint64_t counts[] = {1, 1, 1, 2, 2, 3, 4, 8, 16, 512},
			      odd_counts[] = {0, 513, 4096, 0x4000, 0x4001, UINT64_MAX};
	static const uint64_t prots[] = {3, 3, 1, 2, 0}, odd_prots[] = {4, UINT64_MAX};
	uint64_t fd;

	if (!choose_pinner(g, &fd))
		return false;
	switch (below(g, 5)) {
	case 0:
		build_register(g, call, fd, PINNER_PROT, strange(g) ? ONE_OF(g, odd_prots) : ONE_OF(g, prots));
		break;
	case 1:
	case 2:
		build_register(g, call, fd, PINNER_COUNT, strange(g) ? ONE_OF(g, odd_counts) : ONE_OF(g, counts));
		break;
	default:
		build_register(g, call, fd, PINNER_IOVA, aimed_iova(g));
		break;
	}
	return true;
}

bool make_pinner_command(struct generator *g, struct call *call)
{
	/* 1 pins, 2 unpins, 3 unpins whatever is there, 4 reads, 5 writes. */
	static const uint64_t commands[] = {1, 1, 1, 1, 2, 2, 3, 4, 5, 5}, odd[] = {0, 6, UINT64_MAX};
	uint64_t fd;

	if (!choose_pinner(g, &fd))
		return false;
	build_register(g, call, fd, PINNER_COMMAND, strange(g) ? ONE_OF(g, odd) : ONE_OF(g, commands));
	return true;
}

bool make_pinner_look(struct generator *g, struct call *call)
{
	static const uint32_t lengths[] = {8, 16, 64};
	uint32_t length = PINNER_REGISTER_SIZE;
	uint64_t fd, offset;

	if (!choose_pinner(g, &fd))
		return false;
	offset = PINNER_REGISTER_SIZE * below(g, PINNER_REGISTERS_END / PINNER_REGISTER_SIZE);
	if (chance(g, 1, 4)) {
		length = ONE_OF(g, lengths);
		offset = PINNER_WINDOW + below(g, PINNER_WINDOW_SIZE / 256);
	}
	if (strange(g))
		offset += 1 + below(g, 0x5000);
	build_transfer(g, call, CALL_PREAD, fd, NULL, length, offset);
	return true;
}

bool make_pinner_fill(struct generator *g, struct call *call)
{
	uint8_t bytes[32];
	uint64_t fd, offset;

	if (!choose_pinner(g, &fd))
		return false;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)any(g);
	offset = PINNER_WINDOW + below(g, strange(g) ? PINNER_WINDOW_SIZE : PINNER_WINDOW_SIZE / 256);
	build_transfer(g, call, CALL_PWRITE, fd, bytes, 1 + (uint32_t)below(g, sizeof(bytes)), offset);
	return true;
}
