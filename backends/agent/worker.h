/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * A worker is one thread of a task of a run: it takes batches of calls from the server,
 * executes them and answers.
 */
#ifndef VFIOSIM_AGENT_WORKER_H
#define VFIOSIM_AGENT_WORKER_H

#include <stdbool.h>
#include <stdint.h>

#include "observe.h"
#include "stream.h"
#include "vfiosim/trace.h"

/* What becomes of the worker after the call that it just executed. */
enum worker_fate {
	WORKER_STAYS,
	WORKER_REBORN, /* it is the new process of a fork and waits for calls of its own */
	WORKER_LEAVES, /* the call ends the process */
};

struct worker {
	uint32_t task, thread;
	unsigned slot;	/* of memory.h */
	int channel;	/* socket to the server; an own descriptor */
	int executable; /* this program, for exec; an own descriptor */
	enum worker_fate fate;
	bool accounted; /* accounting is what held after the last call of this batch */
	struct accounting accounting;
	struct stream stream;
	struct arena *arena;
	struct text answers; /* lines that were not sent yet */
	size_t answer_count; /* how many */
};

/*
 * Runs the first thread of a fresh process whose descriptors from 0 on belong to the calls. Both
 * descriptors must be own ones. @first, if not NULL, is the line of the exec that made this program.
 */
void worker_start(uint32_t task, int channel, int executable, const char *first) __attribute__((noreturn));

/* Sends the answers that are held. 0 or a negative errno. */
int worker_flush(struct worker *worker);

/*
 * Asks the server for a number and a channel for a new "task" or "thread"; @wish is the number that it
 * should have, 0 for any. Returns the number and fills @channel with an own descriptor, or a negative errno.
 */
int64_t worker_ask(struct worker *worker, const char *what, int64_t wish, int *channel);
/* Tells what came of it: @pid of the new process, 0 for a thread, negative for nothing. */
void worker_tell(struct worker *worker, int64_t pid);

/* Makes @worker the first and only thread of a process that was just forked. */
void worker_become(struct worker *worker, uint32_t task, int channel);

/* Starts thread @number of the same task in the background. 0 or a negative errno; @channel is then closed. */
int worker_spawn(const struct worker *parent, uint32_t number, int channel);

#endif
