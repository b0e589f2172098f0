/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/* Owns the way from a byte of a payload to the name of its field. */
#include "check/place.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Bytes of the header of a capability: u16 id, u16 version, u32 next. */
#define CAP_HEADER 8

/* A chain can hold each id more than once, but a sane one is short; a circle must end. */
#define CAPS_MAX 64

static unsigned flex_width(const struct struct_desc *layout)
{
	switch (layout->flex) {
	case FLEX_U32:
	case FLEX_S32:
		return 4;
	case FLEX_BYTES:
	case FLEX_CHOICE:
		return 1;
	default:
		return 0;
	}
}

/* Fills @place for byte @offset of the struct that starts at @base; @prefix goes before the name. */
static void place_in_struct(struct place *place, const struct struct_desc *layout, uint32_t base, uint32_t offset,
			    const char *prefix)
{
	uint32_t at = offset - base;
	unsigned width = flex_width(layout);

	for (size_t i = 0; i < layout->field_count; i++) {
		const struct field_desc *field = &layout->fields[i];
		uint32_t index = at < field->offset ? UINT32_MAX : (at - field->offset) / field->width;

		if (index >= field->count)
			continue;
		place->offset = base + field->offset + index * field->width;
		place->width = field->width;
		if (field->count == 1)
			snprintf(place->name, sizeof(place->name), "%s%s", prefix, field->name);
		else
			snprintf(place->name, sizeof(place->name), "%s%s[%" PRIu32 "]", prefix, field->name, index);
		return;
	}
	if (at < layout->size)
		return;
	at -= layout->size;
	if (layout->flex == FLEX_STRUCT && layout->flex_struct && layout->flex_struct->size > 0) {
		const struct struct_desc *element = layout->flex_struct;
		char inner[96];

		snprintf(inner, sizeof(inner), "%s%s[%" PRIu32 "].", prefix, layout->flex_name, at / element->size);
		place_in_struct(place, element, base + layout->size + at / element->size * element->size, offset,
				inner);
	} else if (width > 0) {
		place->offset = base + layout->size + at / width * width;
		place->width = (uint8_t)width;
		snprintf(place->name, sizeof(place->name), "%s%s[%" PRIu32 "]", prefix, layout->flex_name, at / width);
	}
}

/* The capability with this id in which byte @at is; where there are several, the first that has so many. */
static const struct cap_desc *cap_find(const struct struct_desc *layout, uint64_t id, uint32_t at)
{
	const struct cap_desc *found = NULL;

	for (const struct cap_desc *cap = layout->caps; cap && cap->name; cap++) {
		if (cap->id != id)
			continue;
		found = cap;
		if (at < cap->layout->size)
			break;
	}
	return found;
}

/* Where the chain of @layout begins: the field that says so is called cap_offset. */
static uint32_t chain_start(const struct struct_desc *layout, const uint8_t *bytes, uint32_t length)
{
	for (size_t i = 0; i < layout->field_count; i++) {
		const struct field_desc *field = &layout->fields[i];

		if (strcmp(field->name, "cap_offset") == 0 && field->offset + field->width <= length)
			return (uint32_t)bytes_get(bytes + field->offset, field->width);
	}
	return 0;
}

/* Fills @place if @offset lies in a capability: the one that starts last before it. */
static void place_in_chain(struct place *place, const struct struct_desc *layout, uint32_t offset, const uint8_t *bytes,
			   uint32_t length)
{
	uint32_t at = chain_start(layout, bytes, length);
	uint32_t best = 0;

	for (unsigned i = 0; i < CAPS_MAX && at >= layout->size && at <= length && length - at >= CAP_HEADER; i++) {
		if (at <= offset && at > best)
			best = at;
		at = (uint32_t)bytes_get(bytes + at + 4, 4);
	}
	if (best > 0) {
		uint64_t id = bytes_get(bytes + best, 2);
		const struct cap_desc *cap = cap_find(layout, id, offset - best);
		char prefix[96];

		if (cap) {
			snprintf(prefix, sizeof(prefix), "%s.", cap->name);
			place_in_struct(place, cap->layout, best, offset, prefix);
		} else {
			snprintf(place->name, sizeof(place->name), "capability %" PRIu64, id);
		}
	}
}

void place_find(struct place *place, const struct call *call, uint32_t index, uint32_t offset, const uint8_t *bytes)
{
	const struct ioctl_row *row = call->op == CALL_IOCTL && index == 0 ? call->ioctl : NULL;
	uint32_t length = call->buffers[index].length;

	*place = (struct place){.offset = offset, .width = 1};
	if (row && row->arg == ARG_INT && offset < 4 && length >= 4) {
		place->offset = 0;
		place->width = 4;
		snprintf(place->name, sizeof(place->name), "the int");
	} else if (row && row->arg == ARG_STRUCT) {
		if (row->layout->flex == FLEX_CAPS && offset >= row->layout->size && bytes)
			place_in_chain(place, row->layout, offset, bytes, length);
		else
			place_in_struct(place, row->layout, 0, offset, "");
	}
	/* A field that is cut off by the end of the buffer has no value to show. */
	if (place->offset > length || length - place->offset < place->width) {
		place->offset = offset;
		place->width = 1;
	}
}
