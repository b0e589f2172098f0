/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Memory of a call: which form it has, and the simple forms.
 */
#include <inttypes.h>

#include "parse_payload.h"

static void saw_arrow(struct parser *parser, const char *s)
{
	if (!parser->arrow)
		parser->arrow = s;
}

/* hex(BEFORE), hex(BEFORE => AFTER) or hex(=> AFTER), where all was zero before. */
static const char *parse_hex(struct parser *parser, const char *s, struct buffer *buffer)
{
	const char *start = s;
	uint8_t *in, *out;
	uint32_t length;

	s = scan_bytes(parser, scan_blank(s + 4), CALL_PAYLOAD_MAX, &in, &buffer->length);
	if (!s)
		return NULL;
	if (scan_is_arrow(s)) {
		const char *after = scan_blank(s + 2);

		saw_arrow(parser, s);
		s = scan_bytes(parser, after, CALL_PAYLOAD_MAX, &out, &length);
		if (!s)
			return NULL;
		if (length == 0)
			return scan_expected(parser, s, "the bytes after the call");
		if (buffer->length && buffer->length != length)
			return scan_expected(parser, s, "%" PRIu32 " bytes, as before the call, not %" PRIu32,
					     buffer->length, length);
		if (!buffer->length) {
			in = arena_take(parser->arena, length);
			if (!in)
				return scan_no_memory(parser, start);
			memset(in, 0, length);
			buffer->length = length;
		}
		buffer->out = out;
	}
	if (*s != ')')
		return scan_expected(parser, s, "hex digits, \"=>\" or ')'");
	buffer->in = in;
	return s + 1;
}

/* [INT] or [INT => INT]. */
static const char *parse_int(struct parser *parser, const char *s, struct buffer *buffer)
{
	uint8_t *bytes = arena_take(parser->arena, 8);
	uint64_t value;

	if (!bytes)
		return scan_no_memory(parser, s);
	s = scan_signed(parser, scan_blank(s + 1), 4, &value);
	if (!s)
		return NULL;
	bytes_put(bytes, 4, value);
	buffer->in = bytes;
	buffer->length = 4;
	s = scan_blank(s);
	if (scan_is_arrow(s)) {
		saw_arrow(parser, s);
		s = scan_signed(parser, scan_blank(s + 2), 4, &value);
		if (!s)
			return NULL;
		bytes_put(bytes + 4, 4, value);
		buffer->out = bytes + 4;
		s = scan_blank(s);
	}
	if (*s != ']')
		return scan_expected(parser, s, "']'");
	return s + 1;
}

static const char *parse_string(struct parser *parser, const char *s, struct buffer *buffer)
{
	const char *string;
	size_t length;

	s = scan_string(parser, s, CALL_PAYLOAD_MAX - 1, &string, &length);
	if (!s)
		return NULL;
	buffer->in = (const uint8_t *)string;
	buffer->length = (uint32_t)length + 1;
	return s;
}

const char *payload_parse(struct parser *parser, const char *s, const struct ioctl_row *row, struct buffer *buffer)
{
	if (scan_is_hex_call(s))
		return parse_hex(parser, s, buffer);
	switch (row ? row->arg : ARG_NONE) {
	case ARG_STRUCT:
		if (*s == '{' || scan_is_digit(*s))
			return struct_parse(parser, s, row->layout, buffer);
		return scan_expected(parser, s, "{...} of %s, hex(...) or a number", row->layout->name);
	case ARG_STRING:
		if (*s == '"')
			return parse_string(parser, s, buffer);
		return scan_expected(parser, s, "a string, hex(...) or a number");
	case ARG_INT:
		if (*s == '[')
			return parse_int(parser, s, buffer);
		return scan_expected(parser, s, "[INT], hex(...) or a number");
	case ARG_NONE:
	case ARG_VALUE:
		break;
	}
	return scan_expected(parser, s, "hex(...) or a number");
}
