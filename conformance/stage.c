/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/* Owns one performance: reader, backend and judge in step, a run at a time. */
#include "stage.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check/answer.h"
#include "check/explain.h"
#include "vfiosim/backend.h"
#include "vfiosim/trace.h"

/* A backend answers a run at a time; no case is longer. */
#define RUN_CALLS_MAX 4096
#define TOLD_MAX      10

struct stage {
	const char *name, *on;
	struct trace_reader *reader;
	struct backend *backend;
	struct profile profile; /* of what answers */
	struct judge *judge;
	struct event *copies[RUN_CALLS_MAX]; /* own what the events point to */
	struct event events[RUN_CALLS_MAX];
	size_t count;
	char run[TRACE_TEXT_MAX];
	bool in_run;
	bool destructive; /* the run is */
	struct stage_result result;
};

static void tell(struct stage *stage, const struct finding *finding)
{
	struct explanation explanation;

	if (stage->result.failed++ >= TOLD_MAX || finding_explain(finding, &explanation) != 0)
		return;
	fprintf(stderr, "%s on %s (%s), run \"%s\": %s\n  observed %s\n  allowed  %s\n  rule     %s\n", stage->name,
		stage->on, stage->backend->header.profile, stage->run, explanation.kind, explanation.observed,
		explanation.allowed ? explanation.allowed : "-",
		explanation.ground.name ? explanation.ground.name : "-");
	explanation_clear(&explanation);
}

static void check_status(const struct stage *stage, enum backend_status status, const struct diag *diag)
{
	cr_assert_eq(status, BACKEND_OK, "%s on %s, run \"%s\": %s", stage->name, stage->on, stage->run, diag->text);
}

/* Whether the model says that the calls gathered so far make the kernel complain. */
static bool is_complained_of(const struct stage *stage)
{
	struct host *host = host_new(stage->backend->machine, &stage->profile);
	enum rule complaint = RULE_NONE;

	for (size_t i = 0; i < stage->count && complaint == RULE_NONE; i++) {
		struct outcome outcome;

		answer_call(host, &stage->events[i], &outcome);
		complaint = outcome.complaint;
	}
	host_free(host);
	return complaint != RULE_NONE;
}

/* Executes and judges the calls gathered so far, and ends the run. */
static void execute_run(struct stage *stage)
{
	const struct backend_ops *ops = stage->backend->ops;
	struct diag diag = {.text = ""};
	const char *fault;

	judge_begin_run(stage->judge);
	check_status(stage, ops->begin(stage->backend, &diag), &diag);
	check_status(stage, ops->execute(stage->backend, stage->events, stage->count, &diag), &diag);
	for (size_t i = 0; i < stage->count; i++) {
		struct finding finding;

		if (judge_event(stage->judge, &stage->events[i], &finding) != VERDICT_CONFORMS)
			tell(stage, &finding);
		fault = judge_audit(stage->judge);
		cr_assert_null(fault, "%s, run \"%s\": the ledger does not add up: %s", stage->name, stage->run, fault);
	}
	check_status(stage, ops->end(stage->backend, &diag), &diag);
	stage->result.runs++;
	stage->result.calls += stage->count;
}

static void perform_run(struct stage *stage)
{
	if (stage->backend->is_kernel && (stage->destructive || is_complained_of(stage)))
		stage->result.left_out++;
	else
		execute_run(stage);
	for (size_t i = 0; i < stage->count; i++)
		free(stage->copies[i]);
	stage->count = 0;
}

/* The answer of a case's call is a wish: the descriptor, address or number that later calls name. */
static void gather(struct stage *stage, const struct event *event)
{
	struct event *copy = event_clone(event);
	struct event *fresh = &stage->events[stage->count];

	cr_assert_not_null(copy);
	cr_assert_lt(stage->count, RUN_CALLS_MAX, "%s, run \"%s\" is too long", stage->name, stage->run);
	stage->copies[stage->count++] = copy;
	*fresh = *copy;
	fresh->answer = (struct answer){.known = copy->answer.known, .ret = copy->answer.ret};
	for (uint32_t i = 0; i < fresh->call.buffer_count; i++)
		fresh->call.buffers[i].out = NULL;
	stage->in_run = true;
}

static void perform_runs(struct stage *stage)
{
	struct diag diag;
	struct event event;

	for (;;) {
		switch (trace_next(stage->reader, &event, &diag)) {
		case TRACE_EVENT:
			gather(stage, &event);
			break;
		case TRACE_RUN:
			if (stage->in_run)
				perform_run(stage);
			stage->destructive = trace_run_destructive(stage->reader);
			stage->in_run = true;
			snprintf(stage->run, sizeof(stage->run), "%s", trace_run_name(stage->reader));
			break;
		case TRACE_RUN_END:
			break;
		case TRACE_END:
			if (stage->in_run)
				perform_run(stage);
			return;
		case TRACE_ERROR:
			cr_assert_fail("%s:%" PRIu64 ":%u: %s", stage->name, diag.line, diag.column, diag.text);
		}
	}
}

/* The profile that the backend's own header names, with the fields that it adds. */
static void find_profile(struct stage *stage)
{
	const struct trace_header *header = &stage->backend->header;

	cr_assert_eq(profile_find(header->profile, &stage->profile), 0, "there is no profile \"%s\"", header->profile);
	for (uint32_t i = 0; i < header->field_count; i++)
		cr_assert_eq(profile_set(&stage->profile, header->fields[i].name, header->fields[i].value), 0,
			     "field %s", header->fields[i].name);
}

/* One performance of the whole trace; @profile matters to the model only. */
static void perform(struct stage *stage, const char *text, size_t length, const char *profile_name)
{
	struct diag diag = {.text = ""};
	struct trace_header wanted;
	enum backend_status status;

	stage->in_run = stage->destructive = false;
	stage->run[0] = '\0';
	stage->reader = trace_open_memory(stage->name, text, length, &diag);
	cr_assert_not_null(stage->reader, "%s:%" PRIu64 ": %s", stage->name, diag.line, diag.text);
	wanted = *trace_header(stage->reader);
	snprintf(wanted.profile, sizeof(wanted.profile), "%s", profile_name);
	stage->backend = backend_open(stage->on, &wanted, &status, &diag);
	if (!stage->backend && status == BACKEND_MISSING)
		cr_skip_test("%s", diag.text);
	cr_assert_not_null(stage->backend, "%s", diag.text);
	find_profile(stage);
	stage->judge = judge_new(stage->backend->machine, &stage->profile);
	cr_assert_not_null(stage->judge);
	perform_runs(stage);
	judge_free(stage->judge);
	backend_close(stage->backend);
	trace_close(stage->reader);
}

struct stage_result stage_perform(const char *name, const char *text, size_t length)
{
	const char *on = getenv("VFIOSIM_ON");
	struct stage *stage = calloc(1, sizeof(*stage));
	struct stage_result result;

	cr_assert_not_null(stage);
	stage->name = name;
	stage->on = on && on[0] ? on : "model";
	if (strcmp(stage->on, "model") != 0) {
		perform(stage, text, length, "");
	} else {
		for (const char *const *profile = profile_names(); *profile; profile++)
			perform(stage, text, length, *profile);
	}
	result = stage->result;
	free(stage);
	fprintf(stderr, "%s: %" PRIu64 " runs, %" PRIu64 " calls, %" PRIu64 " failed", name, result.runs, result.calls,
		result.failed);
	if (result.left_out > 0)
		fprintf(stderr, ", %" PRIu64 " runs left out", result.left_out);
	fputc('\n', stderr);
	return result;
}

char *stage_read(const char *path, size_t *length)
{
	FILE *file = fopen(path, "rb");
	char *text = NULL;
	long size;

	cr_assert_not_null(file, "%s", path);
	cr_assert_eq(fseek(file, 0, SEEK_END), 0);
	size = ftell(file);
	cr_assert_geq(size, 0);
	rewind(file);
	text = malloc((size_t)size + 1);
	cr_assert_not_null(text);
	*length = fread(text, 1, (size_t)size, file);
	cr_assert_eq(*length, (size_t)size);
	text[*length] = '\0';
	fclose(file);
	return text;
}
