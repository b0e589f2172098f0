/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * The parts of a machine and who reads them: machine.c the whole and the IOMMU, translation.c what that translates,
 * nesting.c in two stages, devices.c the groups with their devices, board.c the platform devices of a board, guest.c
 * what makes the machine.
 */
#ifndef VFIOSIM_MACHINES_INTERNAL_H
#define VFIOSIM_MACHINES_INTERNAL_H

#include "tree.h"
#include "vfiosim/board.h"
#include "vfiosim/machine.h"

/* More than any machine of ours by far, and small enough that a bad blob costs nothing. */
#define MACHINE_DEVICES_MAX  256
#define MACHINE_INDEXES_MAX  64 /* regions, or interrupts, of one device */
#define MACHINE_RESERVED_MAX 64
#define MACHINE_MEMORY_MAX   (UINT64_C(1) << 40) /* bytes */

/* Properties of an IOMMU, or of a group, about nesting. */
#define NESTING_PROPERTIES \
	"nesting-format", "nesting-features", "nesting-addr-width", "nesting-pasid-bits", "nesting-vendor"

/* Fills @nesting if @node says something of it, else leaves it. 0 or -1 with a diagnostic. */
int nesting_read(struct tree *tree, int node, const struct nesting **nesting);

/*
 * What the machine's IOMMU translates; with TCE tables (@windows) the node does not say which IOVAs. And what a group
 * says of its own: the rest of @translation stays as it is. 0 or -1 with a diagnostic.
 */
int translation_read(struct tree *tree, int node, bool windows, struct translation *translation);
int translation_amend(struct tree *tree, int node, struct translation *translation);

/* /groups: fills machine->devices and groups; the IOMMU is in @machine. 0 or -1 with a diagnostic. */
int devices_read(struct tree *tree, int groups, struct machine *machine);

/* /qemu and what of the root it needs: memory and huge pages are already in @machine. 0 or -1 with a diagnostic. */
int guest_read(struct tree *tree, int qemu, struct machine *machine);

/* The platform devices of the board whose root is @root: fills @board. 0 or -1 with a diagnostic. */
int board_read(struct tree *tree, int root, struct board *board);

/*
 * A device of a group that is one of the board's: what the tree says of it becomes regions and interrupts of @device. 0
 * or -1 with a diagnostic.
 */
int platform_describe(struct tree *tree, int node, const struct machine *machine, struct device *device);

/* A machine that was built in: its name and its compiled device tree. The table is made by embed.c at build time. */
struct builtin {
	const char *name;
	const unsigned char *blob;
	size_t length;
};

extern const struct builtin builtin_machines[]; /* in alphabetical order */
extern const size_t builtin_count;

#endif
