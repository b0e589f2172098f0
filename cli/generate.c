/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/* `vfiosim generate`: writes generated programs as a trace without answers. */
#include "cli/generate.h"

#include <stdlib.h>
#include <string.h>

#include "cli/subject.h"

#define SEED_DEFAULT	1
#define COUNT_DEFAULT	100
#define CALLS_LIMIT	10000
#define MACHINE_DEFAULT "q35-edu"

const char *usual_profile(const struct options *options)
{
	const char *on = options->values[OPTION_ON];
	/* A kernel that was built here has the number of its series behind a word. */
	const char *profile =
	    on && strncmp(on, "vm:", 3) == 0 ? profile_for_release(on + strcspn(on, "0123456789")) : NULL;
	const char *const *names = profile_names();

	while (names[1] && !profile_base(names[1]))
		names++;
	return profile ? profile : names[0];
}

int campaign_options(struct campaign *campaign, const char *command, const struct options *options, struct diag *diag)
{
	const char *machine = options->values[OPTION_MACHINE], *profile = options->values[OPTION_PROFILE];
	struct trace_header settings = {.field_count = 0};

	*campaign = (struct campaign){.seed = SEED_DEFAULT, .count = COUNT_DEFAULT, .options = generator_defaults};
	if (option_number(&campaign->seed, command, "seed", options->values[OPTION_SEED], diag) != 0 ||
	    option_number(&campaign->count, command, "count", options->values[OPTION_PROGRAMS], diag) != 0)
		return -1;
	campaign->options.destructive = options->values[OPTION_DESTRUCTIVE] != NULL;
	if (options->values[OPTION_CALLS]) {
		uint64_t calls = 0;

		if (option_number(&calls, command, "calls", options->values[OPTION_CALLS], diag) != 0)
			return -1;
		if (calls < 1 || calls > CALLS_LIMIT)
			return diag_set(diag, NULL, 0, 0, "%s: --calls '%s': expected a number from 1 to %d", command,
					options->values[OPTION_CALLS], CALLS_LIMIT);
		campaign->options.calls_min = campaign->options.calls_max = (uint32_t)calls;
	}
	if (options->values[OPTION_ONLY]) {
		campaign->count = 1;
		if (option_number(&campaign->first, command, "only", options->values[OPTION_ONLY], diag) != 0)
			return -1;
	}
	campaign->machine = machine_find(machine ? machine : MACHINE_DEFAULT);
	if (!campaign->machine)
		return diag_set(diag, NULL, 0, 0, "%s: machine '%s' is not known; expected one of `vfiosim machines`",
				command, machine);
	if (profile_find(profile ? profile : usual_profile(options), &campaign->profile) != 0)
		return diag_set(diag, NULL, 0, 0, "%s: profile '%s' is not known; expected one of `vfiosim profiles`",
				command, profile);
	if (subject_settings(&settings, options, diag) != 0)
		return -1;
	for (uint32_t i = 0; i < settings.field_count; i++)
		(void)profile_set(&campaign->profile, settings.fields[i].name, settings.fields[i].value);
	return 0;
}

enum exit_code command_generate(const struct options *options)
{
	const char *path = options->values[OPTION_OUTPUT] ? options->values[OPTION_OUTPUT] : "-";
	const char *input = options->values[OPTION_INPUT], *inputs = options->values[OPTION_INPUTS];
	struct campaign campaign;
	struct diag diag;
	int result;

	if (campaign_options(&campaign, "generate", options, &diag) != 0)
		return bad_input(&diag);
	if (input)
		result = campaign_write_input(input, path, &diag);
	else if (inputs)
		result = campaign_write_inputs(&campaign, inputs, &diag);
	else
		result = campaign_write(&campaign, path, &diag);
	if (result == 0)
		return EXIT_CODE_CONFORMS;
	diag_print(&diag);
	return input || inputs ? EXIT_CODE_BAD_INPUT : EXIT_CODE_INTERNAL;
}
