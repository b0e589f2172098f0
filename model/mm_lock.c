/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Memory that the program itself locks, which counts against the same limit as what VFIO charges.
 */
#include "host.h"

enum {
	CAPABILITY_IPC_LOCK = 14,
	LOCK_ON_FAULT = 1,
	LOCK_CURRENT = 1,
	LOCK_FUTURE = 2,
	LOCK_ALL_ON_FAULT = 4,
};

#define LOCK_FLAGS (AREA_LOCKED | AREA_LOCK_ON_FAULT)

bool task_may_lock(const struct task *task)
{
	return task->memlock || task_capable(task, CAPABILITY_IPC_LOCK);
}

uint64_t task_lock_room(const struct host *host, uint32_t index)
{
	const struct task *task = &host->tasks.items[index];
	uint64_t limit = task->memlock / host->machine->page_size, used = mm_locked(&host->mms.items[task->mm]);

	if (task_capable(task, CAPABILITY_IPC_LOCK) && !defect_on(host, DEFECT_CAPABILITY_IGNORED))
		return UINT64_MAX;
	if (defect_on(host, DEFECT_LIMIT_IGNORED))
		return UINT64_MAX;
	if (defect_on(host, DEFECT_LIMIT_ROUNDED_UP))
		limit += task->memlock % host->machine->page_size != 0;
	if (defect_on(host, DEFECT_LIMIT_PER_MAPPING))
		used = 0;
	limit += defect_on(host, DEFECT_LIMIT_ONE_MORE);
	used += defect_on(host, DEFECT_LIMIT_ONE_LESS);
	return limit > used ? limit - used : 0;
}

/* Whether an area can be locked: huge pages and devices are left as they are, without a word. */
static bool lockable(const struct range *area)
{
	return AREA_KIND(area->tag) != AREA_DEVICE && !(area->tag & AREA_HUGE);
}

/* Gives the part of an area in [first, last] these lock flags, and counts it. */
static void lock_part(struct host *host, uint32_t index, struct range area, uint64_t first, uint64_t last,
		      uint32_t flags)
{
	struct mm *mm = &host->mms.items[index];
	uint64_t pages;

	if (!lockable(&area))
		return;
	area.first = area.first > first ? area.first : first;
	area.last = area.last < last ? area.last : last;
	pages = (area.last - area.first + 1) / host->machine->page_size;
	if (area.tag & AREA_LOCKED)
		mm->locked_areas -= pages;
	if (flags & AREA_LOCKED)
		mm->locked_areas += pages;
	mm_change_area(host, index, &area, (area.tag & ~LOCK_FLAGS) | flags);
}

/* Area by area, up to the first hole; what was changed till then stays changed. False if there was a hole. */
static bool lock_range(struct host *host, uint32_t index, uint64_t first, uint64_t last, uint32_t flags)
{
	while (first <= last) {
		const struct range *area = rangemap_at(&host->mms.items[index].areas, first);
		uint64_t end;

		if (!area)
			return false;
		end = area->last;
		lock_part(host, index, *area, first, last, flags);
		first = end + 1;
	}
	return true;
}

/* Whether locking a range never ends, because all of it is there and is to be brought in. */
static bool lock_hangs(const struct host *host, uint32_t index, uint64_t first, uint64_t last)
{
	const struct range *area;

	if (!mm_bring_in_hangs(host, index, first, last, true))
		return false;
	while ((area = rangemap_at(&host->mms.items[index].areas, first)) && area->last < last)
		first = area->last + 1;
	return area;
}

/* Pages of [first, last] that are locked already. */
static uint64_t locked_within(const struct host *host, uint32_t index, uint64_t first, uint64_t last)
{
	const struct rangemap *areas = &host->mms.items[index].areas;
	const struct range *area;
	uint64_t bytes = 0;

	/* A range that runs over the top has none. */
	while (first <= last && (area = rangemap_overlap(areas, first, last))) {
		if (area->tag & AREA_LOCKED)
			bytes +=
			    (area->last < last ? area->last : last) - (area->first > first ? area->first : first) + 1;
		first = area->last + 1;
	}
	return bytes / host->machine->page_size;
}

/* The whole pages that a range touches; false if it has none, or runs over the top. */
static bool pages_of(const struct host *host, const struct op *op, uint64_t *first, uint64_t *bytes)
{
	const uint64_t page = host->machine->page_size;

	*first = op->call->args[0] & ~(page - 1);
	*bytes = (op->call->args[1] + (op->call->args[0] - *first) + page - 1) & ~(page - 1);
	return *bytes && *first + *bytes > *first;
}

/* Whether a range would be too much to lock. What of it is locked already does not count again. */
static bool over_limit(const struct host *host, const struct task *task, uint64_t first, uint64_t bytes)
{
	const uint64_t page = host->machine->page_size, limit = task->memlock / page;
	const uint64_t wanted = bytes / page + mm_locked(&host->mms.items[task->mm]);

	if (task_capable(task, CAPABILITY_IPC_LOCK) || wanted <= limit)
		return false;
	return wanted - locked_within(host, task->mm, first, first + bytes - 1) > limit;
}

static enum step_result lock(struct host *host, struct op *op, uint32_t flags)
{
	const struct task *task = op_task(host, op);
	uint64_t first, bytes;
	bool any;

	if (!task_may_lock(task))
		return refuse(op, RULE_MM_LOCK_PERMISSION);
	any = pages_of(host, op, &first, &bytes);
	if (over_limit(host, task, first, bytes))
		return refuse(op, RULE_MM_LOCK_LIMIT);
	if (!any && bytes)
		return refuse(op, RULE_MM_LOCK_WRAP);
	if (any && lock_hangs(host, task->mm, first, first + bytes - 1))
		return complain(host, op, RULE_MM_HUGE_PART, true);
	if (any && !lock_range(host, task->mm, first, first + bytes - 1, flags))
		return refuse(op, RULE_MM_LOCK_HOLE);
	/* It is locked even if not all of it can be brought in. */
	if (any && !mm_populate(host, task->mm, first, first + bytes - 1, false))
		return refuse(op, RULE_MM_LOCK_INACCESSIBLE);
	hit(op, RULE_MM_LOCK);
	return finish(op, 0);
}

static enum step_result call_mlock(struct host *host, struct op *op)
{
	return lock(host, op, AREA_LOCKED);
}

static enum step_result call_mlock2(struct host *host, struct op *op)
{
	if (op->call->args[2] & ~(uint64_t)LOCK_ON_FAULT)
		return refuse(op, RULE_MM_LOCK_FLAGS);
	return lock(host, op, op->call->args[2] & LOCK_ON_FAULT ? LOCK_FLAGS : AREA_LOCKED);
}

static enum step_result call_munlock(struct host *host, struct op *op)
{
	uint64_t first, bytes;

	if (pages_of(host, op, &first, &bytes)) {
		if (!lock_range(host, op_task(host, op)->mm, first, first + bytes - 1, 0))
			return refuse(op, RULE_MM_LOCK_HOLE);
	} else if (bytes) {
		return refuse(op, RULE_MM_LOCK_WRAP);
	}
	hit(op, RULE_MM_UNLOCK);
	return finish(op, 0);
}

static void lock_all(struct host *host, uint32_t index, uint32_t flags)
{
	const struct range *area;
	uint64_t at = 0;

	while ((area = rangemap_from(&host->mms.items[index].areas, at))) {
		at = area->last + 1;
		lock_part(host, index, *area, area->first, area->last, flags);
	}
}

static enum step_result call_mlockall(struct host *host, struct op *op)
{
	const uint64_t flags = op->call->args[0];
	const struct task *task = op_task(host, op);
	const uint32_t lock = flags & LOCK_ALL_ON_FAULT ? LOCK_FLAGS : AREA_LOCKED;

	if (!flags || flags & ~(uint64_t)(LOCK_CURRENT | LOCK_FUTURE | LOCK_ALL_ON_FAULT) || flags == LOCK_ALL_ON_FAULT)
		return refuse(op, RULE_MM_LOCK_FLAGS);
	if (!task_may_lock(task))
		return refuse(op, RULE_MM_LOCK_PERMISSION);
	/* All memory means that of whoever makes the call as well, of which the model knows nothing. */
	if ((flags & LOCK_CURRENT) && !task_capable(task, CAPABILITY_IPC_LOCK))
		return unmodelled(host, op);
	if ((flags & LOCK_CURRENT) && mm_bring_in_hangs(host, task->mm, 0, UINT64_MAX, true))
		return complain(host, op, RULE_MM_HUGE_PART, true);
	host->mms.items[task->mm].lock_ahead = flags & LOCK_FUTURE ? lock : 0;
	if (flags & LOCK_CURRENT) {
		lock_all(host, task->mm, lock);
		mm_populate(host, task->mm, 0, UINT64_MAX, true);
	}
	hit(op, RULE_MM_LOCK);
	return finish(op, 0);
}

static enum step_result call_munlockall(struct host *host, struct op *op)
{
	const uint32_t mm = op_task(host, op)->mm;

	host->mms.items[mm].lock_ahead = 0;
	lock_all(host, mm, 0);
	hit(op, RULE_MM_UNLOCK);
	return finish(op, 0);
}

handler_fn *lock_call_handler(enum call_op op)
{
	switch (op) {
	case CALL_MLOCK:
		return call_mlock;
	case CALL_MLOCK2:
		return call_mlock2;
	case CALL_MUNLOCK:
		return call_munlock;
	case CALL_MLOCKALL:
		return call_mlockall;
	case CALL_MUNLOCKALL:
		return call_munlockall;
	default:
		return NULL;
	}
}
