/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/* Owns the way from the names in a header to a machine and a profile. */
#include "cli/subject.h"

#include <inttypes.h>
#include <string.h>

/* Leaves of the fields the settings only: what was probed belongs to the kernel that the trace was recorded on. */
static void forget_probes(struct trace_header *header)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < header->field_count; i++) {
		const struct profile_field_desc *desc = profile_field_find(header->fields[i].name);

		if (desc && desc->parameter)
			header->fields[kept++] = header->fields[i];
	}
	header->field_count = kept;
}

/* The settings there are, for messages. */
static void list_settings(char *text, size_t size)
{
	size_t length = 0;

	for (size_t i = 0; i < PROFILE_FIELD_COUNT && length < size; i++)
		if (profile_fields[i].parameter)
			length += (size_t)snprintf(text + length, size - length, "%s%s", length ? ", " : "",
						   profile_fields[i].name);
}

/* Takes "NAME=VALUE" into @header. 0, or -1 with @diag. */
static int take_setting(struct trace_header *header, const char *text, struct diag *diag)
{
	const size_t length = strcspn(text, "=");
	const struct profile_field_desc *desc;
	char name[sizeof(header->fields[0].name)], settings[128];
	struct profile scratch = {.name = ""};

	snprintf(name, sizeof(name), "%.*s", (int)length, text);
	desc = length < sizeof(name) && text[length] ? profile_field_find(name) : NULL;
	if (!desc || !desc->parameter) {
		list_settings(settings, sizeof(settings));
		return diag_set(diag, NULL, 0, 0, "--set '%s': expected SETTING=VALUE, the setting one of: %s", text,
				settings);
	}
	if (text[length + 1] < '0' || text[length + 1] > '9' || profile_set(&scratch, name, text + length + 1) != 0)
		return diag_set(diag, NULL, 0, 0, "--set '%s': expected a number behind the =", text);
	if (header_set_field(header, name, text + length + 1) != 0)
		return diag_set(diag, NULL, 0, 0, "--set '%s': expected less than %d fields in the header", text,
				TRACE_FIELDS_MAX);
	return 0;
}

int subject_settings(struct trace_header *header, const struct options *options, struct diag *diag)
{
	for (size_t i = 0; i < options->settings.count; i++)
		if (take_setting(header, options->settings.items[i], diag) != 0)
			return -1;
	return 0;
}

int subject_header(struct trace_header *wanted, const struct trace_header *header, const struct options *options,
		   struct diag *diag)
{
	const char *machine = options->values[OPTION_MACHINE];
	const char *profile = options->values[OPTION_PROFILE];

	*wanted = *header;
	if (machine)
		snprintf(wanted->machine, sizeof(wanted->machine), "%s", machine);
	if (profile) {
		snprintf(wanted->profile, sizeof(wanted->profile), "%s", profile);
		forget_probes(wanted);
	}
	return subject_settings(wanted, options, diag);
}

int subject_defects(struct trace_header *header, const struct options *options, struct diag *diag)
{
	for (size_t i = 0; i < options->defects.count; i++) {
		const char *name = options->defects.items[i];

		if (defect_by_name(name) == DEFECT_COUNT)
			return diag_set(diag, NULL, 0, 0, "defect '%s' is not known; expected one of `vfiosim defects`",
					name);
		if (header->field_count == TRACE_FIELDS_MAX)
			return diag_set(diag, NULL, 0, 0, "defect '%s' is one field too many: a profile can have %d",
					name, TRACE_FIELDS_MAX);
		snprintf(header->fields[header->field_count].name, sizeof(header->fields[0].name), "defect");
		snprintf(header->fields[header->field_count++].value, sizeof(header->fields[0].value), "%s", name);
	}
	return 0;
}

void subject_without_defects(struct trace_header *header)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < header->field_count; i++)
		if (strcmp(header->fields[i].name, "defect") != 0)
			header->fields[kept++] = header->fields[i];
	header->field_count = kept;
}

static int find_machine(struct subject *subject, const struct trace_header *header, const char *file, struct diag *diag)
{
	const struct machine *machine = machine_find(header->machine);

	if (!machine)
		return diag_set(diag, file, 0, 0, "machine '%s' is not known; expected one of `vfiosim machines`",
				header->machine);
	subject->machine = *machine;
	if (header->page_size == 0)
		return 0;
	if (header->page_size < MACHINE_PAGE_LEAST || header->page_size > MACHINE_PAGE_MOST)
		return diag_set(diag, file, 0, 0, "the trace has pages of %" PRIu32 " bytes; expected %d to %d",
				header->page_size, MACHINE_PAGE_LEAST, MACHINE_PAGE_MOST);
	/* The kernel decides: Debian's of ppc64el have 64 KiB up to 6.1, and 4 KiB since. */
	subject->machine.page_size = header->page_size;
	return 0;
}

static int find_profile(struct subject *subject, const struct trace_header *header, const char *file, struct diag *diag)
{
	const char *name = header->profile[0] ? header->profile : profile_for_release(header->kernel);

	if (!name)
		return diag_set(
		    diag, file, 0, 0,
		    "no profile is named, and kernel '%s' has none; expected --profile with one of `vfiosim profiles`",
		    header->kernel);
	if (profile_find(name, &subject->profile) != 0)
		return diag_set(diag, file, 0, 0, "profile '%s' is not known; expected one of `vfiosim profiles`",
				name);
	for (uint32_t i = 0; i < header->field_count; i++) {
		if (profile_set(&subject->profile, header->fields[i].name, header->fields[i].value) != 0)
			return diag_set(
			    diag, file, 0, 0,
			    "profile field '%s' with value '%s' is not known; expected one of `vfiosim profiles %s`",
			    header->fields[i].name, header->fields[i].value, name);
	}
	return 0;
}

int subject_find(struct subject *subject, const struct trace_header *header, const char *file, struct diag *diag)
{
	if (find_machine(subject, header, file, diag) != 0)
		return -1;
	return find_profile(subject, header, file, diag);
}
