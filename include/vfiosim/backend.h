/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Backends execute calls and report answers; they never judge.
 */
#ifndef VFIOSIM_BACKEND_H
#define VFIOSIM_BACKEND_H

#include "vfiosim/call.h"
#include "vfiosim/diag.h"
#include "vfiosim/machine.h"
#include "vfiosim/trace.h"

struct backend;

enum backend_status {
	BACKEND_OK = 0,
	BACKEND_FAILED,	 /* the harness could not do it; diag says why */
	BACKEND_MISSING, /* something that this backend needs is not there; diag names it (exit code 4) */
	BACKEND_SPLAT,	 /* the kernel complained, hung or died; diag has the first line, backend_console() the text */
};

struct backend_ops {
	/*
	 * Starts a fresh run: nothing of an earlier one is left. That it could not be started may be told by the first
	 * execute.
	 */
	enum backend_status (*begin)(struct backend *backend, struct diag *diag);
	/*
	 * Executes @count calls in order and replaces each event's answer and out bytes; these live until the next
	 * execute or end. An answer that is known on entry is a wish: the descriptor, address or number that the
	 * call should return where there is a choice. On failure, answers that did not come are left as they were.
	 */
	enum backend_status (*execute)(struct backend *backend, struct event *events, size_t count, struct diag *diag);
	/* Ends the run: every task of it is gone and everything it held is released. */
	enum backend_status (*end)(struct backend *backend, struct diag *diag);
	/* What the console of the kernel printed since begin; "" where there is none. */
	const char *(*console)(struct backend *backend);
	/*
	 * Copies the first line of complaint number @index (from 0) that the kernel uttered since begin. False if there
	 * are not so many. Of a guest only.
	 */
	bool (*complaint)(struct backend *backend, size_t index, char *line, size_t size);
	void (*close)(struct backend *backend);
};

struct backend {
	const struct backend_ops *ops;
	struct trace_header header; /* kernel, arch, page size, machine, profile: what answers here */
	const struct machine *machine;
	bool is_kernel;		/* a real kernel answers... */
	bool is_guest;		/* ...in a guest of its own: its console is heard, and it may be lost */
	bool answers_from_file; /* execute() wants the whole answers that events have, and answers these */
};

/*
 * Opens a backend by name: "model", "recorded", "kernel", "vm:KERNEL". @wanted gives machine and profile for the
 * model, the machine for the virtual one, and all that the recorded one says of itself. Settings among its fields are
 * made in the virtual one, and must be those of a kernel: else BACKEND_MISSING. NULL with @status and @diag on failure.
 */
struct backend *backend_open(const char *name, const struct trace_header *wanted, enum backend_status *status,
			     struct diag *diag);
void backend_close(struct backend *backend);

#endif
