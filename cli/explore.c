/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * `vfiosim explore`: every order in which the calls of a run that are made at once can go on the model. With bugs that
 * are switched on, what comes is also held against what comes without them.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/listing.h"
#include "cli/scene.h"
#include "cli/subject.h"

struct survey {
	const char *path;
	struct subject subject, without; /* @without: any bug */
	bool suspicious;		 /* there are some */
	struct listing listing;
	uint64_t runs, wrong;
	const char *failure; /* why the exploration came to no end, or NULL */
};

/* Room for the longest: a task and a thread for each step, or an answer for each call. */
enum { WORDS_MAX = SCHEDULE_STEPS_MAX * 24 };

/* Who makes each step: task, and thread if it is not the first. */
static void write_order(const struct scene *scene, const struct schedule_outcome *outcome, char *text)
{
	size_t length = 0;

	text[0] = '\0';
	for (uint32_t i = 0; i < outcome->steps; i++) {
		const struct call *call = &scene->at_once[outcome->order[i]]->call;

		length += (size_t)sprintf(text + length, "%s%" PRIu32, i ? " " : "", call->task);
		if (call->thread > 1)
			length += (size_t)sprintf(text + length, ".%" PRIu32, call->thread);
	}
}

static void write_answers(const struct scene *scene, const struct schedule_outcome *outcome, char *text)
{
	size_t length = 0;

	text[0] = '\0';
	for (uint32_t i = 0; i < scene->count; i++) {
		const int64_t answer = outcome->answers[i];
		const char *name = answer < 0 ? errno_name((unsigned)-answer) : NULL;

		length += (size_t)(name ? sprintf(text + length, "%s%s", i ? " " : "", name)
					: sprintf(text + length, "%s%" PRId64, i ? " " : "", answer));
	}
}

static void add_row(struct survey *survey, const char *run, const struct scene *scene,
		    const struct exploration *exploration, const struct schedule_outcome *outcome, const char *why)
{
	char schedules[24], order[WORDS_MAX], answers[WORDS_MAX];
	const char *cells[] = {survey->path, run,     schedules,
			       order,	     answers, why ? why : outcome->serial ? "-" : "- (only at once)"};

	snprintf(schedules, sizeof(schedules), "%" PRIu64, exploration->schedules);
	write_order(scene, outcome, order);
	write_answers(scene, outcome, answers);
	listing_add(&survey->listing, cells);
}

/* Explores the run that ends here, if any of its calls are made at once. */
static void survey_run(struct survey *survey, const char *run, const struct scene *scene)
{
	struct exploration exploration, reference = {.failed = false};

	if (!scene->count)
		return;
	survey->runs++;
	scene_explore(scene, &survey->subject.machine, &survey->subject.profile, &exploration);
	if (survey->suspicious)
		scene_explore(scene, &survey->without.machine, &survey->without.profile, &reference);
	if (exploration.failed || reference.failed)
		survey->failure = "there are more orders than can be gone through";
	for (size_t i = 0; i < exploration.count && !survey->failure; i++) {
		const struct schedule_outcome *outcome = &exploration.outcomes[i];
		const char *why =
		    exploration_judge(&exploration, outcome, scene->count, survey->suspicious ? &reference : NULL);

		survey->wrong += why != NULL;
		add_row(survey, run, scene, &exploration, outcome, why);
	}
	exploration_clear(&exploration);
	exploration_clear(&reference);
}

/* Goes through the runs of a trace. 0, or -1 with @diag. */
static int survey_runs(struct survey *survey, struct trace_reader *reader, struct diag *diag)
{
	char run[TRACE_TEXT_MAX] = "";
	struct scene scene = {.count = 0};
	const char *failure = NULL;
	enum trace_item item = TRACE_RUN;
	struct event event;

	while (item != TRACE_END && item != TRACE_ERROR && !failure && !survey->failure) {
		item = trace_next(reader, &event, diag);
		if (item == TRACE_EVENT)
			failure = scene_add(&scene, &event);
		if (item != TRACE_RUN && item != TRACE_END)
			continue;
		survey_run(survey, run, &scene);
		scene_clear(&scene);
		snprintf(run, sizeof(run), "%s", trace_run_name(reader));
	}
	scene_clear(&scene);
	if (failure || survey->failure)
		diag_set(diag, survey->path, trace_line(reader), 0, "run \"%s\": %s", run,
			 failure ? failure : survey->failure);
	return item == TRACE_ERROR || failure || survey->failure ? -1 : 0;
}

static int survey_trace(struct survey *survey, const struct options *options, struct diag *diag)
{
	struct trace_reader *reader = trace_open(survey->path, diag);
	struct trace_header wanted, plain;
	int result = -1;

	if (!reader)
		return -1;
	if (subject_header(&wanted, trace_header(reader), options, diag) == 0) {
		plain = wanted;
		subject_without_defects(&plain);
		if (subject_defects(&wanted, options, diag) == 0 &&
		    subject_find(&survey->subject, &wanted, survey->path, diag) == 0 &&
		    subject_find(&survey->without, &plain, survey->path, diag) == 0) {
			survey->suspicious = memcmp(&survey->subject.profile.defects, &survey->without.profile.defects,
						    sizeof(survey->without.profile.defects)) != 0;
			result = survey_runs(survey, reader, diag);
		}
	}
	trace_close(reader);
	return result;
}

enum exit_code command_explore(const struct options *options)
{
	static const char *const titles[] = {"trace", "run", "schedules", "schedule", "answers", "wrong", NULL};
	struct survey survey = {.path = NULL};
	enum exit_code code;
	struct diag diag;

	listing_begin(&survey.listing, titles);
	for (int i = 0; i < options->operand_count; i++) {
		survey.path = options->operands[i];
		if (survey_trace(&survey, options, &diag) != 0) {
			listing_discard(&survey.listing);
			return bad_input(&diag);
		}
	}
	if (!survey.runs) {
		listing_discard(&survey.listing);
		diag_set(&diag, survey.path, 0, 0,
			 "no call is made while another one is under way; stamps tell which are");
		return bad_input(&diag);
	}
	code = listing_end(&survey.listing, options);
	return code == EXIT_CODE_CONFORMS && survey.wrong ? EXIT_CODE_DIVERGES : code;
}
