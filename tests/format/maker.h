/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Makes events out of a seed, and takes them through text and back.
 */
#ifndef TESTS_FORMAT_MAKER_H
#define TESTS_FORMAT_MAKER_H

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "vfiosim/trace.h"

#define MAKER_PAYLOAD_MAX 4096

struct maker {
	uint64_t state;
	uint8_t in[CALL_BUFFERS_MAX][MAKER_PAYLOAD_MAX];
	uint8_t out[CALL_BUFFERS_MAX][MAKER_PAYLOAD_MAX];
	char string[64];
};

/* splitmix64. */
static inline uint64_t maker_draw(struct maker *maker)
{
	uint64_t z = maker->state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static inline uint64_t maker_below(struct maker *maker, uint64_t limit)
{
	return maker_draw(maker) % limit;
}

/* Numbers as they occur: small ones, bits, addresses, the ends of ranges, anything. */
static inline uint64_t maker_number(struct maker *maker)
{
	switch (maker_below(maker, 6)) {
	case 0:
		return maker_below(maker, 10);
	case 1:
		return UINT64_C(1) << maker_below(maker, 64);
	case 2:
		return UINT64_MAX - maker_below(maker, 3);
	case 3:
		return 0x7f0000000000 + (maker_below(maker, 1 << 20) << 12);
	case 4:
		return maker_below(maker, 1 << 16);
	default:
		return maker_draw(maker);
	}
}

/* Bytes as they occur: zeros, one byte over and over, small words, anything. */
static inline void maker_bytes(struct maker *maker, uint8_t *bytes, uint32_t length)
{
	uint64_t kind = maker_below(maker, 5), value = maker_draw(maker);

	for (uint32_t i = 0; i < length; i++) {
		if (kind == 0)
			bytes[i] = 0;
		else if (kind == 1)
			bytes[i] = (uint8_t)value;
		else if (kind == 2)
			bytes[i] = i % 4 ? 0 : (uint8_t)maker_below(maker, 70);
		else if (kind == 3)
			bytes[i] = maker_below(maker, 8) ? 0 : (uint8_t)maker_draw(maker);
		else
			bytes[i] = (uint8_t)maker_draw(maker);
	}
}

/* Memory of @length bytes; what the call changes in it is nothing, a little, or all. */
static inline void maker_buffer(struct maker *maker, struct event *event, uint32_t i, uint32_t length, bool known)
{
	struct buffer *buffer = &event->call.buffers[i];

	buffer->length = length;
	buffer->in = maker->in[i];
	buffer->out = known ? maker->out[i] : NULL;
	maker_bytes(maker, maker->in[i], length);
	memcpy(maker->out[i], maker->in[i], length);
	switch (maker_below(maker, 4)) {
	case 0:
		break;
	case 1:
		buffer->out = known ? buffer->in : NULL;
		break;
	case 2:
		for (int n = 0; n < 3 && length; n++)
			maker->out[i][maker_below(maker, length)] ^= (uint8_t)maker_draw(maker);
		break;
	default:
		maker_bytes(maker, maker->out[i], length);
		break;
	}
}

static inline void maker_answer(struct maker *maker, struct event *event)
{
	struct answer *answer = &event->answer;

	answer->known = maker_below(maker, 5) != 0;
	if (!answer->known)
		return;
	switch (maker_below(maker, 4)) {
	case 0:
		answer->ret = 0;
		break;
	case 1:
		answer->ret = -(int64_t)maker_below(maker, 600);
		break;
	case 2:
		answer->ret = (int64_t)maker_number(maker);
		break;
	default:
		answer->ret = (int64_t)maker_below(maker, 100);
		break;
	}
	answer->locked = (struct observation){maker_below(maker, 2), maker_number(maker), maker_number(maker)};
	answer->pinned = (struct observation){maker_below(maker, 2), maker_number(maker), maker_number(maker)};
}

static inline void maker_task(struct maker *maker, struct event *event)
{
	memset(event, 0, sizeof(*event));
	event->call.task = (uint32_t)maker_below(maker, 3) + 1;
	event->call.thread = (uint32_t)maker_below(maker, 2) + 1;
	event->timed = maker_below(maker, 3) == 0;
	if (event->timed) {
		event->begin = maker_below(maker, 1000);
		event->end = event->begin + maker_below(maker, 10);
	}
}

/* Prints @event, reads that and prints it again: nothing may have changed. The caller frees the text. */
static inline char *through_text(const struct event *event, struct arena *arena)
{
	struct text first = {0}, second = {0};
	struct event read;
	struct diag diag = {0};
	int status;

	event_print(&first, event);
	cr_assert(!first.failed);
	status = event_parse(first.text, first.length, &read, arena, "text", 1, &diag);
	cr_assert_eq(status, 0, "%u: %s\n%s", diag.column, diag.text, first.text);
	cr_assert(event_equal(event, &read), "not equal: %s", first.text);
	cr_assert(event_equal(&read, event), "not equal: %s", first.text);
	event_print(&second, &read);
	cr_assert_str_eq(first.text, second.text);
	free(second.text);
	return first.text;
}

#endif
