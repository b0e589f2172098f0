/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Owns the report as a page: one file that needs nothing else, reads well in light and
 * dark, on paper and without scripts. It is well-formed XML too, so that tools can read it.
 */
#include <inttypes.h>
#include <string.h>

#include "reports/writers.h"

/* Class names of the style sheet. */
static const char *const status_class[REPORT_STATUS_COUNT] = {
    [REPORT_CONFORMS] = "good", [REPORT_SKIPPED] = "open",  [REPORT_NOT_MODELLED] = "open",
    [REPORT_DIVERGES] = "bad",	[REPORT_BAD_INPUT] = "bad", [REPORT_FAILED] = "bad",
};

/* @length bytes of clean text with what HTML makes special spelled out. */
static void put_part(FILE *out, const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		switch (text[i]) {
		case '&':
			fputs("&amp;", out);
			break;
		case '<':
			fputs("&lt;", out);
			break;
		case '>':
			fputs("&gt;", out);
			break;
		case '"':
			fputs("&quot;", out);
			break;
		case '\'':
			fputs("&#39;", out);
			break;
		default:
			fputc(text[i], out);
			break;
		}
	}
}

static void put_text(FILE *out, const char *text)
{
	put_part(out, text, strlen(text));
}

/* Part of a word: letters, digits and whatever is not ASCII. By hand, as isalnum() depends on the locale. */
static bool in_word(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' ||
	       (unsigned char)c >= 0x80;
}

/* The lengths in bytes of what two texts have in common, whole words only, at their beginnings and at their ends. */
static void common_parts(const char *a, const char *b, size_t *prefix, size_t *suffix)
{
	size_t a_length = strlen(a);
	size_t b_length = strlen(b);
	size_t shorter = a_length < b_length ? a_length : b_length;

	*prefix = 0;
	*suffix = 0;
	while (*prefix < shorter && a[*prefix] == b[*prefix])
		(*prefix)++;
	if (*prefix == a_length && a_length == b_length)
		return;
	while (*prefix > 0 && in_word(a[*prefix - 1]))
		(*prefix)--;
	while (*suffix < shorter - *prefix && a[a_length - *suffix - 1] == b[b_length - *suffix - 1])
		(*suffix)++;
	while (*suffix > 0 && in_word(a[a_length - *suffix]))
		(*suffix)--;
}

/* @text, with what it does not share with @other marked. */
static void put_marked(FILE *out, const char *text, const char *other)
{
	size_t length = strlen(text);
	size_t prefix;
	size_t suffix;

	common_parts(text, other, &prefix, &suffix);
	put_part(out, text, prefix);
	if (prefix + suffix < length) {
		fputs("<mark>", out);
		put_part(out, text + prefix, length - prefix - suffix);
		fputs("</mark>", out);
	}
	put_part(out, text + length - suffix, suffix);
}

static void put_badge(FILE *out, enum report_status status)
{
	fprintf(out, "<span class=\"badge %s\">%s</span>", status_class[status], report_status_names[status]);
}

static void put_figure(FILE *out, const char *what, uint64_t number, const char *class)
{
	fprintf(out, "<div class=\"figure %s\"><b>%" PRIu64 "</b><span>%s</span></div>\n", class, number, what);
}

static void put_head(const struct report *report, FILE *out)
{
	char headline[128];
	struct tally total;

	report_headline(report, headline, sizeof(headline));
	report_total(report, &total);
	fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
	      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
	      "<meta name=\"color-scheme\" content=\"light dark\"/>\n<title>",
	      out);
	put_text(out, report->command);
	fputs(": ", out);
	put_text(out, headline);
	fprintf(out, "</title>\n<style>\n%s</style>\n</head>\n<body>\n<header>\n<h1>", html_style);
	put_text(out, report->command);
	fputs("</h1>\n<p>", out);
	put_badge(out, report_status_of(report));
	fputs(" ", out);
	put_text(out, headline);
	fputs("</p>\n</header>\n<section class=\"figures\">\n", out);
	put_figure(out, "traces", report->trace_count, "");
	put_figure(out, "runs", total.runs, "");
	put_figure(out, "calls", total.calls, "");
	put_figure(out, "conforming", total.conforming, total.conforming > 0 ? "good" : "");
	put_figure(out, "diverging", total.diverging, total.diverging > 0 ? "bad" : "");
	put_figure(out, "not modelled", total.not_modelled, total.not_modelled > 0 ? "open" : "");
	put_figure(out, "rules hit", tally_rules_hit(&total), "");
	fputs("</section>\n", out);
}

static void put_numbers(FILE *out, const struct tally *tally)
{
	fprintf(out,
		"<td class=\"n\">%" PRIu64 "</td><td class=\"n\">%" PRIu64 "</td><td class=\"n\">%" PRIu64
		"</td><td class=\"n\">%" PRIu64 "</td><td class=\"n\">%" PRIu64 "</td><td class=\"n\">%zu</td>",
		tally->runs, tally->calls, tally->conforming, tally->diverging, tally->not_modelled,
		tally_rules_hit(tally));
}

static bool was_executed(const struct report *report)
{
	return report->trace_count > 0 && report->traces[0].backend;
}

static void put_row(const struct report_trace *trace, size_t index, bool executed, FILE *out)
{
	bool detailed = trace->finding_count > 0 || trace->change_count > 0;

	fputs("<tr><td class=\"name\">", out);
	if (detailed)
		fprintf(out, "<a href=\"#trace-%zu\">", index + 1);
	put_text(out, trace->name);
	fputs(detailed ? "</a></td><td>" : "</td><td>", out);
	put_text(out, trace->kernel);
	fputs("</td><td>", out);
	put_text(out, trace->arch);
	fputs("</td><td>", out);
	put_text(out, trace->machine);
	fputs("</td><td>", out);
	put_text(out, trace->profile);
	fputs("</td>", out);
	put_numbers(out, &trace->tally);
	if (executed)
		fprintf(out, "<td class=\"n\">%" PRIu64 "</td>", trace->changes_total);
	fputs("<td>", out);
	put_badge(out, trace->status);
	if (trace->reason) {
		fputs("<br/><small>", out);
		put_text(out, trace->reason);
		fputs("</small>", out);
	}
	fputs("</td></tr>\n", out);
}

static void put_traces(const struct report *report, FILE *out)
{
	bool executed = was_executed(report);

	fprintf(out,
		"<section>\n<h2>Traces</h2>\n<div class=\"wide\"><table>\n<thead><tr><th>trace</th><th>kernel</th>"
		"<th>arch</th><th>machine</th><th>profile</th><th class=\"n\">runs</th><th class=\"n\">calls</th>"
		"<th class=\"n\">conforming</th><th class=\"n\">diverging</th><th class=\"n\">not modelled</th>"
		"<th class=\"n\">rules hit</th>%s<th>verdict</th></tr></thead>\n<tbody>\n",
		executed ? "<th class=\"n\">unlike recorded</th>" : "");
	for (size_t i = 0; i < report->trace_count; i++)
		put_row(&report->traces[i], i, executed, out);
	fputs("</tbody>\n</table></div>\n</section>\n", out);
}

static void put_term(FILE *out, const char *term, const char *text, const char *other)
{
	fprintf(out, "<dt>%s</dt><dd><code>", term);
	put_marked(out, text, other);
	fputs("</code></dd>\n", out);
}

static void put_finding(const struct report_trace *trace, const struct report_finding *finding, FILE *out)
{
	const struct ground *ground = &finding->ground;
	bool diverges = finding->verdict == VERDICT_DIVERGES;

	fprintf(out, "<article class=\"%s\">\n<h4>", diverges ? "bad" : "open");
	put_text(out, trace->name);
	fprintf(out, ":%" PRIu64 " <small>%s: ", finding->line, diverges ? "diverges" : "not judged");
	put_text(out, finding->kind);
	if (finding->run[0]) {
		fputs(", run ", out);
		put_text(out, finding->run);
	}
	fputs("</small></h4>\n<dl>\n", out);
	put_term(out, "observed", finding->observed, finding->allowed ? finding->allowed : finding->observed);
	if (finding->allowed)
		put_term(out, "allowed", finding->allowed, finding->observed);
	if (finding->where) {
		fputs("<dt>where</dt><dd class=\"where\">", out);
		put_text(out, finding->where);
		fputs("</dd>\n", out);
	}
	if (ground->name) {
		fprintf(out, "<dt>%s</dt><dd><b>", ground->kind);
		put_text(out, ground->name);
		fputs("</b> ", out);
		put_text(out, ground->sentence);
		fputs("</dd>\n<dt>source</dt><dd>", out);
		put_text(out, ground->source);
		fputs("</dd>\n", out);
	}
	fputs("</dl>\n</article>\n", out);
}

static void put_changes(const struct report_trace *trace, FILE *out)
{
	if (trace->change_count == 0)
		return;
	fprintf(out, "<details>\n<summary>%" PRIu64 " answers unlike the recorded ones</summary>\n",
		trace->changes_total);
	for (size_t i = 0; i < trace->change_count; i++) {
		const struct report_change *change = &trace->changes[i];

		fprintf(out, "<article>\n<h4>line %" PRIu64 "</h4>\n<dl>\n", change->line);
		put_term(out, "recorded", change->recorded, change->answered);
		put_term(out, "answered", change->answered, change->recorded);
		fputs("</dl>\n</article>\n", out);
	}
	fputs("</details>\n", out);
}

static void put_details(const struct report *report, FILE *out)
{
	bool titled = false;

	for (size_t i = 0; i < report->trace_count; i++) {
		const struct report_trace *trace = &report->traces[i];

		if (trace->finding_count == 0 && trace->change_count == 0 && trace->runs_left_out == 0)
			continue;
		fputs(titled ? "" : "<section>\n<h2>Findings</h2>\n", out);
		titled = true;
		fprintf(out, "<h3 id=\"trace-%zu\">", i + 1);
		put_text(out, trace->name);
		fputs("</h3>\n", out);
		for (size_t j = 0; j < trace->finding_count; j++)
			put_finding(trace, &trace->findings[j], out);
		if (trace->findings_left_off > 0)
			fprintf(out, "<p>%" PRIu64 " more findings are not shown.</p>\n", trace->findings_left_off);
		if (trace->runs_left_out > 0)
			fprintf(out, "<p>%" PRIu64 " destructive runs were left out.</p>\n", trace->runs_left_out);
		put_changes(trace, out);
	}
	fputs(titled ? "</section>\n" : "", out);
}

static void put_rules(const struct report *report, FILE *out)
{
	struct tally total;

	report_total(report, &total);
	fprintf(out,
		"<section>\n<details open=\"open\">\n<summary><h2>Rules hit: %zu of %d</h2></summary>\n"
		"<div class=\"wide\"><table class=\"rules\">\n<thead><tr><th>rule</th><th class=\"n\">hits</th>"
		"<th>what it says</th></tr></thead>\n<tbody>\n",
		tally_rules_hit(&total), RULE_COUNT - 1);
	for (size_t rule = RULE_NONE + 1; rule < RULE_COUNT; rule++) {
		if (total.rule_hits[rule] == 0)
			continue;
		fputs("<tr><td class=\"name\">", out);
		put_text(out, rules[rule].name);
		fprintf(out, "</td><td class=\"n\">%" PRIu64 "</td><td>", total.rule_hits[rule]);
		put_text(out, rules[rule].sentence);
		fputs("</td></tr>\n", out);
	}
	fputs("</tbody>\n</table></div>\n</details>\n</section>\n", out);
}

int html_write(const struct report *report, FILE *out)
{
	put_head(report, out);
	put_traces(report, out);
	put_details(report, out);
	put_rules(report, out);
	fputs("</body>\n</html>\n", out);
	return 0;
}
