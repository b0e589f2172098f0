/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Boards: the survey of a device tree, and which of its nodes are platform devices.
 *
 * Devices are what a kernel makes platform devices of (7.2 drivers/of/platform.c of_platform_bus_create): nodes that
 * say what they are compatible with, below the root or below a bus whose devices are simply there.
 */
#include <libfdt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "board_internal.h"
#include "machines_internal.h"

#define SYSFS_FOLDER "/sys/bus/platform/devices/"

/* Defaults of the Devicetree Specification (2.3.5) for nodes that do not say. */
enum { ADDRESS_CELLS_DEFAULT = 2, SIZE_CELLS_DEFAULT = 1 };

/* ---- the survey ------------------------------------------------------------------------- */

static int read_cell_count(const struct tree *tree, int offset, const char *property, uint32_t usual, uint32_t *count)
{
	*count = usual;
	return tree_has(tree, offset, property) ? tree_u32(tree, offset, property, 0, BOARD_CELLS_MAX, count) : 0;
}

/* Whether the list of strings has @word. */
static bool lists(const struct tree *tree, int offset, const char *property, const char *word)
{
	uint32_t length;
	const uint8_t *list = tree_bytes(tree, offset, property, &length);

	return list && fdt_stringlist_contains((const char *)list, (int)length, word);
}

static bool is_simple_bus(const struct tree *tree, int offset)
{
	static const char *const buses[] = {"simple-bus", "simple-mfd", "simple-pm-bus", "isa", "arm,amba-bus"};

	for (size_t i = 0; i < sizeof(buses) / sizeof(buses[0]); i++)
		if (lists(tree, offset, "compatible", buses[i]))
			return true;
	return false;
}

static bool is_enabled(const struct tree *tree, int offset)
{
	return !tree_has(tree, offset, "status") || lists(tree, offset, "status", "okay") ||
	       lists(tree, offset, "status", "ok");
}

/* What a node is, now that all above it is known. */
static void classify(const struct tree *tree, struct board_node *nodes, uint32_t index)
{
	struct board_node *node = &nodes[index];
	const struct board_node *parent = &nodes[node->parent];
	uint32_t length;
	const uint8_t *compatible = tree_bytes(tree, node->offset, "compatible", &length);

	node->device = NO_NODE;
	node->available = index == BOARD_ROOT || (parent->available && is_enabled(tree, node->offset));
	node->is_bus = index == BOARD_ROOT;
	if (index == BOARD_ROOT || !node->available)
		return;
	if (!parent->is_bus) {
		node->device = parent->device;
	} else if (compatible && length) {
		node->device = index;
		node->is_bus = is_simple_bus(tree, node->offset);
	}
}

static int compare_phandles(const void *left, const void *right)
{
	const struct board_phandle *a = left, *b = right;

	return (a->phandle > b->phandle) - (a->phandle < b->phandle);
}

/* Notes who can be referred to. */
static int read_phandles(struct survey *survey)
{
	for (uint32_t i = 0; i < survey->count; i++) {
		const uint32_t phandle = fdt_get_phandle(survey->tree->blob, survey->nodes[i].offset);

		if (phandle)
			survey->phandles[survey->phandle_count++] = (struct board_phandle){phandle, i};
	}
	qsort(survey->phandles, survey->phandle_count, sizeof(*survey->phandles), compare_phandles);
	for (uint32_t i = 1; i < survey->phandle_count; i++)
		if (survey->phandles[i].phandle == survey->phandles[i - 1].phandle)
			return tree_fail(survey->tree, survey->nodes[survey->phandles[i].node].offset,
					 "property \"phandle\" is 0x%x, which another node has, too",
					 survey->phandles[i].phandle);
	return 0;
}

uint32_t survey_by_phandle(const struct survey *survey, uint32_t phandle)
{
	const struct board_phandle key = {phandle, 0};
	const struct board_phandle *found =
	    bsearch(&key, survey->phandles, survey->phandle_count, sizeof(key), compare_phandles);

	return found ? found->node : NO_NODE;
}

static uint32_t count_nodes(const struct tree *tree, int root)
{
	uint32_t count = 0;
	int depth = 0;

	for (int offset = root; offset >= 0 && depth >= 0; offset = fdt_next_node(tree->blob, offset, &depth))
		count++;
	return count;
}

static int add_node(struct survey *survey, int offset, uint32_t depth, uint32_t parent)
{
	const uint32_t index = survey->count++;
	struct board_node *node = &survey->nodes[index];

	*node = (struct board_node){.offset = offset, .parent = parent, .depth = depth};
	if (read_cell_count(survey->tree, offset, "#address-cells", ADDRESS_CELLS_DEFAULT, &node->address_cells) != 0 ||
	    read_cell_count(survey->tree, offset, "#size-cells", SIZE_CELLS_DEFAULT, &node->size_cells) != 0)
		return -1;
	classify(survey->tree, survey->nodes, index);
	return 0;
}

/* Where each node's part of the list ends. */
static void find_ends(struct survey *survey)
{
	for (uint32_t i = survey->count; i-- > 0;) {
		struct board_node *node = &survey->nodes[i];

		node->end = i + 1;
		while (node->end < survey->count && survey->nodes[node->end].depth > node->depth)
			node->end = survey->nodes[node->end].end;
	}
}

static int survey_tree(struct survey *survey, int root)
{
	uint32_t last[BOARD_DEPTH_MAX + 1] = {BOARD_ROOT}; /* node of each depth that is open */
	const uint32_t count = count_nodes(survey->tree, root);
	int depth = 0;

	survey->nodes = tree_take(survey->tree, count, sizeof(*survey->nodes));
	survey->phandles = tree_take(survey->tree, count, sizeof(*survey->phandles));
	if (!survey->nodes || !survey->phandles)
		return -1;
	for (int offset = root; offset >= 0 && depth >= 0; offset = fdt_next_node(survey->tree->blob, offset, &depth)) {
		if (depth > BOARD_DEPTH_MAX)
			return tree_fail(survey->tree, survey->nodes[last[BOARD_DEPTH_MAX]].offset,
					 "more than %u nodes above each other", BOARD_DEPTH_MAX);
		last[depth] = survey->count;
		if (add_node(survey, offset, (uint32_t)depth, depth ? last[depth - 1] : BOARD_ROOT) != 0)
			return -1;
	}
	find_ends(survey);
	return read_phandles(survey);
}

/* ---- names ------------------------------------------------------------------------------ */

static const char *node_name(const struct survey *survey, uint32_t node)
{
	return fdt_get_name(survey->tree->blob, survey->nodes[node].offset, NULL);
}

/* A copy of the text that ends at the end of a buffer of BOARD_PATH_MAX bytes and begins @length before. */
static const char *keep_text(const struct survey *survey, const char *buffer, size_t length)
{
	char *copy = tree_take(survey->tree, length + 1, 1);

	return copy ? memcpy(copy, buffer + BOARD_PATH_MAX - length, length) : NULL;
}

/* Puts @text in front of what a buffer has at its end. */
static int prepend(const struct survey *survey, uint32_t node, char *buffer, size_t *length, const char *text,
		   size_t text_length)
{
	if (text_length > BOARD_PATH_MAX - *length)
		return tree_fail(survey->tree, survey->nodes[node].offset, "its name is longer than %u bytes",
				 BOARD_PATH_MAX);
	*length += text_length;
	memcpy(buffer + BOARD_PATH_MAX - *length, text, text_length);
	return 0;
}

const char *survey_path(const struct survey *survey, uint32_t node)
{
	char buffer[BOARD_PATH_MAX];
	size_t length = 0;

	if (node == BOARD_ROOT && prepend(survey, node, buffer, &length, "/", 1) != 0)
		return NULL;
	for (; node != BOARD_ROOT; node = survey->nodes[node].parent) {
		const char *name = node_name(survey, node);

		if (prepend(survey, node, buffer, &length, name, strlen(name)) != 0 ||
		    prepend(survey, node, buffer, &length, "/", 1) != 0)
			return NULL;
	}
	return keep_text(survey, buffer, length);
}

/*
 * The name in sysfs: the address and the node's name without one; for a node without an address its full name, behind
 * that of the node above it in the same way (7.2 drivers/of/device.c of_device_make_bus_id).
 */
static const char *sysfs_name(const struct survey *survey, uint32_t node)
{
	char buffer[BOARD_PATH_MAX], address_text[24];
	size_t length = 0;
	uint64_t address;

	for (; node != BOARD_ROOT; node = survey->nodes[node].parent) {
		const char *name = node_name(survey, node);
		const int seen = board_first_address(survey, node, &address);

		if (seen < 0 || (length && prepend(survey, node, buffer, &length, ":", 1) != 0) ||
		    prepend(survey, node, buffer, &length, name, seen ? strcspn(name, "@") : strlen(name)) != 0)
			return NULL;
		if (!seen)
			continue;
		snprintf(address_text, sizeof(address_text), "%llx.", (unsigned long long)address);
		if (prepend(survey, node, buffer, &length, address_text, strlen(address_text)) != 0)
			return NULL;
		break;
	}
	return keep_text(survey, buffer, length);
}

/* ---- devices ---------------------------------------------------------------------------- */

static int read_device(const struct survey *survey, uint32_t node, struct board_device *device)
{
	struct board_region *regions;
	struct board_irq *irqs;
	uint32_t length;

	device->compatible = (const char *)tree_bytes(survey->tree, survey->nodes[node].offset, "compatible", &length);
	if (device->compatible[length - 1] != '\0')
		return tree_fail(survey->tree, survey->nodes[node].offset,
				 "property \"compatible\" does not end with a NUL, expected strings");
	if (board_read_regions(survey, node, NULL, &device->region_count) != 0 ||
	    board_read_irqs(survey, node, NULL, &device->irq_count) != 0)
		return -1;
	device->path = survey_path(survey, node);
	device->sysfs = sysfs_name(survey, node);
	regions = tree_take(survey->tree, device->region_count, sizeof(*regions));
	irqs = tree_take(survey->tree, device->irq_count, sizeof(*irqs));
	if (!device->path || !device->sysfs || !regions || !irqs)
		return -1;
	device->regions = regions;
	device->irqs = irqs;
	if (board_read_regions(survey, node, regions, &device->region_count) != 0)
		return -1;
	return board_read_irqs(survey, node, irqs, &device->irq_count);
}

int board_read(struct tree *tree, int root, struct board *board)
{
	struct survey survey = {.tree = tree};
	struct board_device *devices;

	if (survey_tree(&survey, root) != 0)
		return -1;
	for (uint32_t i = 0; i < survey.count; i++)
		board->device_count += survey.nodes[i].device == i;
	devices = tree_take(tree, board->device_count, sizeof(*devices));
	if (!devices)
		return -1;
	board->devices = devices;
	for (uint32_t i = 0; i < survey.count; i++)
		if (survey.nodes[i].device == i && read_device(&survey, i, devices++) != 0)
			return -1;
	return 0;
}

/* The board is handed out by its first member. */
struct loaded_board {
	struct board board;
	struct pool *pool;
};

struct board *board_load(const void *blob, size_t length, const char *name, struct diag *diag)
{
	struct tree tree = {.name = name, .diag = diag, .pool = pool_new()};
	struct loaded_board *loaded;

	if (!tree.pool) {
		diag_set(diag, name, 0, 0, "out of memory while reading the board");
		return NULL;
	}
	loaded = tree_take(&tree, 1, sizeof(*loaded));
	if (!loaded || tree_open(&tree, blob, length) != 0 || board_read(&tree, TREE_ROOT, &loaded->board) != 0) {
		pool_free(tree.pool);
		return NULL;
	}
	loaded->pool = tree.pool;
	return &loaded->board;
}

void board_free(struct board *board)
{
	if (board)
		pool_free(((struct loaded_board *)board)->pool);
}

const struct board_device *board_find(const struct board *board, const char *name)
{
	const size_t folder = strlen(SYSFS_FOLDER);
	const bool in_sysfs = strncmp(name, SYSFS_FOLDER, folder) == 0;

	for (size_t i = 0; i < board->device_count; i++) {
		const struct board_device *device = &board->devices[i];

		if (in_sysfs ? !strcmp(device->sysfs, name + folder) : !strcmp(device->path, name))
			return device;
	}
	return NULL;
}
