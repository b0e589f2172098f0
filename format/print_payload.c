/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Payloads as text: {field=value, ... => changed=value}, or hex(...) where a struct
 * would not give every byte back.
 */
#include "format_internal.h"

static void print_element(struct text *out, const struct field_desc *field, const uint8_t *bytes)
{
	uint64_t value = bytes_get(bytes, field->width);
	unsigned unused = 64 - 8 * field->width;

	switch (field->show) {
	case SHOW_DEC:
		text_decimal(out, value);
		break;
	case SHOW_SIGNED:
	case SHOW_FD:
		/* Sign extension by arithmetic alone: flip the sign bit, then take its weight off again. */
		text_signed(out, (int64_t)((value ^ (UINT64_C(1) << (63 - unused))) - (UINT64_C(1) << (63 - unused))));
		break;
	case SHOW_HEX:
	case SHOW_ADDR:
	case SHOW_PAD:
		text_hex(out, value);
		break;
	case SHOW_SET:
		text_set(out, field->set, value);
		break;
	case SHOW_ENUM:
		text_enum(out, field->set, value);
		break;
	}
}

static uint32_t equal_elements(const uint8_t *bytes, uint32_t width, uint32_t count)
{
	uint32_t run = 1;

	while (run < count && memcmp(bytes, bytes + (size_t)run * width, width) == 0)
		run++;
	return run;
}

/* Ends an element: says how often it stands there, or nothing for short runs. Returns how many it stands for. */
static uint32_t print_run(struct text *out, uint32_t run)
{
	if (run < RUN_MIN)
		return 1;
	text_char(out, '*');
	text_decimal(out, run);
	return run;
}

static void print_array(struct text *out, const struct field_desc *field, const uint8_t *bytes, uint32_t count)
{
	text_char(out, '[');
	for (uint32_t i = 0; i < count;) {
		const uint8_t *element = bytes + (size_t)i * field->width;

		if (i)
			text_append(out, ", ", 2);
		print_element(out, field, element);
		i += print_run(out, equal_elements(element, field->width, count - i));
	}
	text_char(out, ']');
}

static void print_structs(struct text *out, const struct struct_desc *desc, const uint8_t *bytes, uint32_t count)
{
	text_char(out, '[');
	for (uint32_t i = 0; i < count;) {
		const uint8_t *element = bytes + (size_t)i * desc->size;
		bool comma = false;

		if (i)
			text_append(out, ", ", 2);
		text_char(out, '{');
		fields_print(out, desc, 0, NULL, element, desc->size, &comma);
		text_char(out, '}');
		i += print_run(out, equal_elements(element, desc->size, count - i));
	}
	text_char(out, ']');
}

static void print_hex(struct text *out, const uint8_t *bytes, size_t length)
{
	text_append(out, "hex(", 4);
	text_bytes(out, bytes, length);
	text_char(out, ')');
}

static void print_name(struct text *out, const char *name, bool *comma)
{
	if (*comma)
		text_append(out, ", ", 2);
	*comma = true;
	text_puts(out, name);
	text_char(out, '=');
}

/* What follows the fixed part at @bytes, if it ends with one of its fields: then these are all that there is to say. */
static const struct struct_desc *chosen_whole(const struct struct_desc *desc, const uint8_t *bytes, uint32_t length)
{
	const struct struct_desc *chosen = struct_chosen(desc, bytes);

	return chosen && length <= chosen->size && rest_offset(chosen, length) == length ? chosen : NULL;
}

static void print_chosen(struct text *out, const struct struct_desc *desc, const uint8_t *bytes, uint32_t length)
{
	const struct struct_desc *chosen = chosen_whole(desc, bytes - desc->size, length);
	bool comma = false;

	if (!chosen) {
		print_hex(out, bytes, length);
		return;
	}
	text_char(out, '{');
	fields_print(out, chosen, 0, NULL, bytes, length, &comma);
	text_char(out, '}');
}

void flex_print(struct text *out, const struct struct_desc *desc, const uint8_t *bytes, uint32_t length, bool *comma)
{
	static const struct field_desc u32 = {.width = 4, .count = 1, .show = SHOW_DEC};
	static const struct field_desc s32 = {.width = 4, .count = 1, .show = SHOW_SIGNED};

	print_name(out, desc->flex_name, comma);
	switch (desc->flex) {
	case FLEX_U32:
		print_array(out, &u32, bytes, length / 4);
		break;
	case FLEX_S32:
		print_array(out, &s32, bytes, length / 4);
		break;
	case FLEX_STRUCT:
		print_structs(out, desc->flex_struct, bytes, length / desc->flex_struct->size);
		break;
	case FLEX_CHOICE:
		print_chosen(out, desc, bytes, length);
		break;
	case FLEX_NONE:
	case FLEX_BYTES:
	case FLEX_CAPS:
		print_hex(out, bytes, length);
		break;
	}
}

void fields_print(struct text *out, const struct struct_desc *desc, uint32_t from, const uint8_t *was,
		  const uint8_t *now, uint32_t length, bool *comma)
{
	for (size_t i = 0; i < desc->field_count; i++) {
		const struct field_desc *field = &desc->fields[i];
		uint32_t size = (uint32_t)field->width * field->count;
		const uint8_t *bytes;

		if (field->offset < from)
			continue;
		/* Fields lie without gaps in the order of their offsets: the ones to come do not fit either. */
		if (field->offset + size > length)
			return;
		bytes = now + field->offset;
		if ((was || field->show == SHOW_PAD) && bytes_same(was ? was + field->offset : NULL, bytes, size))
			continue;
		print_name(out, field->name, comma);
		if (field->count == 1)
			print_element(out, field, bytes);
		else
			print_array(out, field, bytes, field->count);
	}
}

/* One side of a payload: everything (@was is NULL), or what differs from @was. */
static void print_side(struct text *out, const struct struct_desc *desc, const uint8_t *was, const uint8_t *now,
		       uint32_t length)
{
	uint32_t rest = rest_offset(desc, length);
	bool comma = false;

	fields_print(out, desc, 0, was, now, length, &comma);
	if (desc->flex == FLEX_CAPS && length > desc->size) {
		caps_print(out, desc, was, now, length, &comma);
		return;
	}
	if (rest > desc->size && !(was && bytes_same(was + desc->size, now + desc->size, rest - desc->size)))
		flex_print(out, desc, now + desc->size, rest - desc->size, &comma);
	if (rest < length && !bytes_same(was ? was + rest : NULL, now + rest, length - rest)) {
		print_name(out, REST_NAME, &comma);
		print_hex(out, now + rest, length - rest);
	}
}

/* The length that the text gives by itself: the fixed part and what is listed behind it. */
static uint32_t usual_length(const struct struct_desc *desc, const struct buffer *buffer)
{
	const struct struct_desc *chosen = NULL;

	if (!flex_width(desc) || buffer->length <= desc->size)
		return desc->size;
	if (desc->flex == FLEX_CHOICE)
		chosen = chosen_whole(desc, buffer->in, buffer->length - desc->size);
	return chosen ? desc->size + chosen->size : rest_offset(desc, buffer->length);
}

void payload_print_struct(struct text *out, const struct struct_desc *desc, const struct buffer *buffer, bool changed)
{
	if (buffer->length != usual_length(desc, buffer)) {
		text_decimal(out, buffer->length);
		text_char(out, ':');
	}
	text_char(out, '{');
	print_side(out, desc, NULL, buffer->in, buffer->length);
	if (changed) {
		text_append(out, " => ", 4);
		print_side(out, desc, buffer->in, buffer->out, buffer->length);
	}
	text_char(out, '}');
}

void payload_print_hex(struct text *out, const struct buffer *buffer, bool changed)
{
	if (!changed) {
		print_hex(out, buffer->in, buffer->length);
		return;
	}
	text_append(out, "hex(", 4);
	/* Memory that was all zero is not worth writing where what came into it is written. */
	if (!bytes_same(NULL, buffer->in, buffer->length)) {
		text_bytes(out, buffer->in, buffer->length);
		text_char(out, ' ');
	}
	text_append(out, "=> ", 3);
	text_bytes(out, buffer->out, buffer->length);
	text_char(out, ')');
}
