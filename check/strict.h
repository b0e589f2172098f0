/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Strictness: beside the model of a kernel as it is, one for each fault of its profile (FAULT of profile-fields.def)
 * that is of a kernel without just this fault. An answer that such a kernel would not give comes from the fault,
 * whichever of the calls before has led up to it.
 */
#ifndef VFIOSIM_CHECK_STRICT_H
#define VFIOSIM_CHECK_STRICT_H

#include "vfiosim/judge.h"

enum {
	STRICT_FAULTS_MAX = 0
#define FIELD(...)
#define FAULT(...) +1
#include "profile-fields.def"
};

/* A kernel without one fault. */
struct better {
	enum profile_field field;
	struct profile profile;
	struct host *host; /* NULL before the first call */
	bool behind;	   /* the host is not where the kernel is */
	struct outcome outcome;
};

struct strict {
	bool on;
	size_t count;
	struct better kernels[STRICT_FAULTS_MAX];
};

/* From now on there is a kernel beside the one of @profile for each fault that it has. */
void strict_begin(struct strict *strict, const struct profile *profile);
void strict_clear(struct strict *strict);

/* A new run on @machine: fresh hosts. */
void strict_begin_run(struct strict *strict, const struct machine *machine);

/* What was observed last is not what these hosts have gone through. */
void strict_lose(struct strict *strict);
/* Before a call: those that are behind go on from the state of @host. */
void strict_catch_up(struct strict *strict, const struct host *host);

/*
 * Makes the observed call on all of them. The fault that the answer comes from, with what the kernel without it would
 * answer as @finding->allowed, valid until the next call; NULL if there is none.
 */
const struct profile_field_desc *strict_call(struct strict *strict, const struct event *event, struct finding *finding);

#endif
