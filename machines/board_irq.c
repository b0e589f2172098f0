/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Whose interrupts are whose. A device has those of its node and of the nodes below it. What the cells of an interrupt
 * mean is known by its interrupt parent, which need not be above it in the tree.
 */
#include "board_internal.h"

/* How many cells a controller takes for an interrupt: -1 with a diagnostic unless that is a sound number. */
static int specifier_cells(const struct survey *survey, uint32_t controller)
{
	uint32_t cells;

	if (tree_u32(survey->tree, survey->nodes[controller].offset, "#interrupt-cells", 1, BOARD_SPECIFIER_CELLS,
		     &cells) != 0)
		return -1;
	return (int)cells;
}

static uint32_t take_phandle(const struct survey *survey, uint32_t node, const char *property, const uint8_t *bytes)
{
	const uint32_t phandle = (uint32_t)tree_cells(bytes, 1), found = survey_by_phandle(survey, phandle);

	if (found == NO_NODE)
		tree_fail(survey->tree, survey->nodes[node].offset,
			  "property \"%s\" refers to phandle 0x%x, which no node has", property, phandle);
	return found;
}

/* Where a node sends its interrupts, unless that has to be asked further. */
static uint32_t next_parent(const struct survey *survey, uint32_t node)
{
	const int offset = survey->nodes[node].offset;
	uint32_t length;
	const uint8_t *bytes = tree_bytes(survey->tree, offset, "interrupt-parent", &length);

	if (!bytes && node == BOARD_ROOT) {
		tree_fail(survey->tree, offset,
			  "property \"interrupt-parent\" is missing, expected a phandle: a node "
			  "below has interrupts");
		return NO_NODE;
	}
	if (!bytes)
		return survey->nodes[node].parent;
	if (length != 4) {
		tree_fail(survey->tree, offset, "property \"interrupt-parent\" has %u bytes, expected one cell of 4",
			  length);
		return NO_NODE;
	}
	return take_phandle(survey, node, "interrupt-parent", bytes);
}

/* The controller of a node's `interrupts`; NO_NODE with a diagnostic. */
static uint32_t find_controller(const struct survey *survey, uint32_t node)
{
	uint32_t at = node;

	/* Whoever has asked every node once is asking in a circle. */
	for (uint32_t asked = 0; asked <= survey->count; asked++) {
		at = next_parent(survey, at);
		if (at == NO_NODE || tree_has(survey->tree, survey->nodes[at].offset, "#interrupt-cells"))
			return at;
	}
	tree_fail(survey->tree, survey->nodes[node].offset, "its interrupt parents refer to each other in a circle");
	return NO_NODE;
}

/* Adds one interrupt of @node. The specifier is copied when it is written only. */
static int add_irq(const struct survey *survey, uint32_t node, uint32_t controller, uint32_t start,
		   const uint8_t *specifier, uint32_t cells, struct board_irq *irqs, uint32_t *count)
{
	struct board_irq *irq = irqs ? &irqs[*count] : NULL;
	uint32_t *copy;

	(*count)++;
	if (!irq)
		return 0;
	copy = tree_take(survey->tree, cells, sizeof(*copy));
	*irq = (struct board_irq){.path = survey_path(survey, node),
				  .start = start,
				  .controller = survey_path(survey, controller),
				  .cell_count = cells,
				  .cells = copy};
	if (!copy || !irq->path || !irq->controller)
		return -1;
	for (uint32_t i = 0; i < cells; i++)
		copy[i] = (uint32_t)tree_cells(specifier + 4 * (size_t)i, 1);
	return 0;
}

/* `interrupts-extended`: each entry says its controller first; 0 in that place is an entry left out. */
static int add_extended(const struct survey *survey, uint32_t node, const uint8_t *bytes, uint32_t length,
			struct board_irq *irqs, uint32_t *count)
{
	const int offset = survey->nodes[node].offset;

	if (length % 4 != 0)
		return tree_fail(survey->tree, offset, "property \"interrupts-extended\" has %u bytes, expected cells",
				 length);
	for (uint32_t at = 0, start = 0; at < length; start++) {
		uint32_t controller;
		int cells;

		at += 4;
		if (!tree_cells(bytes + at - 4, 1))
			continue;
		controller = take_phandle(survey, node, "interrupts-extended", bytes + at - 4);
		cells = controller == NO_NODE ? -1 : specifier_cells(survey, controller);
		if (cells < 0)
			return -1;
		if (length - at < 4 * (uint32_t)cells)
			return tree_fail(survey->tree, offset,
					 "property \"interrupts-extended\" ends within entry %u, expected %d cells",
					 start, cells);
		if (add_irq(survey, node, controller, start, bytes + at, (uint32_t)cells, irqs, count) != 0)
			return -1;
		at += 4 * (uint32_t)cells;
	}
	return 0;
}

/* The interrupts of one node; `interrupts-extended` replaces `interrupts`. */
static int add_own(const struct survey *survey, uint32_t node, struct board_irq *irqs, uint32_t *count)
{
	const int offset = survey->nodes[node].offset;
	uint32_t length, controller;
	const uint8_t *bytes = tree_bytes(survey->tree, offset, "interrupts-extended", &length);
	int cells;

	if (bytes)
		return add_extended(survey, node, bytes, length, irqs, count);
	bytes = tree_bytes(survey->tree, offset, "interrupts", &length);
	if (!bytes || !length)
		return 0;
	controller = find_controller(survey, node);
	cells = controller == NO_NODE ? -1 : specifier_cells(survey, controller);
	if (cells < 0)
		return -1;
	if (length % (4 * (uint32_t)cells) != 0)
		return tree_fail(survey->tree, offset,
				 "property \"interrupts\" has %u bytes, expected entries of %d cells", length, cells);
	for (uint32_t start = 0; start < length / (4 * (uint32_t)cells); start++)
		if (add_irq(survey, node, controller, start, bytes + 4 * (size_t)start * (uint32_t)cells,
			    (uint32_t)cells, irqs, count) != 0)
			return -1;
	return 0;
}

int board_read_irqs(const struct survey *survey, uint32_t node, struct board_irq *irqs, uint32_t *count)
{
	*count = 0;
	/* What is on a bus are devices of their own, with interrupts of their own. */
	for (uint32_t part = node + 1; !survey->nodes[node].is_bus && part < survey->nodes[node].end; part++)
		if (survey->nodes[part].device == node && add_own(survey, part, irqs, count) != 0)
			return -1;
	return add_own(survey, node, irqs, count);
}
