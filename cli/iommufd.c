/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/* `vfiosim iommufd`: what a program's calls would be answered if it opened /dev/iommu instead of /dev/vfio/vfio. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/listing.h"
#include "cli/subject.h"
#include "vfiosim/twins.h"

struct survey {
	const struct options *options;
	struct listing listing;
	struct twins *twins;
	struct trace_reader *reader;
	const char *path;
	struct trace_writer *writer; /* NULL: the calls on the iommufd are not wanted */
	uint64_t calls[LIKENESS_COUNT];
};

/* The call as text, or NULL when memory is out. */
static char *call_text(const struct event *event)
{
	struct event asked = *event;
	struct text text = {.text = NULL};

	asked.answer = (struct answer){.known = false};
	asked.timed = false;
	for (uint32_t i = 0; i < asked.call.buffer_count; i++)
		asked.call.buffers[i].out = NULL;
	event_print(&text, &asked);
	if (!text.failed)
		return text.text;
	free(text.text);
	return NULL;
}

static void list_call(struct survey *survey, const struct event *event, const struct comparison *comparison)
{
	char container[COMPARISON_TEXT_MAX], iommufd[COMPARISON_TEXT_MAX], *place = NULL, *call = call_text(event);

	comparison_text(comparison, &event->call, comparison->container, container, sizeof(container));
	comparison_text(comparison, &event->call, comparison->iommufd, iommufd, sizeof(iommufd));
	if (call && asprintf(&place, "%s:%" PRIu64, survey->path, event->line) >= 0) {
		const char *cells[] = {place, likeness_names[comparison->likeness], container, iommufd, call};

		listing_add(&survey->listing, cells);
		free(place);
	} else {
		survey->listing.failed = true;
	}
	free(call);
}

/* Writes the call as it is made on the iommufd, not answered yet. 0 or -1. */
static int write_twin(struct survey *survey, const struct event *event)
{
	struct event twin = *event;

	if (!survey->writer)
		return 0;
	twin.call = twins_call_of_iommufd(&event->call);
	/* Later calls name descriptors and addresses by what was returned here. */
	twin.answer = (struct answer){.known = event->answer.known, .ret = event->answer.ret};
	for (uint32_t i = 0; i < twin.call.buffer_count; i++)
		twin.call.buffers[i].out = NULL;
	return trace_write_event(survey->writer, &twin);
}

/* What is charged is no answer: a program does not see it in what its calls return. */
static bool is_other_answer(enum likeness likeness)
{
	return likeness != LIKENESS_SAME && likeness != LIKENESS_CHARGE;
}

static int survey_event(struct survey *survey, const struct event *event)
{
	struct comparison comparison;

	twins_call(survey->twins, event, &comparison);
	survey->calls[comparison.likeness]++;
	if (!survey->options->values[OPTION_QUIET] &&
	    (is_other_answer(comparison.likeness) || survey->options->values[OPTION_VERBOSE]))
		list_call(survey, event, &comparison);
	return write_twin(survey, event);
}

static int survey_items(struct survey *survey, struct diag *diag)
{
	struct event event;
	int result = 0;

	while (result == 0) {
		switch (trace_next(survey->reader, &event, diag)) {
		case TRACE_EVENT:
			result = survey_event(survey, &event);
			break;
		case TRACE_RUN:
			twins_begin_run(survey->twins);
			if (survey->writer)
				result = trace_write_run(survey->writer, trace_run_name(survey->reader),
							 trace_run_destructive(survey->reader));
			break;
		case TRACE_RUN_END:
			break;
		case TRACE_END:
			return 0;
		case TRACE_ERROR:
			return -1;
		}
	}
	return diag_set(diag, survey->options->values[OPTION_OUTPUT], 0, 0, "cannot write the trace");
}

/* Ends the trace of the calls on the iommufd, if one was wanted. */
static int close_writer(struct survey *survey, int result, struct diag *diag)
{
	struct trace_writer *writer = survey->writer;

	survey->writer = NULL;
	if (!writer)
		return result;
	if (result == 0)
		return trace_commit(writer, diag);
	trace_abandon(writer);
	return result;
}

static int survey_opened(struct survey *survey, struct diag *diag)
{
	const char *output = survey->options->values[OPTION_OUTPUT];
	struct trace_header header;
	struct subject subject;
	int result;

	if (subject_header(&header, trace_header(survey->reader), survey->options, diag) != 0)
		return -1;
	/* The question is about kernels that have /dev/iommu, whatever was probed. */
	if (header_set_field(&header, "iommufd", "1") != 0)
		return diag_set(diag, survey->path, 0, 0, "field 'iommufd' is one too many: a profile can have %d",
				TRACE_FIELDS_MAX);
	if (subject_find(&subject, &header, survey->path, diag) != 0)
		return -1;
	if (output && !(survey->writer = trace_create(output, &header, diag)))
		return -1;
	survey->twins = twins_new(&subject.machine, &subject.profile);
	if (!survey->twins)
		return close_writer(survey, diag_set(diag, NULL, 0, 0, "out of memory"), diag);
	result = close_writer(survey, survey_items(survey, diag), diag);
	twins_free(survey->twins);
	return result;
}

static int survey_trace(struct survey *survey, const char *path, struct diag *diag)
{
	int result;

	survey->path = path;
	survey->reader = trace_open(path, diag);
	if (!survey->reader)
		return -1;
	result = survey_opened(survey, diag);
	trace_close(survey->reader);
	return result;
}

static void print_summary(const struct survey *survey)
{
	uint64_t total = 0;

	for (int i = 0; i < LIKENESS_COUNT; i++)
		total += survey->calls[i];
	fprintf(stderr, "%" PRIu64 " calls:", total);
	for (int i = 0; i < LIKENESS_COUNT; i++)
		fprintf(stderr, "%s %" PRIu64 " %s", i ? "," : "", survey->calls[i], likeness_names[i]);
	fputc('\n', stderr);
}

static enum exit_code verdict(const struct survey *survey)
{
	for (int i = 0; i < LIKENESS_COUNT; i++)
		if (survey->calls[i] && i != LIKENESS_UNKNOWN && is_other_answer((enum likeness)i))
			return EXIT_CODE_DIVERGES;
	return survey->calls[LIKENESS_UNKNOWN] ? EXIT_CODE_NOT_MODELLED : EXIT_CODE_CONFORMS;
}

enum exit_code command_iommufd(const struct options *options)
{
	static const char *const titles[] = {"line", "likeness", "container", "iommufd", "call", NULL};
	struct survey survey = {.options = options};
	enum exit_code code;
	struct diag diag;
	int result = 0;

	if (options->values[OPTION_OUTPUT] && options->operand_count != 1) {
		diag_set(&diag, NULL, 0, 0, "iommufd: -o takes the calls of one trace; expected one, not %d",
			 options->operand_count);
		return bad_input(&diag);
	}
	listing_begin(&survey.listing, titles);
	for (int i = 0; result == 0 && i < options->operand_count; i++)
		result = survey_trace(&survey, options->operands[i], &diag);
	code = options->values[OPTION_QUIET] ? EXIT_CODE_CONFORMS : listing_end(&survey.listing, options);
	if (result != 0)
		return bad_input(&diag);
	if (!options->values[OPTION_QUIET])
		print_summary(&survey);
	return code == EXIT_CODE_CONFORMS ? verdict(&survey) : code;
}
