/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Reports: what a command found, as data, and the writers that show it.
 *
 * A command fills a struct report and gives it to one writer or several. All texts in it
 * are clean (report_clean()): valid UTF-8 without control characters, so that writers
 * need to escape only what their own format makes special. The same report gives the
 * same bytes everywhere: there are no dates, no host names and no colours in one.
 */
#ifndef VFIOSIM_REPORTS_REPORT_H
#define VFIOSIM_REPORTS_REPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "check/explain.h"
#include "vfiosim/diag.h"
#include "vfiosim/judge.h"

/* What became of one trace, and of all; report_status_worst() orders them. */
enum report_status {
	REPORT_CONFORMS,
	REPORT_SKIPPED,	     /* something needed was not there */
	REPORT_NOT_MODELLED, /* nothing diverges, but not everything could be judged */
	REPORT_DIVERGES,
	REPORT_BAD_INPUT,
	REPORT_FAILED, /* our own fault */
	REPORT_STATUS_COUNT
};

extern const char *const report_status_names[REPORT_STATUS_COUNT];

struct report_finding {
	char *run; /* name of the run in its trace, "" */
	uint64_t line;
	enum verdict verdict;
	const char *kind;
	char *observed;
	char *allowed; /* NULL if there is nothing to say */
	char *where;   /* NULL if there is nothing to say */
	struct ground ground;
};

/* An answer of a replay that is not the recorded one. Information: both may be allowed. */
struct report_change {
	uint64_t line;
	char *recorded, *answered;
};

struct report_trace {
	char *name; /* as the user gave it */
	char *kernel, *arch, *machine, *profile;
	char *backend; /* where it was executed; NULL if it was only judged */
	enum report_status status;
	char *reason; /* of SKIPPED, BAD_INPUT and FAILED, and of a kernel that went down; else NULL */
	struct tally tally;
	struct report_finding *findings;
	size_t finding_count;
	uint64_t findings_left_off; /* found beyond the limit */
	uint64_t runs_left_out;	    /* destructive runs that were not executed */
	uint64_t changes_total;	    /* answers that differ from the recording */
	struct report_change *changes;
	size_t change_count;
};

struct report {
	char *command;
	size_t findings_max; /* findings, and changes, that are kept of each trace */
	bool list_changes;   /* show the changes one by one, not only their number */
	struct report_trace *traces;
	size_t trace_count;
};

/* Returns NULL when memory is out, as every function below that returns a pointer. */
struct report *report_new(const char *command, size_t findings_max);
void report_free(struct report *report);

/* Adds a trace that conforms and is empty so far. The pointer is valid until the next trace is added. */
struct report_trace *report_add_trace(struct report *report, const char *name, const char *backend,
				      const struct trace_header *header);

/* Says what answered: replaces kernel, architecture, machine and profile. 0, or -1 when memory is out. */
int report_describe_trace(struct report_trace *trace, const struct trace_header *header);

/* Adds @finding, or counts it when there are enough. 0, or -1 when memory is out. */
int report_add_finding(const struct report *report, struct report_trace *trace, const char *run,
		       const struct finding *finding);

/* Adds a finding that is not about one call: a kernel that complained or hung. 0, or -1 when memory is out. */
int report_add_splat(const struct report *report, struct report_trace *trace, const char *run, uint64_t line,
		     const char *what, const char *console);

/* Adds a changed answer, or counts it when there are enough. 0, or -1 when memory is out. */
int report_add_change(const struct report *report, struct report_trace *trace, const struct event *recorded,
		      const struct event *answered);

/* Sets the tally, and the status from what the judge counted, unless that is a worse one already. */
void report_finish_trace(struct report_trace *trace, const struct tally *tally);

/* Sets a worse status and, the first time, its reason (cleaned). */
void report_fail_trace(struct report_trace *trace, enum report_status status, const char *reason);

/* Of two the one that a command's exit code has to tell; and the worst of all traces. */
enum report_status report_status_worst(enum report_status a, enum report_status b);
enum report_status report_status_of(const struct report *report);

/* The sum of all traces. */
void report_total(const struct report *report, struct tally *total);

/* The number of different rules that were hit. */
size_t tally_rules_hit(const struct tally *tally);

/* A copy of @text that is printable UTF-8: other bytes become \xNN. @newlines: keep them. */
char *report_clean(const char *text, bool newlines);

/* The verdict in one line: "conforms", "diverges: 3 of 120 calls". Writes at most @size bytes. */
void report_headline(const struct report *report, char *headline, size_t size);

struct report_writer {
	const char *name;
	/* Writes the whole report; errors stay in the stream. 0, or -1 when memory is out. */
	int (*write)(const struct report *report, FILE *out);
};

enum report_format { REPORT_TABLE, REPORT_JSON, REPORT_KTAP, REPORT_HTML, REPORT_FORMAT_COUNT };

extern const struct report_writer report_writers[REPORT_FORMAT_COUNT];

/*
 * Writes the report to @path: a temporary file beside it, which then takes its name, so that nobody
 * sees half a report. "-" is standard output. 0, or -1 with @diag.
 */
int report_save(const struct report *report, enum report_format format, const char *path, struct diag *diag);

#endif
