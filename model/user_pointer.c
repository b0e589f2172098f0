/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * User memory that a field of an argument points to.
 *
 * It comes with the call as a further buffer, or it is memory that earlier calls made. A buffer whose place is such
 * memory lies there; any other lies somewhere of its own, and is all the memory that there is at its place.
 */
#include <string.h>

#include "host.h"

enum { WORD = 8 };

/* Where the addresses of a task end with five levels of page tables on x86. With four they end first, others between.
 */
#define TASK_END_MOST 0x00fffffffffff000ull

static bool lies_in_memory(struct host *host, const struct op *op, const struct buffer *buffer)
{
	return mm_accessible(host, op_task(host, op)->mm, buffer->address, buffer->length, PROT_WRITE_BIT);
}

void user_pointers_begin(struct host *host, struct op *op)
{
	for (uint32_t i = 1; i < op->call->buffer_count; i++) {
		const struct buffer *buffer = &op->call->buffers[i];

		if (lies_in_memory(host, op, buffer))
			mm_store(host, op_task(host, op)->mm, buffer->address, buffer->in, true, buffer->length);
	}
}

struct user_pointer user_pointer_find(struct host *host, struct op *op, uint64_t address)
{
	struct user_pointer pointer = {.address = address};

	for (uint32_t i = 1; i < op->call->buffer_count && !pointer.buffer; i++)
		if (op->call->buffers[i].address == address)
			pointer.buffer = i;
	pointer.own_place = pointer.buffer && !lies_in_memory(host, op, &op->call->buffers[pointer.buffer]);
	return pointer;
}

enum user_pointer_place user_pointer_place(const struct user_pointer *pointer, uint64_t size)
{
	const uint64_t first = pointer->own_place ? 0 : pointer->address;

	if (size <= TASK_SIZE && first <= TASK_SIZE - size)
		return POINTER_OF_TASK;
	if (size <= TASK_END_MOST && first <= TASK_END_MOST - size)
		return POINTER_DEPENDS;
	return POINTER_OF_KERNEL;
}

/* Whether all of [offset, offset + length) behind a pointer is there. */
static bool is_there(struct host *host, const struct op *op, const struct user_pointer *pointer, uint64_t offset,
		     uint64_t length, uint32_t prot)
{
	const uint64_t room = op->call->buffers[pointer->buffer].length;

	if (pointer->own_place)
		return offset <= room && length <= room - offset;
	return mm_accessible(host, op_task(host, op)->mm, pointer->address + offset, length, prot);
}

bool user_pointer_known(struct host *host, const struct op *op, const struct user_pointer *pointer, uint64_t offset)
{
	uint8_t bytes[WORD], known[WORD];

	if (pointer->own_place || !is_there(host, op, pointer, offset, WORD, PROT_READ_BIT | PROT_WRITE_BIT))
		return true;
	mm_load(host, op_task(host, op)->mm, pointer->address + offset, bytes, known, WORD);
	for (unsigned i = 0; i < WORD; i++)
		if (!known[i])
			return false;
	return true;
}

bool user_pointer_registers(const struct host *host, const struct op *op, const struct user_pointer *pointer,
			    uint64_t offset, uint64_t length)
{
	return !pointer->own_place &&
	       mm_touches_device(host, host->tasks.items[op->task].mm, pointer->address + offset, length);
}

bool user_pointer_load(struct host *host, struct op *op, const struct user_pointer *pointer, uint64_t offset,
		       uint64_t *word)
{
	uint8_t bytes[WORD], known[WORD];

	if (!is_there(host, op, pointer, offset, WORD, PROT_READ_BIT | PROT_WRITE_BIT))
		return false;
	if (pointer->own_place)
		user_read(op, pointer->buffer, (uint32_t)offset, bytes, WORD);
	else
		mm_load(host, op_task(host, op)->mm, pointer->address + offset, bytes, known, WORD);
	*word = bytes_get(bytes, WORD);
	return true;
}

/* The part of the pointer's buffer that [offset, offset + length) covers; 0 bytes where there is no buffer. */
static uint32_t buffer_part(const struct op *op, const struct user_pointer *pointer, uint64_t offset, uint64_t length)
{
	const uint64_t room = op->call->buffers[pointer->buffer].length;

	if (!pointer->buffer || offset >= room)
		return 0;
	return (uint32_t)(length < room - offset ? length : room - offset);
}

bool user_pointer_writable(struct host *host, struct op *op, const struct user_pointer *pointer, uint64_t offset,
			   uint64_t length)
{
	const uint32_t mm = op_task(host, op)->mm;
	const uint64_t address = pointer->address + offset;

	if (is_there(host, op, pointer, offset, length, PROT_WRITE_BIT))
		return true;
	/* What comes before the fault has been written, but for some bytes at its end. */
	user_undefined(host, op, pointer->buffer, (uint32_t)offset, buffer_part(op, pointer, offset, length));
	if (!pointer->own_place)
		mm_fill(host, mm, address, 0, false, mm_reach(host, mm, address, length, PROT_WRITE_BIT));
	return false;
}

void user_pointer_fill(struct host *host, struct op *op, const struct user_pointer *pointer, uint64_t offset,
		       uint64_t word, uint64_t count)
{
	uint32_t part = buffer_part(op, pointer, offset, count * WORD);
	uint8_t bytes[WORD];

	bytes_put(bytes, WORD, word);
	for (uint32_t at = 0; at < part; at += WORD)
		user_write(host, op, pointer->buffer, (uint32_t)offset + at, bytes,
			   part - at < WORD ? part - at : (uint32_t)WORD);
	if (!pointer->own_place)
		mm_fill(host, op_task(host, op)->mm, pointer->address + offset, word, true, count * WORD);
}
