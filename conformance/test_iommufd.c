/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * What is asked of containers in traces/programs/containers*.trace, asked of an iommufd in their place: the backend
 * that VFIOSIM_ON names answers as the rules allow, and docs/iommufd.md has both answers side by side.
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stage.h"
#include "vfiosim/profile.h"
#include "vfiosim/trace.h"
#include "vfiosim/twins.h"

#define QUESTIONS_MAX 256
#define DOCUMENT      TRACES_FOLDER "/../docs/iommufd.md"

/* The kernels of the document: of those behind the first one it is told where they differ. */
static const char *const kernels[] = {"6.12", "7.2"};

enum { KERNELS = sizeof(kernels) / sizeof(kernels[0]) };

struct program {
	char path[sizeof(TRACES_FOLDER) + 64];
};

static struct program programs[] = {
    {TRACES_FOLDER "/programs/containers.trace"},
    {TRACES_FOLDER "/programs/containers-noiommu.trace"},
};

enum { PROGRAMS = sizeof(programs) / sizeof(programs[0]) };

/* A run: its last call, and what becomes of that. */
struct question {
	char text[TRACE_TEXT_MAX];
	enum likeness likeness[KERNELS];
	char container[KERNELS][COMPARISON_TEXT_MAX], iommufd[KERNELS][COMPARISON_TEXT_MAX];
};

struct table {
	struct question questions[QUESTIONS_MAX];
	size_t count;
};

/* The twins of a program's machine, with one kernel. */
static struct twins *twins_of(const struct trace_header *header, struct profile *profile, const char *kernel)
{
	struct twins *twins;

	cr_assert_eq(profile_find(kernel, profile), 0);
	for (uint32_t i = 0; i < header->field_count; i++)
		cr_assert_eq(profile_set(profile, header->fields[i].name, header->fields[i].value), 0);
	twins = twins_new(machine_find(header->machine), profile);
	cr_assert_not_null(twins);
	return twins;
}

static void answer(struct question *question, int kernel, struct twins *twins, const struct event *event)
{
	struct comparison comparison;

	twins_call(twins, event, &comparison);
	question->likeness[kernel] = comparison.likeness;
	comparison_text(&comparison, &event->call, comparison.container, question->container[kernel],
			COMPARISON_TEXT_MAX);
	comparison_text(&comparison, &event->call, comparison.iommufd, question->iommufd[kernel], COMPARISON_TEXT_MAX);
}

/* Asks the twins all questions of a program. What a call is answered is overwritten by the next one of its run. */
static void ask(struct table *table, const char *path, int kernel)
{
	struct trace_reader *reader;
	enum trace_item item;
	struct profile profile;
	struct twins *twins;
	struct event event;
	struct diag diag;

	reader = trace_open(path, &diag);
	cr_assert_not_null(reader, "%s: %s", path, diag.text);
	twins = twins_of(trace_header(reader), &profile, kernels[kernel]);
	table->count = 0;
	while ((item = trace_next(reader, &event, &diag)) != TRACE_END) {
		cr_assert_neq(item, TRACE_ERROR, "%s:%lu: %s", path, (unsigned long)diag.line, diag.text);
		if (item == TRACE_RUN) {
			cr_assert_lt(table->count, QUESTIONS_MAX);
			twins_begin_run(twins);
			snprintf(table->questions[table->count++].text, TRACE_TEXT_MAX, "%s", trace_run_name(reader));
		} else if (item == TRACE_EVENT) {
			cr_assert_gt(table->count, 0, "%s begins without a run", path);
			answer(&table->questions[table->count - 1], kernel, twins, &event);
		}
	}
	twins_free(twins);
	trace_close(reader);
}

/* What the first kernel answers, and the others where they do not answer the same. */
static void write_cell(FILE *out, char (*answers)[COMPARISON_TEXT_MAX])
{
	fprintf(out, " %s", answers[0]);
	for (int i = 1; i < KERNELS; i++)
		if (strcmp(answers[i], answers[0]) != 0)
			fprintf(out, "; %s: %s", kernels[i], answers[i]);
	fputs(" |", out);
}

static void write_table(FILE *out, const char *path)
{
	static struct table table;

	for (int kernel = 0; kernel < KERNELS; kernel++)
		ask(&table, path, kernel);
	fputs("| | asked | container | iommufd |\n|---|---|---|---|\n", out);
	for (int likeness = LIKENESS_COUNT - 1; likeness >= 0; likeness--) {
		for (size_t i = 0; i < table.count; i++) {
			struct question *question = &table.questions[i];

			if ((int)question->likeness[0] != likeness)
				continue;
			fprintf(out, "| %s | %s |", likeness_names[likeness], question->text);
			write_cell(out, question->container);
			write_cell(out, question->iommufd);
			fputc('\n', out);
		}
	}
}

ParameterizedTestParameters(iommufd, document_has_the_answers_of_both)
{
	return cr_make_param_array(struct program, programs, PROGRAMS);
}

ParameterizedTest(const struct program *program, iommufd, document_has_the_answers_of_both)
{
	size_t length;
	char *document = stage_read(DOCUMENT, &length), *table = NULL;
	FILE *out = open_memstream(&table, &length);

	cr_assert_not_null(out);
	write_table(out, program->path);
	cr_assert_eq(fclose(out), 0);
	cr_expect_not_null(strstr(document, table), "docs/iommufd.md does not have what the model says of %s:\n%s",
			   program->path, table);
	free(table);
	free(document);
}

/* The program with an iommufd opened wherever it opens a container. */
static char *on_iommufds(const char *program)
{
	static const char container[] = "\"/dev/vfio/vfio\"", iommufd[] = "\"/dev/iommu\"";
	char *twin = malloc(strlen(program) + 1), *end = twin;
	const char *found;

	cr_assert_not_null(twin);
	while ((found = strstr(program, container))) {
		end += sprintf(end, "%.*s%s", (int)(found - program), program, iommufd);
		program = found + strlen(container);
	}
	strcpy(end, program);
	return twin;
}

ParameterizedTestParameters(iommufd, every_question_is_answered_as_the_rules_allow)
{
	return cr_make_param_array(struct program, programs, PROGRAMS);
}

ParameterizedTest(const struct program *program, iommufd, every_question_is_answered_as_the_rules_allow)
{
	size_t length;
	char *text = stage_read(program->path, &length), *twin = on_iommufds(text);
	struct stage_result result = stage_perform(strrchr(program->path, '/') + 1, twin, strlen(twin));

	free(twin);
	free(text);
	cr_expect_gt(result.runs, 0);
	cr_expect_eq(result.failed, 0, "%s: %lu of %lu calls", program->path, (unsigned long)result.failed,
		     (unsigned long)result.calls);
}
