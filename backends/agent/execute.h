/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Calls, made for real.
 */
#ifndef VFIOSIM_AGENT_EXECUTE_H
#define VFIOSIM_AGENT_EXECUTE_H

#include <stdint.h>

#include "vfiosim/call.h"
#include "worker.h"

/*
 * Executes the call of @event in the calling thread, which is @worker. Fills the out bytes of its
 * buffers, valid until the next call. @wish is the value that the call should return, or NULL. Returns what
 * the call returned, or a negative errno. Sets worker->fate where the call does something to its thread.
 */
int64_t execute_call(struct worker *worker, struct event *event, const int64_t *wish);

#endif
