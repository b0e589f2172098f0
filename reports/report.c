/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/* Owns the report as data: traces, their findings, their sums. */
#include "reports/report.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

const char *const report_status_names[REPORT_STATUS_COUNT] = {
    [REPORT_CONFORMS] = "conforms", [REPORT_SKIPPED] = "skipped",     [REPORT_NOT_MODELLED] = "not modelled",
    [REPORT_DIVERGES] = "diverges", [REPORT_BAD_INPUT] = "bad input", [REPORT_FAILED] = "failed",
};

struct report *report_new(const char *command, size_t findings_max)
{
	struct report *report = calloc(1, sizeof(*report));

	if (!report)
		return NULL;
	report->findings_max = findings_max;
	report->command = report_clean(command, false);
	if (!report->command) {
		free(report);
		return NULL;
	}
	return report;
}

static void finding_clear(struct report_finding *finding)
{
	free(finding->run);
	free(finding->observed);
	free(finding->allowed);
	free(finding->where);
}

static void trace_clear(struct report_trace *trace)
{
	for (size_t i = 0; i < trace->finding_count; i++)
		finding_clear(&trace->findings[i]);
	for (size_t i = 0; i < trace->change_count; i++) {
		free(trace->changes[i].recorded);
		free(trace->changes[i].answered);
	}
	free(trace->findings);
	free(trace->changes);
	free(trace->name);
	free(trace->kernel);
	free(trace->arch);
	free(trace->machine);
	free(trace->profile);
	free(trace->backend);
	free(trace->reason);
}

void report_free(struct report *report)
{
	if (!report)
		return;
	for (size_t i = 0; i < report->trace_count; i++)
		trace_clear(&report->traces[i]);
	free(report->traces);
	free(report->command);
	free(report);
}

/* Room for one more element of @size bytes at the end of @array, cleared. NULL when memory is out. */
static void *array_add(void *array, size_t count, size_t size)
{
	char *grown = array;

	/* Grows at powers of two, so that the capacity need not be stored. */
	if ((count & (count - 1)) == 0)
		grown = reallocarray(array, count > 0 ? 2 * count : 1, size);
	if (grown)
		memset(grown + count * size, 0, size);
	return grown;
}

/* Replaces the text at @place. 0, or -1 when memory is out. */
static int set_text(char **place, const char *text)
{
	char *clean = report_clean(text, false);

	if (!clean)
		return -1;
	free(*place);
	*place = clean;
	return 0;
}

int report_describe_trace(struct report_trace *trace, const struct trace_header *header)
{
	if (set_text(&trace->kernel, header->kernel) != 0 || set_text(&trace->arch, header->arch) != 0 ||
	    set_text(&trace->machine, header->machine) != 0 || set_text(&trace->profile, header->profile) != 0)
		return -1;
	return 0;
}

struct report_trace *report_add_trace(struct report *report, const char *name, const char *backend,
				      const struct trace_header *header)
{
	static const struct trace_header unknown;
	struct report_trace *grown = array_add(report->traces, report->trace_count, sizeof(*grown));
	struct report_trace *trace;

	if (!grown)
		return NULL;
	report->traces = grown;
	trace = &grown[report->trace_count];
	if (set_text(&trace->name, name) != 0 || (backend && set_text(&trace->backend, backend) != 0) ||
	    report_describe_trace(trace, header ? header : &unknown) != 0) {
		trace_clear(trace);
		return NULL;
	}
	report->trace_count++;
	return trace;
}

/* The next finding to fill; NULL when there are enough (counted) or memory is out (@failed). */
static struct report_finding *finding_next(const struct report *report, struct report_trace *trace, bool *failed)
{
	struct report_finding *grown;

	*failed = false;
	if (trace->finding_count >= report->findings_max) {
		trace->findings_left_off++;
		return NULL;
	}
	grown = array_add(trace->findings, trace->finding_count, sizeof(*grown));
	*failed = !grown;
	if (!grown)
		return NULL;
	trace->findings = grown;
	return &grown[trace->finding_count];
}

int report_add_finding(const struct report *report, struct report_trace *trace, const char *run,
		       const struct finding *finding)
{
	struct explanation explanation;
	struct report_finding *entry;
	bool failed;

	entry = finding_next(report, trace, &failed);
	if (!entry)
		return failed ? -1 : 0;
	if (finding_explain(finding, &explanation) != 0)
		return -1;
	*entry = (struct report_finding){
	    .run = report_clean(run, false),
	    .line = finding->line,
	    .verdict = finding->verdict,
	    .kind = explanation.kind,
	    .observed = report_clean(explanation.observed, false),
	    .allowed = explanation.allowed ? report_clean(explanation.allowed, false) : NULL,
	    .where = explanation.where ? report_clean(explanation.where, false) : NULL,
	    .ground = explanation.ground,
	};
	failed = !entry->run || !entry->observed || (explanation.allowed && !entry->allowed) ||
		 (explanation.where && !entry->where);
	explanation_clear(&explanation);
	if (failed) {
		finding_clear(entry);
		return -1;
	}
	trace->finding_count++;
	return 0;
}

int report_add_splat(const struct report *report, struct report_trace *trace, const char *run, uint64_t line,
		     const char *what, const char *console)
{
	struct report_finding *entry;
	bool failed;

	report_fail_trace(trace, REPORT_DIVERGES, what);
	entry = finding_next(report, trace, &failed);
	if (!entry)
		return failed ? -1 : 0;
	*entry = (struct report_finding){
	    .run = report_clean(run, false),
	    .line = line,
	    .verdict = VERDICT_DIVERGES,
	    .kind = "kernel complained",
	    .observed = report_clean(what, false),
	    .where = report_clean(console, true),
	};
	if (!entry->run || !entry->observed || !entry->where) {
		finding_clear(entry);
		return -1;
	}
	trace->finding_count++;
	return 0;
}

/* One event as clean text. */
static char *event_clean(const struct event *event)
{
	struct text text = {.text = NULL};
	char *clean = NULL;

	event_print(&text, event);
	if (!text.failed && text.text) {
		if (text.length > EXPLAIN_LINE_MAX)
			text.text[EXPLAIN_LINE_MAX] = '\0';
		clean = report_clean(text.text, false);
	}
	free(text.text);
	return clean;
}

int report_add_change(const struct report *report, struct report_trace *trace, const struct event *recorded,
		      const struct event *answered)
{
	struct report_change *grown;
	struct report_change *change;

	trace->changes_total++;
	if (!report->list_changes || trace->change_count >= report->findings_max)
		return 0;
	grown = array_add(trace->changes, trace->change_count, sizeof(*grown));
	if (!grown)
		return -1;
	trace->changes = grown;
	change = &grown[trace->change_count];
	change->line = recorded->line;
	change->recorded = event_clean(recorded);
	change->answered = event_clean(answered);
	if (!change->recorded || !change->answered) {
		free(change->recorded);
		free(change->answered);
		return -1;
	}
	trace->change_count++;
	return 0;
}

void report_finish_trace(struct report_trace *trace, const struct tally *tally)
{
	enum report_status status = REPORT_CONFORMS;

	trace->tally = *tally;
	if (tally->diverging > 0)
		status = REPORT_DIVERGES;
	else if (tally->not_modelled > 0)
		status = REPORT_NOT_MODELLED;
	trace->status = report_status_worst(trace->status, status);
}

void report_fail_trace(struct report_trace *trace, enum report_status status, const char *reason)
{
	trace->status = report_status_worst(trace->status, status);
	if (!trace->reason)
		trace->reason = report_clean(reason, false);
}

enum report_status report_status_worst(enum report_status a, enum report_status b)
{
	return a > b ? a : b;
}

enum report_status report_status_of(const struct report *report)
{
	enum report_status status = REPORT_CONFORMS;

	for (size_t i = 0; i < report->trace_count; i++)
		status = report_status_worst(status, report->traces[i].status);
	return status;
}

void report_total(const struct report *report, struct tally *total)
{
	*total = (struct tally){.calls = 0};
	for (size_t i = 0; i < report->trace_count; i++) {
		const struct tally *tally = &report->traces[i].tally;

		total->runs += tally->runs;
		total->calls += tally->calls;
		total->conforming += tally->conforming;
		total->diverging += tally->diverging;
		total->not_modelled += tally->not_modelled;
		for (size_t rule = 0; rule < RULE_COUNT; rule++)
			total->rule_hits[rule] += tally->rule_hits[rule];
	}
}

size_t tally_rules_hit(const struct tally *tally)
{
	size_t hit = 0;

	for (size_t rule = RULE_NONE + 1; rule < RULE_COUNT; rule++)
		hit += tally->rule_hits[rule] > 0;
	return hit;
}

void report_headline(const struct report *report, char *headline, size_t size)
{
	enum report_status status = report_status_of(report);
	struct tally total;

	report_total(report, &total);
	switch (status) {
	case REPORT_DIVERGES:
		snprintf(headline, size, "diverges: %" PRIu64 " of %" PRIu64 " calls", total.diverging, total.calls);
		break;
	case REPORT_NOT_MODELLED:
		snprintf(headline, size, "not modelled: %" PRIu64 " of %" PRIu64 " calls", total.not_modelled,
			 total.calls);
		break;
	case REPORT_CONFORMS:
		snprintf(headline, size, "conforms: %" PRIu64 " calls", total.calls);
		break;
	default:
		snprintf(headline, size, "%s", report_status_names[status]);
		break;
	}
}
