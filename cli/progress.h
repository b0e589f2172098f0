/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/* Progress of long work: one line on a terminal that is rewritten, and nothing anywhere else. */
#ifndef VFIOSIM_CLI_PROGRESS_H
#define VFIOSIM_CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
	const char *what; /* valid while the work goes on */
	bool on, shown;
	uint64_t calls, interval;
};

/* Begins work on @what; a line is shown every @interval calls. */
void progress_begin(struct progress *progress, const char *what, bool quiet, uint64_t interval);
void progress_step(struct progress *progress);

/* Takes the line away. */
void progress_end(struct progress *progress);

#endif
