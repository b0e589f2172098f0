/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Owns what holds for all calls: the ledger adds up, refusals leave no trace, and the end leaves nothing.
 */
#include "check/examiner.h"

/* How much of a host a refusal may change, because real kernels do. */
enum leaving { LEAVES_NOTHING, LEAVES_PAGES, LEAVES_ANYTHING };

static const enum leaving leavings[RULE_COUNT] = {
    /* The pages that were brought in before the refusal stay. */
    [RULE_T1_MAP_MEMORY] = LEAVES_PAGES,
    [RULE_T1_MAP_LIMIT] = LEAVES_PAGES,
    [RULE_T1_JOIN_MEMORY] = LEAVES_PAGES,
    [RULE_T1_JOIN_LIMIT] = LEAVES_PAGES,
    [RULE_T1_JOIN_BEYOND] = LEAVES_PAGES,
    [RULE_IFD_MAP_MEMORY] = LEAVES_PAGES,
    [RULE_IFD_MAP_ACCESS] = LEAVES_PAGES,
    [RULE_IFD_MAP_LIMIT] = LEAVES_PAGES,
    [RULE_IFD_ATTACH_MEMORY] = LEAVES_PAGES,
    [RULE_IFD_ATTACH_ACCESS] = LEAVES_PAGES,
    [RULE_IFD_ATTACH_LIMIT] = LEAVES_PAGES,
    /* What is refused for what it says was read before. */
    [RULE_DEV_BIND_TOKEN] = LEAVES_PAGES,
    [RULE_TCE7_PUT_ALIGN] = LEAVES_PAGES,
    /* A store tells what cannot be reached after it has touched the rest. */
    [RULE_MM_FAULT] = LEAVES_PAGES,
    /* A mapping that is refused has made room for itself. */
    [RULE_MM_MAP_REPLACES] = LEAVES_ANYTHING,
    /* What lies before the hole, or before what refuses, is changed. */
    [RULE_MM_PROTECT_HOLE] = LEAVES_ANYTHING,
    [RULE_MM_HUGE_SPLIT] = LEAVES_ANYTHING,
    [RULE_MM_LOCK_HOLE] = LEAVES_ANYTHING,
    [RULE_MM_ADVICE_REFUSED] = LEAVES_ANYTHING,
    /* Of holes madvise tells last, and mlock of what cannot be brought in: all that can be done is done. */
    [RULE_MM_ADVICE_HOLE] = LEAVES_ANYTHING,
    [RULE_MM_LOCK_INACCESSIBLE] = LEAVES_ANYTHING,
    /* Mappings before the one whose dirty pages cannot be told are clean, or gone. */
    [RULE_T1_DIRTY_BITMAP_FAULT] = LEAVES_ANYTHING,
    [RULE_T1_UNMAP_BITMAP_FAULT] = LEAVES_ANYTHING,
    /* What was posted unbinds the table that stands when a second one is refused. */
    [RULE_NST_BIND_BUSY] = LEAVES_ANYTHING,
    [RULE_NST_BIND_FORMAT] = LEAVES_ANYTHING,
    [RULE_NST_BIND_VENDOR_ARGSZ] = LEAVES_ANYTHING,
    [RULE_NST_BIND_VENDOR_FLAGS] = LEAVES_ANYTHING,
    [RULE_NST_BIND_PASID] = LEAVES_ANYTHING,
    /* Mappings before the one that would be cut are gone; with TYPE1 both ends of the range are cut before all else. */
    [RULE_IFD_UNMAP_BISECT] = LEAVES_ANYTHING,
    [RULE_IFD_UNMAP_CUT_ALIGN] = LEAVES_ANYTHING,
    [RULE_IFD_UNMAP_EMPTY] = LEAVES_ANYTHING,
    [RULE_IFD_UNMAP_WRAP] = LEAVES_ANYTHING,
    /* The instance belongs to the caller from the first call that charges, before anything else is looked at. */
    [RULE_TCE_ENABLE_LIMIT] = LEAVES_ANYTHING,
    [RULE_TCE_REGISTER_FAULT] = LEAVES_ANYTHING,
    [RULE_TCE_REGISTER_ARGSZ] = LEAVES_ANYTHING,
    [RULE_TCE_REGISTER_FLAGS] = LEAVES_ANYTHING,
    [RULE_TCE_REGISTER_RANGE] = LEAVES_ANYTHING,
    [RULE_TCE_REGISTER_EMPTY] = LEAVES_ANYTHING,
    [RULE_TCE_REGISTER_LIMIT] = LEAVES_ANYTHING,
    [RULE_TCE_REGISTER_MEMORY] = LEAVES_ANYTHING,
    [RULE_TCE_REGISTER_OVERLAP] = LEAVES_ANYTHING,
    [RULE_TCE_CREATE_FAULT] = LEAVES_ANYTHING,
    [RULE_TCE_CREATE_ARGSZ] = LEAVES_ANYTHING,
    [RULE_TCE_CREATE_FLAGS] = LEAVES_ANYTHING,
    [RULE_TCE_REMOVE_FAULT] = LEAVES_ANYTHING,
    [RULE_TCE_REMOVE_ARGSZ] = LEAVES_ANYTHING,
    [RULE_TCE_REMOVE_FLAGS] = LEAVES_ANYTHING,
    [RULE_TCE_REMOVE_MISSING] = LEAVES_ANYTHING,
    [RULE_IOCTL_KERNEL_ARGUMENT] = LEAVES_ANYTHING,
    /* The default window was needed, and is there. */
    [RULE_TCE_DEFAULT_LIMIT] = LEAVES_ANYTHING,
    [RULE_TCE_MAP_NO_WINDOW] = LEAVES_ANYTHING,
    [RULE_TCE_MAP_ALIGN] = LEAVES_ANYTHING,
    [RULE_TCE_MAP_ACCESS] = LEAVES_ANYTHING,
    [RULE_TCE_UNMAP_NO_WINDOW] = LEAVES_ANYTHING,
    [RULE_TCE_UNMAP_ALIGN] = LEAVES_ANYTHING,
    [RULE_TCE_CREATE_NO_ROOM] = LEAVES_ANYTHING,
    [RULE_TCE_CREATE_PAGE_SIZE] = LEAVES_ANYTHING,
    [RULE_TCE_CREATE_SIZE] = LEAVES_ANYTHING,
    [RULE_TCE_CREATE_LIMIT] = LEAVES_ANYTHING,
    [RULE_TCE_CREATE_GROUPS] = LEAVES_ANYTHING,
    /* A table that was refused stays charged. */
    [RULE_TCE_CREATE_TOO_DEEP] = LEAVES_ANYTHING,
    [RULE_TCE_CREATE_TOO_FLAT] = LEAVES_ANYTHING,
    [RULE_TCE_CREATE_SHAPE] = LEAVES_ANYTHING,
    [RULE_TCE_CREATE_TOO_SMALL] = LEAVES_ANYTHING,
    [RULE_TCE_CREATE_TOO_LARGE] = LEAVES_ANYTHING,
    [RULE_TCE_CREATE_ONE_BESIDE] = LEAVES_ANYTHING,
    [RULE_TCE_CREATE_DENIED] = LEAVES_ANYTHING,
    [RULE_TCE_CREATE_SECOND_FIRST] = LEAVES_ANYTHING,
    /* Entries before the first that cannot be put are emptied. */
    [RULE_TCE_MAP_MEMORY] = LEAVES_ANYTHING,
    [RULE_TCE_MAP_UNREGISTERED] = LEAVES_ANYTHING,
    [RULE_TCE_MAP_SMALL_PAGES] = LEAVES_ANYTHING,
    [RULE_TCE_MAP_BEYOND] = LEAVES_ANYTHING,
    /* An exchange with the host has taken place, or part of one; so has what was left to do before it. */
    [RULE_IOA_ALLOC_OUTSIDE] = LEAVES_ANYTHING,
    [RULE_IOA_CLEAR_IN_USE] = LEAVES_ANYTHING,
    [RULE_VCMD_TIMEOUT] = LEAVES_ANYTHING,
    [RULE_VCMD_FULL] = LEAVES_ANYTHING,
    [RULE_VCMD_FOREIGN] = LEAVES_ANYTHING,
    [RULE_VCMD_FAILED] = LEAVES_ANYTHING,
    [RULE_VCMD_UNKNOWN] = LEAVES_ANYTHING,
    [RULE_VCMD_UNREADABLE] = LEAVES_ANYTHING,
    [RULE_VCMD_LATER] = LEAVES_ANYTHING,
};

void examiner_begin(struct examiner *examiner, const struct host *host)
{
	examiner->last = host_digest(host);
}

static enum leaving leaving_of(const struct outcome *outcome)
{
	enum leaving most = LEAVES_NOTHING;

	for (size_t i = 0; outcome->modelled && i < outcome->rule_count; i++)
		if (leavings[outcome->rules[i]] > most)
			most = leavings[outcome->rules[i]];
	return most;
}

const char *examiner_call(struct examiner *examiner, struct host *host, const struct outcome *outcome)
{
	const struct host_digest before = examiner->last, now = host_digest(host);
	const bool objects = now.objects != before.objects, pages = now.pages != before.pages;

	examiner->last = now;
	/* What has not changed has been audited. */
	if (!objects && !pages)
		return NULL;
	if (!outcome->modelled)
		return "a call that is not modelled changed something";
	if (outcome->ret < 0 && objects && leaving_of(outcome) < LEAVES_ANYTHING)
		return "a refused call changed something";
	if (outcome->ret < 0 && pages && leaving_of(outcome) < LEAVES_PAGES)
		return "a refused call brought memory into being";
	return host_audit(host);
}

const char *examiner_end(struct host *host)
{
	struct call exit = {.op = CALL_EXIT, .thread = 1};
	struct outcome outcome;
	const char *wrong;

	/* Who has ended already does not do it again: that is not modelled, and there is an end to tasks. */
	for (exit.task = 1; exit.task <= host_task_count(host); exit.task++)
		host_call(host, &exit, NULL, &outcome);
	wrong = host_audit(host);
	return wrong ? wrong : host_audit_end(host);
}

/* Whether two buffers differ in a bit that both say the API defines. */
static bool bytes_differ(const struct buffer *buffer, const struct outcome *a, const struct outcome *b, uint32_t index)
{
	const uint8_t *left = a->out[index] ? a->out[index] : buffer->in;
	const uint8_t *right = b->out[index] ? b->out[index] : buffer->in;

	if (!left || !right || left == right)
		return false;
	for (uint32_t i = 0; i < buffer->length; i++) {
		uint8_t mask =
		    (a->mask[index] ? a->mask[index][i] : 0xff) & (b->mask[index] ? b->mask[index][i] : 0xff);

		if ((left[i] ^ right[i]) & mask)
			return true;
	}
	return false;
}

const char *outcome_difference(const struct call *call, const struct outcome *a, const struct outcome *b)
{
	if (a->modelled != b->modelled)
		return "whether it is modelled";
	if (!a->modelled)
		return NULL;
	if (a->ret != b->ret)
		return "the return value";
	if (a->task_gone != b->task_gone)
		return "whether the task lives on";
	if (a->locked_after - a->locked_before != b->locked_after - b->locked_before)
		return "the page accounting";
	for (uint32_t i = 0; i < call->buffer_count; i++)
		if (bytes_differ(&call->buffers[i], a, b, i))
			return "the bytes that come back";
	return NULL;
}
