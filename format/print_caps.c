/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Capability chains as text: caps=[NAME{...}, @OFFSET NAME#VERSION{...}].
 *
 * A chain is written capability by capability only if that gives every byte of the
 * region behind the struct back; what is not in a capability must be as it was before.
 */
#include "format_internal.h"

struct chain {
	const struct struct_desc *desc;
	const uint8_t *was, *now;
	uint32_t length;
	uint32_t done; /* bytes before this offset are accounted for */
};

static const uint8_t *at(const uint8_t *bytes, uint32_t offset)
{
	return bytes ? bytes + offset : NULL;
}

/* Whether nothing happened between what is accounted for and @offset. */
static bool quiet_until(const struct chain *chain, uint32_t offset)
{
	return offset <= chain->done ||
	       bytes_same(at(chain->was, chain->done), chain->now + chain->done, offset - chain->done);
}

/*
 * The end of what is worth writing in [@offset, @limit): whole elements of @width bytes,
 * without those at the end that are as they were.
 */
static uint32_t trim(const struct chain *chain, uint32_t offset, uint32_t limit, uint32_t width)
{
	uint32_t end = limit - (limit - offset) % width;

	while (end > offset && bytes_same(at(chain->was, end - width), chain->now + end - width, width))
		end -= width;
	return end;
}

/*
 * What the capability at @offset, which may reach to @limit, is. Where two have the id, nothing in the bytes says which
 * one it is: it is the first that leaves nothing over that was written, or the last that fits.
 */
static const struct cap_desc *cap_at(const struct chain *chain, uint64_t id, uint32_t offset, uint32_t limit)
{
	const struct cap_desc *found = NULL;

	for (const struct cap_desc *cap = chain->desc->caps; cap && cap->name; cap++) {
		const uint32_t size = cap->layout->size;

		if (cap->id != id || size > limit - offset)
			continue;
		found = cap;
		if (trim(chain, offset + size, limit, 1) == offset + size)
			break;
	}
	return found;
}

/* The end of what follows a capability's fixed part at @offset, in elements or as one struct. */
static uint32_t flex_end(const struct chain *chain, const struct struct_desc *layout, uint32_t offset, uint32_t limit)
{
	const uint32_t fixed = offset + layout->size;
	const struct struct_desc *chosen = NULL;

	if (layout->flex == FLEX_CHOICE)
		chosen = struct_chosen(layout, chain->now + offset);
	if (chosen && chosen->size <= limit - fixed)
		return fixed + chosen->size;
	return trim(chain, fixed, limit, flex_width(layout));
}

/* The body of a capability at @offset that may reach to @limit. Moves chain->done to its end. */
static void print_body(struct text *out, struct chain *chain, const struct struct_desc *layout, uint32_t offset,
		       uint32_t limit)
{
	uint32_t fixed = offset + layout->size;
	bool comma = false;

	chain->done = fixed;
	fields_print(out, layout, CAP_HEADER_SIZE, NULL, chain->now + offset, layout->size, &comma);
	if (flex_width(layout))
		chain->done = flex_end(chain, layout, offset, limit);
	if (chain->done > fixed)
		flex_print(out, layout, chain->now + fixed, chain->done - fixed, &comma);
}

/* The same for one that the table does not know, or that is shorter than it says. */
static void print_raw_body(struct text *out, struct chain *chain, uint32_t offset, uint32_t limit)
{
	uint32_t body = offset + CAP_HEADER_SIZE;

	chain->done = trim(chain, body, limit, 1);
	if (chain->done > body) {
		text_append(out, REST_NAME "=hex(", sizeof(REST_NAME "=hex(") - 1);
		text_bytes(out, chain->now + body, chain->done - body);
		text_char(out, ')');
	}
}

static void print_cap(struct text *out, struct chain *chain, uint32_t offset, uint32_t limit, bool first)
{
	const uint8_t *header = chain->now + offset;
	uint64_t id = bytes_get(header, 2), version = bytes_get(header + 2, 2);
	const struct cap_desc *cap = cap_at(chain, id, offset, limit);
	uint32_t usual = (chain->done + CAP_ALIGN - 1) / CAP_ALIGN * CAP_ALIGN;

	if (!first && offset != usual) {
		text_char(out, '@');
		text_decimal(out, offset);
		text_char(out, ' ');
	}
	if (cap)
		text_puts(out, cap->name);
	else
		text_hex(out, id);
	if (version != CAP_VERSION_USUAL) {
		text_char(out, '#');
		text_decimal(out, version);
	}
	text_char(out, '{');
	if (cap)
		print_body(out, chain, cap->layout, offset, limit);
	else
		print_raw_body(out, chain, offset, limit);
	text_char(out, '}');
}

/* Prints the chain that starts at @offset. False if it is broken, or if bytes would be lost. */
static bool print_chain(struct text *out, struct chain *chain, uint32_t offset)
{
	bool first = true;

	text_char(out, '[');
	while (offset) {
		uint32_t next, limit;

		/* Forwards only: that also ends every loop. */
		if (offset > chain->length || chain->length - offset < CAP_HEADER_SIZE ||
		    (!first && offset < chain->done) || !quiet_until(chain, offset))
			return false;
		next = (uint32_t)bytes_get(chain->now + offset + 4, 4);
		limit = next ? next : chain->length;
		if (limit > chain->length || limit < offset + CAP_HEADER_SIZE)
			return false;
		if (!first)
			text_append(out, ", ", 2);
		print_cap(out, chain, offset, limit, first);
		first = false;
		offset = next;
	}
	text_char(out, ']');
	return !first && quiet_until(chain, chain->length);
}

void caps_print(struct text *out, const struct struct_desc *desc, const uint8_t *was, const uint8_t *now,
		uint32_t length, bool *comma)
{
	const struct field_desc *field = cap_offset_field(desc);
	struct chain chain = {.desc = desc, .was = was, .now = now, .length = length, .done = desc->size};
	size_t start;

	if (bytes_same(at(was, desc->size), now + desc->size, length - desc->size))
		return;
	if (*comma)
		text_append(out, ", ", 2);
	*comma = true;
	text_puts(out, desc->flex_name);
	text_char(out, '=');
	start = out->length;
	if (field) {
		uint32_t offset = (uint32_t)bytes_get(now + field->offset, field->width);

		/* A chain of older kernels may begin in what is padding now, but never in a field before. */
		if (offset >= field->offset + field->width && print_chain(out, &chain, offset))
			return;
	}
	out->length = start;
	text_append(out, "hex(", 4);
	text_bytes(out, now + desc->size, length - desc->size);
	text_char(out, ')');
}
