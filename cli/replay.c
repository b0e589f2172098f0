/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * `vfiosim replay`: executes the calls of traces on a backend and judges the answers.
 *
 * Calls go in batches, since a round trip to a virtual machine costs more than a
 * call. A batch is bounded in calls and in bytes, so that memory is.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/hearing.h"
#include "vfiosim/backend.h"
#include "vfiosim/profile.h"

#define BATCH_CALLS 256
#define BATCH_BYTES (8u << 20)

#define BACKEND_NAMES "model, recorded, kernel or vm:KERNEL"

/* Marks answers that a backend has not replaced: in an observation that is not there. */
#define UNANSWERED UINT64_MAX

struct batch {
	size_t count, bytes;
	struct event *recorded[BATCH_CALLS]; /* our copies */
	struct event events[BATCH_CALLS];    /* the same calls, with the backend's answers */
};

struct replay {
	const struct options *options;
	struct report *report;
	struct backend *backend;    /* kept from trace to trace where it fits; NULL: none is open */
	struct trace_header wanted; /* what it was opened for */
	struct report_trace *trace;
	struct hearing hearing;
	struct trace_reader *reader;
	struct trace_writer *writer; /* NULL: no new trace is wanted */
	struct batch batch;
	bool running; /* the backend is in a run */
	char run[TRACE_TEXT_MAX];
	bool destructive; /* the run is, on a guest that nobody needs after it */
	bool left_out;	  /* what follows of the run is not executed */
};

static void batch_clear(struct batch *batch)
{
	for (size_t i = 0; i < batch->count; i++)
		free(batch->recorded[i]);
	batch->count = 0;
	batch->bytes = 0;
}

/*
 * Adds a copy of @event, to be executed. What was returned stays as a wish: later calls name descriptors and
 * addresses by it. With @whole the answer stays as it is. 0, or -1 when memory is out.
 */
static int batch_add(struct batch *batch, const struct event *event, bool whole)
{
	struct event *recorded = event_clone(event);
	struct event *fresh = &batch->events[batch->count];

	if (!recorded)
		return -1;
	batch->recorded[batch->count++] = recorded;
	*fresh = *recorded;
	for (uint32_t i = 0; i < fresh->call.buffer_count; i++)
		batch->bytes += fresh->call.buffers[i].length;
	if (whole && recorded->answer.known)
		return 0;
	fresh->answer = (struct answer){.known = recorded->answer.known, .ret = recorded->answer.ret};
	fresh->answer.pinned.before = UNANSWERED;
	fresh->timed = fresh->timed && whole;
	for (uint32_t i = 0; i < fresh->call.buffer_count; i++)
		fresh->call.buffers[i].out = NULL;
	return 0;
}

static bool batch_full(const struct batch *batch)
{
	return batch->count == BATCH_CALLS || batch->bytes >= BATCH_BYTES;
}

static bool buffers_differ(const struct buffer *a, const struct buffer *b)
{
	const uint8_t *a_bytes = a->out ? a->out : a->in;
	const uint8_t *b_bytes = b->out ? b->out : b->in;

	return a->length > 0 && a_bytes && b_bytes && memcmp(a_bytes, b_bytes, a->length) != 0;
}

/* Whether the backend answered something else than what was recorded. */
static bool answer_changed(const struct event *recorded, const struct event *answered)
{
	const struct observation *was = &recorded->answer.locked;
	const struct observation *is = &answered->answer.locked;

	if (!recorded->answer.known || !answered->answer.known)
		return false;
	if (recorded->answer.ret != answered->answer.ret)
		return true;
	if (was->present && is->present && was->after - was->before != is->after - is->before)
		return true;
	for (uint32_t i = 0; i < recorded->call.buffer_count; i++) {
		if (buffers_differ(&recorded->call.buffers[i], &answered->call.buffers[i]))
			return true;
	}
	return false;
}

/* Notes why the backend cannot go on. Always returns -1. */
static int backend_failed(struct replay *replay, enum backend_status status, uint64_t line, const struct diag *diag)
{
	struct report_trace *trace = replay->trace;

	progress_end(&replay->hearing.progress);
	if (status == BACKEND_SPLAT) {
		const char *console = replay->backend->ops->console(replay->backend);

		diag_print(diag);
		if (report_add_splat(replay->report, trace, replay->run, line, diag->text, console) != 0)
			replay->hearing.failed = true;
	} else {
		trace_failed(trace, status == BACKEND_MISSING ? REPORT_SKIPPED : REPORT_FAILED, diag);
	}
	return -1;
}

static bool is_answered(const struct event *event)
{
	return event->answer.pinned.present || event->answer.pinned.before != UNANSWERED;
}

static int judge_answer(struct replay *replay, const struct event *recorded, const struct event *answered)
{
	hearing_event(&replay->hearing, replay->run, answered);
	if (answer_changed(recorded, answered) &&
	    report_add_change(replay->report, replay->trace, recorded, answered) != 0)
		replay->hearing.failed = true;
	return replay->writer ? trace_write_event(replay->writer, answered) : 0;
}

/*
 * The kernel fell in a destructive run, at number @done of the batch: 0 if that call was to make it fall, and nothing
 * else happened; then the run is over. -1 with @diag if not.
 */
static int judge_fall(struct replay *replay, size_t done, struct diag *diag)
{
	struct batch *batch = &replay->batch;

	if (!replay->destructive || done == batch->count)
		return -1;
	batch->events[done].answer = (struct answer){.known = false};
	if (judge_answer(replay, batch->recorded[done], &batch->events[done]) != 0)
		return -1;
	if (hearing_complaints(&replay->hearing, replay->run, replay->backend, true, diag) != 0)
		return -1;
	replay->left_out = true;
	replay->running = false;
	return 0;
}

/* Executes the batch and judges its answers. 0, or -1 when the trace cannot go on. */
static int flush_batch(struct replay *replay)
{
	struct batch *batch = &replay->batch;
	enum backend_status status;
	struct diag diag = {.text = ""};
	size_t done = 0;
	int result = 0;

	if (batch->count == 0)
		return 0;
	status = replay->backend->ops->execute(replay->backend, batch->events, batch->count, &diag);
	/* Of a batch that went wrong, what came before the fault has its answers and is judged. */
	while (result == 0 && done < batch->count && (status == BACKEND_OK || is_answered(&batch->events[done]))) {
		result = judge_answer(replay, batch->recorded[done], &batch->events[done]);
		done++;
	}
	if (result != 0) {
		diag_set(&diag, replay->options->values[OPTION_OUTPUT], 0, 0, "cannot write the trace");
		result = backend_failed(replay, BACKEND_FAILED, 0, &diag);
	} else if (status != BACKEND_OK && (status != BACKEND_SPLAT || judge_fall(replay, done, &diag) != 0)) {
		uint64_t line = batch->recorded[done < batch->count ? done : batch->count - 1]->line;

		result = backend_failed(replay, status, line, &diag);
	}
	batch_clear(batch);
	return result;
}

static int begin_run(struct replay *replay)
{
	enum backend_status status;
	struct diag diag = {.text = ""};

	status = replay->backend->ops->begin(replay->backend, &diag);
	if (status != BACKEND_OK)
		return backend_failed(replay, status, trace_line(replay->reader), &diag);
	replay->running = true;
	return 0;
}

static void close_backend(struct replay *replay)
{
	if (replay->backend)
		backend_close(replay->backend);
	replay->backend = NULL;
	replay->running = false;
}

/* Whether every field of @a has the same value in @b. With @real only what a kernel can be set to counts. */
static bool fields_hold(const struct trace_header *a, const struct trace_header *b, bool real)
{
	for (uint32_t i = 0; i < a->field_count; i++) {
		const struct profile_field_desc *desc = profile_field_find(a->fields[i].name);
		uint32_t j = 0;

		if (real && !(desc && desc->parameter))
			continue;
		while (j < b->field_count && strcmp(a->fields[i].name, b->fields[j].name) != 0)
			j++;
		if (j == b->field_count || strcmp(a->fields[i].value, b->fields[j].value) != 0)
			return false;
	}
	return true;
}

/* Whether what answers for @a can answer for @b. A @real kernel is what it is, whatever profile a trace names. */
static bool same_subject(const struct trace_header *a, const struct trace_header *b, bool real)
{
	return strcmp(a->machine, b->machine) == 0 && (real || strcmp(a->profile, b->profile) == 0) &&
	       fields_hold(a, b, real) && fields_hold(b, a, real);
}

/* Opens the backend for what the reader's trace needs, unless it is there. 0, or -1 with the trace's status set. */
static int open_backend(struct replay *replay, const struct trace_header *wanted)
{
	enum backend_status status = BACKEND_FAILED;
	struct diag diag = {.text = ""};

	if (replay->backend && !replay->backend->answers_from_file &&
	    same_subject(wanted, &replay->wanted, replay->backend->is_kernel))
		return 0;
	close_backend(replay);
	replay->wanted = *wanted;
	replay->backend = backend_open(replay->options->values[OPTION_ON], wanted, &status, &diag);
	if (replay->backend)
		return 0;
	trace_failed(replay->trace, status == BACKEND_MISSING ? REPORT_SKIPPED : REPORT_FAILED, &diag);
	return -1;
}

/* Ends the run, if there is one. 0, or -1 when the trace cannot go on. */
static int end_run(struct replay *replay)
{
	enum backend_status status;
	struct diag diag = {.text = ""};

	if (flush_batch(replay) != 0)
		return -1;
	if (!replay->running)
		return 0;
	replay->running = false;
	status = replay->backend->ops->end(replay->backend, &diag);
	status = hearing_status(&replay->hearing, replay->run, replay->backend, status, replay->destructive, &diag);
	return status == BACKEND_OK ? 0 : backend_failed(replay, status, trace_line(replay->reader), &diag);
}

/* Another guest, if the one that there is has been, or will be, through a destructive run. */
static int renew_guest(struct replay *replay, bool destructive)
{
	const struct trace_header wanted = replay->wanted;

	if (!destructive && !replay->destructive)
		return 0;
	close_backend(replay);
	return open_backend(replay, &wanted);
}

static int next_run(struct replay *replay)
{
	const char *reason = trace_run_destructive(replay->reader);
	bool destructive;

	if (end_run(replay) != 0)
		return -1;
	destructive = reason && replay->backend->is_kernel;
	/* On this machine's own kernel nobody can have asked for it. */
	replay->left_out = destructive && (!replay->backend->is_guest || !replay->options->values[OPTION_DESTRUCTIVE]);
	replay->trace->runs_left_out += replay->left_out;
	if (replay->left_out)
		return 0;
	if (renew_guest(replay, destructive) != 0)
		return -1;
	replay->destructive = destructive;
	snprintf(replay->run, sizeof(replay->run), "%s", trace_run_name(replay->reader));
	if (replay->writer)
		trace_write_run(replay->writer, replay->run, reason);
	hearing_run(&replay->hearing);
	return begin_run(replay);
}

static int run_ends(struct replay *replay)
{
	if (flush_batch(replay) != 0)
		return -1;
	if (!replay->left_out)
		hearing_run_end(&replay->hearing, replay->run, trace_line(replay->reader),
				trace_run_count(replay->reader));
	return 0;
}

static int next_event(struct replay *replay, const struct event *event)
{
	if (replay->left_out)
		return 0;
	if (!replay->running && begin_run(replay) != 0)
		return -1;
	if (batch_add(&replay->batch, event, replay->backend->answers_from_file) != 0) {
		replay->hearing.failed = true;
		return -1;
	}
	/* A kernel that falls takes along what it has not sent yet. */
	return replay->destructive || batch_full(&replay->batch) ? flush_batch(replay) : 0;
}

/* 0 when the whole trace was executed. */
static int replay_items(struct replay *replay)
{
	struct event event;
	struct diag diag;
	int result = 0;

	while (result == 0) {
		switch (trace_next(replay->reader, &event, &diag)) {
		case TRACE_EVENT:
			result = next_event(replay, &event);
			break;
		case TRACE_RUN:
			result = next_run(replay);
			break;
		case TRACE_RUN_END:
			result = run_ends(replay);
			break;
		case TRACE_END:
			result = end_run(replay);
			if (result == 0 && replay->destructive)
				close_backend(replay);
			return result;
		case TRACE_ERROR:
			progress_end(&replay->hearing.progress);
			trace_failed(replay->trace, REPORT_BAD_INPUT, &diag);
			return -1;
		}
	}
	return result;
}

/* The answers' own header: the backend's, made by the trace's program. */
static int open_writer(struct replay *replay, const struct trace_header *judged, struct diag *diag)
{
	struct trace_header header = *judged;
	const char *path = replay->options->values[OPTION_OUTPUT];

	if (!path)
		return 0;
	snprintf(header.program, sizeof(header.program), "%s", trace_header(replay->reader)->program);
	replay->writer = trace_create(path, &header, diag);
	return replay->writer ? 0 : -1;
}

static void close_writer(struct replay *replay, int result)
{
	struct diag diag;

	if (!replay->writer)
		return;
	if (result != 0)
		trace_abandon(replay->writer);
	else if (trace_commit(replay->writer, &diag) != 0)
		trace_failed(replay->trace, REPORT_FAILED, &diag);
	replay->writer = NULL;
}

/* Everything after the trace was opened. */
static void replay_opened(struct replay *replay)
{
	struct trace_header wanted;
	struct trace_header judged;
	struct diag diag;
	int result;

	if (subject_header(&wanted, trace_header(replay->reader), replay->options, &diag) != 0) {
		trace_failed(replay->trace, REPORT_BAD_INPUT, &diag);
		return;
	}
	if (open_backend(replay, &wanted) != 0)
		return;
	if (subject_header(&judged, &replay->backend->header, replay->options, &diag) != 0) {
		trace_failed(replay->trace, REPORT_BAD_INPUT, &diag);
		return;
	}
	if (report_describe_trace(replay->trace, &judged) != 0) {
		report_fail_trace(replay->trace, REPORT_FAILED, "out of memory");
		return;
	}
	if (hearing_begin(&replay->hearing, replay->report, replay->trace, &judged, replay->options, &diag) != 0) {
		trace_failed(replay->trace, REPORT_BAD_INPUT, &diag);
		return;
	}
	replay->run[0] = '\0';
	replay->destructive = replay->left_out = false;
	result = open_writer(replay, &judged, &diag);
	if (result != 0)
		trace_failed(replay->trace, REPORT_FAILED, &diag);
	else
		result = replay_items(replay);
	close_writer(replay, result);
	batch_clear(&replay->batch);
	hearing_end(&replay->hearing);
	/* What it is in the middle of is nobody's start. */
	if (result != 0)
		close_backend(replay);
}

/* 0, or -1 when memory is out. */
static int replay_trace(struct replay *replay, const char *path)
{
	struct diag diag;

	replay->reader = trace_open(path, &diag);
	replay->trace = report_add_trace(replay->report, path, replay->options->values[OPTION_ON],
					 replay->reader ? trace_header(replay->reader) : NULL);
	if (replay->trace && replay->reader)
		replay_opened(replay);
	else if (replay->trace)
		trace_failed(replay->trace, REPORT_BAD_INPUT, &diag);
	if (replay->reader)
		trace_close(replay->reader);
	return replay->trace ? 0 : -1;
}

/* What a wrong name would only show after a trace was read. */
static int check_options(const struct options *options, struct diag *diag)
{
	const char *on = options->values[OPTION_ON];

	if (!on)
		return diag_set(diag, NULL, 0, 0, "replay: --on is missing; expected " BACKEND_NAMES);
	if (strcmp(on, "model") != 0 && strcmp(on, "recorded") != 0 && strcmp(on, "kernel") != 0 &&
	    (strncmp(on, "vm:", 3) != 0 || !on[3]))
		return diag_set(diag, NULL, 0, 0, "replay: --on '%s'; expected " BACKEND_NAMES, on);
	if (options->values[OPTION_OUTPUT] && options->operand_count != 1)
		return diag_set(diag, NULL, 0, 0, "replay: -o takes the calls of one trace; expected one, not %d",
				options->operand_count);
	return 0;
}

enum exit_code command_replay(const struct options *options)
{
	struct replay *replay;
	enum exit_code code;
	struct diag diag;
	bool complete = true;

	if (check_options(options, &diag) != 0)
		return bad_input(&diag);
	replay = calloc(1, sizeof(*replay));
	if (!replay)
		return out_of_memory();
	replay->options = options;
	replay->report = report_begin("vfiosim replay", options);
	for (int i = 0; replay->report && complete && i < options->operand_count; i++)
		complete = replay_trace(replay, options->operands[i]) == 0;
	close_backend(replay);
	if (replay->report && complete) {
		code = report_end(replay->report, options, NULL);
	} else {
		report_free(replay->report);
		code = out_of_memory();
	}
	free(replay);
	return code;
}
