/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * A backend that is an agent at the other end of a byte stream; see agent/protocol.h.
 */
#ifndef VFIOSIM_REMOTE_H
#define VFIOSIM_REMOTE_H

#include <stddef.h>

#include "vfiosim/backend.h"

/* How long an agent may be silent, in milliseconds, beside the time that its calls sleep. */
#define REMOTE_SILENCE_MAX 30000

/* What carries the stream. Of the functions all but close may be NULL. */
struct remote_transport {
	int fd; /* a stream socket; the backend closes it before it calls close */
	void *context;
	int silence_max; /* milliseconds; 0: REMOTE_SILENCE_MAX */
	/* Where the execution counters of the agent's kernel are kept when the backend is closed; NULL: nowhere. */
	const char *counters;
	/* Forgets what the console has said so far. */
	void (*console_clear)(void *context);
	/* What it has said since; "" if nothing. Valid until the next call. */
	const char *(*console_text)(void *context);
	/* Copies the first line of complaint number @index (from 0) of the kernel in it; false if there are not so
	 * many. */
	bool (*console_complaint)(void *context, size_t index, char *line, size_t size);
	/* Ends what is at the other end, and frees @context. */
	void (*close)(void *context);
};

/*
 * Greets the agent and makes a backend of it, whose header has the kernel, arch and page size that the agent
 * tells. Takes over the transport in any case. NULL with @status and @diag on failure.
 */
struct backend *remote_open(const struct remote_transport *transport, enum backend_status *status, struct diag *diag);

#endif
