/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * A run as the server sees it: its processes, and a channel to each of their threads.
 *
 * The processes of a run are one process group, whose leader is task 1, and the server
 * is the reaper of them all: so the end of a run can be enforced and waited for.
 */
#ifndef VFIOSIM_AGENT_RUN_H
#define VFIOSIM_AGENT_RUN_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "stream.h"

#define RUN_ERROR_MAX 256

struct process {
	uint32_t task;
	int pidfd; /* readable once the process is gone; -1: has been seen to be gone. Own descriptor */
};

struct member {
	uint32_t task, thread;
	int channel; /* own descriptor */
	struct stream stream;
};

struct run {
	pid_t leader;		   /* and process group; 0: no run */
	struct process *processes; /* all that there ever were, by task number of no particular order */
	size_t process_count;
	struct member *members; /* live threads */
	size_t member_count;
	char error[RUN_ERROR_MAX]; /* why the last function failed */
};

/* Starts task 1. @executable is an own descriptor of this program. 0, or -1 with run->error. */
int run_begin(struct run *run, int executable);

/*
 * Has @lines (@count of them, @length bytes) executed by a thread and has the answers go to @host.
 * 0, or -1 with run->error.
 */
int run_calls(struct run *run, struct outbox *host, uint32_t task, uint32_t thread, size_t count, const char *lines,
	      size_t length);

/* Kills what is left and waits until all of it is reaped. */
void run_end(struct run *run);

#endif
