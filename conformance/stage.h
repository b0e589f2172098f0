/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * The stage: performs cases, which are the runs of a trace, where VFIOSIM_ON says (a backend's name such as vm:6.12;
 * the model with every profile if it is not set), and has every answer judged.
 */
#ifndef VFIOSIM_CONFORMANCE_STAGE_H
#define VFIOSIM_CONFORMANCE_STAGE_H

#include <stddef.h>
#include <stdint.h>

struct stage_result {
	uint64_t runs, calls;
	uint64_t failed;   /* calls, or runs, that are not as the rules allow, or that the model does not know */
	uint64_t left_out; /* runs that no kernel was asked, because they are destructive, or would make it complain */
};

/*
 * Performs every run of the trace @text; @name is what messages call it. A kernel is not asked those that are
 * destructive, or of which the model says that they make it complain of itself: what came behind would be in doubt.
 * Tells the first few failures on standard error, with run, call and rule. Ends the test as skipped when the backend,
 * or a machine of this kind on it, is not to be had.
 */
struct stage_result stage_perform(const char *name, const char *text, size_t length);

/* The whole file, with a NUL behind its @length bytes, for the caller to free. A test that cannot have it fails. */
char *stage_read(const char *path, size_t *length);

#endif
