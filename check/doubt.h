/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Descriptors in doubt: those that the observer has and the model does not, since an
 * earlier answer diverged. What is done with them says nothing about the rules.
 */
#ifndef VFIOSIM_CHECK_DOUBT_H
#define VFIOSIM_CHECK_DOUBT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vfiosim/call.h"

/* More than this many at once, and nothing of the rest of the run can be judged. */
#define DOUBTS_MAX 256

struct doubts {
	size_t count;
	bool lost; /* there were too many */
	struct {
		uint32_t task;
		int64_t fd;
	} entries[DOUBTS_MAX];
};

void doubts_clear(struct doubts *doubts);
void doubts_add(struct doubts *doubts, uint32_t task, int64_t fd);
void doubts_remove(struct doubts *doubts, uint32_t task, int64_t fd);
bool doubts_have(const struct doubts *doubts, uint32_t task, int64_t fd);

/* The task has gone, and its descriptors with it. */
void doubts_remove_task(struct doubts *doubts, uint32_t task);

/* A child inherits its parent's descriptors. */
void doubts_inherit(struct doubts *doubts, uint32_t parent, uint32_t child);

/* True if @call uses a descriptor in doubt, itself or by naming it in its argument. */
bool doubts_touch(const struct doubts *doubts, const struct call *call);

/* The descriptor that @call works on; -1 if it works on none. */
int64_t call_descriptor(const struct call *call);

/* The descriptor that the one-int argument of an ioctl names (SET_CONTAINER); -1 if there is none. */
int64_t call_joined_descriptor(const struct call *call);

/* True if @call returns a new descriptor when it succeeds. */
bool call_makes_descriptor(const struct call *call);

#endif
