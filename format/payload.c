/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Facts about payloads on which printer and parser must agree: where the flexible
 * array of a struct ends, where capability chains hang, which bytes nothing names.
 */
#include "format_internal.h"

bool bytes_same(const uint8_t *was, const uint8_t *now, size_t length)
{
	if (length == 0)
		return true;
	if (was)
		return memcmp(was, now, length) == 0;
	/* All zero: the first byte is, and each equals the one before it. */
	return now[0] == 0 && memcmp(now, now + 1, length - 1) == 0;
}

uint32_t flex_width(const struct struct_desc *desc)
{
	switch (desc->flex) {
	case FLEX_BYTES:
	case FLEX_CHOICE:
		return 1;
	case FLEX_U32:
	case FLEX_S32:
		return 4;
	case FLEX_STRUCT:
		return desc->flex_struct->size;
	case FLEX_NONE:
	case FLEX_CAPS:
		break;
	}
	return 0;
}

uint32_t rest_offset(const struct struct_desc *desc, uint32_t length)
{
	uint32_t width = flex_width(desc);

	if (length >= desc->size)
		return width ? length - (length - desc->size) % width : desc->size;
	for (size_t i = 0; i < desc->field_count; i++) {
		const struct field_desc *field = &desc->fields[i];

		if (field->offset + field->width * field->count > length)
			return field->offset < length ? field->offset : length;
	}
	return length;
}

const struct field_desc *cap_offset_field(const struct struct_desc *desc)
{
	for (size_t i = 0; i < desc->field_count; i++) {
		if (strcmp(desc->fields[i].name, "cap_offset") == 0)
			return &desc->fields[i];
	}
	return NULL;
}
