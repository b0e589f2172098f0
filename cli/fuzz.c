/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * `vfiosim fuzz`: executes generated programs on a backend and judges the answers. Of each program that went wrong
 * it says how to make it alone again.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/generate.h"
#include "cli/hearing.h"
#include "vfiosim/backend.h"

#define REPEATS_MAX 20

struct fuzzing {
	const struct options *options;
	struct campaign campaign;
	struct trace_header wanted; /* of the backend */
	struct backend *backend;
	bool used_up; /* its guest has been through a destructive program */
	struct report *report;
	struct report_trace *trace;
	struct hearing hearing;
	struct trace_writer *writer; /* NULL: no trace is wanted */
	uint64_t wrong[REPEATS_MAX]; /* numbers of programs that went wrong */
	uint64_t wrong_count;
	uint64_t calls; /* that were answered, in so many seconds */
	double seconds;
};

static double seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static uint64_t faults(const struct fuzzing *fuzzing)
{
	const struct tally *tally = judge_tally(fuzzing->hearing.judge);

	return tally->diverging + tally->not_modelled;
}

static void note_wrong(struct fuzzing *fuzzing, uint64_t number)
{
	if (fuzzing->wrong_count < REPEATS_MAX)
		fuzzing->wrong[fuzzing->wrong_count] = number;
	fuzzing->wrong_count++;
}

/* Notes why the backend cannot go on. Always returns -1. */
static int backend_failed(struct fuzzing *fuzzing, enum backend_status status, const char *run, const struct diag *diag)
{
	struct backend *backend = fuzzing->backend;

	progress_end(&fuzzing->hearing.progress);
	if (status != BACKEND_SPLAT) {
		trace_failed(fuzzing->trace, status == BACKEND_MISSING ? REPORT_SKIPPED : REPORT_FAILED, diag);
		return -1;
	}
	diag_print(diag);
	if (report_add_splat(fuzzing->report, fuzzing->trace, run, 0, diag->text, backend->ops->console(backend)) != 0)
		fuzzing->hearing.failed = true;
	return -1;
}

/* Opens the backend. 0, or -1 with the trace's status set. */
static int open_backend(struct fuzzing *fuzzing)
{
	enum backend_status status = BACKEND_FAILED;
	struct diag diag = {.text = ""};

	fuzzing->used_up = false;
	fuzzing->backend = backend_open(fuzzing->options->values[OPTION_ON], &fuzzing->wanted, &status, &diag);
	if (fuzzing->backend)
		return 0;
	trace_failed(fuzzing->trace, status == BACKEND_MISSING ? REPORT_SKIPPED : REPORT_FAILED, &diag);
	return -1;
}

/* Another guest, if the one that there is has been, or will be, through a destructive program. */
static int renew_guest(struct fuzzing *fuzzing, const struct program *program)
{
	bool destructive = program->destructive && fuzzing->backend->is_guest;

	if (destructive || fuzzing->used_up) {
		backend_close(fuzzing->backend);
		if (open_backend(fuzzing) != 0)
			return -1;
	}
	fuzzing->used_up = destructive;
	return 0;
}

/* Executes the program and judges its answers. */
static enum backend_status execute(struct fuzzing *fuzzing, struct program *program, const char *run, struct diag *diag)
{
	const struct backend_ops *ops = fuzzing->backend->ops;
	/* A kernel that falls takes along what it has not sent yet. */
	const size_t step = fuzzing->used_up ? 1 : program->count;
	enum backend_status status = ops->begin(fuzzing->backend, diag);
	size_t answered = 0;

	for (size_t i = 0; i < program->count && status == BACKEND_OK; i += step)
		status = ops->execute(fuzzing->backend, program->events + i, step, diag);
	/* Of a program that went wrong, what came before the fault has its answers and is judged. */
	while (answered < program->count && (status == BACKEND_OK || program->events[answered].answer.known))
		hearing_event(&fuzzing->hearing, run, &program->events[answered++]);
	fuzzing->calls += answered;
	/* A writer keeps its first error until the commit, which tells it. */
	if (fuzzing->writer && status == BACKEND_OK)
		(void)campaign_write_program(fuzzing->writer, run, program);
	if (status == BACKEND_OK)
		return ops->end(fuzzing->backend, diag);
	/* A call that was to make the kernel fall is the last one, and has no answer. */
	if (status == BACKEND_SPLAT && fuzzing->used_up && answered + 1 == program->count)
		hearing_event(&fuzzing->hearing, run, &program->events[answered]);
	return status;
}

/* Executes and judges one program. 0, or -1 when the backend cannot go on. */
static int fuzz_program(struct fuzzing *fuzzing, struct program *program, const char *run)
{
	struct diag diag = {.text = ""};
	enum backend_status status;

	if (renew_guest(fuzzing, program) != 0)
		return -1;
	hearing_run(&fuzzing->hearing);
	status = execute(fuzzing, program, run, &diag);
	status = hearing_status(&fuzzing->hearing, run, fuzzing->backend, status, fuzzing->used_up, &diag);
	return status == BACKEND_OK ? 0 : backend_failed(fuzzing, status, run, &diag);
}

/* All programs, up to one that the backend does not survive. */
static void fuzz_programs(struct fuzzing *fuzzing)
{
	const struct campaign *campaign = &fuzzing->campaign;
	const double start = seconds_now();
	int result = 0;

	for (uint64_t i = 0; i < campaign->count && result == 0; i++) {
		const uint64_t number = campaign->first + i, before = faults(fuzzing);
		struct program *program = campaign_program(campaign, number);
		char run[TRACE_TEXT_MAX];

		if (!program) {
			fuzzing->hearing.failed = true;
			return;
		}
		campaign_run_name(campaign, number, run, sizeof(run));
		result = fuzz_program(fuzzing, program, run);
		if (result != 0 || faults(fuzzing) != before)
			note_wrong(fuzzing, number);
		program_free(program);
	}
	fuzzing->seconds = seconds_now() - start;
}

/* How fast the backend answered, from the first program to the last, without opening and closing it. */
static void print_speed(const struct fuzzing *fuzzing)
{
	if (fuzzing->options->values[OPTION_QUIET] || fuzzing->seconds <= 0)
		return;
	fprintf(stderr, "%" PRIu64 " calls in %.1f s, %.0f calls/s\n", fuzzing->calls, fuzzing->seconds,
		(double)fuzzing->calls / fuzzing->seconds);
}

static void print_repeats(const struct fuzzing *fuzzing)
{
	const struct campaign *campaign = &fuzzing->campaign;
	const char *profile = fuzzing->options->values[OPTION_PROFILE];

	for (uint64_t i = 0; i < fuzzing->wrong_count && i < REPEATS_MAX; i++) {
		fprintf(stderr, "repeat: vfiosim fuzz --on %s --machine %s%s%s%s --seed %" PRIu64 " --only %" PRIu64,
			fuzzing->options->values[OPTION_ON], campaign->machine->name, profile ? " --profile " : "",
			profile ? profile : "", campaign->options.destructive ? " --destructive" : "", campaign->seed,
			fuzzing->wrong[i]);
		for (size_t s = 0; s < fuzzing->options->settings.count; s++)
			fprintf(stderr, " --set %s", fuzzing->options->settings.items[s]);
		fputc('\n', stderr);
	}
	if (fuzzing->wrong_count > REPEATS_MAX)
		fprintf(stderr, "and %" PRIu64 " more programs\n", fuzzing->wrong_count - REPEATS_MAX);
}

/* Opens the trace that is written, if one is wanted. 0, or -1 with @diag. */
static int open_writer(struct fuzzing *fuzzing, const struct trace_header *judged, struct diag *diag)
{
	const char *path = fuzzing->options->values[OPTION_OUTPUT];
	struct trace_header header = *judged;

	if (!path)
		return 0;
	memcpy(header.program, fuzzing->wanted.program, sizeof(header.program));
	fuzzing->writer = trace_create(path, &header, diag);
	return fuzzing->writer ? 0 : -1;
}

/* Everything that needs the backend. */
static void fuzz_backend(struct fuzzing *fuzzing)
{
	struct trace_header judged;
	struct diag diag;

	if (subject_header(&judged, &fuzzing->backend->header, fuzzing->options, &diag) != 0) {
		trace_failed(fuzzing->trace, REPORT_BAD_INPUT, &diag);
		return;
	}
	/* Bugs are the backend's; whoever judges it has none. */
	subject_without_defects(&judged);
	if (report_describe_trace(fuzzing->trace, &judged) != 0) {
		report_fail_trace(fuzzing->trace, REPORT_FAILED, "out of memory");
		return;
	}
	/* What the kernel has that others lack, programs use. */
	for (uint32_t i = 0; i < judged.field_count; i++)
		(void)profile_set(&fuzzing->campaign.profile, judged.fields[i].name, judged.fields[i].value);
	if (open_writer(fuzzing, &judged, &diag) != 0) {
		trace_failed(fuzzing->trace, REPORT_FAILED, &diag);
		return;
	}
	if (hearing_begin(&fuzzing->hearing, fuzzing->report, fuzzing->trace, &judged, fuzzing->options, &diag) == 0) {
		fuzz_programs(fuzzing);
		hearing_end(&fuzzing->hearing);
		print_repeats(fuzzing);
		print_speed(fuzzing);
	} else {
		trace_failed(fuzzing->trace, REPORT_BAD_INPUT, &diag);
	}
	if (fuzzing->writer && trace_commit(fuzzing->writer, &diag) != 0)
		trace_failed(fuzzing->trace, REPORT_FAILED, &diag);
}

/* 0, or -1 when memory is out. */
static int fuzz(struct fuzzing *fuzzing)
{
	/* The seed is told before anything can go wrong. */
	if (!fuzzing->options->values[OPTION_QUIET])
		fprintf(stderr, "%s\n", fuzzing->wanted.program);
	fuzzing->trace = report_add_trace(fuzzing->report, fuzzing->wanted.program, fuzzing->options->values[OPTION_ON],
					  &fuzzing->wanted);
	if (!fuzzing->trace)
		return -1;
	if (open_backend(fuzzing) != 0)
		return 0;
	fuzz_backend(fuzzing);
	if (fuzzing->backend)
		backend_close(fuzzing->backend);
	return 0;
}

/* What is made, and what the backend is to be like: a model can be given bugs, which its traces tell. */
static int prepare(struct fuzzing *fuzzing, const struct options *options, struct diag *diag)
{
	struct trace_header *wanted = &fuzzing->wanted;

	fuzzing->options = options;
	if (campaign_options(&fuzzing->campaign, "fuzz", options, diag) != 0)
		return -1;
	if (options->values[OPTION_DESTRUCTIVE] && strcmp(options->values[OPTION_ON], "kernel") == 0)
		return diag_set(diag, NULL, 0, 0,
				"fuzz: --destructive with --on kernel: not on the kernel of this machine");
	if (options->defects.count > 0 && strcmp(options->values[OPTION_ON], "model") != 0)
		return diag_set(diag, NULL, 0, 0, "fuzz: --defect with --on %s: only the model can be given a bug",
				options->values[OPTION_ON]);
	campaign_header(&fuzzing->campaign, wanted);
	for (size_t i = 0; i < options->defects.count; i++) {
		size_t length = strlen(wanted->program);

		snprintf(wanted->program + length, sizeof(wanted->program) - length, ", defect %s",
			 options->defects.items[i]);
	}
	return subject_defects(wanted, options, diag);
}

enum exit_code command_fuzz(const struct options *options)
{
	struct fuzzing *fuzzing;
	enum exit_code code;
	struct diag diag;

	if (!options->values[OPTION_ON]) {
		diag_set(&diag, NULL, 0, 0, "fuzz: --on is missing; expected model, kernel or vm:KERNEL");
		return bad_input(&diag);
	}
	fuzzing = calloc(1, sizeof(*fuzzing));
	if (!fuzzing)
		return out_of_memory();
	if (prepare(fuzzing, options, &diag) != 0) {
		free(fuzzing);
		return bad_input(&diag);
	}
	fuzzing->report = report_begin("vfiosim fuzz", options);
	if (fuzzing->report && fuzz(fuzzing) == 0) {
		code = report_end(fuzzing->report, options, NULL);
	} else {
		report_free(fuzzing->report);
		code = out_of_memory();
	}
	free(fuzzing);
	return code;
}
