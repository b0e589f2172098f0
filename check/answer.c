/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/* Owns the comparison of what was observed with what a model gives. */
#include "check/answer.h"

#include <string.h>

/* The first byte of @buffer that is not what the model allows; its length if there is none. */
static uint32_t buffer_compare(const struct buffer *buffer, const uint8_t *allowed, const uint8_t *mask)
{
	const uint8_t *observed = buffer->out ? buffer->out : buffer->in;

	if (!allowed)
		allowed = buffer->in;
	/* Memory whose content nobody wrote down cannot be compared. */
	if (!allowed || !observed || allowed == observed)
		return buffer->length;
	if (!mask && memcmp(observed, allowed, buffer->length) == 0)
		return buffer->length;
	for (uint32_t i = 0; i < buffer->length; i++) {
		if (((observed[i] ^ allowed[i]) & (mask ? mask[i] : 0xff)) != 0)
			return i;
	}
	return buffer->length;
}

static bool bytes_differ(const struct call *call, const struct outcome *outcome, struct finding *finding)
{
	for (uint32_t i = 0; i < call->buffer_count; i++) {
		const struct buffer *buffer = &call->buffers[i];
		uint32_t offset = buffer_compare(buffer, outcome->out[i], outcome->mask[i]);

		if (offset < buffer->length) {
			finding->buffer = i;
			finding->offset = offset;
			return true;
		}
	}
	return false;
}

/* Unsigned differences wrap alike on both sides, so that growing and shrinking need no cases. */
static bool accounting_differs(const struct observation *observed, uint64_t before, uint64_t after)
{
	return observed->present && observed->after - observed->before != after - before;
}

enum mismatch answer_compare(const struct event *event, const struct outcome *outcome, struct finding *finding)
{
	bool never_returns = call_table[event->call.op].returns == RETURN_NEVER;
	bool fatal = rule_complaint_fatal(outcome->complaint);

	if (!event->answer.known)
		return never_returns || fatal ? MISMATCH_NONE : MISMATCH_ANSWER_MISSING;
	if (fatal)
		return MISMATCH_SURVIVED;
	if (event->answer.ret != outcome->ret)
		return MISMATCH_RETURN;
	if (bytes_differ(&event->call, outcome, finding))
		return MISMATCH_BYTES;
	if (outcome->task_gone)
		return MISMATCH_NONE;
	if (accounting_differs(&event->answer.locked, outcome->locked_before, outcome->locked_after))
		return MISMATCH_LOCKED;
	if (accounting_differs(&event->answer.pinned, outcome->pinned_before, outcome->pinned_after))
		return MISMATCH_PINNED;
	return MISMATCH_NONE;
}

/* What counts as locked beyond what the calls tell, the program has locked by what was not recorded. */
static void settle_unseen_locks(struct host *host, const struct event *event)
{
	const struct observation *locked = &event->answer.locked;
	uint64_t told;

	if (!event->answer.known || !locked->present)
		return;
	told = host_locked(host, event->call.task);
	host_set_locked_unseen(host, event->call.task, locked->before > told ? locked->before - told : 0);
}

void answer_call(struct host *host, const struct event *event, struct outcome *outcome)
{
	struct choice choice = {.ret = event->answer.ret};

	settle_unseen_locks(host, event);
	if (event->call.buffer_count > 0)
		choice.out = event->call.buffers[0].out;
	host_call(host, &event->call, event->answer.known ? &choice : NULL, outcome);
}
