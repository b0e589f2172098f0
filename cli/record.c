/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/* `vfiosim record`: runs a program where there is VFIO, and writes a trace of its calls. */
#include "backends/record.h"

#include <string.h>

#include "cli/subject.h"

#define MACHINE_DEFAULT "q35-edu"

/* The option that is wrong: 0, or -1 with @diag. */
static int check_options(const struct options *options, const char *on, struct diag *diag)
{
	if (!options->values[OPTION_OUTPUT])
		return diag_set(diag, NULL, 0, 0, "record: -o is missing; expected the trace to write");
	if (strcmp(on, "kernel") != 0 && (strncmp(on, "vm:", 3) != 0 || !on[3]))
		return diag_set(diag, NULL, 0, 0, "record: --on '%s'; expected kernel or vm:KERNEL", on);
	for (size_t i = 0; i < options->files.count; i++) {
		if (options->files.items[i][0] != '/')
			return diag_set(diag, NULL, 0, 0, "record: --file '%s'; expected an absolute path",
					options->files.items[i]);
	}
	for (size_t i = 0; i < options->environment.count; i++) {
		if (strchr(options->environment.items[i], '=') == NULL || options->environment.items[i][0] == '=')
			return diag_set(diag, NULL, 0, 0, "record: --env '%s'; expected NAME=VALUE",
					options->environment.items[i]);
	}
	return 0;
}

/* The machine that is named, or the usual one of virtual machines. 0, or -1 with @diag. */
static int find_machine(const struct machine **machine, const char *name, const char *on, struct diag *diag)
{
	*machine = NULL;
	if (!name && strcmp(on, "kernel") == 0)
		return 0;
	*machine = machine_find(name ? name : MACHINE_DEFAULT);
	if (*machine)
		return 0;
	return diag_set(diag, NULL, 0, 0, "record: machine '%s' is not known; expected one of `vfiosim machines`",
			name);
}

enum exit_code command_record(const struct options *options)
{
	const char *on = options->values[OPTION_ON] ? options->values[OPTION_ON] : "kernel";
	struct record_options record = {.on = on,
					.output = options->values[OPTION_OUTPUT],
					.argv = options->operands,
					.files = options->files.items,
					.environment = options->environment.items};
	struct diag diag = {.text = ""};
	enum backend_status status;
	int exit_status = 0;

	if (check_options(options, on, &diag) != 0 || subject_settings(&record.wanted, options, &diag) != 0 ||
	    find_machine(&record.machine, options->values[OPTION_MACHINE], on, &diag) != 0)
		return bad_input(&diag);
	status = record_program(&record, &exit_status, &diag);
	if (status != BACKEND_OK)
		diag_print(&diag);
	switch (status) {
	case BACKEND_OK:
		break;
	case BACKEND_MISSING:
		return EXIT_CODE_SKIPPED;
	case BACKEND_SPLAT:
		return EXIT_CODE_DIVERGES;
	case BACKEND_FAILED:
		return EXIT_CODE_INTERNAL;
	}
	/* How the program fared is its own affair; it is recorded all the same. */
	if (exit_status != 0)
		fprintf(stderr, "vfiosim: record: %s ended with status %d\n", options->operands[0], exit_status);
	return EXIT_CODE_CONFORMS;
}
