/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/* What is judged against: the machine and the kernel profile that a trace header or the options name. */
#ifndef VFIOSIM_CLI_SUBJECT_H
#define VFIOSIM_CLI_SUBJECT_H

#include "cli/cli.h"
#include "vfiosim/machine.h"
#include "vfiosim/profile.h"
#include "vfiosim/trace.h"

struct subject {
	struct machine machine; /* with pages as the trace's kernel has them */
	struct profile profile;
};

/* Gives @header the settings that @options name. 0, or -1 with @diag. */
int subject_settings(struct trace_header *header, const struct options *options, struct diag *diag);

/*
 * A copy of @header with the machine, the profile and the settings that @options name in the place of its own. 0, or -1
 * with @diag.
 */
int subject_header(struct trace_header *wanted, const struct trace_header *header, const struct options *options,
		   struct diag *diag);

/* Switches on in @header the bugs that @options name. 0, or -1 with @diag. */
int subject_defects(struct trace_header *header, const struct options *options, struct diag *diag);

/* Switches all bugs of @header off again. */
void subject_without_defects(struct trace_header *header);

/* Finds machine and profile of @header, its probed fields included. @file is for messages. 0, or -1 with @diag. */
int subject_find(struct subject *subject, const struct trace_header *header, const char *file, struct diag *diag);

#endif
