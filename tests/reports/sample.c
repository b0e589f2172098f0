/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/* Owns the report that the tests of reports/ share. */
#include "sample.h"

#include <criterion/criterion.h>

static const struct trace_header header = {
    .kernel = "6.1.0-18-amd64 " NASTY, .arch = "x86_64", .machine = "q35-edu", .profile = "6.1"};

static struct report_trace *add(struct report *report, const char *name, const char *backend, struct tally tally)
{
	struct report_trace *trace = report_add_trace(report, name, backend, &header);

	cr_assert_not_null(trace);
	report_finish_trace(trace, &tally);
	return trace;
}

struct report *sample_report(void)
{
	struct report *report = report_new("vfiosim check", 2);
	struct report_trace *trace;
	struct tally good = {.runs = 1, .calls = 10, .conforming = 10};

	cr_assert_not_null(report);
	good.rule_hits[RULE_NONE + 1] = 7;
	add(report, "traces/good.trace", NULL, good);
	trace = add(report, "../traces/bad " NASTY ".trace", "vm:6.12",
		    (struct tally){.runs = 2, .calls = 5, .conforming = 1, .diverging = 4});
	for (uint64_t line = 10; line < 14; line++)
		cr_assert_eq(report_add_splat(report, trace, "run " NASTY, line, "BUG: " NASTY, "one\ntwo " NASTY), 0);
	trace->findings[0].ground = ground_of_rule(RULE_NONE + 1);
	add(report, "open", NULL, (struct tally){.runs = 1, .calls = 3, .conforming = 1, .not_modelled = 2});
	report_fail_trace(add(report, "skipped", NULL, (struct tally){.calls = 0}), REPORT_SKIPPED, "no /dev/vfio");
	report_fail_trace(add(report, "-", NULL, (struct tally){.calls = 0}), REPORT_BAD_INPUT, "-:3:7: expected =");
	return report;
}

char *sample_written(const struct report *report, enum report_format format)
{
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	cr_assert_not_null(out);
	cr_assert_eq(report_writers[format].write(report, out), 0);
	cr_assert_eq(fclose(out), 0);
	return text;
}
