/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Calls that are made at once, in every order in which their steps can follow each other.
 *
 * What the kernel does of a call under its locks is one step (model.h). A schedule says which call makes each step. It
 * is sound if the ledger adds up behind it, the kernel has not fallen, and the calls that succeeded could have
 * succeeded one after the other. A call that is refused may be so for what only somebody in between can see: it has
 * promised nothing, and can be made again.
 */
#ifndef CHECK_SCHEDULES_H
#define CHECK_SCHEDULES_H

#include "vfiosim/model.h"

enum { SCHEDULE_CALLS_MAX = 12, SCHEDULE_STEPS_MAX = 64, SCHEDULES_MAX = 200000 };

/* Calls at once, in the order of each thread; the events must outlive it. */
struct scenario {
	struct host *host; /* as what went before has left it */
	const struct event *calls[SCHEDULE_CALLS_MAX];
	uint32_t count;
};

/* What comes of some schedules, which differ in nothing that one could see. */
struct schedule_outcome {
	int64_t answers[SCHEDULE_CALLS_MAX]; /* of the calls that ended */
	char *fault;			     /* why it cannot be right, or NULL */
	uint32_t order[SCHEDULE_STEPS_MAX];  /* the first of them: which call makes each step */
	uint32_t steps;
	bool serial; /* in one of them no call came between the steps of another */
};

struct exploration {
	struct schedule_outcome *outcomes;
	size_t count, capacity;
	uint64_t schedules;
	bool failed; /* memory ran out, or there were more than SCHEDULES_MAX */
};

/* Lets the calls run in every order. The host stays as it is. */
void explore(const struct scenario *scenario, struct exploration *exploration);
void exploration_clear(struct exploration *exploration);

/*
 * Why an outcome of @calls calls is wrong, or NULL. @reference: what comes of the same calls without a bug, whose
 * outcomes are all that there should be; or NULL.
 */
const char *exploration_judge(const struct exploration *exploration, const struct schedule_outcome *outcome,
			      uint32_t calls, const struct exploration *reference);

#endif
