/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Owns the verdict: the model in step with what was observed, call by call.
 *
 * Comparing and repairing are kept apart. A finding points into the model's answer,
 * so what a divergence makes necessary (repair.c) is done before the next call.
 */
#include <stdlib.h>
#include <string.h>

#include "check/answer.h"
#include "check/doubt.h"
#include "check/repair.h"
#include "check/strict.h"
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
	struct strict strict;
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
	strict_begin(&judge->strict, judge->profile);
}

void judge_free(struct judge *judge)
{
	if (!judge)
		return;
	repair_clear(&judge->repair);
	if (judge->host)
		host_free(judge->host);
	strict_clear(&judge->strict);
	free(judge);
}

void judge_begin_run(struct judge *judge)
{
	repair_clear(&judge->repair);
	doubts_clear(&judge->doubts);
	if (judge->host)
		host_free(judge->host);
	judge->host = host_new(judge->machine, judge->profile);
	strict_begin_run(&judge->strict, judge->machine);
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

/* The rule by which the kernel does wrong that an answer comes from, or RULE_NONE. */
static enum rule faulty_rule(const struct outcome *outcome)
{
	for (uint32_t i = 0; i < outcome->rule_count; i++)
		if (rule_is_fault(outcome->rules[i]))
			return outcome->rules[i];
	return RULE_NONE;
}

/* The answer is the kernel's: it is a finding all the same if the kernel is wrong. */
static void judge_strictly(struct judge *judge, const struct event *event, struct finding *finding)
{
	finding->fault = faulty_rule(&judge->outcome);
	if (finding->fault == RULE_NONE)
		finding->field = strict_call(&judge->strict, event, finding);
	if (finding->fault != RULE_NONE || finding->field)
		finding->mismatch = MISMATCH_FAULT;
}

static enum verdict judge_known(struct judge *judge, const struct event *event, struct finding *finding)
{
	answer_call(judge->host, event, &judge->outcome);
	if (!judge->outcome.modelled)
		return VERDICT_NOT_MODELLED;
	for (uint32_t i = 0; i < judge->outcome.rule_count; i++)
		judge->tally.rule_hits[judge->outcome.rules[i]]++;
	judge->complaints[judge->outcome.complaint].due = true;
	judge->complaints[judge->outcome.complaint].line = event->line;
	finding->mismatch = answer_compare(event, &judge->outcome, finding);
	if (judge->strict.on && finding->mismatch == MISMATCH_NONE)
		judge_strictly(judge, event, finding);
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
	strict_catch_up(&judge->strict, judge->host);
	finding->in_doubt = doubts_touch(&judge->doubts, &event->call);
	if (finding->in_doubt) {
		judge->outcome = (struct outcome){.modelled = false};
		finding->verdict = VERDICT_NOT_MODELLED;
	} else {
		finding->verdict = judge_known(judge, event, finding);
		repair_inherit(&judge->doubts, event);
	}
	if (finding->verdict != VERDICT_CONFORMS)
		strict_lose(&judge->strict);
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
