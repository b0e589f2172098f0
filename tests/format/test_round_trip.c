/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Nothing is lost: every ioctl and every call, with memory of every kind of length,
 * comes back from text as it was.
 */
#include "maker.h"

#define SEEDS 40

/* Lengths around what a struct has: none, cut in a field, whole, with a flexible array, with bytes left over. */
static uint32_t length_class(struct maker *maker, const struct ioctl_row *row, uint64_t class)
{
	uint32_t size = row->layout ? row->layout->size : 4;

	switch (class) {
	case 0:
		return 0;
	case 1:
		return (uint32_t)maker_below(maker, size + 1);
	case 2:
		return row->minsz ? row->minsz : size;
	case 3:
		return size;
	case 4:
		return size + 1 + (uint32_t)maker_below(maker, 7);
	case 5:
		return size + 8 * (1 + (uint32_t)maker_below(maker, 40));
	default:
		return size + (uint32_t)maker_below(maker, 1000);
	}
}

/* Makes what looks like a chain of capabilities of @desc in @bytes, now and then a broken one. */
static void make_chain(struct maker *maker, const struct struct_desc *desc, uint8_t *bytes, uint32_t length)
{
	uint32_t offset = desc->size, known = 0;

	while (desc->caps[known].name)
		known++;
	for (size_t i = 0; i < desc->field_count; i++) {
		if (strcmp(desc->fields[i].name, "cap_offset") == 0)
			bytes_put(bytes + desc->fields[i].offset, 4, offset);
	}
	memset(bytes + desc->size, 0, length - desc->size);
	while (length - offset >= 8) {
		const struct cap_desc *cap = &desc->caps[maker_below(maker, known)];
		uint32_t size = cap->layout->size + 8 * (uint32_t)maker_below(maker, 6), next;

		if (maker_below(maker, 8) == 0)
			size += (uint32_t)maker_below(maker, 9);
		next = offset + size;
		if (next + 8 > length || maker_below(maker, 4) == 0)
			next = 0;
		for (uint32_t i = 8; i < size && offset + i < length; i++)
			bytes[offset + i] = maker_below(maker, 3) ? 0 : (uint8_t)maker_draw(maker);
		bytes_put(bytes + offset, 2, maker_below(maker, 10) ? cap->id : maker_draw(maker));
		bytes_put(bytes + offset + 2, 2, maker_below(maker, 6) ? 1 : maker_draw(maker));
		bytes_put(bytes + offset + 4, 4, maker_below(maker, 30) ? next : maker_draw(maker));
		if (!next)
			return;
		offset = next;
	}
}

/* An ioctl with memory of @length bytes. */
static void make_ioctl(struct maker *maker, struct event *event, const struct ioctl_row *row, uint32_t length)
{
	struct call *call = &event->call;

	maker_task(maker, event);
	maker_answer(maker, event);
	call->op = CALL_IOCTL;
	call->ioctl = row;
	call->args[0] = maker_below(maker, 20) - 1;
	call->args[1] = row ? row->number : maker_number(maker);
	call->has_pointer = true;
	call->buffer_count = 1 + (uint32_t)maker_below(maker, CALL_BUFFERS_MAX);
	maker_buffer(maker, event, 0, length, event->answer.known);
	for (uint32_t i = 1; i < call->buffer_count; i++) {
		maker_buffer(maker, event, i, (uint32_t)maker_below(maker, 50), event->answer.known);
		call->buffers[i].address = maker_number(maker);
	}
	if (maker_below(maker, 20) == 0)
		call->buffers[0].address = maker_number(maker);
}

Test(round_trip, every_ioctl_with_memory_of_every_length_class)
{
	struct maker *maker = calloc(1, sizeof(*maker));
	struct arena *arena = arena_new();
	struct event event;

	for (size_t i = 0; i < ioctl_count; i++) {
		for (uint64_t class = 0; class < 7; class ++) {
			for (int seed = 0; seed < SEEDS; seed++) {
				uint32_t length = length_class(maker, &ioctl_table[i], class);

				make_ioctl(maker, &event, &ioctl_table[i], length);
				free(through_text(&event, arena));
			}
		}
	}
	arena_free(arena);
	free(maker);
}

Test(round_trip, every_capability_chain_sound_or_broken)
{
	struct maker *maker = calloc(1, sizeof(*maker));
	struct arena *arena = arena_new();
	unsigned structural = 0, raw = 0;
	struct event event;

	for (size_t i = 0; i < ioctl_count; i++) {
		const struct struct_desc *desc = ioctl_table[i].layout;

		if (!desc || desc->flex != FLEX_CAPS)
			continue;
		for (int seed = 0; seed < 3000; seed++) {
			uint32_t length = desc->size + 1 + (uint32_t)maker_below(maker, 300);
			char *text;

			make_ioctl(maker, &event, &ioctl_table[i], length);
			make_chain(maker, desc, maker->out[0], length);
			if (maker_below(maker, 4) == 0)
				make_chain(maker, desc, maker->in[0], length);
			text = through_text(&event, arena);
			structural += strstr(text, "caps=[") != NULL;
			raw += strstr(text, "caps=hex(") != NULL;
			free(text);
		}
	}
	cr_assert_gt(structural, 1000);
	cr_assert_gt(raw, 100);
	arena_free(arena);
	free(maker);
}

Test(round_trip, every_ioctl_with_a_value_or_no_argument)
{
	struct maker *maker = calloc(1, sizeof(*maker));
	struct arena *arena = arena_new();
	struct event event;

	for (size_t i = 0; i <= ioctl_count; i++) {
		const struct ioctl_row *row = i < ioctl_count ? &ioctl_table[i] : NULL;

		for (int seed = 0; seed < SEEDS; seed++) {
			make_ioctl(maker, &event, row, 0);
			event.call.has_pointer = false;
			event.call.buffer_count = 0;
			event.call.args[2] = maker_number(maker);
			free(through_text(&event, arena));
		}
	}
	arena_free(arena);
	free(maker);
}

Test(round_trip, unknown_ioctl_numbers_with_memory)
{
	struct maker *maker = calloc(1, sizeof(*maker));
	struct arena *arena = arena_new();
	struct event event;

	for (int seed = 0; seed < 500; seed++) {
		make_ioctl(maker, &event, NULL, (uint32_t)maker_below(maker, 100));
		free(through_text(&event, arena));
	}
	arena_free(arena);
	free(maker);
}

Test(round_trip, string_and_int_arguments_with_any_bytes)
{
	struct maker *maker = calloc(1, sizeof(*maker));
	struct arena *arena = arena_new();
	struct event event;

	for (size_t i = 0; i < ioctl_count; i++) {
		if (ioctl_table[i].arg != ARG_STRING && ioctl_table[i].arg != ARG_INT)
			continue;
		for (int seed = 0; seed < 500; seed++) {
			uint32_t length = (uint32_t)maker_below(maker, 20);

			make_ioctl(maker, &event, &ioctl_table[i], length);
			if (length && maker_below(maker, 2))
				maker->in[0][length - 1] = 0;
			free(through_text(&event, arena));
		}
	}
	arena_free(arena);
	free(maker);
}

static void make_call(struct maker *maker, struct event *event, enum call_op op)
{
	const struct call_desc *desc = &call_table[op];
	struct call *call = &event->call;

	maker_task(maker, event);
	maker_answer(maker, event);
	call->op = op;
	for (size_t i = 0; i < desc->arg_count; i++) {
		bool given = maker_below(maker, 3) != 0;

		call->args[i] = maker_number(maker);
		if (desc->args[i].show == CALL_ARG_STRING && given) {
			size_t length = maker_below(maker, sizeof(maker->string));

			for (size_t c = 0; c < length; c++)
				maker->string[c] = (char)(1 + maker_below(maker, 255));
			maker->string[length] = '\0';
			call->string = maker->string;
		}
		if ((desc->args[i].show == CALL_ARG_BYTES_IN || desc->args[i].show == CALL_ARG_BYTES_OUT) && given) {
			call->buffer_count = 1;
			maker_buffer(maker, event, 0, (uint32_t)maker_below(maker, 40), event->answer.known);
			call->buffers[0].address = maker_below(maker, 4) ? 0 : maker_number(maker);
		}
	}
}

Test(round_trip, every_call_with_any_arguments)
{
	struct maker *maker = calloc(1, sizeof(*maker));
	struct arena *arena = arena_new();
	struct event event;

	for (int op = 0; op < CALL_OP_COUNT; op++) {
		for (int seed = 0; seed < 300 && op != CALL_IOCTL; seed++) {
			make_call(maker, &event, (enum call_op)op);
			free(through_text(&event, arena));
		}
	}
	arena_free(arena);
	free(maker);
}

Test(round_trip, every_errno_and_the_ends_of_the_range)
{
	struct event event = {.call = {.task = 1, .thread = 1, .op = CALL_EXEC}, .answer = {.known = true}};
	struct arena *arena = arena_new();

	for (int64_t number = 1; number < 5000; number++) {
		event.answer.ret = -number;
		free(through_text(&event, arena));
	}
	event.answer.ret = INT64_MIN;
	free(through_text(&event, arena));
	event.answer.ret = INT64_MAX;
	free(through_text(&event, arena));
	arena_free(arena);
}

Test(round_trip, payload_of_the_greatest_length)
{
	uint8_t *in = calloc(2, CALL_PAYLOAD_MAX), *out = in + CALL_PAYLOAD_MAX;
	struct event event = {.call = {.task = 1, .thread = 1, .op = CALL_PREAD}, .answer = {.known = true}};
	struct maker *maker = calloc(1, sizeof(*maker));
	struct arena *arena = arena_new();

	event.call.buffer_count = 1;
	event.call.buffers[0] = (struct buffer){.length = CALL_PAYLOAD_MAX, .in = in, .out = out};
	for (uint32_t i = 0; i < CALL_PAYLOAD_MAX; i++)
		out[i] = (uint8_t)maker_draw(maker);
	free(through_text(&event, arena));
	arena_free(arena);
	free(maker);
	free(in);
}

Test(round_trip, capability_layouts_begin_with_the_header)
{
	static const struct {
		const char *name;
		uint32_t offset;
	} header[] = {{"id", 0}, {"version", 2}, {"next", 4}};

	for (size_t i = 0; i < ioctl_count; i++) {
		const struct struct_desc *desc = ioctl_table[i].layout;

		for (const struct cap_desc *cap = desc ? desc->caps : NULL; cap && cap->name; cap++) {
			for (size_t f = 0; f < 3; f++) {
				cr_assert_str_eq(cap->layout->fields[f].name, header[f].name);
				cr_assert_eq(cap->layout->fields[f].offset, header[f].offset);
			}
		}
	}
}

/* Fields without gaps in the order of their offsets: what the text leaves out is only what does not fit. */
Test(round_trip, fields_of_every_struct_cover_it_in_order)
{
	for (size_t i = 0; i < ioctl_count; i++) {
		const struct struct_desc *desc = ioctl_table[i].layout;
		uint32_t end = 0;

		for (size_t f = 0; desc && f < desc->field_count; f++) {
			cr_assert_eq(desc->fields[f].offset, end, "%s.%s", desc->name, desc->fields[f].name);
			end += (uint32_t)desc->fields[f].width * desc->fields[f].count;
		}
		cr_assert(!desc || end == desc->size);
	}
}
