/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Making calls that change tasks: limits, capabilities, fork, thread, exec, exit.
 */
#include "generator_internal.h"

enum { CAPABILITY_IPC_LOCK = 14, CAPABILITY_NET_RAW = 13, CAPABILITY_SYS_RAWIO = 17 };

bool make_setrlimit(struct generator *g, struct call *call)
{
	const uint64_t page = g->machine->page_size;
	const uint64_t limits[] = {0,	      page,	  2 * page,    3 * page - 1, 8 * page,
				   64 * page, 300 * page, 2048 * page, UINT64_MAX};

	call->op = CALL_SETRLIMIT;
	call->args[0] = ONE_OF(g, limits);
	/* A default window fits, but not its table. */
	if (has_tce(g) && chance(g, 1, 3))
		call->args[0] = g->machine->tce.default_window.last + 1;
	return true;
}

/*
 * Without CAP_IPC_LOCK the limit counts. It is set before: what it is by default is not the model's to know. Noiommu
 * groups are for those who have CAP_SYS_RAWIO.
 */
bool make_dropcap(struct generator *g, struct call *call)
{
	const bool noiommu = group_is_noiommu(g, g->groups[0]) && chance(g, 1, 2);

	if (!g->actor->limited && !noiommu)
		return make_setrlimit(g, call);
	call->op = CALL_DROPCAP;
	call->args[0] = chance(g, 7, 8) ? CAPABILITY_IPC_LOCK : CAPABILITY_NET_RAW;
	if (noiommu)
		call->args[0] = CAPABILITY_SYS_RAWIO;
	return true;
}

bool make_fork(struct generator *g, struct call *call)
{
	call->op = CALL_FORK;
	return g->book.tasks_made < TASKS_MAX;
}

bool make_thread(struct generator *g, struct call *call)
{
	call->op = CALL_THREAD;
	/* Its stack would be locked, and might not be. */
	return g->actor->threads < THREADS_MAX && !g->actor->locks_ahead;
}

bool make_exec(struct generator *g, struct call *call)
{
	call->op = CALL_EXEC;
	return g->actor->threads == 1;
}

/* The last task's exit ends the program, so it is rare. */
bool make_exit(struct generator *g, struct call *call)
{
	call->op = CALL_EXIT;
	return g->book.actor_count > 1 || chance(g, 1, 4);
}
