/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * `vfiosim defects`: the bugs that can be switched on, and what catches each. A trace catches a bug if a model that
 * has it disagrees with the recorded answers, or with itself; one model without any bug runs along and must not.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/listing.h"
#include "cli/progress.h"
#include "cli/scene.h"
#include "cli/subject.h"
#include "vfiosim/judge.h"
#include "viommu/listener.h"

/* Number of the suspect that has no bug. */
enum { INNOCENT = DEFECT_COUNT, SUSPECT_COUNT };

struct suspect {
	struct profile profile;
	struct judge *judge; /* NULL once it is caught */
	char *caught;	     /* where, or NULL */
};

struct inquiry {
	struct suspect suspects[SUSPECT_COUNT];
	struct progress progress;
	struct scene scene; /* of the run so far */
	bool no_scene;	    /* the run has calls at once, and not at its end */
	bool failed;	    /* memory ran out */
};

/* Everybody who was not caught before is judged by this trace. 0, or -1 when memory is out. */
static int suspects_begin(struct inquiry *inquiry, const struct subject *subject)
{
	for (unsigned i = 0; i < SUSPECT_COUNT; i++) {
		struct suspect *suspect = &inquiry->suspects[i];

		if (suspect->caught)
			continue;
		suspect->profile = subject->profile;
		if (i != INNOCENT)
			defect_set_add(&suspect->profile.defects, (enum defect)i);
		suspect->judge = judge_new(&subject->machine, &suspect->profile);
		if (!suspect->judge)
			return -1;
	}
	return 0;
}

static void suspects_release(struct inquiry *inquiry)
{
	for (unsigned i = 0; i < SUSPECT_COUNT; i++) {
		judge_free(inquiry->suspects[i].judge);
		inquiry->suspects[i].judge = NULL;
	}
}

/* The trace's folder is no news. */
static const char *file_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static void suspect_caught(struct inquiry *inquiry, struct suspect *suspect, const char *path,
			   const struct trace_reader *reader)
{
	const char *run = trace_run_name(reader);
	size_t size = strlen(path) + strlen(run) + 32;

	suspect->caught = malloc(size);
	if (!suspect->caught) {
		inquiry->failed = true;
		return;
	}
	snprintf(suspect->caught, size, "%s:%" PRIu64 ": %s", file_name(path), trace_line(reader), run);
	judge_free(suspect->judge);
	suspect->judge = NULL;
}

static void suspects_hear(struct inquiry *inquiry, const char *path, const struct trace_reader *reader,
			  const struct event *event)
{
	for (unsigned i = 0; i < SUSPECT_COUNT; i++) {
		struct suspect *suspect = &inquiry->suspects[i];
		struct finding finding;

		if (suspect->judge &&
		    (judge_event(suspect->judge, event, &finding) != VERDICT_CONFORMS || judge_audit(suspect->judge)))
			suspect_caught(inquiry, suspect, path, reader);
	}
}

/* Whether every order of a run's calls at once ends as it would without the bug. */
static bool suspect_explored(const struct scene *scene, const struct machine *machine, const struct suspect *suspect,
			     const struct exploration *reference)
{
	struct exploration exploration;
	bool wrong;

	scene_explore(scene, machine, &suspect->profile, &exploration);
	wrong = scene_wrong(scene, &exploration, reference) || exploration.failed;
	exploration_clear(&exploration);
	return !wrong;
}

/* Explores the run that ends here with everybody who is still there, if calls are made at once in it. */
static void suspects_explore(struct inquiry *inquiry, const struct machine *machine, const char *path,
			     const struct trace_reader *reader)
{
	const struct scene *scene = &inquiry->scene;
	struct exploration reference = {.failed = false};

	if (scene->count && !inquiry->no_scene && inquiry->suspects[INNOCENT].judge)
		scene_explore(scene, machine, &inquiry->suspects[INNOCENT].profile, &reference);
	for (unsigned i = 0; i < SUSPECT_COUNT && reference.count; i++) {
		struct suspect *suspect = &inquiry->suspects[i];

		if (suspect->judge && !suspect_explored(scene, machine, suspect, &reference))
			suspect_caught(inquiry, suspect, path, reader);
	}
	exploration_clear(&reference);
	scene_clear(&inquiry->scene);
	inquiry->no_scene = false;
}

static void suspects_begin_run(struct inquiry *inquiry)
{
	scene_clear(&inquiry->scene);
	inquiry->no_scene = false;
	for (unsigned i = 0; i < SUSPECT_COUNT; i++)
		if (inquiry->suspects[i].judge)
			judge_begin_run(inquiry->suspects[i].judge);
}

/* Lets everybody hear the trace at @path. 0, or -1 with @diag. */
static int hear_trace(struct inquiry *inquiry, const struct machine *machine, const char *path,
		      struct trace_reader *reader, struct diag *diag)
{
	struct event event;

	for (;;) {
		switch (trace_next(reader, &event, diag)) {
		case TRACE_EVENT:
			progress_step(&inquiry->progress);
			suspects_hear(inquiry, path, reader, &event);
			inquiry->no_scene |= scene_add(&inquiry->scene, &event) != NULL;
			break;
		case TRACE_RUN:
			suspects_begin_run(inquiry);
			break;
		case TRACE_RUN_END:
			suspects_explore(inquiry, machine, path, reader);
			break;
		case TRACE_END:
			return 0;
		case TRACE_ERROR:
			return -1;
		}
	}
}

static int inquire(struct inquiry *inquiry, const char *path, struct diag *diag)
{
	struct trace_reader *reader = trace_open(path, diag);
	struct subject subject;
	int result = -1;

	if (!reader)
		return -1;
	progress_begin(&inquiry->progress, path, false, 50000);
	if (subject_find(&subject, trace_header(reader), path, diag) != 0)
		;
	else if (suspects_begin(inquiry, &subject) != 0)
		inquiry->failed = true;
	else
		result = hear_trace(inquiry, &subject.machine, path, reader, diag);
	progress_end(&inquiry->progress);
	suspects_release(inquiry);
	scene_clear(&inquiry->scene);
	trace_close(reader);
	return inquiry->failed ? 0 : result;
}

static enum exit_code list(const struct inquiry *inquiry, const struct options *options)
{
	static const char *const names[] = {"defect", "sentence", "source", NULL};
	static const char *const catches[] = {"defect", "caught by", "sentence", "source", NULL};
	const bool asked = options->operand_count > 0;
	struct listing listing;

	listing_begin(&listing, asked ? catches : names);
	for (unsigned i = 0; i < DEFECT_COUNT; i++) {
		const char *caught = inquiry->suspects[i].caught;
		const char *cells[] = {defects[i].name, defects[i].sentence, defects[i].source};
		const char *wider[] = {defects[i].name, caught ? caught : "-", defects[i].sentence, defects[i].source};

		listing_add(&listing, asked ? wider : cells);
	}
	/* No trace catches those of a client: `vfiosim viommu` does. */
	for (unsigned i = 0; i < CLIENT_BUG_COUNT && !asked; i++) {
		const char *cells[] = {client_bugs[i].name, client_bugs[i].sentence, client_bugs[i].source};

		listing_add(&listing, cells);
	}
	return listing_end(&listing, options);
}

/* Says what should not be: a bug that nothing catches, or something caught without a bug. */
static enum exit_code verdict(const struct inquiry *inquiry)
{
	enum exit_code code = EXIT_CODE_CONFORMS;

	for (unsigned i = 0; i < DEFECT_COUNT; i++) {
		if (inquiry->suspects[i].caught)
			continue;
		fprintf(stderr, "vfiosim: defect '%s' is not caught\n", defects[i].name);
		code = EXIT_CODE_DIVERGES;
	}
	if (inquiry->suspects[INNOCENT].caught) {
		fprintf(stderr, "vfiosim: without any defect: %s\n", inquiry->suspects[INNOCENT].caught);
		code = EXIT_CODE_DIVERGES;
	}
	return code;
}

enum exit_code command_defects(const struct options *options)
{
	struct inquiry *inquiry = calloc(1, sizeof(*inquiry));
	enum exit_code code = EXIT_CODE_CONFORMS;
	struct diag diag;

	if (!inquiry)
		return out_of_memory();
	for (int i = 0; i < options->operand_count && code == EXIT_CODE_CONFORMS; i++) {
		if (inquire(inquiry, options->operands[i], &diag) != 0)
			code = bad_input(&diag);
		else if (inquiry->failed)
			code = out_of_memory();
	}
	if (code == EXIT_CODE_CONFORMS)
		code = list(inquiry, options);
	if (code == EXIT_CODE_CONFORMS && options->operand_count > 0)
		code = verdict(inquiry);
	for (unsigned i = 0; i < SUSPECT_COUNT; i++)
		free(inquiry->suspects[i].caught);
	free(inquiry);
	return code;
}
