/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/* The writers: what they write is what their format allows, whatever the texts are. */
#include <criterion/criterion.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "sample.h"

static struct report *report;
static char *text;

static void finish(void)
{
	free(text);
	report_free(report);
}

static void write_as(enum report_format format)
{
	report = sample_report();
	text = sample_written(report, format);
}

TestSuite(writers, .fini = finish);

static const char *json_text(struct json_object *object, const char *key)
{
	struct json_object *value = NULL;

	cr_assert(json_object_object_get_ex(object, key, &value), "no %s", key);
	return json_object_get_string(value);
}

static struct json_object *json_member(struct json_object *object, const char *key)
{
	struct json_object *value = NULL;

	cr_assert(json_object_object_get_ex(object, key, &value), "no %s", key);
	return value;
}

Test(writers, json_is_read_back)
{
	struct json_object *root;
	struct json_object *trace;
	struct json_object *finding;

	write_as(REPORT_JSON);
	root = json_tokener_parse(text);
	cr_assert_not_null(root);
	cr_assert_str_eq(json_text(root, "format"), "vfiosim-report");
	cr_assert_str_eq(json_text(root, "verdict"), "bad input");
	cr_assert_eq(json_object_get_uint64(json_member(json_member(root, "total"), "calls")), 18);
	cr_assert_eq(json_object_array_length(json_member(root, "traces")), 5);
	trace = json_object_array_get_idx(json_member(root, "traces"), 1);
	cr_assert_str_eq(json_text(trace, "name"), report->traces[1].name);
	cr_assert_str_eq(json_text(trace, "verdict"), "diverges");
	cr_assert_str_eq(json_text(trace, "backend"), "vm:6.12");
	cr_assert_eq(json_object_get_uint64(json_member(trace, "findings_left_off")), 2);
	finding = json_object_array_get_idx(json_member(trace, "findings"), 0);
	cr_assert_eq(json_object_get_uint64(json_member(finding, "line")), 10);
	cr_assert_str_eq(json_text(finding, "observed"), report->traces[1].findings[0].observed);
	cr_assert_str_eq(json_text(finding, "rule"), rules[RULE_NONE + 1].name);
	cr_assert_null(json_member(finding, "allowed"));
	trace = json_object_array_get_idx(json_member(root, "traces"), 0);
	cr_assert_eq(json_object_get_uint64(json_member(json_member(trace, "rules_hit"), rules[RULE_NONE + 1].name)),
		     7);
	json_object_put(root);
}

/* True if @line is one that a KTAP reader takes for something of the format or a diagnostic. */
static bool is_ktap_line(const char *line, unsigned number)
{
	char wanted[32];
	const char *rest = line;

	if (strncmp(line, "# ", 2) == 0)
		return true;
	if (strncmp(line, "not ", 4) == 0)
		rest += 4;
	snprintf(wanted, sizeof(wanted), "ok %u ", number);
	return strncmp(rest, wanted, strlen(wanted)) == 0;
}

Test(writers, ktap_has_version_plan_and_one_result_for_each_trace)
{
	unsigned results = 0;
	char *line;
	char *rest;

	write_as(REPORT_KTAP);
	line = strtok_r(text, "\n", &rest);
	cr_assert_str_eq(line, "KTAP version 1");
	line = strtok_r(NULL, "\n", &rest);
	cr_assert_str_eq(line, "1..5");
	while ((line = strtok_r(NULL, "\n", &rest))) {
		cr_assert(is_ktap_line(line, results + 1), "%s", line);
		results += line[0] != '#';
	}
	cr_assert_eq(results, 5);
}

Test(writers, ktap_results_tell_pass_fail_and_skip)
{
	write_as(REPORT_KTAP);
	cr_assert_not_null(strstr(text, "\nok 1 traces-good.trace\n"));
	cr_assert_not_null(strstr(text, "\nnot ok 2 traces-bad--script-"));
	cr_assert_not_null(strstr(text, "\nok 3 open # SKIP 2 of 3 calls are not modelled\n"));
	cr_assert_not_null(strstr(text, "\nok 4 skipped # SKIP no /dev/vfio\n"));
	cr_assert_not_null(strstr(text, "\n# -:3:7: expected =\n"));
	cr_assert_not_null(strstr(text, "\nnot ok 5 stdin\n"));
	cr_assert_not_null(strstr(text, "\n#   where     one\n#   where     two <script>"));
}

#define DEPTH_MAX 32

/* The tags that are open at a place of a page. */
struct open_tags {
	char names[DEPTH_MAX][16];
	int depth;
};

/* Takes the tag that begins at @at and returns what follows it; every attribute must be quoted. */
static const char *take_tag(struct open_tags *tags, const char *at)
{
	const char *end = strchr(at, '>');
	bool closes = at[1] == '/';
	size_t length = strspn(at + 1 + closes, "abcdefghijklmnopqrstuvwxyz0123456789");
	char name[16];

	cr_assert_not_null(end);
	cr_assert(length > 0 && length < sizeof(name), "%.40s", at);
	memcpy(name, at + 1 + closes, length);
	name[length] = '\0';
	if (closes) {
		cr_assert_gt(tags->depth, 0);
		cr_assert_str_eq(tags->names[--tags->depth], name);
		cr_assert_eq(at[2 + length], '>');
	} else if (end[-1] != '/') {
		cr_assert_lt(tags->depth, DEPTH_MAX);
		strcpy(tags->names[tags->depth++], name);
	}
	return end + 1;
}

static bool is_entity(const char *at)
{
	static const char *const entities[] = {"&amp;", "&lt;", "&gt;", "&quot;", "&#39;"};

	for (size_t i = 0; i < sizeof(entities) / sizeof(entities[0]); i++) {
		if (strncmp(at, entities[i], strlen(entities[i])) == 0)
			return true;
	}
	return false;
}

Test(writers, html_is_well_formed)
{
	struct open_tags tags = {.depth = 0};
	const char *at;

	write_as(REPORT_HTML);
	at = strchr(text, '\n'); /* after the doctype */
	cr_assert_eq(strncmp(text, "<!DOCTYPE html>\n", 16), 0);
	while (*at) {
		cr_assert_neq(*at, '>', "%.40s", at);
		cr_assert(*at != '&' || is_entity(at), "%.40s", at);
		at = *at == '<' ? take_tag(&tags, at) : at + 1;
	}
	cr_assert_eq(tags.depth, 0);
}

Test(writers, html_escapes_every_text)
{
	write_as(REPORT_HTML);
	cr_assert_null(strstr(text, "<script"));
	cr_assert_not_null(strstr(text, "&lt;script&gt;&quot;&amp;&#39;&lt;/script&gt;\\x09\\x1b[31m\\xff"));
}

Test(writers, html_needs_nothing_else)
{
	static const char *const outside[] = {"http:", "https:", "//", "url(", "@import", "<link", "<img", "src="};

	write_as(REPORT_HTML);
	for (size_t i = 0; i < sizeof(outside) / sizeof(outside[0]); i++)
		cr_assert_null(strstr(text, outside[i]), "%s", outside[i]);
}

Test(writers, table_shows_findings_and_sums)
{
	write_as(REPORT_TABLE);
	cr_assert_not_null(strstr(text, ".trace:10: diverges: kernel complained (run run <script>"));
	cr_assert_not_null(strstr(text, "2 more findings are not shown"));
	cr_assert_not_null(strstr(text, "skipped: skipped: no /dev/vfio\n"));
	cr_assert_not_null(strstr(text, "\ntotal "));
	cr_assert_null(strchr(text, '\x1b'));
}

Test(writers, same_report_gives_same_bytes)
{
	for (enum report_format format = 0; format < REPORT_FORMAT_COUNT; format++) {
		struct report *again = sample_report();
		char *first = sample_written(again, format);
		char *second = sample_written(again, format);

		cr_assert_str_eq(first, second);
		free(first);
		free(second);
		report_free(again);
	}
}
