/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * The subjects, from their table.
 */
#include "subject.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

const struct fuzz_subject fuzz_subjects[] = {
#define SUBJECT(machine, profile, fields) {machine, profile, fields},
#include "subjects.def"
};

const size_t fuzz_subject_count = sizeof(fuzz_subjects) / sizeof(fuzz_subjects[0]);

size_t fuzz_subject_of(const uint8_t *input, size_t length)
{
	return length ? input[0] % fuzz_subject_count : 0;
}

size_t fuzz_subject_find(const char *machine, const char *profile)
{
	size_t i = 0;

	while (i < fuzz_subject_count &&
	       (strcmp(fuzz_subjects[i].machine, machine) || strcmp(fuzz_subjects[i].profile, profile)))
		i++;
	return i;
}

const struct machine *fuzz_subject_machine(const struct fuzz_subject *subject)
{
	const struct machine *machine = machine_find(subject->machine);

	assert(machine);
	return machine;
}

/* Takes the next "name=value" from @fields into @name and @value, of 64 bytes each; what is left, or NULL at the end.
 */
static const char *next_field(const char *fields, char *name, char *value)
{
	int length = 0;

	if (sscanf(fields, " %63[^=]=%63s%n", name, value, &length) != 2)
		return NULL;
	return fields + length;
}

void fuzz_subject_profile(const struct fuzz_subject *subject, struct profile *profile)
{
	int failed = profile_find(subject->profile, profile);
	char name[64], value[64];

	for (const char *rest = next_field(subject->fields, name, value); rest; rest = next_field(rest, name, value))
		failed |= profile_set(profile, name, value);
	assert(!failed);
	(void)failed;
}

void fuzz_subject_header(const struct fuzz_subject *subject, struct trace_header *header)
{
	char name[64], value[64];

	int failed = 0;

	for (const char *rest = next_field(subject->fields, name, value); rest; rest = next_field(rest, name, value))
		failed |= header_set_field(header, name, value);
	assert(!failed);
	(void)failed;
}
