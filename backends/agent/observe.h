/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Page accounting as the kernel tells it.
 */
#ifndef VFIOSIM_AGENT_OBSERVE_H
#define VFIOSIM_AGENT_OBSERVE_H

#include <stdbool.h>
#include <stdint.h>

#include "vfiosim/call.h"

struct accounting {
	uint64_t locked; /* VmLck, bytes */
	uint64_t pinned; /* VmPin, bytes */
};

/* True for calls that can change what is accounted to the calling task, and after which there still is a task. */
bool call_observed(enum call_op op);

/* To be called in every new process, before it has threads. 0 or a negative errno. */
int observe_init(void);

/* What is accounted to this process now. 0 or a negative errno. */
int observe(struct accounting *accounting);

#endif
