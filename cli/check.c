/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/* `vfiosim check`: judges traces against the model, as they were recorded. */
#include "cli/hearing.h"

/* Reads the trace to its end, or to where it cannot be read, and judges what there is. */
static void hear_trace(struct hearing *hearing, struct trace_reader *reader)
{
	struct event event;
	struct diag diag;

	for (;;) {
		switch (trace_next(reader, &event, &diag)) {
		case TRACE_EVENT:
			hearing_event(hearing, trace_run_name(reader), &event);
			break;
		case TRACE_RUN:
			hearing_run(hearing);
			break;
		case TRACE_RUN_END:
			hearing_run_end(hearing, trace_run_name(reader), trace_line(reader), trace_run_count(reader));
			break;
		case TRACE_END:
			return;
		case TRACE_ERROR:
			progress_end(&hearing->progress);
			trace_failed(hearing->trace, REPORT_BAD_INPUT, &diag);
			return;
		}
	}
}

/* Judges the trace at @path into @report. 0, or -1 when memory is out. */
static int check_trace(struct report *report, const char *path, const struct options *options)
{
	struct trace_header wanted;
	struct trace_reader *reader;
	struct report_trace *trace;
	struct hearing hearing;
	bool judged = false;
	struct diag diag;

	reader = trace_open(path, &diag);
	if (reader)
		judged = subject_header(&wanted, trace_header(reader), options, &diag) == 0 &&
			 subject_defects(&wanted, options, &diag) == 0;
	trace = report_add_trace(report, path, NULL, reader ? &wanted : NULL);
	if (!trace) {
		if (reader)
			trace_close(reader);
		return -1;
	}
	if (judged && hearing_begin(&hearing, report, trace, &wanted, options, &diag) == 0) {
		hear_trace(&hearing, reader);
		hearing_end(&hearing);
	} else {
		trace_failed(trace, REPORT_BAD_INPUT, &diag);
	}
	if (reader)
		trace_close(reader);
	return 0;
}

enum exit_code command_check(const struct options *options)
{
	struct report *report = report_begin("vfiosim check", options);

	if (!report)
		return out_of_memory();
	for (int i = 0; i < options->operand_count; i++) {
		if (check_trace(report, options->operands[i], options) != 0) {
			report_free(report);
			return out_of_memory();
		}
	}
	return report_end(report, options, options->values[OPTION_OUTPUT]);
}
