/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * The rule book: of every rule, which cases hit it and which real kernels were seen to follow it. Read from traces,
 * so that it says what was shown, not what somebody wrote down.
 */
#ifndef VFIOSIM_CHECK_RULEBOOK_H
#define VFIOSIM_CHECK_RULEBOOK_H

#include <stdint.h>

#include "vfiosim/diag.h"
#include "vfiosim/rule.h"
#include "vfiosim/trace.h"

#define RULEBOOK_KERNELS_MAX 32

struct rulebook_entry {
	uint64_t cases;			 /* runs of hand-written programs that hit the rule under some profile */
	char first_case[TRACE_TEXT_MAX]; /* the first of them, "" if there is none */
	uint32_t kernels;		 /* that were observed to follow it: bits by index */
};

struct rulebook {
	struct rulebook_entry entries[RULE_COUNT];
	char kernels[RULEBOOK_KERNELS_MAX][32]; /* "6.12", "6.12 aarch64", "built 7.2", in order of appearance */
	uint32_t kernel_count;
};

/* An empty book, or NULL when memory is out. Free with free(). */
struct rulebook *rulebook_new(void);

/*
 * Reads a trace into the book. One that a kernel answered is judged, and of every call that conforms the rules count as
 * observed there; calls without a kernel are cases, which the model performs under every profile. 0, or -1 with @diag.
 */
int rulebook_add(struct rulebook *book, const char *path, struct diag *diag);

#endif
