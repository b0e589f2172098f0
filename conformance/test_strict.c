/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/* A strict judge finds in recordings just the faults of kernels that strict.def has, and a plain one none. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "vfiosim/judge.h"
#include "vfiosim/trace.h"

struct expectation {
	const char *row, *trace, *run;
	/* One of them; neither: no fault in this run. */
	enum rule rule;
	const struct profile_field_desc *field;
	bool met;
};

static struct expectation expectations[] = {
#define FAULTY(row, trace, run, rule)	     {row, trace, run, RULE_##rule, NULL, false},
#define FAULTY_FIELD(row, trace, run, field) {row, trace, run, RULE_NONE, &profile_fields[PROFILE_##field], false},
#define RIGHT(row, trace, run)		     {row, trace, run, RULE_NONE, NULL, false},
#define UNNAMED(field, reason)
#include "strict.def"
};

static const char *const unnamed[PROFILE_FIELD_COUNT] = {
#define FAULTY(row, trace, run, rule)
#define FAULTY_FIELD(row, trace, run, field)
#define RIGHT(row, trace, run)
#define UNNAMED(field, reason) [PROFILE_##field] = (reason),
#include "strict.def"
};

enum { EXPECTATIONS = sizeof(expectations) / sizeof(expectations[0]) };

static const char *fault_name(enum rule rule, const struct profile_field_desc *field)
{
	return field ? field->name : rules[rule].name;
}

/* A fault was found: it is expected. */
static void meet(const char *trace, const char *run, const struct finding *finding)
{
	bool expected = false;

	cr_expect_eq(finding->verdict, VERDICT_DIVERGES);
	cr_expect_eq(finding->mismatch, MISMATCH_FAULT, "%s: %s: diverges", trace, run);
	for (int i = 0; i < EXPECTATIONS; i++) {
		struct expectation *expectation = &expectations[i];

		if (strcmp(expectation->trace, trace) != 0 || strcmp(expectation->run, run) != 0 ||
		    expectation->rule != finding->fault || expectation->field != finding->field)
			continue;
		expectation->met = expected = true;
	}
	cr_expect(expected, "%s:%llu: %s: %s is no fault that is expected", trace, (unsigned long long)finding->line,
		  run, fault_name(finding->fault, finding->field));
}

/* The run is there; whether it has faults, its calls tell. */
static void begin(struct judge *judge, const char *trace, const char *run)
{
	judge_begin_run(judge);
	for (int i = 0; i < EXPECTATIONS; i++)
		if (expectations[i].rule == RULE_NONE && !expectations[i].field &&
		    !strcmp(expectations[i].trace, trace) && !strcmp(expectations[i].run, run))
			expectations[i].met = true;
}

static void judge_trace(const char *trace)
{
	const struct trace_header *header;
	struct trace_reader *reader;
	struct profile profile;
	enum trace_item item;
	struct judge *judge;
	struct event event;
	struct diag diag;
	char path[256];

	snprintf(path, sizeof(path), TRACES_FOLDER "/%s.trace", trace);
	reader = trace_open(path, &diag);
	cr_assert_not_null(reader, "%s", path);
	header = trace_header(reader);
	cr_assert_eq(profile_find(header->profile, &profile), 0);
	for (uint32_t i = 0; i < header->field_count; i++)
		cr_assert_eq(profile_set(&profile, header->fields[i].name, header->fields[i].value), 0);
	judge = judge_new(machine_find(header->machine), &profile);
	cr_assert_not_null(judge);
	judge_be_strict(judge);
	while ((item = trace_next(reader, &event, &diag)) != TRACE_END) {
		struct finding finding;

		cr_assert_neq(item, TRACE_ERROR, "%s: %s", path, diag.text);
		if (item == TRACE_RUN)
			begin(judge, trace, trace_run_name(reader));
		else if (item == TRACE_EVENT && judge_event(judge, &event, &finding) != VERDICT_CONFORMS)
			meet(trace, trace_run_name(reader), &finding);
	}
	judge_free(judge);
	trace_close(reader);
}

Test(strict, recordings_have_the_faults_that_are_listed_and_no_other)
{
	for (int i = 0; i < EXPECTATIONS; i++) {
		int before = 0;

		while (strcmp(expectations[before].trace, expectations[i].trace) != 0)
			before++;
		if (before == i)
			judge_trace(expectations[i].trace);
	}
	for (int i = 0; i < EXPECTATIONS; i++)
		cr_expect(expectations[i].met, "%s: %s: %s: %s", expectations[i].row, expectations[i].trace,
			  expectations[i].run, fault_name(expectations[i].rule, expectations[i].field));
}

/* Whether the faults of this rule belong here: of TCE tables, of recovery, and of what POWER's devices are refused. */
static bool is_about_tables(enum rule rule)
{
	return !strncmp(rules[rule].name, "TCE-", 4) || !strncmp(rules[rule].name, "EEH-", 4) ||
	       rule == RULE_DRV_BIND_REFUSED;
}

Test(strict, every_fault_of_tables_is_listed)
{
	for (unsigned rule = RULE_NONE + 1; rule < RULE_COUNT; rule++) {
		bool listed = false;

		if (!rule_is_fault((enum rule)rule) || !is_about_tables((enum rule)rule))
			continue;
		for (int i = 0; i < EXPECTATIONS; i++)
			listed |= expectations[i].rule == (enum rule)rule;
		cr_expect(listed, "%s", rules[rule].name);
	}
}

Test(strict, every_fault_of_a_profile_is_listed_or_excused)
{
	for (unsigned field = 0; field < PROFILE_FIELD_COUNT; field++) {
		bool listed = false;

		cr_expect_eq(profile_fields[field].is_fault, strstr(profile_fields[field].sentence, "fault: ") != NULL,
			     "%s", profile_fields[field].name);
		for (int i = 0; i < EXPECTATIONS; i++)
			listed |= expectations[i].field == &profile_fields[field];
		cr_expect_eq(listed || unnamed[field], profile_fields[field].is_fault, "%s",
			     profile_fields[field].name);
		cr_expect(!listed || !unnamed[field], "%s", profile_fields[field].name);
	}
}
