/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Calls, made for real.
 */
#ifndef VFIOSIM_AGENT_EXECUTE_H
#define VFIOSIM_AGENT_EXECUTE_H

#include <errno.h>
#include <stdint.h>

#include "vfiosim/call.h"
#include "worker.h"

/*
 * Executes the call of @event in the calling thread, which is @worker. Fills the out bytes of its
 * buffers, valid until the next call. @wish is the value that the call should return, or NULL. Returns what
 * the call returned, or a negative errno. Sets worker->fate where the call does something to its thread.
 */
int64_t execute_call(struct worker *worker, struct event *event, const int64_t *wish);

/* The same for the calls on the memory of the task; -ENOSYS for any other. */
int64_t execute_memory_call(struct worker *worker, struct call *call, const int64_t *wish);

/* What a system call returned, as an answer has it. */
static inline int64_t call_result(long returned)
{
	return returned < 0 ? -errno : returned;
}

#endif
