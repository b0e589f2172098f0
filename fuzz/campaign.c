/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * The programs of a campaign by number, and how they become a trace.
 */
#include "campaign.h"

#include <inttypes.h>
#include <stdio.h>

#include "prng.h"

struct program *campaign_program(const struct campaign *campaign, uint64_t number)
{
	return generate_program(seed_child(campaign->seed, number), campaign->machine, &campaign->profile,
				&campaign->options, NULL);
}

void campaign_run_name(const struct campaign *campaign, uint64_t number, char *name, size_t size)
{
	snprintf(name, size, "seed-%" PRIu64 "-%" PRIu64, campaign->seed, number);
}

/* The settings that are not what the kernel of the profile has by itself. */
static void add_settings(const struct campaign *campaign, struct trace_header *header)
{
	struct profile usual;

	if (profile_find(campaign->profile.name, &usual) != 0)
		return;
	for (size_t i = 0; i < PROFILE_FIELD_COUNT; i++) {
		char value[24];

		if (!profile_fields[i].parameter || campaign->profile.values[i] == usual.values[i])
			continue;
		snprintf(value, sizeof(value), "%" PRId64, campaign->profile.values[i]);
		(void)header_set_field(header, profile_fields[i].name, value);
	}
}

void campaign_header(const struct campaign *campaign, struct trace_header *header)
{
	const struct machine *machine = campaign->machine;

	*header = (struct trace_header){.version = TRACE_VERSION, .page_size = machine->page_size};
	snprintf(header->arch, sizeof(header->arch), "%s", machine->arch);
	snprintf(header->machine, sizeof(header->machine), "%s", machine->name);
	snprintf(header->profile, sizeof(header->profile), "%s", campaign->profile.name);
	snprintf(header->program, sizeof(header->program),
		 "generator %d, seed %" PRIu64 ", %" PRIu64 " programs from number %" PRIu64 ", profile %s",
		 GENERATOR_VERSION, campaign->seed, campaign->count, campaign->first, campaign->profile.name);
	add_settings(campaign, header);
}

int campaign_write_program(struct trace_writer *writer, const char *name, const struct program *program)
{
	if (trace_write_run(writer, name, program->destructive))
		return -1;
	for (size_t i = 0; i < program->count; i++)
		if (trace_write_event(writer, &program->events[i]))
			return -1;
	return 0;
}

int campaign_write(const struct campaign *campaign, const char *path, struct diag *diag)
{
	struct trace_header header;
	struct trace_writer *writer;
	int result = 0;

	campaign_header(campaign, &header);
	writer = trace_create(path, &header, diag);
	if (!writer)
		return -1;
	for (uint64_t i = 0; i < campaign->count && !result; i++) {
		struct program *program = campaign_program(campaign, campaign->first + i);
		char name[TRACE_TEXT_MAX];

		if (!program) {
			trace_abandon(writer);
			return diag_set(diag, NULL, 0, 0, "out of memory");
		}
		campaign_run_name(campaign, campaign->first + i, name, sizeof(name));
		result = campaign_write_program(writer, name, program);
		program_free(program);
	}
	/* An error of the stream is kept until the commit, which tells it. */
	return trace_commit(writer, diag);
}
