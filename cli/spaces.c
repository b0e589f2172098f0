/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/* `vfiosim spaces`: the IOVA spaces that a program gave its containers, one after the other, and whether they met. */
#include "vfiosim/spaces.h"

#include <inttypes.h>
#include <stdlib.h>

#include "cli/listing.h"
#include "cli/subject.h"

struct spaces_survey {
	const char *path;
	struct listing listing;
	struct trace_reader *reader;
	uint64_t kinds[SPACE_KIND_COUNT];
	uint64_t faults;
};

static void list_past(void *context, const struct space_past *past)
{
	struct spaces_survey *survey = context;
	char *place = NULL, last[24], container[16], maps[24], mappings[24], size[32];
	const char *cells[] = {NULL, last, container, space_kind_names[past->kind], maps, mappings, size};

	survey->kinds[past->kind]++;
	snprintf(last, sizeof(last), "%" PRIu64, past->last_line);
	snprintf(container, sizeof(container), "%" PRIu32, past->container);
	snprintf(maps, sizeof(maps), "%" PRIu64, past->maps);
	snprintf(mappings, sizeof(mappings), "%" PRIu64, past->mappings);
	snprintf(size, sizeof(size), "%" PRIu64 " KiB", past->bytes / 1024);
	if (asprintf(&place, "%s:%" PRIu64, survey->path, past->first_line) < 0) {
		survey->listing.failed = true;
		return;
	}
	cells[0] = place;
	listing_add(&survey->listing, cells);
	free(place);
}

static void print_fault(void *context, const struct space_fault *fault)
{
	struct spaces_survey *survey = context;

	survey->faults++;
	fprintf(stderr, "%s:%" PRIu64 ": %s: %s\n", survey->path, fault->line, space_rules[fault->rule].name,
		fault->text);
}

/* 0, or -1 with @diag. */
static int watch_items(struct spaces_survey *survey, struct spaces *spaces, struct diag *diag)
{
	struct event event;

	for (;;) {
		switch (trace_next(survey->reader, &event, diag)) {
		case TRACE_EVENT:
			spaces_event(spaces, &event);
			break;
		case TRACE_RUN:
			spaces_end_run(spaces);
			spaces_begin_run(spaces);
			break;
		case TRACE_RUN_END:
			break;
		case TRACE_END:
			spaces_end_run(spaces);
			return 0;
		case TRACE_ERROR:
			return -1;
		}
	}
}

static int watch_opened(struct spaces_survey *survey, const struct options *options, struct diag *diag)
{
	const struct space_listener listener = {.past = list_past, .fault = print_fault, .context = survey};
	struct trace_header header;
	struct subject subject;
	struct spaces *spaces;
	int result;

	if (subject_header(&header, trace_header(survey->reader), options, diag) != 0 ||
	    subject_find(&subject, &header, survey->path, diag) != 0)
		return -1;
	spaces = spaces_new(&subject.machine, &subject.profile, &listener);
	if (!spaces)
		return diag_set(diag, NULL, 0, 0, "out of memory");
	result = watch_items(survey, spaces, diag);
	spaces_free(spaces);
	return result;
}

static int watch_trace(struct spaces_survey *survey, const char *path, const struct options *options, struct diag *diag)
{
	int result;

	survey->path = path;
	survey->reader = trace_open(path, diag);
	if (!survey->reader)
		return -1;
	result = watch_opened(survey, options, diag);
	trace_close(survey->reader);
	return result;
}

static void print_summary(const struct spaces_survey *survey)
{
	fprintf(stderr,
		"spaces: %" PRIu64 " of memory, %" PRIu64 " of translations, %" PRIu64 " open; %" PRIu64 " faults\n",
		survey->kinds[SPACE_MEMORY], survey->kinds[SPACE_TRANSLATED], survey->kinds[SPACE_OPEN],
		survey->faults);
}

enum exit_code command_spaces(const struct options *options)
{
	static const char *const titles[] = {"from", "to", "container", "space", "maps", "mappings", "at most", NULL};
	struct spaces_survey survey = {.path = NULL};
	enum exit_code code;
	struct diag diag;
	int result = 0;

	listing_begin(&survey.listing, titles);
	for (int i = 0; result == 0 && i < options->operand_count; i++)
		result = watch_trace(&survey, options->operands[i], options, &diag);
	if (result != 0) {
		listing_discard(&survey.listing);
		return bad_input(&diag);
	}
	code = listing_end(&survey.listing, options);
	print_summary(&survey);
	if (code == EXIT_CODE_CONFORMS && survey.faults)
		code = EXIT_CODE_DIVERGES;
	return code;
}
