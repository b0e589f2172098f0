/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/* Campaigns: programs by number, and the traces they become. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuzz/campaign.h"
#include "fuzz/subject.h"

static struct campaign campaign_new(uint64_t first, uint64_t count)
{
	struct campaign campaign = {.seed = 42, .first = first, .count = count, .options = generator_defaults};

	campaign.machine = machine_find("q35-edu");
	cr_assert_eq(profile_find("6.1", &campaign.profile), 0);
	return campaign;
}

/* Writes the campaign to a file of its own and gives the file's text. */
static char *written(const struct campaign *campaign)
{
	char path[] = "/tmp/campaign-XXXXXX", *text = NULL;
	int fd = mkstemp(path);
	size_t size = 0;
	struct diag diag;
	FILE *file;

	cr_assert_geq(fd, 0);
	close(fd);
	cr_assert_eq(campaign_write(campaign, path, &diag), 0, "%s", diag.text);
	file = fopen(path, "r");
	cr_assert_not_null(file);
	cr_assert_gt(getdelim(&text, &size, '\0', file), 0);
	fclose(file);
	unlink(path);
	return text;
}

Test(campaign, trace_is_the_same_every_time_and_can_be_read)
{
	const struct campaign campaign = campaign_new(0, 20);
	char *first = written(&campaign), *again = written(&campaign);
	struct trace_reader *reader;
	struct event event;
	struct diag diag;
	enum trace_item item;
	unsigned runs = 0, events = 0;

	cr_assert_str_eq(first, again);
	reader = trace_open_memory("campaign", first, strlen(first), &diag);
	cr_assert_not_null(reader, "%s", diag.text);
	cr_assert_str_eq(trace_header(reader)->machine, "q35-edu");
	cr_assert_str_eq(trace_header(reader)->profile, "6.1");
	cr_assert_not_null(strstr(trace_header(reader)->program, "seed 42, 20 programs"));
	while ((item = trace_next(reader, &event, &diag)) != TRACE_END) {
		cr_assert_neq(item, TRACE_ERROR, "%s", diag.text);
		runs += item == TRACE_RUN;
		events += item == TRACE_EVENT;
		if (item == TRACE_EVENT)
			cr_assert_not(event.answer.known);
	}
	cr_assert_eq(runs, 20);
	cr_assert_gt(events, 100);
	trace_close(reader);
	free(first);
	free(again);
}

/* What `--only` relies on: a program alone is the one that it is among others. */
Test(campaign, program_alone_is_the_same_as_in_the_campaign)
{
	const struct campaign alone = campaign_new(7, 1);
	struct program *program = campaign_program(&alone, 7);
	const struct campaign whole = campaign_new(0, 10);
	char *text = written(&whole);
	struct diag diag;
	struct trace_reader *reader = trace_open_memory("campaign", text, strlen(text), &diag);
	struct event event;
	enum trace_item item;
	size_t events = 0;

	cr_assert_not_null(reader, "%s", diag.text);
	while ((item = trace_next(reader, &event, &diag)) != TRACE_END) {
		cr_assert_neq(item, TRACE_ERROR, "%s", diag.text);
		if (item != TRACE_EVENT || strcmp(trace_run_name(reader), "seed-42-7") != 0)
			continue;
		cr_assert_lt(events, program->count);
		cr_assert(event_equal(&event, &program->events[events]));
		events++;
	}
	cr_assert_eq(events, program->count);
	trace_close(reader);
	program_free(program);
	free(text);
}

Test(campaign, path_that_cannot_be_written_is_refused)
{
	const struct campaign campaign = campaign_new(0, 1);
	struct diag diag = {.text = ""};

	cr_assert_eq(campaign_write(&campaign, "/nowhere/at/all.trace", &diag), -1);
	cr_assert_str_neq(diag.text, "");
}

/* Settings of a subject may be an administrator's, which campaigns write down as well. */
Test(campaign, input_of_every_subject_becomes_a_trace)
{
	for (size_t i = 0; i < fuzz_subject_count; i++) {
		char input[] = "/tmp/input-XXXXXX", output[] = "/tmp/output-XXXXXX";
		const int in = mkstemp(input), out = mkstemp(output);
		const uint8_t number = (uint8_t)i;
		struct trace_reader *reader;
		struct diag diag;

		cr_assert(in >= 0 && out >= 0);
		cr_assert_eq(write(in, &number, 1), 1);
		close(in);
		close(out);
		cr_assert_eq(campaign_write_input(input, output, &diag), 0, "subject %zu: %s", i, diag.text);
		reader = trace_open(output, &diag);
		cr_assert_not_null(reader, "subject %zu: %s", i, diag.text);
		cr_assert_str_eq(trace_header(reader)->machine, fuzz_subjects[i].machine);
		cr_assert_str_eq(trace_header(reader)->profile, fuzz_subjects[i].profile);
		trace_close(reader);
		unlink(input);
		unlink(output);
	}
}
