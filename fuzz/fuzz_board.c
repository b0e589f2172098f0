/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Fuzzes the reader of boards: any bytes are read as a compiled device tree without harm. What is refused is refused
 * with a reason, and what is read makes sense: regions that exist, and devices that are found by their names.
 */
#include <libfdt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/prng.h"
#include "vfiosim/board.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t room, unsigned int seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t room); /* libFuzzer's own */

static void fail(const struct board_device *device, const char *what)
{
	fprintf(stderr, "%s: %s\n", device->path, what);
	abort();
}

static void check_regions(const struct board_device *device)
{
	for (uint32_t i = 0; i < device->region_count; i++) {
		const struct board_region *region = &device->regions[i];

		if (!region->size || region->address + (region->size - 1) < region->address)
			fail(device, "a region that cannot be");
		if (i && region->ranges && !region[-1].ranges)
			fail(device, "regions of `ranges` do not come first");
	}
}

static void check_irqs(const struct board_device *device)
{
	for (uint32_t i = 0; i < device->irq_count; i++) {
		const struct board_irq *irq = &device->irqs[i];

		if (!irq->cell_count || irq->controller[0] != '/')
			fail(device, "an interrupt that nobody explains");
		if (strncmp(irq->path, device->path, strlen(device->path)) != 0)
			fail(device, "an interrupt of another node");
	}
}

/* Of several nodes with the same path the first one is found. */
static void check_names(const struct board *board, const struct board_device *device)
{
	const struct board_device *found = board_find(board, device->path);

	if (!found || strcmp(found->path, device->path) != 0)
		fail(device, "not found by the path of its node");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct diag diag = {0};
	struct board *board = board_load(data, size, "fuzz", &diag);

	if (!board && !diag.text[0])
		abort();
	for (size_t i = 0; board && i < board->device_count; i++) {
		check_regions(&board->devices[i]);
		check_irqs(&board->devices[i]);
		check_names(board, &board->devices[i]);
	}
	board_free(board);
	return 0;
}

/* ---- changing trees as what they are ---------------------------------------------------------- */

/* A property of a tree: where it is, and the node that has it. */
struct place {
	int node, property;
};

/* One of all properties, each as likely; property < 0: there is none. */
static struct place choose_property(const void *tree, struct prng *random)
{
	struct place chosen = {.property = -1};
	uint64_t seen = 0;
	int property;

	for (int node = 0; node >= 0; node = fdt_next_node(tree, node, NULL))
		fdt_for_each_property_offset(property, tree, node) if (!prng_below(random, ++seen)) chosen =
		    (struct place){node, property};
	return chosen;
}

/* A cell becomes one that says something else: small, a power of two, its neighbour, or anything. */
static void change_cell(void *tree, struct place at, struct prng *random)
{
	int length;
	const void *value = fdt_getprop_by_offset(tree, at.property, NULL, &length);
	uint8_t *cell;
	uint32_t cells[4];

	if (!value || length < 4)
		return;
	cell =
	    (uint8_t *)tree + ((const char *)value - (const char *)tree) + 4 * prng_below(random, (uint64_t)length / 4);
	cells[0] = (uint32_t)prng_below(random, 8);
	cells[1] = UINT32_C(1) << prng_below(random, 32);
	cells[2] = fdt32_ld((const fdt32_t *)cell) + 1 - 2 * (uint32_t)prng_below(random, 2);
	cells[3] = (uint32_t)prng_next(random);
	fdt32_st(cell, cells[prng_below(random, 4)]);
}

/* What one property says is put in the place of another one, or under the name of that one into another node. */
static void copy_property(void *tree, struct place from, struct place to, struct prng *random)
{
	char bytes[256], name[64];
	const char *named = NULL;
	int length;
	const void *value = fdt_getprop_by_offset(tree, from.property, &named, &length);

	if (prng_chance(random, 1, 2))
		fdt_getprop_by_offset(tree, to.property, &named, NULL);
	if (!value || !named || length > (int)sizeof(bytes))
		return;
	/* The tree moves while it is changed. */
	memcpy(bytes, value, (size_t)length);
	snprintf(name, sizeof(name), "%s", named);
	fdt_setprop(tree, to.node, name, bytes, length);
}

static void remove_property(void *tree, struct place at)
{
	const char *name = NULL;
	char copy[64];

	if (!fdt_getprop_by_offset(tree, at.property, &name, NULL))
		return;
	snprintf(copy, sizeof(copy), "%s", name);
	fdt_delprop(tree, at.node, copy);
}

static void change(void *tree, struct prng *random)
{
	const struct place at = choose_property(tree, random), other = choose_property(tree, random);

	if (at.property < 0)
		return;
	switch (prng_below(random, 8)) {
	case 0:
		remove_property(tree, at);
		break;
	case 1:
		if (at.node)
			fdt_del_node(tree, at.node);
		break;
	case 2:
	case 3:
		copy_property(tree, other, at, random);
		break;
	default:
		change_cell(tree, at, random);
		break;
	}
}

/* Where a tree is sound, it stays so, mostly; bytes that are changed anywhere are refused at the door. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t room, unsigned int seed)
{
	enum { GROWTH = 512 };
	struct prng random;
	uint8_t *tree;

	prng_seed(&random, seed);
	if (!prng_below(&random, 8) || size < sizeof(struct fdt_header) || fdt_check_full(data, size) != 0)
		return LLVMFuzzerMutate(data, size, room);
	tree = malloc(size + GROWTH);
	if (!tree)
		abort();
	if (fdt_open_into(data, tree, (int)(size + GROWTH)) == 0) {
		for (uint64_t rounds = 1 + prng_below(&random, 3); rounds; rounds--)
			change(tree, &random);
		if (fdt_pack(tree) == 0 && fdt_totalsize(tree) <= room) {
			size = fdt_totalsize(tree);
			memcpy(data, tree, size);
		}
	}
	free(tree);
	return size;
}
