/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Between inputs of the fuzz target and traces: a program of a campaign becomes the draws that make it, and draws the
 * trace of what they make.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "campaign.h"
#include "subject.h"

#define INPUT_MAX ((size_t)1 << 20)

static int write_input(const char *path, size_t subject, const struct tape *tape, struct diag *diag)
{
	FILE *file = fopen(path, "wb");
	bool written;

	if (!file)
		return diag_set(diag, path, 0, 0, "%s", strerror(errno));
	written = putc((int)subject, file) != EOF && fwrite(tape->bytes, 1, tape->length, file) == tape->length;
	if (fclose(file) != 0 || !written)
		return diag_set(diag, path, 0, 0, "could not be written");
	return 0;
}

/* Program number @number, as an input with the name of its run in @folder. */
static int write_program(const struct campaign *campaign, const struct profile *profile, size_t subject,
			 uint64_t number, const char *folder, struct diag *diag)
{
	struct tape tape = {0};
	struct program *program =
	    generate_program(seed_child(campaign->seed, number), campaign->machine, profile, &campaign->options, &tape);
	char name[TRACE_TEXT_MAX], path[4096];
	int result = -1;

	campaign_run_name(campaign, number, name, sizeof(name));
	if (!program)
		diag_set(diag, folder, 0, 0, "program %" PRIu64 " is too long, or memory is out", number);
	else if ((size_t)snprintf(path, sizeof(path), "%s/%s", folder, name) >= sizeof(path))
		diag_set(diag, folder, 0, 0, "the name is too long");
	else
		result = write_input(path, subject, &tape, diag);
	program_free(program);
	tape_free(&tape);
	return result;
}

int campaign_write_inputs(const struct campaign *campaign, const char *path, struct diag *diag)
{
	const size_t subject = fuzz_subject_find(campaign->machine->name, campaign->profile.name);
	struct profile profile;

	if (subject == fuzz_subject_count)
		return diag_set(diag, NULL, 0, 0, "the fuzz target has no machine '%s' with profile '%s'",
				campaign->machine->name, campaign->profile.name);
	fuzz_subject_profile(&fuzz_subjects[subject], &profile);
	if (mkdir(path, 0777) != 0 && errno != EEXIST)
		return diag_set(diag, path, 0, 0, "%s", strerror(errno));
	for (uint64_t i = 0; i < campaign->count; i++)
		if (write_program(campaign, &profile, subject, campaign->first + i, path, diag) != 0)
			return -1;
	return 0;
}

/* The bytes of a file, at most INPUT_MAX of them, and one more to see that there are no others. NULL with @diag. */
static uint8_t *read_input(const char *path, size_t *length, struct diag *diag)
{
	FILE *file = fopen(path, "rb");
	uint8_t *bytes = NULL;

	if (file)
		bytes = malloc(INPUT_MAX + 1);
	if (bytes)
		*length = fread(bytes, 1, INPUT_MAX + 1, file);
	if (!bytes || ferror(file) || *length > INPUT_MAX) {
		diag_set(diag, path, 0, 0, "%s",
			 bytes && !ferror(file) ? "longer than an input can be" : strerror(errno));
		free(bytes);
		bytes = NULL;
	}
	if (file)
		fclose(file);
	return bytes;
}

int campaign_write_input(const char *input, const char *path, struct diag *diag)
{
	size_t length = 0;
	uint8_t *bytes = read_input(input, &length, diag);
	const struct fuzz_subject *subject = &fuzz_subjects[fuzz_subject_of(bytes, length)];
	struct campaign campaign = {.count = 1, .options = generator_defaults};
	struct generator *generator = NULL;
	struct program *program = NULL;
	struct trace_writer *writer;
	struct trace_header header;
	struct draws draws;
	int result = -1;

	if (!bytes)
		return -1;
	campaign.machine = fuzz_subject_machine(subject);
	fuzz_subject_profile(subject, &campaign.profile);
	generator = generator_new(campaign.machine, &campaign.profile);
	draws_from_bytes(&draws, bytes + !!length, length - !!length);
	if (generator)
		program = generator_make(generator, &draws, &campaign.options, NULL, NULL);
	campaign_header(&campaign, &header);
	fuzz_subject_header(subject, &header);
	snprintf(header.program, sizeof(header.program), "generator %d, input %.200s", GENERATOR_VERSION, input);
	writer = program ? trace_create(path, &header, diag) : NULL;
	if (!program)
		diag_set(diag, NULL, 0, 0, "out of memory");
	if (writer) {
		/* A writer keeps its first error until the commit, which tells it. */
		(void)campaign_write_program(writer, "input", program);
		result = trace_commit(writer, diag);
	}
	generator_free(generator);
	free(bytes);
	return result;
}
