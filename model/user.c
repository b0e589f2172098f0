/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * User memory as a call sees it: the buffers that came with it.
 *
 * A buffer is all the memory there is at its place, so reaching past its end is a fault.
 * What is written goes to scratch copies that belong to the host; the call itself is
 * never changed.
 */
#include <assert.h>
#include <string.h>

#include "host.h"

static const struct buffer *op_buffer(const struct op *op, unsigned index, uint32_t offset, uint32_t length)
{
	const struct call *call = op->call;

	if (index >= call->buffer_count || (index == 0 && call->op == CALL_IOCTL && !call->has_pointer))
		return NULL;
	if (offset > call->buffers[index].length || length > call->buffers[index].length - offset)
		return NULL;
	return &call->buffers[index];
}

/* A copy to user memory that faults has written some of what is there, and nobody says how much. */
static void copy_faulted(struct host *host, struct op *op, unsigned index, uint32_t offset)
{
	const struct buffer *buffer = op_buffer(op, index, 0, 0);

	if (buffer && offset < buffer->length)
		user_undefined(host, op, index, offset, buffer->length - offset);
}

bool user_read(struct op *op, unsigned index, uint32_t offset, void *to, uint32_t length)
{
	const struct buffer *buffer = op_buffer(op, index, offset, length);

	if (!buffer)
		return false;
	if (length)
		memcpy(to, (op->outcome->out[index] ? op->outcome->out[index] : buffer->in) + offset, length);
	return true;
}

/* The scratch copy of a buffer, made on first use. */
static void scratch_prepare(struct host *host, struct op *op, unsigned index)
{
	const struct buffer *buffer = &op->call->buffers[index];

	if (op->outcome->out[index])
		return;
	if (host->scratch[index].capacity < buffer->length) {
		host->scratch[index].out = memory_resize(host->scratch[index].out, buffer->length);
		host->scratch[index].mask = memory_resize(host->scratch[index].mask, buffer->length);
		host->scratch[index].capacity = buffer->length;
	}
	memcpy(host->scratch[index].out, buffer->in, buffer->length);
	op->outcome->out[index] = host->scratch[index].out;
}

bool user_write(struct host *host, struct op *op, unsigned index, uint32_t offset, const void *from, uint32_t length)
{
	if (!op_buffer(op, index, offset, length)) {
		copy_faulted(host, op, index, offset);
		return false;
	}
	if (length) {
		scratch_prepare(host, op, index);
		memcpy(host->scratch[index].out + offset, from, length);
	}
	return true;
}

void user_undefined(struct host *host, struct op *op, unsigned index, uint32_t offset, uint32_t length)
{
	if (!length || !op_buffer(op, index, offset, length))
		return;
	scratch_prepare(host, op, index);
	if (!op->outcome->mask[index]) {
		memset(host->scratch[index].mask, 0xff, op->call->buffers[index].length);
		op->outcome->mask[index] = host->scratch[index].mask;
	}
	memset(host->scratch[index].mask + offset, 0, length);
}

void user_defined(struct host *host, struct op *op, unsigned index, uint32_t offset, const void *from, uint32_t length)
{
	if (user_write(host, op, index, offset, from, length) && op->outcome->mask[index])
		memset(host->scratch[index].mask + offset, 0xff, length);
}

bool user_load(struct op *op, void *object, uint32_t length)
{
	if (!op_buffer(op, 0, 0, length))
		return false;
	struct_load(op->row->layout, object, op->call->buffers[0].in, length);
	return true;
}

enum step_result user_load_argsz(struct op *op, void *object, uint32_t length, enum rule fault, enum rule argsz)
{
	uint32_t said;

	if (!user_load(op, object, length))
		return refuse(op, fault);
	memcpy(&said, object, sizeof(said));
	return said < length ? refuse(op, argsz) : STEP_MORE;
}

bool user_store(struct host *host, struct op *op, const void *object, uint32_t length)
{
	uint8_t whole[64] = {0};

	assert(length <= sizeof(whole));
	if (!op_buffer(op, 0, 0, length)) {
		copy_faulted(host, op, 0, 0);
		return false;
	}
	/* The last field may be cut off in the middle. */
	struct_store(op->row->layout, whole, object, sizeof(whole));
	scratch_prepare(host, op, 0);
	memcpy(host->scratch[0].out, whole, length);
	return true;
}

uint32_t info_length(const struct host *host, uint32_t argsz)
{
	enum { WITHOUT_OFFSET = 16, WITH_OFFSET = 20, WHOLE = 24 };

	if (profile_get(host, PROFILE_INFO_WRITTEN_TO_ARGSZ))
		return argsz < WHOLE ? argsz : (uint32_t)WHOLE;
	return argsz < WITH_OFFSET ? (uint32_t)WITHOUT_OFFSET : (uint32_t)WITH_OFFSET;
}
