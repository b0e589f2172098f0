/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/* Owns what happens between a divergence and the next call; the policy is told in vfiosim/judge.h. */
#include "check/repair.h"

#include <errno.h>
#include <stdlib.h>

void repair_clear(struct repair *repair)
{
	free(repair->event);
	*repair = (struct repair){.event = NULL};
}

static int64_t model_call(struct host *host, const struct call *call, const struct choice *choice)
{
	struct outcome outcome;

	host_call(host, call, choice, &outcome);
	return outcome.modelled ? outcome.ret : -ENOSYS;
}

static bool model_close(struct host *host, uint32_t task, int64_t fd)
{
	struct call call = {.task = task, .thread = 1, .op = CALL_CLOSE, .args = {(uint64_t)fd}};

	return model_call(host, &call, NULL) == 0;
}

static bool succeeded(const struct event *event)
{
	return event->answer.known && event->answer.ret >= 0;
}

/* True if success of @call makes something that has to go when the observer did not get it. */
static bool makes_something(const struct call *call)
{
	enum call_return returns = call_table[call->op].returns;

	return call_makes_descriptor(call) || returns == RETURN_TASK || returns == RETURN_ADDR;
}

/* Releases what the model made by @call and returned as @ret. */
static void model_undo(struct host *host, const struct call *call, int64_t ret)
{
	struct call undo = {.task = call->task, .thread = call->thread};

	if (call_makes_descriptor(call)) {
		model_close(host, call->task, ret);
		return;
	}
	switch (call->op) {
	case CALL_MMAP:
		undo.op = CALL_MUNMAP;
		undo.args[0] = (uint64_t)ret;
		undo.args[1] = call->args[1];
		break;
	case CALL_FORK:
		undo.op = CALL_EXIT;
		undo.task = (uint32_t)ret;
		undo.thread = 1;
		break;
	default: /* a thread too many changes nothing for anybody */
		return;
	}
	model_call(host, &undo, NULL);
}

/* True if the model's @fd is something that may answer @call: what is known of it is the same on both sides. */
static bool descriptor_fits(const struct host *host, const struct call *call, int64_t fd)
{
	int owner = fd >= 0 ? host_fd_owner(host, call->task, (int)fd) : -1;

	if (owner < 0 || !call->ioctl)
		return owner >= 0;
	/* With an IOMMU, a container still answers what it did without; an iommufd answers for both. */
	if (call->ioctl->owner == OWNER_CONTAINER)
		return owner == OWNER_CONTAINER || owner == OWNER_TYPE1 || owner == OWNER_SPAPR ||
		       owner == OWNER_TCE_PUT || owner == OWNER_IOMMUFD;
	return (int)call->ioctl->owner == owner || (call->ioctl->owner == OWNER_TYPE1 && owner == OWNER_IOMMUFD);
}

/*
 * The observer's call succeeded and the model refuses it: puts in doubt what is open only there, or is
 * something else there (a container that has its IOMMU already).
 */
static void doubt_strange_descriptors(const struct host *host, struct doubts *doubts, const struct event *event)
{
	const struct call *call = &event->call;
	int64_t fd = call_descriptor(call);
	int64_t joined = call_joined_descriptor(call);

	/* Whatever it was, it is closed on both sides now. Files that are not VFIO's have no owner to compare. */
	if (call->op == CALL_CLOSE || call->op == CALL_MMAP)
		return;
	if ((fd >= 0 && !descriptor_fits(host, call, fd)) ||
	    (joined >= 0 && host_fd_owner(host, call->task, (int)joined) < 0)) {
		doubts_add(doubts, call->task, fd);
		/* What was joined to an unknown object is not known either. */
		doubts_add(doubts, call->task, joined);
	}
}

void repair_plan(struct repair *repair, const struct host *host, struct doubts *doubts, const struct finding *finding)
{
	const struct event *event = finding->event;
	const struct outcome *allowed = finding->allowed;

	if (finding->mismatch != MISMATCH_RETURN && finding->mismatch != MISMATCH_ANSWER_MISSING)
		return;
	if (allowed->ret < 0 && succeeded(event))
		doubt_strange_descriptors(host, doubts, event);
	if (!makes_something(&event->call))
		return;
	repair->event = event_clone(event);
	repair->made = allowed->ret >= 0;
	repair->ret = allowed->ret;
	if (!repair->event && call_makes_descriptor(&event->call) && succeeded(event))
		doubts_add(doubts, event->call.task, event->answer.ret);
}

/*
 * The observer got descriptor @fd by @event's call and the model did not. If the model has
 * the number in use, then a close was not seen: closes it and takes the call again.
 */
static void model_retry(struct host *host, struct doubts *doubts, const struct event *event)
{
	const struct call *call = &event->call;
	int64_t fd = event->answer.ret;
	struct choice choice = {.ret = fd};
	int64_t ret;

	/* No kernel hands out the number of a descriptor that the very call works on. */
	if (fd == call_descriptor(call) && call->op != CALL_DUP3)
		return;
	if (call->buffer_count > 0)
		choice.out = call->buffers[0].out;
	if (!model_close(host, call->task, fd)) {
		doubts_add(doubts, call->task, fd);
		return;
	}
	ret = model_call(host, call, &choice);
	if (ret == fd)
		return;
	if (ret >= 0)
		model_undo(host, call, ret);
	doubts_add(doubts, call->task, fd);
}

void repair_apply(struct repair *repair, struct host *host, struct doubts *doubts)
{
	const struct event *event = repair->event;

	if (!event)
		return;
	if (repair->made)
		model_undo(host, &event->call, repair->ret);
	if (call_makes_descriptor(&event->call) && succeeded(event))
		model_retry(host, doubts, event);
	repair_clear(repair);
}

void repair_reused_descriptor(struct host *host, struct doubts *doubts, const struct event *event)
{
	uint32_t task = event->call.task;

	if (doubts->count == 0 || !succeeded(event) || !call_makes_descriptor(&event->call))
		return;
	if (event->answer.ret == call_descriptor(&event->call) || !doubts_have(doubts, task, event->answer.ret))
		return;
	doubts_remove(doubts, task, event->answer.ret);
	model_close(host, task, event->answer.ret);
}

void repair_follow(struct host *host, struct doubts *doubts, const struct event *event)
{
	const struct call *call = &event->call;

	if (!succeeded(event))
		return;
	if (call->op == CALL_CLOSE) {
		int64_t fd = call_descriptor(call);

		doubts_remove(doubts, call->task, fd);
		model_close(host, call->task, fd);
	}
	if (call_makes_descriptor(call)) {
		model_close(host, call->task, event->answer.ret);
		doubts_add(doubts, call->task, event->answer.ret);
	}
	if (call_joined_descriptor(call) >= 0) {
		doubts_add(doubts, call->task, call_descriptor(call));
		doubts_add(doubts, call->task, call_joined_descriptor(call));
	}
}

void repair_inherit(struct doubts *doubts, const struct event *event)
{
	const struct call *call = &event->call;

	if (doubts->count == 0)
		return;
	if (call->op == CALL_FORK && event->answer.known && event->answer.ret > 0 && event->answer.ret <= UINT32_MAX)
		doubts_inherit(doubts, call->task, (uint32_t)event->answer.ret);
	if (call->op == CALL_EXIT)
		doubts_remove_task(doubts, call->task);
}
