/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Inputs of the fuzz target: a byte that names the subject, and then draws.
 */
#ifndef VFIOSIM_FUZZ_SUBJECT_H
#define VFIOSIM_FUZZ_SUBJECT_H

#include <stddef.h>
#include <stdint.h>

#include "vfiosim/machine.h"
#include "vfiosim/profile.h"
#include "vfiosim/trace.h"

struct fuzz_subject {
	const char *machine, *profile;
	const char *fields; /* "name=value name=value": what is otherwise than the profile says */
};

extern const struct fuzz_subject fuzz_subjects[];
extern const size_t fuzz_subject_count;

/* The number of the subject that an input of @length bytes is for; 0 for an empty one. */
size_t fuzz_subject_of(const uint8_t *input, size_t length);

/* The first subject with this machine and profile, or fuzz_subject_count. */
size_t fuzz_subject_find(const char *machine, const char *profile);

/* Its machine, and its profile with its fields set. */
const struct machine *fuzz_subject_machine(const struct fuzz_subject *subject);
void fuzz_subject_profile(const struct fuzz_subject *subject, struct profile *profile);

/* Writes its fields into the header of a trace, so that whoever reads the trace has them, too. */
void fuzz_subject_header(const struct fuzz_subject *subject, struct trace_header *header);

#endif
