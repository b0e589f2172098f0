/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Owns the verdict: the model in step with what was observed, call by call.
 *
 * Comparing and repairing are kept apart. A finding points into the model's answer,
 * so what a divergence makes necessary (repair.c) is done before the next call.
 */
#include <stdlib.h>
#include <string.h>

#include "check/doubt.h"
#include "check/repair.h"
#include "vfiosim/judge.h"

struct judge {
	const struct machine *machine;
	const struct profile *profile;
	struct host *host; /* NULL before the first run */
	struct doubts doubts;
	struct repair repair;
	struct outcome outcome; /* what the last finding points to */
	uint64_t run_calls;	/* judged in this run */
	struct {
		bool due;
		uint64_t line;	  /* of the call */
	} complaints[RULE_COUNT]; /* that the calls of this run make the kernel utter */
	bool strict;
	struct tally tally;
};

struct judge *judge_new(const struct machine *machine, const struct profile *profile)
{
	struct judge *judge = calloc(1, sizeof(*judge));

	if (!judge)
		return NULL;
	judge->machine = machine;
	judge->profile = profile;
	return judge;
}

void judge_be_strict(struct judge *judge)
{
	judge->strict = true;
}

void judge_free(struct judge *judge)
{
	if (!judge)
		return;
	repair_clear(&judge->repair);
	if (judge->host)
		host_free(judge->host);
	free(judge);
}

void judge_begin_run(struct judge *judge)
{
	repair_clear(&judge->repair);
	doubts_clear(&judge->doubts);
	if (judge->host)
		host_free(judge->host);
	judge->host = host_new(judge->machine, judge->profile);
	judge->run_calls = 0;
	memset(judge->complaints, 0, sizeof(judge->complaints));
	judge->tally.runs++;
}

const struct tally *judge_tally(const struct judge *judge)
{
	return &judge->tally;
}

const char *judge_audit(struct judge *judge)
{
	return judge->host ? host_audit(judge->host) : NULL;
}

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

static enum mismatch compare(const struct event *event, const struct outcome *outcome, struct finding *finding)
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
static void settle_unseen_locks(struct judge *judge, const struct event *event)
{
	const struct observation *locked = &event->answer.locked;
	uint64_t told;

	if (!event->answer.known || !locked->present)
		return;
	told = host_locked(judge->host, event->call.task);
	host_set_locked_unseen(judge->host, event->call.task, locked->before > told ? locked->before - told : 0);
}

static void model_call(struct judge *judge, const struct event *event)
{
	struct choice choice = {.ret = event->answer.ret};

	if (event->call.buffer_count > 0)
		choice.out = event->call.buffers[0].out;
	host_call(judge->host, &event->call, event->answer.known ? &choice : NULL, &judge->outcome);
}

/* The fault of the kernel that an answer comes from, or RULE_NONE. */
static enum rule fault_of(const struct outcome *outcome)
{
	for (uint32_t i = 0; i < outcome->rule_count; i++)
		if (rule_is_fault(outcome->rules[i]))
			return outcome->rules[i];
	return RULE_NONE;
}

static enum verdict judge_known(struct judge *judge, const struct event *event, struct finding *finding)
{
	settle_unseen_locks(judge, event);
	model_call(judge, event);
	if (!judge->outcome.modelled)
		return VERDICT_NOT_MODELLED;
	for (uint32_t i = 0; i < judge->outcome.rule_count; i++)
		judge->tally.rule_hits[judge->outcome.rules[i]]++;
	judge->complaints[judge->outcome.complaint].due = true;
	judge->complaints[judge->outcome.complaint].line = event->line;
	finding->mismatch = compare(event, &judge->outcome, finding);
	if (judge->strict && finding->mismatch == MISMATCH_NONE) {
		finding->fault = fault_of(&judge->outcome);
		finding->mismatch = finding->fault == RULE_NONE ? MISMATCH_NONE : MISMATCH_FAULT;
	}
	return finding->mismatch == MISMATCH_NONE ? VERDICT_CONFORMS : VERDICT_DIVERGES;
}

enum verdict judge_event(struct judge *judge, const struct event *event, struct finding *finding)
{
	struct tally *tally = &judge->tally;

	*finding = (struct finding){.line = event->line, .event = event, .allowed = &judge->outcome};
	tally->calls++;
	if (!judge->host)
		judge_begin_run(judge);
	judge->run_calls++;
	repair_apply(&judge->repair, judge->host, &judge->doubts);
	repair_reused_descriptor(judge->host, &judge->doubts, event);
	finding->in_doubt = doubts_touch(&judge->doubts, &event->call);
	if (finding->in_doubt) {
		judge->outcome = (struct outcome){.modelled = false};
		finding->verdict = VERDICT_NOT_MODELLED;
	} else {
		finding->verdict = judge_known(judge, event, finding);
		repair_inherit(&judge->doubts, event);
	}
	switch (finding->verdict) {
	case VERDICT_CONFORMS:
		tally->conforming++;
		break;
	case VERDICT_DIVERGES:
		tally->diverging++;
		if (finding->mismatch != MISMATCH_FAULT)
			repair_plan(&judge->repair, judge->host, &judge->doubts, finding);
		break;
	case VERDICT_NOT_MODELLED:
		tally->not_modelled++;
		repair_follow(judge->host, &judge->doubts, event);
		break;
	}
	return finding->verdict;
}

enum verdict judge_end_run(struct judge *judge, uint64_t line, uint64_t declared, struct finding *finding)
{
	judge->outcome = (struct outcome){.modelled = true, .rules = {RULE_RUN_COMPLETE}, .rule_count = 1};
	judge->tally.rule_hits[RULE_RUN_COMPLETE]++;
	*finding = (struct finding){
	    .line = line, .allowed = &judge->outcome, .declared = declared, .counted = judge->run_calls};
	if (declared == judge->run_calls) {
		finding->verdict = VERDICT_CONFORMS;
	} else {
		finding->verdict = VERDICT_DIVERGES;
		finding->mismatch = MISMATCH_COUNT;
		judge->tally.diverging++;
	}
	return finding->verdict;
}

bool judge_expects(const struct judge *judge, const char *line)
{
	for (unsigned rule = RULE_NONE + 1; rule < RULE_COUNT; rule++)
		if (judge->complaints[rule].due && rule_complaint_is((enum rule)rule, line))
			return true;
	return false;
}

enum verdict judge_silence(struct judge *judge, const char *const *lines, size_t count, struct finding *finding)
{
	judge->outcome = (struct outcome){.modelled = true, .rule_count = 1};
	*finding = (struct finding){.allowed = &judge->outcome};
	for (unsigned rule = RULE_NONE + 1; rule < RULE_COUNT; rule++) {
		bool heard = !judge->complaints[rule].due || rule_complaint_silent((enum rule)rule);

		for (size_t i = 0; i < count && !heard; i++)
			heard = rule_complaint_is((enum rule)rule, lines[i]);
		if (heard)
			continue;
		judge->outcome.rules[0] = judge->outcome.complaint = (enum rule)rule;
		finding->verdict = VERDICT_DIVERGES;
		finding->mismatch = MISMATCH_SILENCE;
		finding->line = judge->complaints[rule].line;
		judge->tally.diverging++;
		return finding->verdict;
	}
	finding->verdict = VERDICT_CONFORMS;
	return finding->verdict;
}
