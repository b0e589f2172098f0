/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/* Owns the report that people read in a terminal: the findings, then one line for each trace. */
#include <inttypes.h>
#include <string.h>

#include "reports/writers.h"

/* One line of the table; the total is one too. */
struct line {
	const char *name;
	const struct tally *tally;
	uint64_t changes;
	enum report_status status;
};

static void print_findings(const struct report_trace *trace, FILE *out)
{
	for (size_t i = 0; i < trace->finding_count; i++) {
		const struct report_finding *finding = &trace->findings[i];
		const struct ground *ground = &finding->ground;

		fprintf(out, "%s:%" PRIu64 ": %s: %s", trace->name, finding->line,
			finding->verdict == VERDICT_DIVERGES ? "diverges" : "not judged", finding->kind);
		fprintf(out, "%s%s%s\n", finding->run[0] ? " (run " : "", finding->run, finding->run[0] ? ")" : "");
		fprintf(out, "  observed  %s\n", finding->observed);
		if (finding->allowed)
			fprintf(out, "  allowed   %s\n", finding->allowed);
		if (finding->where)
			fprintf(out, "  where     %s\n", finding->where);
		if (ground->name)
			fprintf(out, "  %-8s  %s: %s\n  source    %s\n", ground->kind, ground->name, ground->sentence,
				ground->source);
		fputc('\n', out);
	}
	if (trace->findings_left_off > 0)
		fprintf(out, "%s: %" PRIu64 " more findings are not shown\n\n", trace->name, trace->findings_left_off);
	if (trace->runs_left_out > 0)
		fprintf(out, "%s: %" PRIu64 " destructive runs were left out\n\n", trace->name, trace->runs_left_out);
}

static void print_changes(const struct report_trace *trace, FILE *out)
{
	for (size_t i = 0; i < trace->change_count; i++) {
		const struct report_change *change = &trace->changes[i];

		fprintf(out, "%s:%" PRIu64 ": answer differs from the recording\n  recorded  %s\n  answered  %s\n\n",
			trace->name, change->line, change->recorded, change->answered);
	}
}

static uint64_t line_runs(const struct line *line)
{
	return line->tally->runs;
}

static uint64_t line_calls(const struct line *line)
{
	return line->tally->calls;
}

static uint64_t line_conforming(const struct line *line)
{
	return line->tally->conforming;
}

static uint64_t line_diverging(const struct line *line)
{
	return line->tally->diverging;
}

static uint64_t line_not_modelled(const struct line *line)
{
	return line->tally->not_modelled;
}

static uint64_t line_rules_hit(const struct line *line)
{
	return tally_rules_hit(line->tally);
}

static uint64_t line_changes(const struct line *line)
{
	return line->changes;
}

/* The columns between the name and the verdict. */
static const struct column {
	const char *title;
	uint64_t (*number)(const struct line *line);
	bool replay_only;
} columns[] = {
    {"runs", line_runs, false},
    {"calls", line_calls, false},
    {"conforming", line_conforming, false},
    {"diverging", line_diverging, false},
    {"not modelled", line_not_modelled, false},
    {"rules hit", line_rules_hit, false},
    {"unlike recorded", line_changes, true},
};

#define COLUMN_COUNT (sizeof(columns) / sizeof(columns[0]))

struct table {
	bool replay;
	int name_width;
	int widths[COLUMN_COUNT];
	FILE *out;
};

static int at_least(int width, int wanted)
{
	return wanted > width ? wanted : width;
}

static void fit_line(struct table *table, const struct line *line)
{
	char number[24];

	table->name_width = at_least(table->name_width, (int)strlen(line->name));
	for (size_t i = 0; i < COLUMN_COUNT; i++) {
		int length = snprintf(number, sizeof(number), "%" PRIu64, columns[i].number(line));

		table->widths[i] = at_least(table->widths[i], length);
	}
}

static void print_titles(const struct table *table)
{
	fprintf(table->out, "%-*s", table->name_width, "trace");
	for (size_t i = 0; i < COLUMN_COUNT; i++) {
		if (!columns[i].replay_only || table->replay)
			fprintf(table->out, "  %*s", table->widths[i], columns[i].title);
	}
	fputs("  verdict\n", table->out);
}

static void print_line(const struct table *table, const struct line *line)
{
	fprintf(table->out, "%-*s", table->name_width, line->name);
	for (size_t i = 0; i < COLUMN_COUNT; i++) {
		if (!columns[i].replay_only || table->replay)
			fprintf(table->out, "  %*" PRIu64, table->widths[i], columns[i].number(line));
	}
	fprintf(table->out, "  %s\n", report_status_names[line->status]);
}

static struct line line_of(const struct report_trace *trace)
{
	return (struct line){trace->name, &trace->tally, trace->changes_total, trace->status};
}

static void print_table(const struct report *report, FILE *out)
{
	struct table table = {.name_width = (int)strlen("trace"), .out = out};
	struct tally sum;
	struct line total = {.name = "total", .tally = &sum, .status = report_status_of(report)};

	report_total(report, &sum);
	for (size_t i = 0; i < COLUMN_COUNT; i++)
		table.widths[i] = (int)strlen(columns[i].title);
	for (size_t i = 0; i < report->trace_count; i++) {
		struct line line = line_of(&report->traces[i]);

		fit_line(&table, &line);
		total.changes += line.changes;
		table.replay = table.replay || report->traces[i].backend;
	}
	fit_line(&table, &total);
	print_titles(&table);
	for (size_t i = 0; i < report->trace_count; i++) {
		struct line line = line_of(&report->traces[i]);

		print_line(&table, &line);
	}
	print_line(&table, &total);
}

int table_write(const struct report *report, FILE *out)
{
	for (size_t i = 0; i < report->trace_count; i++) {
		print_findings(&report->traces[i], out);
		print_changes(&report->traces[i], out);
	}
	print_table(report, out);
	for (size_t i = 0; i < report->trace_count; i++) {
		const struct report_trace *trace = &report->traces[i];

		if (trace->reason)
			fprintf(out, "%s: %s: %s\n", trace->name, report_status_names[trace->status], trace->reason);
	}
	return 0;
}
