/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * The naive twin: what must be mapped, pinned and charged, told from the guest page by page, without a thought for how
 * it came about.
 */
#ifndef VFIOSIM_VIOMMU_TWIN_H
#define VFIOSIM_VIOMMU_TWIN_H

#include "viommu/listener.h"

enum { TWIN_PINS_MAX = 16 };

/* What a pinner has pinned: IOVAs, by page. */
struct twin_pin {
	uint32_t device, first, count;
};

struct twin_fault {
	enum space_rule rule;
	char text[160];
};

struct twin {
	const struct guest *guest;
	struct twin_pin pins[TWIN_PINS_MAX];
	uint32_t pin_count;
	/* What is wrong, at most one of each rule, in the order in which it was seen. */
	struct twin_fault faults[SPACE_RULE_COUNT];
	uint32_t fault_count;
};

/* Begins with a guest that has no devices yet. */
void twin_begin(struct twin *twin, const struct guest *guest);

/* Something is wrong, by @rule. The first of each rule is kept. */
void twin_fault(struct twin *twin, enum space_rule rule, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* A call has succeeded: pins of what it unmaps are gone. @host has made it, too. */
void twin_see(struct twin *twin, const struct host *host, const struct event *event);

/* A device was unplugged: it has nothing pinned any more. */
void twin_unplug(struct twin *twin, uint32_t device);

/* A pinner was asked to pin, to let go of a pin of just these pages, or to read. Compares what came of it. */
void twin_pin(struct twin *twin, uint32_t device, uint32_t first, uint32_t count, bool writing, bool pinned);
void twin_unpin(struct twin *twin, uint32_t device, uint32_t first, uint32_t count, bool unpinned);
void twin_load(struct twin *twin, uint32_t device, uint32_t iova, bool loaded, uint64_t word);

/* A device was told to fetch a word at an IOVA, and this is what it delivered: nothing is zeros. */
void twin_move(struct twin *twin, uint32_t device, uint32_t iova, uint64_t word);

/* How many pages a pinner has pinned; one pinned twice counts twice. */
uint64_t twin_pinned(const struct twin *twin, uint32_t device);

/*
 * Compares all that is mapped, which @host knows, and the bytes that are charged, with what the guest has. To be asked
 * when the guest's change has been followed.
 */
void twin_compare(struct twin *twin, const struct host *host, int64_t charged);

#endif
