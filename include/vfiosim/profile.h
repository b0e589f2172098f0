/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Kernel profiles: every behaviour that differs between kernels is one field.
 *
 * model/profile-fields.def names each field with its source and its value in each kernel.
 * The model asks for fields; it never compares versions. A live kernel is its
 * profile plus what probes found, which the trace header records field by field. Some fields are
 * settings: what an administrator can change. model/proposals.def has the profiles of what was only proposed.
 */
#ifndef VFIOSIM_PROFILE_H
#define VFIOSIM_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vfiosim/defect.h"

enum profile_field {
#define FIELD(id, ...) PROFILE_##id,
#include "profile-fields.def"
	PROFILE_FIELD_COUNT
};

struct profile {
	char name[64];
	int64_t values[PROFILE_FIELD_COUNT];
	struct defect_set defects; /* bugs beyond what the kernel does */
};

struct profile_field_desc {
	const char *name;     /* lower case with underscores */
	const char *sentence; /* what it says */
	const char *source;   /* kernel version, file, function; change that made the difference */
	/* A setting: the module's parameter by which an administrator sets it, as "MODULE.NAME". Else NULL. */
	const char *parameter;
	bool is_fault; /* some kernels are wrong in it: those that have another value than the right one */
	int64_t right;
};

extern const struct profile_field_desc profile_fields[PROFILE_FIELD_COUNT];

/* The field with this name, or NULL. */
const struct profile_field_desc *profile_field_find(const char *name);

/* Copies the profile with this name into @profile. Returns 0, or -1 if there is none. */
int profile_find(const char *name, struct profile *profile);

/* The profile for a kernel release such as "6.12.95+deb12-amd64": the newest that is not newer. NULL if older than all.
 */
const char *profile_for_release(const char *release);

/*
 * Sets a field by name from text (decimal, 0x..., or an errno name, which gives the negative errno). The field "defect"
 * switches on the defect of that name. 0 or -1.
 */
int profile_set(struct profile *profile, const char *field, const char *value);

/*
 * The kernel whose profile a proposal changes, and the text that it was proposed in. NULL for the profile of a kernel,
 * and for names that are no profile's.
 */
const char *profile_base(const char *name);
const char *profile_source(const char *name);

/* Names of all profiles, NULL at the end: those of kernels, oldest first, and behind them those of proposals. */
const char *const *profile_names(void);

#endif
