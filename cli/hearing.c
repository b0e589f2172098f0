/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/* Owns what `check` and `replay` have in common: judging into a report, and what becomes of the report. */
#include "cli/hearing.h"

#include <inttypes.h>
#include <string.h>

#define PROGRESS_INTERVAL 50000

int hearing_begin(struct hearing *hearing, struct report *report, struct report_trace *trace,
		  const struct trace_header *header, const struct options *options, struct diag *diag)
{
	*hearing = (struct hearing){.report = report, .trace = trace};
	if (subject_find(&hearing->subject, header, trace->name, diag) != 0)
		return -1;
	hearing->judge = judge_new(&hearing->subject.machine, &hearing->subject.profile);
	if (!hearing->judge)
		return diag_set(diag, trace->name, 0, 0, "out of memory");
	if (options->values[OPTION_STRICT])
		judge_be_strict(hearing->judge);
	progress_begin(&hearing->progress, trace->name, options->values[OPTION_QUIET] != NULL, PROGRESS_INTERVAL);
	return 0;
}

/* A ledger that does not add up is a fault of the model, whatever the trace says; once in a run is enough. */
static void audit(struct hearing *hearing)
{
	const char *fault = hearing->unbalanced ? NULL : judge_audit(hearing->judge);
	struct diag diag;

	if (!fault)
		return;
	hearing->unbalanced = true;
	diag_set(&diag, NULL, 0, 0, "%s: the model's ledger does not add up: %s", hearing->trace->name, fault);
	trace_failed(hearing->trace, REPORT_FAILED, &diag);
}

void hearing_run(struct hearing *hearing)
{
	hearing->unbalanced = false;
	judge_begin_run(hearing->judge);
}

void hearing_event(struct hearing *hearing, const char *run, const struct event *event)
{
	struct finding finding;

	enum verdict verdict = judge_event(hearing->judge, event, &finding);

	progress_step(&hearing->progress);
	audit(hearing);
	if (verdict == VERDICT_CONFORMS)
		return;
	if (report_add_finding(hearing->report, hearing->trace, run, &finding) != 0)
		hearing->failed = true;
}

void hearing_run_end(struct hearing *hearing, const char *run, uint64_t line, uint64_t declared)
{
	struct finding finding;

	if (judge_end_run(hearing->judge, line, declared, &finding) == VERDICT_CONFORMS)
		return;
	if (report_add_finding(hearing->report, hearing->trace, run, &finding) != 0)
		hearing->failed = true;
}

/* More complaints of one run than this are not looked at. */
#define COMPLAINTS_MAX 32

int hearing_complaints(struct hearing *hearing, const char *run, struct backend *backend, bool first, struct diag *diag)
{
	char texts[COMPLAINTS_MAX][DIAG_TEXT_MAX / 2];
	const char *lines[COMPLAINTS_MAX];
	struct finding finding;
	size_t count = 0;

	while (count < COMPLAINTS_MAX && backend->ops->complaint(backend, count, texts[count], sizeof(texts[count]))) {
		if (!judge_expects(hearing->judge, texts[count]))
			return diag_set(diag, NULL, 0, 0, "the kernel complained: %s", texts[count]);
		lines[count] = texts[count];
		count++;
	}
	if (!first || judge_silence(hearing->judge, lines, count, &finding) == VERDICT_CONFORMS)
		return 0;
	if (report_add_finding(hearing->report, hearing->trace, run, &finding) != 0)
		hearing->failed = true;
	return 0;
}

enum backend_status hearing_status(struct hearing *hearing, const char *run, struct backend *backend,
				   enum backend_status status, bool first, struct diag *diag)
{
	char line[DIAG_TEXT_MAX / 2];

	if (!backend->is_guest || (status != BACKEND_OK && status != BACKEND_SPLAT))
		return status;
	/* A guest that hangs or falls without a word said nothing that could be explained. */
	if (status == BACKEND_SPLAT && !backend->ops->complaint(backend, 0, line, sizeof(line)))
		return status;
	return hearing_complaints(hearing, run, backend, first, diag) == 0 ? BACKEND_OK : BACKEND_SPLAT;
}

void hearing_end(struct hearing *hearing)
{
	progress_end(&hearing->progress);
	if (hearing->failed)
		report_fail_trace(hearing->trace, REPORT_FAILED, "out of memory");
	report_finish_trace(hearing->trace, judge_tally(hearing->judge));
	judge_free(hearing->judge);
}

void trace_failed(struct report_trace *trace, enum report_status status, const struct diag *diag)
{
	char reason[sizeof(diag->file) + sizeof(diag->text) + 48];
	char place[48] = "";

	if (diag->line > 0 && diag->column > 0)
		snprintf(place, sizeof(place), ":%" PRIu64 ":%" PRIu32, diag->line, diag->column);
	else if (diag->line > 0)
		snprintf(place, sizeof(place), ":%" PRIu64, diag->line);
	snprintf(reason, sizeof(reason), "%s%s%s%s", diag->file, place, diag->file[0] ? ": " : "", diag->text);
	report_fail_trace(trace, status, reason);
	diag_print(diag);
}

struct report *report_begin(const char *command, const struct options *options)
{
	struct report *report = report_new(command, options->findings_max);

	if (report)
		report->list_changes = options->values[OPTION_VERBOSE] != NULL;
	return report;
}

static enum report_format chosen_format(const struct options *options)
{
	if (options->values[OPTION_JSON])
		return REPORT_JSON;
	return options->values[OPTION_KTAP] ? REPORT_KTAP : REPORT_TABLE;
}

static int save_all(const struct report *report, const struct options *options, const char *path, struct diag *diag)
{
	const char *page = options->values[OPTION_HTML];

	/* Quiet means the terminal: a file that was asked for is written. */
	if ((path || !options->values[OPTION_QUIET]) &&
	    report_save(report, chosen_format(options), path ? path : "-", diag) != 0)
		return -1;
	return page ? report_save(report, REPORT_HTML, page, diag) : 0;
}

enum exit_code report_end(struct report *report, const struct options *options, const char *path)
{
	static const enum exit_code codes[REPORT_STATUS_COUNT] = {
	    [REPORT_CONFORMS] = EXIT_CODE_CONFORMS,	    [REPORT_SKIPPED] = EXIT_CODE_SKIPPED,
	    [REPORT_NOT_MODELLED] = EXIT_CODE_NOT_MODELLED, [REPORT_DIVERGES] = EXIT_CODE_DIVERGES,
	    [REPORT_BAD_INPUT] = EXIT_CODE_BAD_INPUT,	    [REPORT_FAILED] = EXIT_CODE_INTERNAL,
	};
	enum exit_code code = codes[report_status_of(report)];
	struct diag diag;

	if (save_all(report, options, path, &diag) != 0) {
		diag_print(&diag);
		code = EXIT_CODE_INTERNAL;
	}
	report_free(report);
	return code;
}
