/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * What addresses in a device tree mean: `reg` and `ranges` of a node, translated through the buses above it to what the
 * processor sees. A bus without `ranges` is one whose addresses the processor does not see (I2C, SPI, processors).
 */
#include "board_internal.h"

/* Up to four cells. Where there are more than two, those before the last two are a space of their own. */
struct cells {
	uint64_t space, number;
};

/* A list of entries of equal size. */
struct entries {
	const uint8_t *bytes; /* NULL: the property is not there */
	uint32_t count, size; /* bytes of one */
};

static struct cells take_cells(const uint8_t *bytes, uint32_t count)
{
	const uint32_t low = count < 2 ? count : 2;

	return (struct cells){.space = tree_cells(bytes, count - low),
			      .number = tree_cells(bytes + 4 * (size_t)(count - low), low)};
}

/* Entries of @cells cells. 0 or -1 with a diagnostic. */
static int read_entries(const struct survey *survey, uint32_t node, const char *property, uint32_t cells,
			struct entries *entries)
{
	uint32_t length;

	*entries = (struct entries){.bytes = tree_bytes(survey->tree, survey->nodes[node].offset, property, &length),
				    .size = 4 * cells};
	if (!entries->bytes || !length)
		return 0;
	if (!entries->size || length % entries->size != 0)
		return tree_fail(survey->tree, survey->nodes[node].offset,
				 "property \"%s\" has %u bytes, expected entries of %u cells", property, length, cells);
	entries->count = length / entries->size;
	return 0;
}

/* What `ranges` of a bus (or of a device that is one for its own parts) says, which may be nothing. */
static int read_ranges(const struct survey *survey, uint32_t bus, struct entries *entries)
{
	const struct board_node *node = &survey->nodes[bus], *parent = &survey->nodes[node->parent];

	if (read_entries(survey, bus, "ranges", node->address_cells + parent->address_cells + node->size_cells,
			 entries) != 0)
		return -1;
	if (entries->count && (node->address_cells == 0 || parent->address_cells == 0))
		return tree_fail(
		    survey->tree, node->offset,
		    "property \"ranges\" has entries, expected \"#address-cells\" of 1 to %u on both sides",
		    BOARD_CELLS_MAX);
	if (entries->count > BOARD_RANGES_MAX)
		return tree_fail(survey->tree, node->offset, "property \"ranges\" has %u entries, expected at most %u",
				 entries->count, BOARD_RANGES_MAX);
	return 0;
}

/* One step up: from the addresses below @bus to those beside it. 1, or 0 if there is no way; -1 with a diagnostic. */
static int step_up(const struct survey *survey, uint32_t bus, struct cells *address)
{
	const struct board_node *node = &survey->nodes[bus], *parent = &survey->nodes[node->parent];
	struct entries ranges;

	if (read_ranges(survey, bus, &ranges) != 0)
		return -1;
	/* Without a value, addresses are the same on both sides. */
	if (!ranges.count)
		return ranges.bytes ? 1 : 0;
	for (uint32_t i = 0; i < ranges.count; i++) {
		const uint8_t *entry = ranges.bytes + (size_t)i * ranges.size;
		const uint8_t *above = entry + 4 * (size_t)node->address_cells;
		struct cells child = take_cells(entry, node->address_cells);
		struct cells size = take_cells(above + 4 * (size_t)parent->address_cells, node->size_cells);

		if (child.space != address->space || address->number < child.number ||
		    (!size.space && address->number - child.number >= size.number))
			continue;
		address->number -= child.number;
		child = take_cells(above, parent->address_cells);
		address->space = child.space;
		address->number += child.number;
		return 1;
	}
	return 0;
}

/* What the processor sees of an address below @bus: 1, or 0 if it sees nothing; -1 with a diagnostic. */
static int translate(const struct survey *survey, uint32_t bus, struct cells *address)
{
	int result = 1;

	for (; result == 1 && bus != BOARD_ROOT; bus = survey->nodes[bus].parent)
		result = step_up(survey, bus, address);
	return result;
}

/* Whether there is a way for addresses from below @bus up to the processor at all. */
static bool is_seen(const struct survey *survey, uint32_t bus)
{
	uint32_t length;

	while (bus != BOARD_ROOT && tree_bytes(survey->tree, survey->nodes[bus].offset, "ranges", &length))
		bus = survey->nodes[bus].parent;
	return bus == BOARD_ROOT;
}

/* Entries of `reg`; none where nobody could see them. */
static int read_reg(const struct survey *survey, uint32_t index, struct entries *entries)
{
	const struct board_node *node = &survey->nodes[index], *parent = &survey->nodes[node->parent];

	*entries = (struct entries){.bytes = NULL};
	if (!is_seen(survey, node->parent) || !tree_has(survey->tree, node->offset, "reg"))
		return 0;
	if (parent->address_cells == 0)
		return tree_fail(survey->tree, parent->offset,
				 "property \"#address-cells\" is 0, expected 1 to %u: a node below has \"reg\"",
				 BOARD_CELLS_MAX);
	return read_entries(survey, index, "reg", parent->address_cells + parent->size_cells, entries);
}

/* Adds one region, if the processor sees it and it has a byte. */
static int add_region(const struct survey *survey, uint32_t node, uint32_t bus, struct cells address, struct cells size,
		      struct board_region region, struct board_region *regions, uint32_t *count)
{
	const char *property = region.ranges ? "ranges" : "reg";
	const int offset = survey->nodes[node].offset, seen = translate(survey, bus, &address);

	if (seen < 0)
		return -1;
	if (!seen || (!size.space && !size.number))
		return 0;
	if (address.space || size.space)
		return tree_fail(survey->tree, offset, "property \"%s\": entry %u takes more than 64 bits", property,
				 region.start);
	if (size.number - 1 > UINT64_MAX - address.number)
		return tree_fail(survey->tree, offset, "property \"%s\": entry %u runs over the top", property,
				 region.start);
	region.address = address.number;
	region.size = size.number;
	if (regions)
		regions[*count] = region;
	(*count)++;
	return 0;
}

/* What a device's own `ranges` opens to the parts below it. Those of a bus belong to the devices on it. */
static int add_windows(const struct survey *survey, uint32_t index, struct board_region *regions, uint32_t *count)
{
	const struct board_node *node = &survey->nodes[index], *parent = &survey->nodes[node->parent];
	struct entries ranges;

	if (node->is_bus || !is_seen(survey, node->parent))
		return 0;
	if (read_ranges(survey, index, &ranges) != 0)
		return -1;
	for (uint32_t i = 0; i < ranges.count; i++) {
		const uint8_t *above = ranges.bytes + (size_t)i * ranges.size + 4 * (size_t)node->address_cells;
		const uint8_t *size = above + 4 * (size_t)parent->address_cells;

		if (add_region(survey, index, node->parent, take_cells(above, parent->address_cells),
			       take_cells(size, node->size_cells), (struct board_region){.ranges = true, .start = i},
			       regions, count) != 0)
			return -1;
	}
	return 0;
}

int board_read_regions(const struct survey *survey, uint32_t index, struct board_region *regions, uint32_t *count)
{
	const struct board_node *node = &survey->nodes[index], *parent = &survey->nodes[node->parent];
	struct entries reg;

	*count = 0;
	if (add_windows(survey, index, regions, count) != 0 || read_reg(survey, index, &reg) != 0)
		return -1;
	for (uint32_t i = 0; i < reg.count; i++) {
		const uint8_t *entry = reg.bytes + (size_t)i * reg.size;

		if (add_region(survey, index, node->parent, take_cells(entry, parent->address_cells),
			       take_cells(entry + 4 * (size_t)parent->address_cells, parent->size_cells),
			       (struct board_region){.ranges = false, .start = i}, regions, count) != 0)
			return -1;
	}
	return 0;
}

int board_first_address(const struct survey *survey, uint32_t index, uint64_t *address)
{
	const struct board_node *node = &survey->nodes[index];
	struct entries reg;
	struct cells first;
	int seen;

	if (read_reg(survey, index, &reg) != 0)
		return -1;
	if (!reg.count)
		return 0;
	first = take_cells(reg.bytes, survey->nodes[node->parent].address_cells);
	seen = translate(survey, node->parent, &first);
	*address = first.number;
	return seen;
}
