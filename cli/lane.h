/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * A lane: a backend, and the program that it executes while others execute theirs.
 *
 * A guest spends most of its time waiting, for its devices or for this host's other processors. Several of them side by
 * side wait together.
 */
#ifndef VFIOSIM_CLI_LANE_H
#define VFIOSIM_CLI_LANE_H

#include <pthread.h>

#include "fuzz/program.h"
#include "vfiosim/backend.h"

/* All fields are the owner's to read, and the two of the backend to set, unless the lane is under way. */
struct lane {
	struct backend *backend; /* NULL: not open yet */
	bool used_up;		 /* its guest has been, or is going, through a destructive program */

	struct program *program;
	size_t answered;	    /* events that have their answers */
	bool whole;		    /* all calls were executed, whatever became of the run's end */
	enum backend_status status; /* of the run, its end included */
	struct diag diag;

	pthread_t thread;
};

/*
 * Sends @program down the lane, to be executed in a run of its own; the lane owns it from now on.
 * -1 if there is no thread to be had; then the lane is not under way, and has the program all the same.
 */
int lane_start(struct lane *lane, struct program *program);

/* Waits until the program has come through. The bytes of its answers live as long as it does. */
void lane_wait(struct lane *lane);

/* Frees the program. The backend stays. */
void lane_clear(struct lane *lane);

#endif
