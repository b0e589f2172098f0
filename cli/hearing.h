/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/* One trace before the judge: events go in, findings come out in the report. */
#ifndef VFIOSIM_CLI_HEARING_H
#define VFIOSIM_CLI_HEARING_H

#include "cli/progress.h"
#include "cli/subject.h"
#include "vfiosim/backend.h"

struct hearing {
	struct report *report;
	struct report_trace *trace;
	struct judge *judge;
	struct subject subject;
	struct progress progress;
	bool unbalanced; /* the model's ledger does not add up any more in this run */
	bool failed;	 /* memory ran out */
};

/*
 * Opens a hearing. @trace is the report's entry for it, @header says what it is judged against. 0, or -1 with
 * @diag and nothing to end.
 */
int hearing_begin(struct hearing *hearing, struct report *report, struct report_trace *trace,
		  const struct trace_header *header, const struct options *options, struct diag *diag);

/* A new run begins: the last one is audited. */
void hearing_run(struct hearing *hearing);

/* The run called @run says, at @line, that it ends here after @declared calls. */
void hearing_run_end(struct hearing *hearing, const char *run, uint64_t line, uint64_t declared);

/* Judges one event of the run called @run. */
void hearing_event(struct hearing *hearing, const char *run, const struct event *event);

/*
 * Judges what the kernel of @backend, a guest, has complained about in the run called @run. With @first, nothing had
 * made it complain before, so that it must have, if it was to. -1: @diag has a complaint that no call explains.
 */
int hearing_complaints(struct hearing *hearing, const char *run, struct backend *backend, bool first,
		       struct diag *diag);

/*
 * What @status of a whole run called @run comes to: complaints of a guest that the calls explain are none, and those
 * that they should have made are missed. With @diag if it comes to anything but BACKEND_OK.
 */
enum backend_status hearing_status(struct hearing *hearing, const char *run, struct backend *backend,
				   enum backend_status status, bool first, struct diag *diag);

/* Ends it: the report's entry has tally and status. */
void hearing_end(struct hearing *hearing);

/* Notes in @trace, and says on standard error, that @diag ended it. */
void trace_failed(struct report_trace *trace, enum report_status status, const struct diag *diag);

/* A new report as the options want it; NULL when memory is out. */
struct report *report_begin(const char *command, const struct options *options);

/*
 * Writes the report as the options say: table, JSON or KTAP to standard output, or to @path, and HTML to its
 * file. Frees it, and returns the command's exit code.
 */
enum exit_code report_end(struct report *report, const struct options *options, const char *path);

#endif
