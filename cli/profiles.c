/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/* `vfiosim profiles`: which there are, what one says, what tells two apart. */
#include <inttypes.h>

#include "cli/listing.h"
#include "vfiosim/profile.h"
#include "viommu/player.h"

/* The value as profile_set() takes it: errnos by name. */
static void value_text(char *text, size_t size, int64_t value)
{
	const char *name = value < 0 && value >= -4095 ? errno_name((unsigned)-value) : NULL;

	if (name)
		snprintf(text, size, "%s", name);
	else if (value > UINT16_MAX || value < INT16_MIN)
		snprintf(text, size, "0x%" PRIx64, (uint64_t)value);
	else
		snprintf(text, size, "%" PRId64, value);
}

/* What was only spoken of is listed together, also where it is no kernel that would change but its client. */
static enum exit_code list_profiles(const struct options *options)
{
	static const char *const titles[] = {"profile", "changes", "source", NULL};
	struct listing listing;

	listing_begin(&listing, titles);
	for (const char *const *name = profile_names(); *name; name++) {
		const char *base = profile_base(*name), *source = profile_source(*name);
		const char *cells[] = {*name, base ? base : "-", source ? source : "a released kernel"};

		listing_add(&listing, cells);
	}
	listing_add(&listing, (const char *const[]){"viommu", "a client", VIOMMU_SOURCE});
	return listing_end(&listing, options);
}

static enum exit_code show_profile(const struct options *options, const struct profile *profile)
{
	static const char *const titles[] = {"field", "value", "parameter", "sentence", "source", NULL};
	struct listing listing;

	listing_begin(&listing, titles);
	for (size_t i = 0; i < PROFILE_FIELD_COUNT; i++) {
		const struct profile_field_desc *field = &profile_fields[i];
		char value[32];
		const char *cells[] = {field->name, value, field->parameter ? field->parameter : "-", field->sentence,
				       field->source};

		value_text(value, sizeof(value), profile->values[i]);
		listing_add(&listing, cells);
	}
	return listing_end(&listing, options);
}

static enum exit_code compare_profiles(const struct options *options, const struct profile *a, const struct profile *b)
{
	const char *const titles[] = {"field", a->name, b->name, "sentence", "source", NULL};
	struct listing listing;

	listing_begin(&listing, titles);
	for (size_t i = 0; i < PROFILE_FIELD_COUNT; i++) {
		const struct profile_field_desc *field = &profile_fields[i];
		char a_value[32];
		char b_value[32];
		const char *cells[] = {field->name, a_value, b_value, field->sentence, field->source};

		if (a->values[i] == b->values[i])
			continue;
		value_text(a_value, sizeof(a_value), a->values[i]);
		value_text(b_value, sizeof(b_value), b->values[i]);
		listing_add(&listing, cells);
	}
	return listing_end(&listing, options);
}

enum exit_code command_profiles(const struct options *options)
{
	struct profile profiles[2];
	struct diag diag;

	for (int i = 0; i < options->operand_count; i++) {
		if (profile_find(options->operands[i], &profiles[i]) != 0) {
			diag_set(&diag, NULL, 0, 0, "profile '%s' is not known; expected one of `vfiosim profiles`",
				 options->operands[i]);
			return bad_input(&diag);
		}
	}
	if (options->operand_count == 0)
		return list_profiles(options);
	if (options->operand_count == 1)
		return show_profile(options, &profiles[0]);
	return compare_profiles(options, &profiles[0], &profiles[1]);
}
