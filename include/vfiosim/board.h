/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Boards: the platform devices that a device tree describes.
 *
 * Any compiled device tree is a board: what firmware hands to a kernel, what QEMU makes up, what a machine of ours has
 * in /board. A device is what could be handed to a program, with regions and interrupts as the proposal of 2013 counts
 * them (seed VFIO for platform devices, 3 July 2013); docs/proposals.md tells which questions it leaves open, and how
 * they are decided here.
 */
#ifndef VFIOSIM_BOARD_H
#define VFIOSIM_BOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vfiosim/diag.h"

/* A piece of the processor's address space: an entry of the device's own `reg` or `ranges`. */
struct board_region {
	bool ranges;	  /* of `ranges`, which says where those below the node are; else of `reg` */
	uint32_t start;	  /* which entry of the property, from 0 */
	uint64_t address; /* of the first byte, as the processor sees it */
	uint64_t size;	  /* bytes, at least 1 */
};

/* An interrupt of the device's node, or of one below it. */
struct board_irq {
	const char *path;	/* of the node that has it */
	uint32_t start;		/* which entry of its `interrupts` or `interrupts-extended`, from 0 */
	const char *controller; /* path of the node that explains the specifier: its interrupt parent */
	uint32_t cell_count;
	const uint32_t *cells; /* the specifier: cell_count of them */
};

struct board_device {
	const char *path;	/* "/soc@ffe000000/sata@220000" */
	const char *sysfs;	/* "ffe220000.sata": its name under /sys/bus/platform/devices */
	const char *compatible; /* the first that it says */
	uint32_t region_count, irq_count;
	const struct board_region *regions; /* those of `ranges`, then those of `reg` */
	const struct board_irq *irqs;	    /* those of the nodes below, as they stand in the tree, then its own */
};

struct board {
	size_t device_count;
	const struct board_device *devices; /* as they stand in the tree */
};

/*
 * Reads a compiled device tree, which may be any bytes. NULL with @diag for what is no sound tree, or cannot be
 * understood: the message names node and property. @name is what messages call it. Free with board_free().
 */
struct board *board_load(const void *blob, size_t length, const char *name, struct diag *diag);
void board_free(struct board *board);

/*
 * The device that @name stands for, or NULL: the path of its node, or its place in sysfs, which is
 * "/sys/bus/platform/devices/" and its name there.
 */
const struct board_device *board_find(const struct board *board, const char *name);

#endif
