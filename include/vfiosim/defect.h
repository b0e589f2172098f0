/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Defects: bugs that can be switched on by name, to see whether they are caught.
 *
 * model/defects.def has one row each. A profile carries those that are on, so that a host, a judge and a backend get
 * them the way they get everything else about a kernel. No profile of a kernel has any.
 */
#ifndef VFIOSIM_DEFECT_H
#define VFIOSIM_DEFECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum defect {
#define DEFECT(id, ...)	      DEFECT_##id,
#define FIELD_DEFECT(id, ...) DEFECT_##id,
#include "defects.def"
	DEFECT_COUNT
};

struct defect_desc {
	const char *name;     /* "limit-one-page-more" */
	const char *sentence; /* what goes wrong */
	const char *source;   /* the kernel, change, review or place that it comes from */
};

extern const struct defect_desc defects[DEFECT_COUNT];

/* Which defects are on; all zero: none. */
struct defect_set {
	uint64_t bits[(DEFECT_COUNT + 63) / 64];
};

/* The defect with this name, or DEFECT_COUNT. */
enum defect defect_by_name(const char *name);

void defect_set_add(struct defect_set *set, enum defect defect);

static inline bool defect_set_has(const struct defect_set *set, enum defect defect)
{
	return set->bits[defect / 64] >> defect % 64 & 1;
}

#endif
