/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Building calls: ioctl rows by name, and buffers in the program's memory.
 */
#include <string.h>

#include "generator_internal.h"

void build_ioctl(struct call *call, uint64_t fd, const char *name)
{
	call->op = CALL_IOCTL;
	call->ioctl = ioctl_by_name(name, strlen(name));
	call->args[0] = fd;
	call->args[1] = call->ioctl->number;
}

bool build_ioctl_to(struct generator *g, struct call *call, enum ioctl_owner owner, const char *name)
{
	uint64_t fd;

	if (!choose_fd(g, owner, &fd))
		return false;
	build_ioctl(call, fd, name);
	return true;
}

struct call *build_next(struct generator *g)
{
	struct call *call = &g->script[g->script_count++];

	*call = (struct call){.task = g->actor->task, .thread = g->thread};
	return call;
}

static uint8_t *take(struct generator *g, size_t size)
{
	uint8_t *bytes = program_memory(g->program, size);

	if (!bytes)
		g->failed = true;
	return bytes;
}

/* Lets @bytes, of which @length are there, be the argument; or strangely less of them, or none at all. */
static void build_argument(struct generator *g, struct call *call, const uint8_t *bytes, uint32_t length)
{
	if (strange(g) && chance(g, 1, 3)) {
		call->args[2] = choose_wild_address(g);
		return;
	}
	if (strange(g) && chance(g, 1, 2) && length)
		length = (uint32_t)below(g, length);
	call->has_pointer = true;
	call->buffer_count = 1;
	call->buffers[0] = (struct buffer){.length = length, .in = bytes};
}

void build_struct(struct generator *g, struct call *call, const void *object, const void *tail, uint32_t extra)
{
	const struct struct_desc *layout = call->ioctl->layout;
	uint8_t *bytes = take(g, (size_t)layout->size + extra);

	if (!bytes)
		return;
	struct_store(layout, bytes, object, layout->size);
	if (extra && tail)
		memcpy(bytes + layout->size, tail, extra);
	build_argument(g, call, bytes, layout->size + extra);
}

void build_bytes(struct generator *g, struct call *call, const void *bytes, uint32_t length)
{
	uint8_t *copy = take(g, length);

	if (!copy)
		return;
	memcpy(copy, bytes, length);
	build_argument(g, call, copy, length);
}

void build_buffer(struct generator *g, struct call *call, const void *bytes, uint32_t length)
{
	uint8_t *copy = take(g, length);

	if (!copy)
		return;
	if (bytes)
		memcpy(copy, bytes, length);
	call->buffer_count = 1;
	call->buffers[0] = (struct buffer){.length = length, .in = copy};
}

void build_pointee(struct generator *g, struct call *call, uint64_t address, const void *bytes, uint32_t length)
{
	uint8_t *copy = take(g, length);

	if (!copy)
		return;
	memcpy(copy, bytes, length);
	call->buffers[call->buffer_count++] = (struct buffer){.address = address, .length = length, .in = copy};
}

void build_transfer(struct generator *g, struct call *call, enum call_op op, uint64_t fd, const uint8_t *bytes,
		    uint32_t length, uint64_t offset)
{
	call->op = op;
	call->args[0] = fd;
	call->args[2] = length;
	call->args[3] = offset;
	build_buffer(g, call, bytes, length);
}

const char *build_string(struct generator *g, const char *string)
{
	size_t size = strlen(string) + 1;
	uint8_t *copy = take(g, size);

	if (copy)
		memcpy(copy, string, size);
	return (const char *)copy;
}
