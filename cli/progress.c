/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/* Owns the progress line. It counts calls and no time: the same work shows the same lines. */
#include "cli/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

void progress_begin(struct progress *progress, const char *what, bool quiet, uint64_t interval)
{
	*progress = (struct progress){.what = what, .interval = interval};
	progress->on = !quiet && isatty(STDERR_FILENO);
}

void progress_step(struct progress *progress)
{
	if (++progress->calls % progress->interval != 0 || !progress->on)
		return;
	fprintf(stderr, "\r%s: %" PRIu64 " calls\033[K", progress->what, progress->calls);
	progress->shown = true;
}

void progress_end(struct progress *progress)
{
	if (progress->shown)
		fputs("\r\033[K", stderr);
	progress->shown = false;
}
