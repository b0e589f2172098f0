/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Events as values: copying and comparing them.
 *
 * Not every member of an event says something (args[2] of an ioctl whose argument is
 * memory does not): what is compared here is exactly what is printed.
 */
#include <stdlib.h>

#include "format_internal.h"

uint32_t call_buffers(const struct call *call)
{
	const struct call_desc *desc = &call_table[call->op];

	if (call->op == CALL_IOCTL)
		return call->has_pointer ? call->buffer_count : 0;
	for (size_t i = 0; i < desc->arg_count; i++) {
		if (desc->args[i].show == CALL_ARG_BYTES_IN || desc->args[i].show == CALL_ARG_BYTES_OUT)
			return call->buffer_count ? 1 : 0;
	}
	return 0;
}

bool answer_changed(const struct answer *answer, const struct buffer *buffer)
{
	return answer->known && buffer->out && buffer->out != buffer->in && buffer->length &&
	       memcmp(buffer->in, buffer->out, buffer->length) != 0;
}

/* Where event_clone() puts the next bytes. */
static void *place(uint8_t **at, const void *bytes, size_t length)
{
	uint8_t *to = *at;

	if (length)
		memcpy(to, bytes, length);
	*at += length;
	return to;
}

struct event *event_clone(const struct event *event)
{
	const struct call *call = &event->call;
	uint32_t count = call_buffers(call);
	size_t string_size = call->string ? strlen(call->string) + 1 : 0;
	size_t size = sizeof(*event) + string_size;
	struct event *copy;
	uint8_t *at;

	for (uint32_t i = 0; i < count; i++)
		size += (size_t)call->buffers[i].length * (answer_changed(&event->answer, &call->buffers[i]) ? 2 : 1);
	copy = malloc(size);
	if (!copy)
		return NULL;
	*copy = *event;
	at = (uint8_t *)(copy + 1);
	if (call->string)
		copy->call.string = place(&at, call->string, string_size);
	copy->call.buffer_count = count;
	for (uint32_t i = 0; i < count; i++) {
		const struct buffer *from = &call->buffers[i];
		struct buffer *to = &copy->call.buffers[i];

		to->in = place(&at, from->in, from->length);
		if (answer_changed(&event->answer, from))
			to->out = place(&at, from->out, from->length);
		else if (event->answer.known)
			to->out = to->in;
		else
			to->out = NULL;
	}
	return copy;
}

static bool buffers_equal(const struct event *a, const struct event *b, uint32_t i)
{
	const struct buffer *x = &a->call.buffers[i], *y = &b->call.buffers[i];
	bool changed = answer_changed(&a->answer, x);

	if (x->address != y->address || x->length != y->length || changed != answer_changed(&b->answer, y))
		return false;
	return x->length == 0 ||
	       (memcmp(x->in, y->in, x->length) == 0 && (!changed || memcmp(x->out, y->out, x->length) == 0));
}

static bool strings_equal(const char *a, const char *b)
{
	return (!a && !b) || (a && b && strcmp(a, b) == 0);
}

static bool args_equal(const struct call *a, const struct call *b)
{
	const struct call_desc *desc = &call_table[a->op];
	bool has_buffer = call_buffers(a) > 0;

	for (size_t i = 0; i < desc->arg_count; i++) {
		switch (desc->args[i].show) {
		case CALL_ARG_STRING:
			if (!strings_equal(a->string, b->string))
				return false;
			if (!a->string && a->args[i] != b->args[i])
				return false;
			break;
		case CALL_ARG_BYTES_IN:
		case CALL_ARG_BYTES_OUT:
			if (!has_buffer && a->args[i] != b->args[i])
				return false;
			break;
		default:
			if (a->args[i] != b->args[i])
				return false;
			break;
		}
	}
	if (a->op != CALL_IOCTL)
		return true;
	return a->ioctl == b->ioctl && (a->ioctl || a->args[1] == b->args[1]) &&
	       (has_buffer || a->args[2] == b->args[2]);
}

static bool observations_equal(const struct observation *a, const struct observation *b)
{
	return a->present == b->present && (!a->present || (a->before == b->before && a->after == b->after));
}

static bool answers_equal(const struct answer *a, const struct answer *b)
{
	if (!a->known || !b->known)
		return a->known == b->known;
	return a->ret == b->ret && observations_equal(&a->locked, &b->locked) &&
	       observations_equal(&a->pinned, &b->pinned);
}

bool event_equal(const struct event *a, const struct event *b)
{
	uint32_t count = call_buffers(&a->call);

	if (a->call.task != b->call.task || a->call.thread != b->call.thread || a->call.op != b->call.op ||
	    a->timed != b->timed || (a->timed && (a->begin != b->begin || a->end != b->end)))
		return false;
	if (call_buffers(&b->call) != count || !args_equal(&a->call, &b->call) ||
	    !answers_equal(&a->answer, &b->answer))
		return false;
	for (uint32_t i = 0; i < count; i++) {
		if (!buffers_equal(a, b, i))
			return false;
	}
	return true;
}
