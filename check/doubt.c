/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Owns the set of descriptors in doubt, and the knowledge of which descriptors a call uses.
 *
 * The set is a small array: it is empty for every trace that conforms, and a run in
 * which hundreds of descriptors are in doubt has nothing more to tell.
 */
#include "check/doubt.h"

#include <string.h>

void doubts_clear(struct doubts *doubts)
{
	doubts->count = 0;
	doubts->lost = false;
}

static size_t doubts_find(const struct doubts *doubts, uint32_t task, int64_t fd)
{
	size_t i = 0;

	while (i < doubts->count && (doubts->entries[i].task != task || doubts->entries[i].fd != fd))
		i++;
	return i;
}

bool doubts_have(const struct doubts *doubts, uint32_t task, int64_t fd)
{
	return doubts_find(doubts, task, fd) < doubts->count;
}

void doubts_add(struct doubts *doubts, uint32_t task, int64_t fd)
{
	if (fd < 0 || doubts_have(doubts, task, fd))
		return;
	if (doubts->count == DOUBTS_MAX) {
		doubts->lost = true;
		return;
	}
	doubts->entries[doubts->count].task = task;
	doubts->entries[doubts->count].fd = fd;
	doubts->count++;
}

void doubts_remove(struct doubts *doubts, uint32_t task, int64_t fd)
{
	size_t i = doubts_find(doubts, task, fd);

	if (i < doubts->count)
		doubts->entries[i] = doubts->entries[--doubts->count];
}

void doubts_remove_task(struct doubts *doubts, uint32_t task)
{
	size_t kept = 0;

	for (size_t i = 0; i < doubts->count; i++) {
		if (doubts->entries[i].task != task)
			doubts->entries[kept++] = doubts->entries[i];
	}
	doubts->count = kept;
}

void doubts_inherit(struct doubts *doubts, uint32_t parent, uint32_t child)
{
	size_t count = doubts->count;

	for (size_t i = 0; i < count; i++) {
		if (doubts->entries[i].task == parent)
			doubts_add(doubts, child, doubts->entries[i].fd);
	}
}

/* Descriptors are ints: the kernel looks at the low half of the register only. */
static int64_t as_descriptor(uint64_t value)
{
	uint32_t low = (uint32_t)value;

	return low > INT32_MAX ? (int64_t)low - ((int64_t)UINT32_MAX + 1) : (int64_t)low;
}

int64_t call_descriptor(const struct call *call)
{
	const struct call_desc *desc = &call_table[call->op];

	for (size_t i = 0; i < desc->arg_count; i++) {
		if (desc->args[i].show == CALL_ARG_FD)
			return as_descriptor(call->args[i]);
	}
	return -1;
}

int64_t call_joined_descriptor(const struct call *call)
{
	const struct buffer *argument = &call->buffers[0];

	if (call->op != CALL_IOCTL || !call->ioctl || call->ioctl->arg != ARG_INT || !call->has_pointer)
		return -1;
	if (call->buffer_count == 0 || argument->length < 4 || !argument->in)
		return -1;
	return as_descriptor(bytes_get(argument->in, 4));
}

bool call_makes_descriptor(const struct call *call)
{
	static const char *const makers[] = {"VFIO_GROUP_GET_DEVICE_FD", "VFIO_DEVICE_GET_GFX_DMABUF"};

	if (call->op != CALL_IOCTL)
		return call_table[call->op].returns == RETURN_FD;
	for (size_t i = 0; call->ioctl && i < sizeof(makers) / sizeof(makers[0]); i++) {
		if (strcmp(call->ioctl->name, makers[i]) == 0)
			return true;
	}
	return false;
}

/* Descriptors in the fields of a struct, and in an array of them that follows it (eventfds). */
static bool struct_touches(const struct doubts *doubts, const struct call *call)
{
	const struct struct_desc *layout = call->ioctl->layout;
	const struct buffer *argument = &call->buffers[0];

	if (!layout || call->buffer_count == 0 || !argument->in)
		return false;
	for (size_t i = 0; i < layout->field_count; i++) {
		const struct field_desc *field = &layout->fields[i];

		if (field->show == SHOW_FD && field->width == 4 && argument->length >= 4 &&
		    field->offset <= argument->length - 4 &&
		    doubts_have(doubts, call->task, as_descriptor(bytes_get(argument->in + field->offset, 4))))
			return true;
	}
	if (layout->flex != FLEX_S32)
		return false;
	for (uint64_t at = layout->size; at + 4 <= argument->length; at += 4) {
		if (doubts_have(doubts, call->task, as_descriptor(bytes_get(argument->in + at, 4))))
			return true;
	}
	return false;
}

bool doubts_touch(const struct doubts *doubts, const struct call *call)
{
	if (doubts->lost)
		return true;
	if (doubts->count == 0)
		return false;
	if (doubts_have(doubts, call->task, call_descriptor(call)) ||
	    doubts_have(doubts, call->task, call_joined_descriptor(call)))
		return true;
	return call->op == CALL_IOCTL && call->ioctl && struct_touches(doubts, call);
}
