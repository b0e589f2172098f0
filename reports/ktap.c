/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Owns the report for kernel test runners: KTAP version 1, one result for each trace.
 *
 * A result that is neither pass nor fail is a SKIP with its reason, so that nothing
 * passes that was not judged.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "reports/writers.h"

static bool is_plain(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '.' || c == '_' ||
	       c == '-';
}

/* A name made of the trace's path: stable, and free of what KTAP gives a meaning. */
static char *slug_of(const char *path)
{
	size_t length = strlen(path);
	char *slug = malloc(length + sizeof("stdin"));
	size_t used = 0;

	if (!slug)
		return NULL;
	for (; *path; path++) {
		char c = *path;

		/* Leading dots and slashes, as of "../", say only where somebody stood. */
		if (used == 0 && (c == '.' || c == '/' || c == '-'))
			continue;
		slug[used++] = is_plain(c) ? c : '-';
	}
	slug[used] = '\0';
	if (used == 0)
		strcpy(slug, "stdin");
	return slug;
}

/* Diagnostics: every line of @text begins with "# ". */
static void print_diagnostic(FILE *out, const char *label, const char *text)
{
	for (;;) {
		size_t length = strcspn(text, "\n");

		fprintf(out, "# %s%.*s\n", label, (int)length, text);
		if (!text[length])
			return;
		text += length + 1;
	}
}

static void print_findings(const struct report_trace *trace, FILE *out)
{
	for (size_t i = 0; i < trace->finding_count; i++) {
		const struct report_finding *finding = &trace->findings[i];
		const struct ground *ground = &finding->ground;

		fprintf(out, "# %s:%" PRIu64 ": %s: %s\n", trace->name, finding->line,
			finding->verdict == VERDICT_DIVERGES ? "diverges" : "not judged", finding->kind);
		print_diagnostic(out, "  observed  ", finding->observed);
		if (finding->allowed)
			print_diagnostic(out, "  allowed   ", finding->allowed);
		if (finding->where)
			print_diagnostic(out, "  where     ", finding->where);
		if (ground->name)
			fprintf(out, "#   %-8s  %s: %s\n#   source    %s\n", ground->kind, ground->name,
				ground->sentence, ground->source);
	}
	if (trace->findings_left_off > 0)
		fprintf(out, "# %" PRIu64 " more findings are not shown\n", trace->findings_left_off);
	if (trace->runs_left_out > 0)
		fprintf(out, "# %" PRIu64 " destructive runs were left out\n", trace->runs_left_out);
}

static void print_directive(const struct report_trace *trace, FILE *out)
{
	if (trace->status == REPORT_SKIPPED)
		fprintf(out, " # SKIP %s", trace->reason ? trace->reason : "");
	else if (trace->status == REPORT_NOT_MODELLED)
		fprintf(out, " # SKIP %" PRIu64 " of %" PRIu64 " calls are not modelled", trace->tally.not_modelled,
			trace->tally.calls);
}

static bool is_ok(enum report_status status)
{
	return status == REPORT_CONFORMS || status == REPORT_SKIPPED || status == REPORT_NOT_MODELLED;
}

int ktap_write(const struct report *report, FILE *out)
{
	fprintf(out, "KTAP version 1\n1..%zu\n", report->trace_count);
	for (size_t i = 0; i < report->trace_count; i++) {
		const struct report_trace *trace = &report->traces[i];
		char *slug = slug_of(trace->name);

		if (!slug)
			return -1;
		print_findings(trace, out);
		if (trace->reason && trace->status != REPORT_SKIPPED)
			print_diagnostic(out, "", trace->reason);
		fprintf(out,
			"# %" PRIu64 " runs, %" PRIu64 " calls, %" PRIu64 " conforming, %" PRIu64 " diverging, %" PRIu64
			" not modelled, %zu rules hit\n",
			trace->tally.runs, trace->tally.calls, trace->tally.conforming, trace->tally.diverging,
			trace->tally.not_modelled, tally_rules_hit(&trace->tally));
		if (trace->backend)
			fprintf(out, "# executed on %s, %" PRIu64 " answers unlike the recorded ones\n", trace->backend,
				trace->changes_total);
		fprintf(out, "%s %zu %s", is_ok(trace->status) ? "ok" : "not ok", i + 1, slug);
		print_directive(trace, out);
		fputc('\n', out);
		free(slug);
	}
	return 0;
}
