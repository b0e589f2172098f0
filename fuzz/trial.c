/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Owns the examination of a program: the model it is made with, and the suspect beside it.
 */
#include "trial.h"

#include <stdlib.h>

#include "check/examiner.h"

struct trial {
	struct generator *generator;
	struct host *fresh_suspect, *suspect; /* NULL: there is none */
	struct examiner examiner, suspects_examiner;
	struct examiner begin, suspects_begin; /* as they are before any call */
	struct trial_verdict *verdict;
	uint8_t *counters; /* NULL: rules are not counted */
	size_t counter_count;
	enum rule last_rule;
};

struct trial *trial_new(const struct fuzz_subject *subject, const struct defect_set *bugs)
{
	const struct machine *machine = fuzz_subject_machine(subject);
	struct trial *trial = calloc(1, sizeof(*trial));
	struct profile profile;

	if (!trial)
		return NULL;
	fuzz_subject_profile(subject, &profile);
	trial->generator = generator_new(machine, &profile);
	if (!trial->generator) {
		free(trial);
		return NULL;
	}
	examiner_begin(&trial->begin, generator_host(trial->generator));
	if (bugs) {
		profile.defects = *bugs;
		trial->fresh_suspect = host_new(machine, &profile);
		host_avoid_complaints(trial->fresh_suspect);
		trial->suspect = host_clone(trial->fresh_suspect);
		examiner_begin(&trial->suspects_begin, trial->suspect);
	}
	return trial;
}

void trial_free(struct trial *trial)
{
	if (!trial)
		return;
	generator_free(trial->generator);
	host_free(trial->suspect);
	host_free(trial->fresh_suspect);
	free(trial);
}

void trial_count_rules(struct trial *trial, uint8_t *counters, size_t count)
{
	trial->counters = counters;
	trial->counter_count = count;
}

static void count_rule(struct trial *trial)
{
	const enum rule rule = trial->verdict->rule;

	trial->counters[((size_t)trial->last_rule * RULE_COUNT + rule) % trial->counter_count] = 1;
	trial->last_rule = rule;
}

/* False: something is wrong, and that is told. */
static bool clear(struct trial *trial, const char *wrong, bool of_suspect)
{
	trial->verdict->wrong = wrong;
	trial->verdict->of_suspect = wrong && of_suspect;
	return !wrong;
}

static bool watch(void *context, struct host *host, const struct call *call, const struct outcome *outcome)
{
	struct trial *trial = context;
	struct outcome answer;

	trial->verdict->calls++;
	trial->verdict->rule = outcome->rule_count ? outcome->rules[outcome->rule_count - 1] : RULE_NONE;
	if (trial->counters)
		count_rule(trial);
	if (!clear(trial, examiner_call(&trial->examiner, host, outcome), false))
		return false;
	if (!trial->suspect)
		return true;
	host_call(trial->suspect, call, NULL, &answer);
	return clear(trial, outcome_difference(call, outcome, &answer), true) &&
	       clear(trial, examiner_call(&trial->suspects_examiner, trial->suspect, &answer), true);
}

int trial_run(struct trial *trial, struct draws *draws, const struct generator_options *options,
	      struct trial_verdict *verdict)
{
	*verdict = (struct trial_verdict){.wrong = NULL};
	trial->verdict = verdict;
	trial->last_rule = RULE_NONE;
	trial->examiner = trial->begin;
	trial->suspects_examiner = trial->suspects_begin;
	if (trial->suspect)
		host_assign(trial->suspect, trial->fresh_suspect);
	verdict->program = generator_make(trial->generator, draws, options, watch, trial);
	if (!verdict->program)
		return -1;
	if (!verdict->wrong && clear(trial, examiner_end(generator_host(trial->generator)), false) && trial->suspect)
		clear(trial, examiner_end(trial->suspect), true);
	return 0;
}

int trial_draft(struct trial *trial, uint64_t seed, const struct generator_options *options, struct tape *tape)
{
	struct draws draws;

	draws_from_seed(&draws, seed, tape);
	return generator_make(trial->generator, &draws, options, NULL, NULL) && tape_end(tape) == 0 ? 0 : -1;
}
