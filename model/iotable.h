/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Pages that VFIO has pinned, in tables by IOVA: what a device reaches is what was pinned for it, until it is unpinned,
 * whatever has become of the addresses that led there.
 *
 * Mostly the pages of a mapping lie side by side in memory: then the mapping's own place says where. All else stands in
 * the table: value is where the pages are, in memory or in a device's file; tag is IOTABLE_TAG.
 */
#ifndef MODEL_IOTABLE_H
#define MODEL_IOTABLE_H

#include "host.h"

#define IOTABLE_TAG(kind, device) ((uint32_t)(kind) | (device) << 4)
#define IOTABLE_KIND(tag)	  ((enum run_kind)((tag)&0xfu))
#define IOTABLE_DEVICE(tag)	  ((tag) >> 4)

/* What is to be pinned: the memory of @mm at @vaddr, for devices that write it or only read it, at @iova. */
struct pin_request {
	uint32_t mm;
	uint64_t vaddr, iova, size;
	bool write;
	uint64_t room;	       /* pages that may be charged */
	struct range *mapping; /* whose place is set, if it can be; NULL: the table takes all */
};

struct pin {
	int64_t error;	  /* 0, or a negative errno */
	uint64_t charged; /* pages that count against the limit */
	uint32_t kinds;	  /* by bit: which kinds of runs there were */
};

/* On error nothing stays pinned, but memory that was brought into being stays. */
struct pin iotable_pin(struct host *host, struct rangemap *table, const struct pin_request *request);

/* Unpins all that lies in [first, last]. */
void iotable_unpin(struct host *host, struct rangemap *table, uint64_t first, uint64_t last);

/* The same of all that a mapping has. */
void iotable_unpin_mapping(struct host *host, struct rangemap *table, const struct range *mapping);

/* Forgets pages that stay pinned for ever. */
void iotable_lose(struct host *host, struct rangemap *table, uint64_t first, uint64_t last);

/* What lies at @iova of a mapping, up to @bytes of it; false if nothing does. */
bool iotable_find(const struct rangemap *table, const struct range *mapping, uint64_t iova, uint64_t bytes,
		  struct run *run);

#endif
