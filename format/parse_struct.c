/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Structs: {field=value, ... => field=value}. The names of the fields come in the
 * order of the struct, so the next one is nearly always the one that is looked at first.
 */
#include <inttypes.h>

#include "parse_payload.h"

/* One element of a list: a number as @field has it, or a struct. */
struct item {
	const struct field_desc *field;
	const struct struct_desc *desc;
	uint32_t width;
};

bool body_reach(const struct parser *parser, struct body *body, uint32_t end)
{
	uint8_t *bytes;

	if (end <= body->length)
		return true;
	bytes = arena_extend(parser->arena, body->bytes, body->length, end);
	if (!bytes)
		return false;
	memset(bytes + body->length, 0, end - body->length);
	body->bytes = bytes;
	body->length = end;
	return true;
}

static const char *parse_number(const struct parser *parser, const char *s, const struct field_desc *field, uint8_t *to)
{
	uint64_t value, limit = width_max(field->width);

	switch (field->show) {
	case SHOW_SIGNED:
	case SHOW_FD:
		s = scan_signed(parser, s, field->width, &value);
		break;
	case SHOW_SET:
		s = scan_set(parser, s, field->set, limit, &value);
		break;
	case SHOW_ENUM:
		s = scan_enum(parser, s, field->set, limit, &value);
		break;
	default:
		s = scan_number(parser, s, limit, &value);
		break;
	}
	if (s)
		bytes_put(to, field->width, value);
	return s;
}

static const char *parse_item(struct parser *parser, const char *s, const struct item *item, struct body *body,
			      uint32_t offset)
{
	uint32_t unused = 0;

	if (item->field)
		return parse_number(parser, s, item->field, body->bytes + offset);
	s = scan_char(parser, s, '{');
	if (!s)
		return NULL;
	/* An element that is listed is listed whole, also where it replaces one. */
	memset(body->bytes + offset, 0, item->width);
	s = members_parse(parser, s, item->desc, 0, MEMBERS_OF_ELEMENT, body, offset, &unused);
	if (s && *s != '}')
		return scan_expected(parser, s, "'}'");
	return s ? s + 1 : NULL;
}

static void repeat(uint8_t *first, uint32_t width, uint32_t count)
{
	for (uint32_t i = 1; i < count; i++)
		memcpy(first + (size_t)i * width, first, width);
}

/* [ITEM, ITEM*COUNT, ...], at most @most of them, from @offset on; *@end becomes their end. */
static const char *parse_list(struct parser *parser, const char *s, const struct item *item, uint32_t most,
			      struct body *body, uint32_t offset, uint32_t *end)
{
	s = scan_char(parser, s, '[');
	while (s && *s != ']') {
		const char *start = s;
		uint32_t count;

		if (most == 0)
			return scan_expected(parser, s, "']', as there is no room for more elements");
		if (!body_reach(parser, body, offset + item->width))
			return scan_no_memory(parser, s);
		s = parse_item(parser, s, item, body, offset);
		if (s)
			s = scan_count(parser, s, most, &count);
		if (!s)
			return NULL;
		if (!body_reach(parser, body, offset + count * item->width))
			return scan_no_memory(parser, start);
		repeat(body->bytes + offset, item->width, count);
		offset += count * item->width;
		most -= count;
		s = scan_blank(s);
		if (*s != ']') {
			if (*s != ',')
				return scan_expected(parser, s, "',' or ']'");
			s = scan_blank(s + 1);
			if (*s == ']')
				return scan_expected(parser, s, "an element");
		}
	}
	*end = offset;
	return s ? s + 1 : NULL;
}

const char *body_parse_hex(struct parser *parser, const char *s, struct body *body, uint32_t offset, uint32_t length,
			   bool at_most, uint32_t *end)
{
	const char *start = s;
	uint32_t count;
	uint8_t *bytes;

	if (!scan_is_hex_call(s))
		return scan_expected(parser, s, "hex(...)");
	s = scan_bytes(parser, scan_blank(s + 4), length, &bytes, &count);
	if (!s)
		return NULL;
	if (!at_most && count != length)
		return scan_expected(parser, s, "%" PRIu32 " bytes, not %" PRIu32, length, count);
	if (*s != ')')
		return scan_expected(parser, s, "hex digits or ')'");
	if (!body_reach(parser, body, offset + count))
		return scan_no_memory(parser, start);
	if (count)
		memcpy(body->bytes + offset, bytes, count);
	*end = offset + count;
	return s + 1;
}

/* The one struct behind @desc that the fixed part asks for, or what there is room for of it; *@end becomes its end. */
static const char *parse_chosen(struct parser *parser, const char *s, const struct struct_desc *desc, struct body *body,
				uint32_t base, uint32_t *end)
{
	const struct struct_desc *chosen = struct_chosen(desc, body->bytes + base);
	const uint32_t start = base + desc->size;
	uint32_t unused = 0;

	if (!chosen)
		return scan_expected(parser, s, "hex(...)");
	if (body->grows && !body_reach(parser, body, start + chosen->size))
		return scan_no_memory(parser, s);
	s = scan_char(parser, s, '{');
	if (!s)
		return NULL;
	*end = body->length < start + chosen->size ? body->length : start + chosen->size;
	if (*end > start)
		memset(body->bytes + start, 0, *end - start);
	s = members_parse(parser, s, chosen, 0, MEMBERS_OF_ELEMENT, body, start, &unused);
	if (s && *s != '}')
		return scan_expected(parser, s, "'}'");
	return s ? s + 1 : NULL;
}

/* The value of the flexible array of @desc. */
static const char *parse_flex(struct parser *parser, const char *s, const struct struct_desc *desc, struct body *body,
			      uint32_t base, uint32_t *end)
{
	static const struct field_desc u32 = {.width = 4, .count = 1, .show = SHOW_DEC};
	static const struct field_desc s32 = {.width = 4, .count = 1, .show = SHOW_SIGNED};
	struct item item = {.width = flex_width(desc)};
	uint32_t start = base + desc->size;
	uint32_t room = body_limit(body) > start ? body_limit(body) - start : 0;

	switch (desc->flex) {
	case FLEX_CAPS:
		return caps_parse(parser, s, desc, body);
	case FLEX_BYTES:
		return body_parse_hex(parser, s, body, start, room, true, end);
	case FLEX_CHOICE:
		if (!scan_is_hex_call(s))
			return parse_chosen(parser, s, desc, body, base, end);
		return body_parse_hex(parser, s, body, start, room, true, end);
	case FLEX_STRUCT:
		item.desc = desc->flex_struct;
		break;
	default:
		item.field = desc->flex == FLEX_S32 ? &s32 : &u32;
		break;
	}
	return parse_list(parser, s, &item, room / item.width, body, start, end);
}

/* Bytes that no field covers are only there in a payload with a length of its own. */
static const char *parse_rest(struct parser *parser, const char *s, const struct struct_desc *desc, struct body *body)
{
	uint32_t rest = rest_offset(desc, body->length), end;

	if (body->grows || rest == body->length)
		return scan_expected(parser, s,
				     "a length before the struct, as in %" PRIu32 ":{...}, that leaves a rest",
				     body->length + 1);
	return body_parse_hex(parser, s, body, rest, body->length - rest, false, &end);
}

static const char *parse_field(struct parser *parser, const char *s, const struct field_desc *field, struct body *body,
			       uint32_t base)
{
	struct item item = {.field = field, .width = field->width};
	uint32_t end;

	if (field->count > 1)
		return parse_list(parser, s, &item, field->count, body, base + field->offset, &end);
	return parse_number(parser, s, field, body->bytes + base + field->offset);
}

/* What to say of a member that is none of those from @next on. Those before @first do not count. */
static const char *unknown_member(const struct parser *parser, const char *s, const struct struct_desc *desc,
				  size_t first, size_t next)
{
	for (size_t i = first; i < next && i < desc->field_count; i++) {
		const char *at = s;

		if (scan_member(&at, desc->fields[i].name))
			return scan_expected(parser, s, "%s earlier and once only, as members of %s come in its order",
					     desc->fields[i].name, desc->name);
	}
	if (next < desc->field_count)
		return scan_expected(parser, s, "%s= or a later member of %s", desc->fields[next].name, desc->name);
	return scan_expected(parser, s, "no more members of %s", desc->name);
}

const char *members_parse(struct parser *parser, const char *s, const struct struct_desc *desc, uint32_t from,
			  enum members_of what, struct body *body, uint32_t base, uint32_t *end)
{
	/* How far the list has come: fields, then (as two more members) the flexible array and the rest. */
	size_t first = 0, next, flex = desc->field_count, rest = flex + 1;

	while (first < flex && desc->fields[first].offset < from)
		first++;
	next = first;
	s = scan_blank(s);
	if (*s == '}' || scan_is_arrow(s))
		return s;
	for (;;) {
		const char *name = s;
		size_t i = next;

		while (i < flex && !scan_member(&s, desc->fields[i].name))
			i++;
		if (i < flex) {
			const struct field_desc *field = &desc->fields[i];

			if (base + field->offset + (uint32_t)field->width * field->count > body->length)
				return scan_expected(
				    parser, name, "no field beyond the %" PRIu32 " bytes of the payload", body->length);
			s = parse_field(parser, s, field, body, base);
		} else if (next <= flex && what != MEMBERS_OF_ELEMENT && desc->flex != FLEX_NONE &&
			   scan_member(&s, desc->flex_name)) {
			s = parse_flex(parser, s, desc, body, base, end);
			i = flex;
		} else if (next <= rest && what == MEMBERS_OF_PAYLOAD && scan_member(&s, REST_NAME)) {
			s = parse_rest(parser, s, desc, body);
			i = rest;
		} else {
			return unknown_member(parser, name, desc, first, next);
		}
		if (!s)
			return NULL;
		next = i + 1;
		s = scan_blank(s);
		if (*s == '}' || scan_is_arrow(s))
			return s;
		if (*s != ',')
			return scan_expected(parser, s, "',', '}' or \"=>\"");
		s = scan_blank(s + 1);
	}
}

const char *struct_parse(struct parser *parser, const char *s, const struct struct_desc *desc, struct buffer *buffer)
{
	struct body body = {.length = desc->size, .grows = true};
	const char *start = s;
	uint32_t end;

	if (scan_is_digit(*s)) {
		uint64_t length;

		s = scan_number(parser, s, CALL_PAYLOAD_MAX, &length);
		if (s)
			s = scan_char(parser, s, ':');
		if (!s)
			return NULL;
		body.length = (uint32_t)length;
		body.grows = false;
	}
	s = scan_char(parser, s, '{');
	if (!s)
		return NULL;
	body.bytes = arena_take(parser->arena, body.length);
	if (!body.bytes)
		return scan_no_memory(parser, start);
	memset(body.bytes, 0, body.length);
	s = members_parse(parser, s, desc, 0, MEMBERS_OF_PAYLOAD, &body, 0, &end);
	if (!s)
		return NULL;
	buffer->in = body.bytes;
	buffer->length = body.length;
	if (*s != '}') {
		if (!parser->arrow)
			parser->arrow = s;
		body.grows = false;
		body.bytes = arena_take(parser->arena, body.length);
		if (!body.bytes)
			return scan_no_memory(parser, s);
		memcpy(body.bytes, buffer->in, body.length);
		s = members_parse(parser, s + 2, desc, 0, MEMBERS_OF_PAYLOAD, &body, 0, &end);
		if (!s)
			return NULL;
		buffer->out = body.bytes;
		if (*s != '}')
			return scan_expected(parser, s, "'}'");
	}
	return s + 1;
}
