/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Places in a payload: the field that holds a byte, found through the ioctl table.
 */
#ifndef VFIOSIM_CHECK_PLACE_H
#define VFIOSIM_CHECK_PLACE_H

#include <stddef.h>
#include <stdint.h>

#include "vfiosim/call.h"

struct place {
	char name[160];	 /* "iova", "cap_ranges[3].end", "data[5]"; "" if the table has no name for it */
	uint32_t offset; /* of the field (or the byte itself), in bytes from the start of the buffer */
	uint8_t width;	 /* of the field in bytes: 1, 2, 4 or 8 */
};

/* Finds what lies at @offset of buffer @index of @call; @bytes is the whole buffer, for chains. */
void place_find(struct place *place, const struct call *call, uint32_t index, uint32_t offset, const uint8_t *bytes);

#endif
