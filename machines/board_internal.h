/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * How a board is read: once through the tree for a survey of its nodes, then device by device. board.c has the survey
 * and the devices, board_address.c what addresses mean, board_irq.c whose interrupts are whose.
 */
#ifndef VFIOSIM_MACHINES_BOARD_INTERNAL_H
#define VFIOSIM_MACHINES_BOARD_INTERNAL_H

#include "tree.h"
#include "vfiosim/board.h"

/* More than any real board has, and little enough that a hostile one costs nothing. */
#define BOARD_DEPTH_MAX	      32   /* nodes above a node */
#define BOARD_PATH_MAX	      1024 /* bytes of a path or name */
#define BOARD_CELLS_MAX	      4	   /* cells of an address, or of a size */
#define BOARD_SPECIFIER_CELLS 16   /* cells of an interrupt specifier */
#define BOARD_RANGES_MAX      256  /* entries of one `ranges` */

/* Index of the root of the board among its nodes; no node has it for a child. */
#define BOARD_ROOT 0u
#define NO_NODE	   UINT32_MAX

struct board_node {
	int offset;		/* in the blob */
	uint32_t parent;	/* index; its own for the root */
	uint32_t depth;		/* nodes above it */
	uint32_t end;		/* index of the first node behind it that is not below it */
	uint32_t address_cells; /* of those below it */
	uint32_t size_cells;
	uint32_t device; /* the device that the node is, or is a part of: a node's index, or NO_NODE */
	bool available;	 /* neither it nor a node above it says that it is not to be used */
	bool is_bus;	 /* what is below it are devices of their own */
};

/* A node that others refer to. */
struct board_phandle {
	uint32_t phandle, node;
};

struct survey {
	struct tree *tree;
	struct board_node *nodes; /* as they stand in the tree: a node before those below it */
	uint32_t count;
	struct board_phandle *phandles; /* ascending */
	uint32_t phandle_count;
};

/* The node with this phandle, or NO_NODE. */
uint32_t survey_by_phandle(const struct survey *survey, uint32_t phandle);

/* The path of a node below the board's root; NULL with a diagnostic. */
const char *survey_path(const struct survey *survey, uint32_t node);

/* Writes the regions of @node to @regions unless that is NULL, and how many to @count. 0 or -1 with a diagnostic. */
int board_read_regions(const struct survey *survey, uint32_t node, struct board_region *regions, uint32_t *count);

/* Where the first `reg` of a node lies for the processor: 1, or 0 if it has none there; -1 with a diagnostic. */
int board_first_address(const struct survey *survey, uint32_t node, uint64_t *address);

/* The interrupts of the device @node, like its regions. */
int board_read_irqs(const struct survey *survey, uint32_t node, struct board_irq *irqs, uint32_t *count);

#endif
