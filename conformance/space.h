/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * The state space as traces without answers: what space.def lists, multiplied out for one of its places.
 */
#ifndef VFIOSIM_CONFORMANCE_SPACE_H
#define VFIOSIM_CONFORMANCE_SPACE_H

#include <stddef.h>

enum space_place {
#define PLACE(name, machine, architecture, iommu) SPACE_##name,
#include "space.def"
	SPACE_PLACES,
};

/*
 * Each gives the text of a trace with one run for each member of its space, named after it, and its length in bytes.
 * Free it with free(). NULL when memory is out.
 *
 *   pairs        every ordered pair of operations in every state
 *   descriptors  every ioctl of the table, with right and with wrong arguments, on a descriptor in every state
 */
char *space_pairs(enum space_place place, size_t *length);
char *space_descriptors(enum space_place place, size_t *length);

#endif
