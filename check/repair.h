/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * After a divergence: makes the model's descriptors, tasks and mappings those of the
 * observer where that can be done, and notes as in doubt what cannot.
 */
#ifndef VFIOSIM_CHECK_REPAIR_H
#define VFIOSIM_CHECK_REPAIR_H

#include "check/doubt.h"
#include "vfiosim/judge.h"

/* What is to be done before the next call is judged. Zeroed: nothing. */
struct repair {
	struct event *event; /* our copy of the call that diverged; NULL: nothing to do */
	bool made;	     /* the model made something... */
	int64_t ret;	     /* ...and this is what it returned */
};

void repair_clear(struct repair *repair);

/* Plans the repair for a finding that diverges; the model is not touched, so that the finding stays valid. */
void repair_plan(struct repair *repair, const struct host *host, struct doubts *doubts, const struct finding *finding);

/* Does what was planned. */
void repair_apply(struct repair *repair, struct host *host, struct doubts *doubts);

/* Before a call: it returned a number that was in doubt, so that whatever had the number is closed now. */
void repair_reused_descriptor(struct host *host, struct doubts *doubts, const struct event *event);

/* A call that is not judged, on a descriptor in doubt or not modelled: what it leaves is in doubt. */
void repair_follow(struct host *host, struct doubts *doubts, const struct event *event);

/* After a call that is judged: tasks that came or went. */
void repair_inherit(struct doubts *doubts, const struct event *event);

#endif
