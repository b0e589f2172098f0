/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Capability chains: caps=[NAME{...}, @OFFSET NAME#VERSION{...}, 0xID{rest=hex(...)}] or caps=hex(...).
 *
 * The first capability lies where cap_offset says, each further one behind the last
 * unless its offset is given; the `next` links are made here.
 */
#include <inttypes.h>

#include "parse_payload.h"

struct chain {
	const struct struct_desc *desc;
	struct body *body;
	uint32_t last; /* offset of the last capability; 0 before the first */
	uint32_t end;  /* of the last capability; before the first, the least offset it can have */
};

/* NAME or 0xID; *@cap is NULL after a number. */
static const char *parse_id(const struct parser *parser, const char *s, const struct chain *chain, uint64_t *id,
			    const struct cap_desc **cap)
{
	const char *end = s;

	*cap = NULL;
	if (scan_is_digit(*s))
		return scan_number(parser, s, UINT16_MAX, id);
	while (scan_is_word(*end))
		end++;
	for (*cap = chain->desc->caps; *cap && (*cap)->name; ++*cap) {
		const char *name = (*cap)->name;

		if (strncmp(name, s, (size_t)(end - s)) == 0 && name[end - s] == '\0') {
			*id = (*cap)->id;
			return end;
		}
	}
	return scan_expected(parser, s, "the name or number of a capability of %s", chain->desc->name);
}

/* Where the next capability lies. */
static const char *parse_offset(const struct parser *parser, const char *s, const struct chain *chain,
				const struct field_desc *first, uint32_t *offset)
{
	uint64_t value = (chain->end + CAP_ALIGN - 1) / CAP_ALIGN * CAP_ALIGN;
	const char *start = s;

	if (!chain->last) {
		value = bytes_get(chain->body->bytes + first->offset, first->width);
	} else if (*s == '@') {
		s = scan_number(parser, s + 1, UINT32_MAX, &value);
		if (!s)
			return NULL;
		s = scan_blank(s);
	}
	if (value < chain->end || value + CAP_HEADER_SIZE > chain->body->length)
		return scan_expected(parser, start,
				     "a capability between offsets %" PRIu32 " and %" PRIu32 ", not at %" PRIu64,
				     chain->end, chain->body->length, value);
	*offset = (uint32_t)value;
	return s;
}

/* The members of a capability whose layout is not known. */
static const char *parse_raw(struct parser *parser, const char *s, struct chain *chain)
{
	if (*s == '}')
		return s;
	if (!scan_member(&s, REST_NAME))
		return scan_expected(parser, s, "'}' or " REST_NAME "=hex(...)");
	s = body_parse_hex(parser, s, chain->body, chain->end, chain->body->length - chain->end, true, &chain->end);
	return s ? scan_blank(s) : NULL;
}

static const char *parse_cap(struct parser *parser, const char *s, struct chain *chain, const struct field_desc *first)
{
	const struct cap_desc *cap;
	const char *start = s;
	uint64_t id = 0, version = CAP_VERSION_USUAL;
	uint32_t offset = 0, size;
	uint8_t *header;

	s = parse_offset(parser, s, chain, first, &offset);
	if (s)
		s = parse_id(parser, s, chain, &id, &cap);
	if (s && *s == '#')
		s = scan_number(parser, s + 1, UINT16_MAX, &version);
	if (s)
		s = scan_char(parser, s, '{');
	if (!s)
		return NULL;
	size = cap ? cap->layout->size : CAP_HEADER_SIZE;
	if (size > chain->body->length - offset)
		return scan_expected(parser, start,
				     "room for the %" PRIu32 " bytes of this capability at offset %" PRIu32, size,
				     offset);
	header = chain->body->bytes + offset;
	memset(header, 0, size);
	bytes_put(header, 2, id);
	bytes_put(header + 2, 2, version);
	if (chain->last)
		bytes_put(chain->body->bytes + chain->last + 4, 4, offset);
	chain->last = offset;
	chain->end = offset + size;
	if (cap)
		s = members_parse(parser, s, cap->layout, CAP_HEADER_SIZE, MEMBERS_OF_CAPABILITY, chain->body, offset,
				  &chain->end);
	else
		s = parse_raw(parser, s, chain);
	if (s && *s != '}')
		return scan_expected(parser, s, "'}'");
	return s ? s + 1 : NULL;
}

const char *caps_parse(struct parser *parser, const char *s, const struct struct_desc *desc, struct body *body)
{
	const struct field_desc *first = cap_offset_field(desc);
	struct chain chain = {.desc = desc, .body = body};
	uint32_t end;

	if (body->grows || body->length <= desc->size)
		return scan_expected(parser, s,
				     "a length before the struct, as in %" PRIu32 ":{...}, with room for caps",
				     desc->size + CAP_HEADER_SIZE);
	if (scan_is_hex_call(s))
		return body_parse_hex(parser, s, body, desc->size, body->length - desc->size, false, &end);
	if (!first)
		return scan_expected(parser, s, "hex(...)");
	chain.end = first->offset + first->width;
	s = scan_char(parser, s, '[');
	while (s) {
		s = parse_cap(parser, s, &chain, first);
		if (!s)
			return NULL;
		s = scan_blank(s);
		if (*s == ']')
			return s + 1;
		if (*s != ',')
			return scan_expected(parser, s, "',' or ']'");
		s = scan_blank(s + 1);
	}
	return NULL;
}
