/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * Every profile field in which two kernels differ is seen by a program of traces/programs: with the one kernel's value
 * in the other's profile, some call is answered differently. So is every setting, by a program that is run under it. A
 * field that nobody can see would be a guess.
 */
#include <criterion/criterion.h>
#include <glob.h>
#include <string.h>

#include "vfiosim/machine.h"
#include "vfiosim/model.h"
#include "vfiosim/trace.h"

/* Fields that no program can show, and why not. */
static const char *const unseen[PROFILE_FIELD_COUNT] = {
    [PROFILE_IOMMUFD_NO_ACCESS_WARNS] = "what shows it makes the kernel complain of itself",
    [PROFILE_FEATURE_DMA_BUF] = "where devices have it, what it does is not modelled",
    [PROFILE_IOEVENTFD_SIGNED_INDEX] = "what shows it may end the kernel",
};

/* Two hosts that differ in one field, given the same calls. */
struct pair {
	const struct machine *machine;
	struct profile base;
	unsigned field;
	int64_t values[2];
	struct profile profiles[2]; /* the base under the settings of the program, with either value */
	struct host *hosts[2];
};

static void pair_end(struct pair *pair)
{
	for (int i = 0; i < 2; i++) {
		host_free(pair->hosts[i]);
		pair->hosts[i] = NULL;
	}
}

static void pair_begin(struct pair *pair)
{
	pair_end(pair);
	for (int i = 0; i < 2; i++)
		pair->hosts[i] = host_new(pair->machine, &pair->profiles[i]);
}

/* The bits of byte @at of a buffer that are defined, as the outcome leaves them. */
static uint8_t defined_bits(const struct call *call, const struct outcome *outcome, uint32_t buffer, uint32_t at)
{
	const uint8_t *bytes = outcome->out[buffer] ? outcome->out[buffer] : call->buffers[buffer].in;

	return bytes[at] & (outcome->mask[buffer] ? outcome->mask[buffer][at] : 0xff);
}

static bool outcomes_differ(const struct call *call, const struct outcome outcomes[2])
{
	if (outcomes[0].modelled != outcomes[1].modelled || outcomes[0].ret != outcomes[1].ret ||
	    outcomes[0].complaint != outcomes[1].complaint || outcomes[0].locked_after != outcomes[1].locked_after ||
	    outcomes[0].pinned_after != outcomes[1].pinned_after)
		return true;
	for (uint32_t i = 0; i < call->buffer_count; i++)
		for (uint32_t at = 0; at < call->buffers[i].length; at++)
			if (defined_bits(call, &outcomes[0], i, at) != defined_bits(call, &outcomes[1], i, at))
				return true;
	return false;
}

static bool call_differs(struct pair *pair, const struct call *call)
{
	struct outcome outcomes[2];

	for (int i = 0; i < 2; i++)
		host_call(pair->hosts[i], call, NULL, &outcomes[i]);
	return outcomes_differ(call, outcomes);
}

/* The machine and the settings of a program. */
static void pair_prepare(struct pair *pair, const struct trace_header *header)
{
	pair->machine = machine_find(header->machine);
	cr_assert_not_null(pair->machine, "there is no machine %s", header->machine);
	for (int i = 0; i < 2; i++) {
		pair->profiles[i] = pair->base;
		for (uint32_t f = 0; f < header->field_count; f++)
			cr_assert_eq(profile_set(&pair->profiles[i], header->fields[f].name, header->fields[f].value),
				     0);
		pair->profiles[i].values[pair->field] = pair->values[i];
	}
}

/* Whether some call of the program at @path is answered differently. */
static bool program_differs(struct pair *pair, const char *path)
{
	struct diag diag = {.text = ""};
	struct trace_reader *reader = trace_open(path, &diag);
	struct event event;
	enum trace_item item;
	bool differs = false;

	cr_assert_not_null(reader, "%s:%lu: %s", path, (unsigned long)diag.line, diag.text);
	pair_prepare(pair, trace_header(reader));
	while (!differs && (item = trace_next(reader, &event, &diag)) != TRACE_END) {
		cr_assert_neq(item, TRACE_ERROR, "%s:%lu: %s", path, (unsigned long)diag.line, diag.text);
		if (item == TRACE_RUN)
			pair_begin(pair);
		else if (item == TRACE_EVENT)
			differs = call_differs(pair, &event.call);
	}
	pair_end(pair);
	trace_close(reader);
	return differs;
}

static bool field_is_seen(const glob_t *programs, const struct profile *profile, unsigned field, int64_t value)
{
	struct pair pair = {.base = *profile, .field = field, .values = {profile->values[field], value}};

	for (size_t i = 0; i < programs->gl_pathc; i++)
		if (program_differs(&pair, programs->gl_pathv[i]))
			return true;
	return false;
}

Test(fields, in_which_kernels_differ_are_seen_by_a_program)
{
	const char *const *names = profile_names();
	struct profile older, newer;
	glob_t programs;

	cr_assert_eq(glob(TRACES_FOLDER "/programs/*.trace", 0, NULL, &programs), 0);
	for (; names[1]; names++) {
		/* A proposal is told apart from the kernel that it changes. */
		const char *base = profile_base(names[1]);

		cr_assert_eq(profile_find(base ? base : names[0], &older), 0);
		cr_assert_eq(profile_find(names[1], &newer), 0);
		for (unsigned field = 0; field < PROFILE_FIELD_COUNT; field++)
			cr_expect(older.values[field] == newer.values[field] || unseen[field] ||
				      field_is_seen(&programs, &older, field, newer.values[field]) ||
				      field_is_seen(&programs, &newer, field, older.values[field]),
				  "no program tells %s and %s apart by %s", older.name, names[1],
				  profile_fields[field].name);
	}
	globfree(&programs);
}

/* The value that the program at @path is run under, if its header sets @field; else @usual. */
static int64_t value_set(const char *path, unsigned field, int64_t usual)
{
	struct profile profile = {.name = ""};
	struct diag diag = {.text = ""};
	struct trace_reader *reader = trace_open(path, &diag);
	const char *value;

	profile.values[field] = usual;
	cr_assert_not_null(reader, "%s: %s", path, diag.text);
	value = header_field(trace_header(reader), profile_fields[field].name);
	cr_assert(!value || profile_set(&profile, profile_fields[field].name, value) == 0, "%s", path);
	trace_close(reader);
	return profile.values[field];
}

Test(settings, are_seen_by_a_program_that_is_run_under_them)
{
	struct profile profile;
	glob_t programs;

	cr_assert_eq(glob(TRACES_FOLDER "/programs/*.trace", 0, NULL, &programs), 0);
	cr_assert_eq(profile_find("6.12", &profile), 0);
	for (unsigned field = 0; field < PROFILE_FIELD_COUNT; field++) {
		bool seen = !profile_fields[field].parameter;

		for (size_t i = 0; i < programs.gl_pathc && !seen; i++) {
			const char *path = programs.gl_pathv[i];
			int64_t usual = profile.values[field], value = value_set(path, field, usual);
			struct pair pair = {.base = profile, .field = field, .values = {usual, value}};

			seen = value != usual && program_differs(&pair, path);
		}
		cr_expect(seen, "no program is run under another %s, and sees it", profile_fields[field].name);
	}
	globfree(&programs);
}
