/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * The file as a backend: calls are answered with what was recorded, so that a recording goes every way that
 * live answers go.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "backends_internal.h"

static enum backend_status recorded_begin(struct backend *backend, struct diag *diag)
{
	(void)backend;
	(void)diag;
	return BACKEND_OK;
}

/* A call that never returns has no answer, and no other call can do without. */
static enum backend_status recorded_execute(struct backend *backend, struct event *events, size_t count,
					    struct diag *diag)
{
	(void)backend;
	for (size_t i = 0; i < count; i++) {
		const struct call_desc *desc = &call_table[events[i].call.op];

		if (events[i].answer.known)
			continue;
		if (desc->returns != RETURN_NEVER) {
			diag_set(diag, NULL, 0, 0, "line %" PRIu64 ": there is no recorded answer to %s()",
				 events[i].line, desc->name);
			return BACKEND_FAILED;
		}
		events[i].answer = (struct answer){.known = false};
	}
	return BACKEND_OK;
}

static const char *recorded_console(struct backend *backend)
{
	(void)backend;
	return "";
}

static void recorded_close(struct backend *backend)
{
	free(backend);
}

static const struct backend_ops recorded_ops = {
    .begin = recorded_begin,
    .execute = recorded_execute,
    .end = recorded_begin,
    .console = recorded_console,
    .close = recorded_close,
};

struct backend *recorded_backend_open(const char *argument, const struct trace_header *wanted,
				      enum backend_status *status, struct diag *diag)
{
	struct backend *backend = calloc(1, sizeof(*backend));

	(void)argument;
	if (!backend) {
		diag_set(diag, NULL, 0, 0, "out of memory");
		*status = BACKEND_FAILED;
		return NULL;
	}
	*backend = (struct backend){.ops = &recorded_ops,
				    .header = *wanted,
				    .machine = machine_find(wanted->machine),
				    .answers_from_file = true};
	*status = BACKEND_OK;
	return backend;
}
