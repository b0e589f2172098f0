/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/* Owns the report for programs: one JSON object, its keys told in vfiosim(1). */
#include <json-c/json.h>
#include <string.h>

#include "reports/writers.h"

/* Raised when a key changes its meaning or goes away; new keys do not raise it. */
#define JSON_VERSION 1

static void add_text(struct json_object *object, const char *key, const char *text)
{
	json_object_object_add(object, key, text ? json_object_new_string(text) : NULL);
}

static void add_number(struct json_object *object, const char *key, uint64_t number)
{
	json_object_object_add(object, key, json_object_new_uint64(number));
}

static void add_tally(struct json_object *object, const struct tally *tally)
{
	struct json_object *hits = json_object_new_object();

	add_number(object, "runs", tally->runs);
	add_number(object, "calls", tally->calls);
	add_number(object, "conforming", tally->conforming);
	add_number(object, "diverging", tally->diverging);
	add_number(object, "not_modelled", tally->not_modelled);
	for (size_t rule = RULE_NONE + 1; rule < RULE_COUNT; rule++) {
		if (tally->rule_hits[rule] > 0)
			add_number(hits, rules[rule].name, tally->rule_hits[rule]);
	}
	json_object_object_add(object, "rules_hit", hits);
}

static struct json_object *finding_object(const struct report_finding *finding)
{
	struct json_object *object = json_object_new_object();

	add_text(object, "run", finding->run);
	add_number(object, "line", finding->line);
	add_text(object, "verdict", finding->verdict == VERDICT_DIVERGES ? "diverges" : "not modelled");
	add_text(object, "kind", finding->kind);
	add_text(object, "observed", finding->observed);
	add_text(object, "allowed", finding->allowed);
	add_text(object, "where", finding->where);
	if (finding->ground.name) {
		add_text(object, finding->ground.kind, finding->ground.name);
		add_text(object, "sentence", finding->ground.sentence);
		add_text(object, "source", finding->ground.source);
	}
	return object;
}

static void add_changes(struct json_object *object, const struct report_trace *trace)
{
	struct json_object *list = json_object_new_array();

	add_text(object, "backend", trace->backend);
	add_number(object, "unlike_recorded", trace->changes_total);
	for (size_t i = 0; i < trace->change_count; i++) {
		struct json_object *change = json_object_new_object();

		add_number(change, "line", trace->changes[i].line);
		add_text(change, "recorded", trace->changes[i].recorded);
		add_text(change, "answered", trace->changes[i].answered);
		json_object_array_add(list, change);
	}
	json_object_object_add(object, "changes", list);
}

static struct json_object *trace_object(const struct report_trace *trace)
{
	struct json_object *object = json_object_new_object();
	struct json_object *findings = json_object_new_array();

	add_text(object, "name", trace->name);
	add_text(object, "kernel", trace->kernel);
	add_text(object, "arch", trace->arch);
	add_text(object, "machine", trace->machine);
	add_text(object, "profile", trace->profile);
	add_text(object, "verdict", report_status_names[trace->status]);
	add_text(object, "reason", trace->reason);
	add_tally(object, &trace->tally);
	for (size_t i = 0; i < trace->finding_count; i++)
		json_object_array_add(findings, finding_object(&trace->findings[i]));
	json_object_object_add(object, "findings", findings);
	add_number(object, "findings_left_off", trace->findings_left_off);
	add_number(object, "runs_left_out", trace->runs_left_out);
	if (trace->backend)
		add_changes(object, trace);
	return object;
}

int json_write(const struct report *report, FILE *out)
{
	struct json_object *root = json_object_new_object();
	struct json_object *traces = json_object_new_array();
	struct json_object *total = json_object_new_object();
	struct tally sum;
	const char *text;

	add_text(root, "format", "vfiosim-report");
	add_number(root, "version", JSON_VERSION);
	add_text(root, "command", report->command);
	add_text(root, "verdict", report_status_names[report_status_of(report)]);
	report_total(report, &sum);
	add_tally(total, &sum);
	json_object_object_add(root, "total", total);
	for (size_t i = 0; i < report->trace_count; i++)
		json_object_array_add(traces, trace_object(&report->traces[i]));
	json_object_object_add(root, "traces", traces);
	text = json_object_to_json_string_ext(root, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE);
	if (text) {
		fputs(text, out);
		fputc('\n', out);
	}
	json_object_put(root);
	return text ? 0 : -1;
}
