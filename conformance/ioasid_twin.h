/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * A naive twin of what the ioasid-2019 proposal does: for each of a few ids, who has it, in plain arrays that are
 * looked through from one end to the other. It shares no code with the model and says what each call must answer.
 */
#ifndef VFIOSIM_CONFORMANCE_IOASID_TWIN_H
#define VFIOSIM_CONFORMANCE_IOASID_TWIN_H

#include <stdbool.h>
#include <stdint.h>

#include "vfiosim/call.h"

enum { TWIN_IDS = 24, TWIN_GUESTS = 3, TWIN_VIOMMUS = 4, TWIN_FD = 3 /* of the first guest */ };

/* What somebody knows of an id that he has. */
struct twin_id {
	bool taken, leaving;
	uint32_t set; /* in the host, of what is its own kernel's */
	int guest;    /* in the host: who has it, or -1 */
	bool bound[TWIN_VIOMMUS];
};

struct twin_viommu {
	bool ready, pending, shown, fetched, granted;
	uint64_t fault, command, operand;
	int64_t answer; /* to be read: an id, 0, or a negative errno */
};

struct twin_guest {
	bool alive;
	uint32_t viommus;
	int allocator; /* -1: its own */
	struct twin_viommu viommu[TWIN_VIOMMUS];
	struct twin_id ids[TWIN_IDS];
};

struct twin {
	uint32_t last; /* id that guests get */
	struct twin_id ids[TWIN_IDS];
	struct twin_guest guests[TWIN_GUESTS];
};

/* A host without guests, which gives them ids up to @last, less than TWIN_IDS. */
void twin_begin(struct twin *twin, uint32_t last);

/* What @call must answer, and does to the twin. Ids in it are less than TWIN_IDS, or what no range can have. */
int64_t twin_call(struct twin *twin, const struct call *call);

#endif
