/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * What the files of backends/ share.
 */
#ifndef VFIOSIM_BACKENDS_INTERNAL_H
#define VFIOSIM_BACKENDS_INTERNAL_H

#include "vfiosim/backend.h"

/*
 * Opens one kind of backend. @argument is what stands behind the colon of its name, "" if nothing does.
 * NULL with @status and @diag on failure.
 */
typedef struct backend *backend_open_fn(const char *argument, const struct trace_header *wanted,
					enum backend_status *status, struct diag *diag);

backend_open_fn model_backend_open;
backend_open_fn recorded_backend_open;
backend_open_fn kernel_backend_open;
backend_open_fn vm_backend_open;

/*
 * Finds the agent for an architecture, named as in traces: in $VFIOSIM_AGENT_DIR, beside this program as it
 * is built, or where it is installed. Fills @path (@size bytes). 0, or -1 with @diag.
 */
int agent_find(const char *arch, char *path, size_t size, struct diag *diag);

/*
 * Starts the agent at path @agent on this machine, whether or not there is VFIO. @silence_max is that of
 * struct remote_transport. NULL with @status and @diag on failure.
 */
struct backend *local_backend_open(const char *agent, int silence_max, enum backend_status *status, struct diag *diag);

/* Bytes that live until the chain is cleared, for what answers point to. A zeroed one is empty. */
struct bytes_chain {
	struct bytes_block *newest;
};

/* A copy of @length bytes, or NULL when memory is out. */
uint8_t *bytes_keep(struct bytes_chain *chain, const uint8_t *bytes, size_t length);
void bytes_clear(struct bytes_chain *chain);

#endif
