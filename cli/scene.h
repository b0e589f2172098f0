/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/* A run whose last calls are made at once: those with stamps (docs/trace-format.md), and what went before. */
#ifndef VFIOSIM_CLI_SCENE_H
#define VFIOSIM_CLI_SCENE_H

#include "check/schedules.h"
#include "vfiosim/profile.h"

struct scene {
	struct event **setup; /* copies, in order */
	size_t setup_count, setup_capacity;
	struct event *at_once[SCHEDULE_CALLS_MAX];
	uint32_t count;
};

/* Adds a copy of the run's next event. NULL, or why it does not fit. */
const char *scene_add(struct scene *scene, const struct event *event);
void scene_clear(struct scene *scene);

/* Explores the calls that are made at once on a host of this machine and profile. */
void scene_explore(const struct scene *scene, const struct machine *machine, const struct profile *profile,
		   struct exploration *exploration);

/* Why the first outcome that is wrong is so; NULL: none is. @reference as for exploration_judge(). */
const char *scene_wrong(const struct scene *scene, const struct exploration *exploration,
			const struct exploration *reference);

#endif
