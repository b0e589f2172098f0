/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
#include "schedules.h"

#include <stdlib.h>
#include <string.h>

/* A search as far as it has got. Calls that are under way have been begun on the host of the same state. */
struct state {
	struct host *host;
	struct underway *calls[SCHEDULE_CALLS_MAX]; /* NULL before the first step */
	uint32_t order[SCHEDULE_STEPS_MAX];
	uint32_t steps;
	bool serial;
};

static bool is_under_way(const struct state *state, uint32_t call)
{
	return state->calls[call] && !underway_outcome(state->calls[call]);
}

static bool has_ended(const struct state *state, uint32_t call)
{
	return state->calls[call] && underway_outcome(state->calls[call]);
}

/* Whether it is this call's turn in its thread. */
static bool can_step(const struct scenario *scenario, const struct state *state, uint32_t call)
{
	const struct call *mine = &scenario->calls[call]->call;

	for (uint32_t i = 0; i < call; i++) {
		const struct call *other = &scenario->calls[i]->call;

		if (other->task == mine->task && other->thread == mine->thread && !has_ended(state, i))
			return false;
	}
	return !has_ended(state, call);
}

static struct state state_copy(const struct scenario *scenario, const struct state *from)
{
	struct state state = *from;

	state.host = host_clone(from->host);
	for (uint32_t i = 0; i < scenario->count; i++)
		if (from->calls[i])
			state.calls[i] = underway_clone(from->calls[i]);
	return state;
}

static void state_clear(const struct scenario *scenario, struct state *state)
{
	host_free(state->host);
	for (uint32_t i = 0; i < scenario->count; i++)
		underway_free(state->calls[i]);
}

/* What makes a schedule end at once, or NULL. */
static const char *fatal(const struct state *state, uint32_t call)
{
	const struct outcome *outcome = underway_outcome(state->calls[call]);

	if (outcome && !outcome->modelled)
		return "a call is not modelled";
	if (outcome && outcome->complaint != RULE_NONE)
		return "the kernel complains";
	return state->steps == SCHEDULE_STEPS_MAX ? "there are too many steps" : NULL;
}

static bool same_fault(const char *one, const char *other)
{
	return one && other ? !strcmp(one, other) : one == other;
}

/* Adds what came of a schedule to what is known. */
static void note(const struct scenario *scenario, struct exploration *exploration, const struct state *state,
		 const char *fault)
{
	struct schedule_outcome outcome = {.steps = state->steps, .serial = state->serial}, *more;

	for (uint32_t i = 0; i < scenario->count; i++)
		outcome.answers[i] = has_ended(state, i) ? underway_outcome(state->calls[i])->ret : 0;
	memcpy(outcome.order, state->order, sizeof(outcome.order));
	exploration->schedules++;
	for (size_t i = 0; i < exploration->count; i++) {
		struct schedule_outcome *known = &exploration->outcomes[i];

		if (!memcmp(known->answers, outcome.answers, sizeof(outcome.answers)) &&
		    same_fault(known->fault, fault)) {
			known->serial |= outcome.serial;
			return;
		}
	}
	if (exploration->count == exploration->capacity) {
		exploration->capacity = exploration->capacity * 2 + 8;
		more = realloc(exploration->outcomes, exploration->capacity * sizeof(*more));
		if (!more) {
			exploration->failed = true;
			return;
		}
		exploration->outcomes = more;
	}
	outcome.fault = fault ? strdup(fault) : NULL;
	exploration->failed |= fault && !outcome.fault;
	exploration->outcomes[exploration->count++] = outcome;
}

/* Lets one call make its next step, and goes on from there. */
static void search(const struct scenario *scenario, struct exploration *exploration, const struct state *state);

static void step(const struct scenario *scenario, struct exploration *exploration, const struct state *from,
		 uint32_t call)
{
	struct state state = state_copy(scenario, from);
	const char *fault;

	for (uint32_t i = 0; i < scenario->count; i++)
		state.serial &= i == call || !is_under_way(&state, i);
	if (!state.calls[call])
		state.calls[call] = underway_new(&scenario->calls[call]->call);
	state.order[state.steps++] = call;
	underway_step(state.calls[call], state.host);
	fault = fatal(&state, call);
	if (fault)
		note(scenario, exploration, &state, fault);
	else
		search(scenario, exploration, &state);
	state_clear(scenario, &state);
}

static void search(const struct scenario *scenario, struct exploration *exploration, const struct state *state)
{
	bool ended = true;

	for (uint32_t i = 0; i < scenario->count && !exploration->failed; i++) {
		if (!can_step(scenario, state, i))
			continue;
		ended = false;
		step(scenario, exploration, state, i);
	}
	if (ended)
		note(scenario, exploration, state, host_audit(state->host));
	exploration->failed |= exploration->schedules > SCHEDULES_MAX;
}

void explore(const struct scenario *scenario, struct exploration *exploration)
{
	const struct state begin = {.host = scenario->host, .serial = true};

	*exploration = (struct exploration){.failed = false};
	search(scenario, exploration, &begin);
}

void exploration_clear(struct exploration *exploration)
{
	for (size_t i = 0; i < exploration->count; i++)
		free(exploration->outcomes[i].fault);
	free(exploration->outcomes);
	*exploration = (struct exploration){.failed = false};
}

/* Whether what succeeded in @outcome did so in @serial, too. */
static bool succeeds_alike(const struct schedule_outcome *outcome, const struct schedule_outcome *serial,
			   uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (outcome->answers[i] >= 0 && outcome->answers[i] != serial->answers[i])
			return false;
	return true;
}

/* Whether the outcomes of @from have one that is like @outcome: the same, or serial and with the same successes. */
static bool is_among(const struct exploration *from, const struct schedule_outcome *outcome, uint32_t count,
		     bool serial)
{
	for (size_t i = 0; i < from->count; i++) {
		const struct schedule_outcome *other = &from->outcomes[i];

		if (other->fault)
			continue;
		if (serial ? other->serial && succeeds_alike(outcome, other, count)
			   : !memcmp(outcome->answers, other->answers, sizeof(other->answers)))
			return true;
	}
	return false;
}

const char *exploration_judge(const struct exploration *exploration, const struct schedule_outcome *outcome,
			      uint32_t calls, const struct exploration *reference)
{
	if (outcome->fault)
		return outcome->fault;
	if (!is_among(exploration, outcome, calls, true))
		return "one after the other, these calls cannot all succeed";
	if (reference && !is_among(reference, outcome, calls, false))
		return "without the bug no schedule has these answers";
	return NULL;
}
