/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * The profiles and their fields, from the one table.
 */
#include "vfiosim/profile.h"

#include <stdlib.h>
#include <string.h>

#include "linux_errno.h"
#include "vfiosim/call.h"

const struct profile_field_desc profile_fields[PROFILE_FIELD_COUNT] = {
#define FIELD(id, name, sentence, source, ...) [PROFILE_##id] = {name, sentence, source, NULL, false, 0},
#define SETTING(id, name, parameter, sentence, source, ...) \
	[PROFILE_##id] = {name, sentence, source, parameter, false, 0},
#define FAULT(id, name, right, sentence, source, ...) [PROFILE_##id] = {name, sentence, source, NULL, true, right},
#include "profile-fields.def"
};

/* One row for each column of the table, oldest first. */
static const struct {
	const char *name;
	unsigned major, minor;
} profiles[] = {{"5.10", 5, 10}, {"6.1", 6, 1}, {"6.12", 6, 12}, {"7.2", 7, 2}};

enum { PROFILE_COUNT = sizeof(profiles) / sizeof(profiles[0]) };

static const int64_t values[PROFILE_FIELD_COUNT][PROFILE_COUNT] = {
#define FIELD(id, name, sentence, source, ...) [PROFILE_##id] = {__VA_ARGS__},
#include "profile-fields.def"
};

/* A row with a missing or a surplus column does not build. */
#define FIELD(id, name, sentence, source, ...)                                      \
	_Static_assert(sizeof((const int64_t[]){__VA_ARGS__}) == sizeof(values[0]), \
		       "profile field " name " needs a value for every profile");
#include "profile-fields.def"

/* What could have become of a kernel. */
enum proposal {
#define PROPOSAL(id, ...) PROPOSAL_##id,
#define CHANGE(...)
#include "proposals.def"
	PROPOSAL_COUNT
};

static const struct {
	const char *name, *kernel, *source;
} proposals[PROPOSAL_COUNT] = {
#define PROPOSAL(id, name, kernel, source) [PROPOSAL_##id] = {name, kernel, source},
#define CHANGE(...)
#include "proposals.def"
};

static const struct {
	enum proposal proposal;
	enum profile_field field;
	int64_t value;
} changes[] = {
#define PROPOSAL(...)
#define CHANGE(id, field, value) {PROPOSAL_##id, PROFILE_##field, value},
#include "proposals.def"
};

const struct profile_field_desc *profile_field_find(const char *name)
{
	for (size_t i = 0; i < PROFILE_FIELD_COUNT; i++)
		if (!strcmp(profile_fields[i].name, name))
			return &profile_fields[i];
	return NULL;
}

static int find_kernel(const char *name, struct profile *profile)
{
	for (size_t column = 0; column < PROFILE_COUNT; column++) {
		if (strcmp(profiles[column].name, name))
			continue;
		memset(profile, 0, sizeof(*profile));
		strcpy(profile->name, profiles[column].name);
		for (size_t field = 0; field < PROFILE_FIELD_COUNT; field++)
			profile->values[field] = values[field][column];
		return 0;
	}
	return -1;
}

static enum proposal proposal_by_name(const char *name)
{
	unsigned proposal = 0;

	while (proposal < PROPOSAL_COUNT && strcmp(proposals[proposal].name, name))
		proposal++;
	return (enum proposal)proposal;
}

const char *profile_base(const char *name)
{
	const enum proposal proposal = proposal_by_name(name);

	return proposal < PROPOSAL_COUNT ? proposals[proposal].kernel : NULL;
}

const char *profile_source(const char *name)
{
	const enum proposal proposal = proposal_by_name(name);

	return proposal < PROPOSAL_COUNT ? proposals[proposal].source : NULL;
}

static int find_proposal(const char *name, struct profile *profile)
{
	const enum proposal proposal = proposal_by_name(name);

	if (proposal == PROPOSAL_COUNT)
		return -1;
	find_kernel(proposals[proposal].kernel, profile);
	strcpy(profile->name, proposals[proposal].name);
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++)
		if (changes[i].proposal == proposal)
			profile->values[changes[i].field] = changes[i].value;
	return 0;
}

int profile_find(const char *name, struct profile *profile)
{
	return find_kernel(name, profile) == 0 ? 0 : find_proposal(name, profile);
}

const char *profile_for_release(const char *release)
{
	const char *best = NULL;
	char *end;
	unsigned long major = strtoul(release, &end, 10), minor;

	if (end == release || *end != '.')
		return NULL;
	minor = strtoul(end + 1, NULL, 10);
	for (size_t i = 0; i < PROFILE_COUNT; i++)
		if (profiles[i].major < major || (profiles[i].major == major && profiles[i].minor <= minor))
			best = profiles[i].name;
	return best;
}

int profile_set(struct profile *profile, const char *field, const char *text)
{
	const struct profile_field_desc *desc = profile_field_find(field);
	enum defect defect = defect_by_name(text);
	int64_t value;
	char *end;

	if (!strcmp(field, "defect")) {
		if (defect == DEFECT_COUNT)
			return -1;
		defect_set_add(&profile->defects, defect);
		return 0;
	}
	/* Bitmaps have 64 bits and no sign; strtoull() takes negative numbers, too. */
	value = (int64_t)strtoull(text, &end, 0);
	if (end == text || *end) {
		value = -(int64_t)errno_number(text, strlen(text));
		if (!value)
			return -1;
	}
	if (!desc)
		return -1;
	profile->values[desc - profile_fields] = value;
	return 0;
}

const char *const *profile_names(void)
{
	static const char *names[PROFILE_COUNT + PROPOSAL_COUNT + 1];

	for (size_t i = 0; i < PROFILE_COUNT; i++)
		names[i] = profiles[i].name;
	for (size_t i = 0; i < PROPOSAL_COUNT; i++)
		names[PROFILE_COUNT + i] = proposals[i].name;
	return names;
}
