/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Making calls that lock memory: what the program locks and what VFIO charges share one limit.
 */
#include "generator_internal.h"

enum { ON_FAULT = 1, ALL_CURRENT = 1, ALL_FUTURE = 2, ALL_ON_FAULT = 4 };

bool make_mlock(struct generator *g, struct call *call)
{
	call->op = CALL_MLOCK;
	if (!area_part(g, &call->args[0], &call->args[1]))
		return false;
	if (chance(g, 1, 3)) {
		call->op = CALL_MLOCK2;
		call->args[2] = strange(g) ? 2 : below(g, 2) * ON_FAULT;
	}
	if (strange(g))
		call->args[0] += 8;
	if (strange(g) && chance(g, 1, 4))
		call->args[1] = -call->args[0] & -(uint64_t)g->machine->page_size;
	return true;
}

bool make_munlock(struct generator *g, struct call *call)
{
	call->op = CALL_MUNLOCK;
	if (!area_part(g, &call->args[0], &call->args[1]))
		return false;
	if (strange(g))
		call->args[1] += 1;
	return true;
}

/* All there is, all there will be, or none of it. */
bool make_lock_all(struct generator *g, struct call *call)
{
	static const uint64_t usual[] = {ALL_CURRENT, ALL_FUTURE, ALL_CURRENT | ALL_FUTURE, ALL_FUTURE | ALL_ON_FAULT};
	static const uint64_t odd[] = {0, ALL_ON_FAULT, 8};

	call->op = CALL_MUNLOCKALL;
	if (chance(g, 1, 2))
		return true;
	call->op = CALL_MLOCKALL;
	call->args[0] = strange(g) ? ONE_OF(g, odd) : ONE_OF(g, usual);
	/* Memory of a second thread would be locked, too. */
	return g->actor->threads == 1;
}
