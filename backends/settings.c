/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * What is set goes in as a module's parameter, and is believed when the agent has read it there.
 */
#include "settings.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vfiosim/profile.h"

/* The setting that is field number @at of @header, or NULL if it is something else. */
static const struct profile_field_desc *setting_at(const struct trace_header *header, uint32_t at)
{
	const struct profile_field_desc *desc = profile_field_find(header->fields[at].name);

	return desc && desc->parameter ? desc : NULL;
}

char *settings_words(const struct trace_header *wanted)
{
	char *words = NULL;
	size_t size;
	FILE *out = open_memstream(&words, &size);

	if (!out)
		return NULL;
	for (uint32_t i = 0; i < wanted->field_count; i++)
		if (setting_at(wanted, i))
			fprintf(out, " %s=%s", setting_at(wanted, i)->parameter, wanted->fields[i].value);
	return fclose(out) == 0 ? words : NULL;
}

int settings_probed(struct trace_header *header, const char *text)
{
	char name[sizeof(header->fields[0].name)], value[sizeof(header->fields[0].value)];
	int end = 0;

	_Static_assert(sizeof(name) == 64 && sizeof(value) == 64, "the widths below");
	for (; *text; text += end)
		if (sscanf(text, " %63[^= ]=%63[^ ]%n", name, value, &end) != 2 ||
		    header_set_field(header, name, value) != 0)
			return -1;
	return 0;
}

bool settings_hold(const struct trace_header *header, const struct trace_header *wanted, struct diag *diag)
{
	struct profile profile, changed;

	if (profile_find(header->profile, &profile) != 0)
		return true;
	for (uint32_t i = 0; i < header->field_count; i++)
		(void)profile_set(&profile, header->fields[i].name, header->fields[i].value);
	for (uint32_t i = 0; i < wanted->field_count; i++) {
		const struct profile_field_desc *desc = setting_at(wanted, i);
		size_t field = desc ? (size_t)(desc - profile_fields) : 0;

		changed = profile;
		if (!desc || profile_set(&changed, desc->name, wanted->fields[i].value) != 0 ||
		    changed.values[field] == profile.values[field])
			continue;
		diag_set(diag, NULL, 0, 0, "this kernel runs with %s=%" PRId64 ", expected %s: see the parameter %s",
			 desc->name, profile.values[field], wanted->fields[i].value, desc->parameter);
		return false;
	}
	return true;
}
