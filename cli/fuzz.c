/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * `vfiosim fuzz`: executes generated programs on a backend and judges the answers. Of each program that went wrong
 * it says how to make it alone again.
 *
 * Programs go down lanes, one after the other, and come out in the same order: how many lanes there are makes no
 * difference to what is told, and written, of them.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/generate.h"
#include "cli/hearing.h"
#include "cli/lane.h"
#include "vfiosim/backend.h"

#define REPEATS_MAX 20

/* A guest takes half a gigabyte and more of this host's memory. */
#define LANES_MAX 64

struct fuzzing {
	const struct options *options;
	struct campaign campaign;
	struct trace_header wanted; /* of the backend */
	struct lane lanes[LANES_MAX];
	uint64_t lane_count;
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
static int backend_failed(struct fuzzing *fuzzing, const struct lane *lane, enum backend_status status, const char *run)
{
	const char *console = lane->backend->ops->console(lane->backend);

	progress_end(&fuzzing->hearing.progress);
	if (status != BACKEND_SPLAT) {
		trace_failed(fuzzing->trace, status == BACKEND_MISSING ? REPORT_SKIPPED : REPORT_FAILED, &lane->diag);
		return -1;
	}
	diag_print(&lane->diag);
	if (report_add_splat(fuzzing->report, fuzzing->trace, run, 0, lane->diag.text, console) != 0)
		fuzzing->hearing.failed = true;
	return -1;
}

/* Opens the lane's backend. 0, or -1 with the trace's status set. */
static int open_backend(struct fuzzing *fuzzing, struct lane *lane)
{
	enum backend_status status = BACKEND_FAILED;
	struct diag diag = {.text = ""};

	lane->used_up = false;
	lane->backend = backend_open(fuzzing->options->values[OPTION_ON], &fuzzing->wanted, &status, &diag);
	if (lane->backend)
		return 0;
	trace_failed(fuzzing->trace, status == BACKEND_MISSING ? REPORT_SKIPPED : REPORT_FAILED, &diag);
	return -1;
}

static void close_backends(struct fuzzing *fuzzing)
{
	for (size_t i = 0; i < LANES_MAX; i++)
		if (fuzzing->lanes[i].backend)
			backend_close(fuzzing->lanes[i].backend);
}

/* A backend for the program: another guest, if the one that there is has been, or will be, through a destructive one.
 */
static int provide_backend(struct fuzzing *fuzzing, struct lane *lane, const struct program *program)
{
	bool destructive;

	if (!lane->backend && open_backend(fuzzing, lane) != 0)
		return -1;
	destructive = program->destructive && lane->backend->is_guest;
	if (destructive || lane->used_up) {
		backend_close(lane->backend);
		if (open_backend(fuzzing, lane) != 0)
			return -1;
	}
	lane->used_up = destructive;
	return 0;
}

/* Programs take turns with the lanes. */
static struct lane *lane_of(struct fuzzing *fuzzing, uint64_t number)
{
	assert(fuzzing->lane_count > 0);
	return &fuzzing->lanes[(number - fuzzing->campaign.first) % fuzzing->lane_count];
}

/* Makes program number @number and sends it down its lane. 0, or -1 when there is no way to go on. */
static int send_program(struct fuzzing *fuzzing, uint64_t number)
{
	struct lane *lane = lane_of(fuzzing, number);
	struct program *program = campaign_program(&fuzzing->campaign, number);

	if (!program) {
		fuzzing->hearing.failed = true;
		return -1;
	}
	if (provide_backend(fuzzing, lane, program) != 0) {
		program_free(program);
		return -1;
	}
	if (lane_start(lane, program) == 0)
		return 0;
	lane_clear(lane);
	report_fail_trace(fuzzing->trace, REPORT_FAILED, "there is no thread to be had");
	return -1;
}

/* Judges what has come through the lane. 0, or -1 when its backend cannot go on. */
static int judge_program(struct fuzzing *fuzzing, struct lane *lane, const char *run)
{
	const struct program *program = lane->program;
	enum backend_status status = lane->status;

	hearing_run(&fuzzing->hearing);
	for (size_t i = 0; i < lane->answered; i++)
		hearing_event(&fuzzing->hearing, run, &program->events[i]);
	fuzzing->calls += lane->answered;
	/* A writer keeps its first error until the commit, which tells it. */
	if (fuzzing->writer && lane->whole)
		(void)campaign_write_program(fuzzing->writer, run, program);
	/* A call that was to make the kernel fall is the last one, and has no answer. */
	if (status == BACKEND_SPLAT && lane->used_up && lane->answered + 1 == program->count)
		hearing_event(&fuzzing->hearing, run, &program->events[lane->answered]);
	status = hearing_status(&fuzzing->hearing, run, lane->backend, status, lane->used_up, &lane->diag);
	return status == BACKEND_OK ? 0 : backend_failed(fuzzing, lane, status, run);
}

/* Takes program number @number out of its lane, and judges it unless there is no sense in it any more. */
static int receive_program(struct fuzzing *fuzzing, uint64_t number, bool judged)
{
	struct lane *lane = lane_of(fuzzing, number);
	const uint64_t before = faults(fuzzing);
	char run[TRACE_TEXT_MAX];
	int result = 0;

	lane_wait(lane);
	if (judged) {
		campaign_run_name(&fuzzing->campaign, number, run, sizeof(run));
		result = judge_program(fuzzing, lane, run);
		if (result != 0 || faults(fuzzing) != before)
			note_wrong(fuzzing, number);
	}
	lane_clear(lane);
	return result;
}

/* All programs, up to one that its backend does not survive; what is under way then comes to its end unheard. */
static void fuzz_programs(struct fuzzing *fuzzing)
{
	const uint64_t first = fuzzing->campaign.first, count = fuzzing->campaign.count;
	const double start = seconds_now();
	uint64_t sent = 0, received = 0;
	int result = 0;

	while (result == 0 && received < count) {
		while (result == 0 && sent < count && sent - received < fuzzing->lane_count) {
			result = send_program(fuzzing, first + sent);
			sent += result == 0;
		}
		if (result == 0)
			result = receive_program(fuzzing, first + received++, true);
	}
	while (received < sent)
		receive_program(fuzzing, first + received++, false);
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
		for (size_t d = 0; d < fuzzing->options->defects.count; d++)
			fprintf(stderr, " --defect %s", fuzzing->options->defects.items[d]);
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

	/* All guests are alike. */
	if (subject_header(&judged, &fuzzing->lanes[0].backend->header, fuzzing->options, &diag) != 0) {
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
	if (open_backend(fuzzing, &fuzzing->lanes[0]) == 0)
		fuzz_backend(fuzzing);
	close_backends(fuzzing);
	return 0;
}

/* What is made, and what the backend is to be like: a model can be given bugs, which its traces tell. */
static int prepare(struct fuzzing *fuzzing, const struct options *options, struct diag *diag)
{
	struct trace_header *wanted = &fuzzing->wanted;

	fuzzing->options = options;
	fuzzing->lane_count = 1;
	if (campaign_options(&fuzzing->campaign, "fuzz", options, diag) != 0 ||
	    option_number(&fuzzing->lane_count, "fuzz", "guests", options->values[OPTION_GUESTS], diag) != 0)
		return -1;
	if (fuzzing->lane_count < 1 || fuzzing->lane_count > LANES_MAX)
		return diag_set(diag, NULL, 0, 0, "fuzz: --guests '%s': expected a number from 1 to %d",
				options->values[OPTION_GUESTS], LANES_MAX);
	if (fuzzing->lane_count > 1 && strcmp(options->values[OPTION_ON], "kernel") == 0)
		return diag_set(diag, NULL, 0, 0, "fuzz: --guests with --on kernel: this machine is there once");
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
