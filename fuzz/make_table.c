/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Making any ioctl of the table from nothing but its row, so that a new one is tried as soon as the model knows it.
 */
#include <string.h>

#include "generator_internal.h"

/* One of the named values of a set: any of them or'ed, in a flag set. */
static uint64_t choose_named(struct generator *g, const struct value_set *set, bool flags)
{
	uint64_t value = 0;

	if (!set || !set->count || strange(g))
		return below(g, 64);
	if (!flags)
		return set->entries[below(g, set->count)].value;
	for (uint64_t draws = below(g, 3); draws; draws--)
		value |= set->entries[below(g, set->count)].value;
	return value;
}

static uint64_t choose_address(struct generator *g)
{
	const struct area *area = choose_area(g, 0, false);

	return area && !strange(g) ? area->address : choose_wild_address(g);
}

/* A value for one field, by how it is shown: that tells what it means. */
static uint64_t choose_field(struct generator *g, const struct field_desc *field)
{
	switch (field->show) {
	case SHOW_SET:
		return choose_named(g, field->set, true);
	case SHOW_ENUM:
		return choose_named(g, field->set, false);
	case SHOW_FD:
		return choose_any_fd(g);
	case SHOW_ADDR:
		return choose_address(g);
	case SHOW_HEX:
		return chance(g, 1, 2) ? choose_iova(g) : choose_size(g);
	case SHOW_DEC:
	case SHOW_SIGNED:
		return below(g, 4);
	case SHOW_PAD:
		return strange(g) ? any(g) : 0;
	}
	return 0;
}

static void build_fields(struct generator *g, struct call *call)
{
	enum { LARGEST = 256, EXTRA = 16 };
	const struct ioctl_row *row = call->ioctl;
	const struct struct_desc *layout = row->layout;
	const uint32_t length = layout->size + (layout->flex != FLEX_NONE ? EXTRA : 0);
	uint8_t bytes[LARGEST] = {0};

	if (length > sizeof(bytes))
		return;
	for (size_t i = 0; i < layout->field_count; i++) {
		const struct field_desc *field = &layout->fields[i];

		for (uint32_t k = 0; k < field->count; k++)
			bytes_put(bytes + field->offset + k * field->width, field->width, choose_field(g, field));
	}
	if (row->minsz)
		bytes_put(bytes, 4, choose_argsz(g, row->minsz, length));
	build_bytes(g, call, bytes, length);
}

bool make_table_ioctl(struct generator *g, struct call *call)
{
	const struct ioctl_row *row = &ioctl_table[below(g, ioctl_count)];
	const char *name = g->machine->devices[below(g, g->machine->device_count)].name;
	uint8_t number[4];
	uint64_t fd;

	/* What pins memory has a maker that counts it. */
	if (row->owner == OWNER_TYPE1 && row->number == VFIO_IOMMU_MAP_DMA)
		return false;
	if (!choose_fd(g, row->owner, &fd))
		return false;
	build_ioctl(call, fd, row->name);
	switch (row->arg) {
	case ARG_NONE:
		break;
	case ARG_VALUE:
		call->args[2] = choose_named(g, row->values, false);
		break;
	case ARG_INT:
		bytes_put(number, sizeof(number), choose_any_fd(g));
		build_bytes(g, call, number, sizeof(number));
		break;
	case ARG_STRING:
		build_bytes(g, call, name, (uint32_t)strlen(name) + 1);
		break;
	case ARG_STRUCT:
		build_fields(g, call);
		break;
	}
	return true;
}
