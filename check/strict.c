/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/* Owns the kernels that are better than the one that answers, by one fault each. */
#include "check/strict.h"

#include "check/answer.h"

void strict_begin(struct strict *strict, const struct profile *profile)
{
	strict_clear(strict);
	strict->on = true;
	for (unsigned field = 0; field < PROFILE_FIELD_COUNT; field++) {
		struct better *kernel;

		if (!profile_fields[field].is_fault || profile->values[field] == profile_fields[field].right)
			continue;
		kernel = &strict->kernels[strict->count++];
		*kernel = (struct better){.field = (enum profile_field)field, .profile = *profile, .behind = true};
		kernel->profile.values[field] = profile_fields[field].right;
	}
}

static void replace_host(struct better *kernel, struct host *host)
{
	if (kernel->host)
		host_free(kernel->host);
	kernel->host = host;
	kernel->behind = false;
}

void strict_clear(struct strict *strict)
{
	for (size_t i = 0; i < strict->count; i++)
		replace_host(&strict->kernels[i], NULL);
	strict->on = false;
	strict->count = 0;
}

void strict_begin_run(struct strict *strict, const struct machine *machine)
{
	for (size_t i = 0; i < strict->count; i++)
		replace_host(&strict->kernels[i], host_new(machine, &strict->kernels[i].profile));
}

void strict_lose(struct strict *strict)
{
	for (size_t i = 0; i < strict->count; i++)
		strict->kernels[i].behind = true;
}

void strict_catch_up(struct strict *strict, const struct host *host)
{
	for (size_t i = 0; i < strict->count; i++) {
		struct better *kernel = &strict->kernels[i];

		if (!kernel->behind)
			continue;
		replace_host(kernel, host_clone(host));
		host_set_field(kernel->host, kernel->field, profile_fields[kernel->field].right);
	}
}

const struct profile_field_desc *strict_call(struct strict *strict, const struct event *event, struct finding *finding)
{
	const struct profile_field_desc *fault = NULL;

	for (size_t i = 0; i < strict->count; i++) {
		struct better *kernel = &strict->kernels[i];

		answer_call(kernel->host, event, &kernel->outcome);
		if (!kernel->outcome.modelled) {
			kernel->behind = true;
		} else if (!fault && answer_compare(event, &kernel->outcome, finding) != MISMATCH_NONE) {
			fault = &profile_fields[kernel->field];
			finding->allowed = &kernel->outcome;
		}
	}
	return fault;
}
