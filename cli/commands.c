/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/* Owns the table of subcommands and the way from the command line into one of them. */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

#define TAKES_REPORT (TAKES(JSON) | TAKES(KTAP) | TAKES(HTML) | TAKES(FINDINGS) | TAKES(QUIET) | TAKES(OUTPUT))
#define TAKES_CAMPAIGN                                                                                  \
	(TAKES(SEED) | TAKES(PROGRAMS) | TAKES(ONLY) | TAKES(CALLS) | TAKES(MACHINE) | TAKES(PROFILE) | \
	 TAKES(DESTRUCTIVE) | TAKES(SET))
#define TAKES_LIST TAKES(JSON)

const struct command commands[] = {
    {"check", "TRACE...", "judge traces against the model",
     TAKES_REPORT | TAKES(PROFILE) | TAKES(MACHINE) | TAKES(DEFECT) | TAKES(SET) | TAKES(STRICT), 1, -1, false,
     command_check},
    {"replay", "TRACE... --on BACKEND", "execute the calls of traces there, and judge the answers",
     TAKES_REPORT | TAKES(PROFILE) | TAKES(MACHINE) | TAKES(ON) | TAKES(VERBOSE) | TAKES(DESTRUCTIVE) | TAKES(SET) |
	 TAKES(STRICT),
     1, -1, false, command_replay},
    {"record", "-o TRACE [--on vm:KERNEL] -- PROGRAM [ARGUMENT...]", "run an unmodified program and record its calls",
     TAKES(OUTPUT) | TAKES(ON) | TAKES(MACHINE) | TAKES(FILE) | TAKES(ENV) | TAKES(SET), 1, -1, true, command_record},
    {"generate", "[-o TRACE]", "make call programs from a seed, without answers",
     TAKES_CAMPAIGN | TAKES(OUTPUT) | TAKES(INPUT) | TAKES(INPUTS), 0, 0, false, command_generate},
    {"fuzz", "--on BACKEND", "execute generated programs there, and judge the answers",
     TAKES_REPORT | TAKES_CAMPAIGN | TAKES(ON) | TAKES(DEFECT) | TAKES(GUESTS), 0, 0, false, command_fuzz},
    {"ioctls", "", "list the ioctls that are known", TAKES_LIST, 0, 0, false, command_ioctls},
    {"iommufd", "TRACE...", "tell what /dev/iommu makes of calls that were meant for a container",
     TAKES_LIST | TAKES(PROFILE) | TAKES(MACHINE) | TAKES(SET) | TAKES(OUTPUT) | TAKES(VERBOSE) | TAKES(QUIET), 1, -1,
     false, command_iommufd},
    {"spaces", "TRACE...", "tell which IOVA spaces a machine's emulator gave its devices, and whether they met",
     TAKES_LIST | TAKES(PROFILE) | TAKES(MACHINE) | TAKES(SET), 1, -1, false, command_spaces},
    {"viommu", "[--on BACKEND]", "let a client follow guests whose IOMMU translates, and compare with what they have",
     TAKES(JSON) | TAKES(QUIET) | TAKES(SEED) | TAKES(STEPS) | TAKES(ONLY) | TAKES(MACHINE) | TAKES(PROFILE) |
	 TAKES(SET) | TAKES(ON) | TAKES(DEFECT) | TAKES(OUTPUT),
     0, 0, false, command_viommu},
    {"explore", "TRACE...", "try every order of calls that are made at once",
     TAKES_LIST | TAKES(PROFILE) | TAKES(MACHINE) | TAKES(DEFECT) | TAKES(SET), 1, -1, false, command_explore},
    {"rules", "[TRACE...]", "list the rules, where each comes from, and what shows it", TAKES_LIST, 0, -1, false,
     command_rules},
    {"defects", "[TRACE...]", "list the bugs that can be switched on, and what catches each", TAKES_LIST, 0, -1, false,
     command_defects},
    {"profiles", "[PROFILE [PROFILE]]", "list the kernel profiles, show one, or tell two apart", TAKES_LIST, 0, 2,
     false, command_profiles},
    {"kernels", "", "list the kernels that are modelled and those that can be booted", TAKES_LIST, 0, 0, false,
     command_kernels},
    {"machines", "", "list the machines that are modelled and can be booted", TAKES_LIST, 0, 0, false,
     command_machines},
    {"devices", "BLOB...", "list the platform devices of compiled device trees", TAKES_LIST, 1, -1, false,
     command_devices},
    {"version", "", "print the version", 0, 0, 0, false, command_version},
    {"help", "[COMMAND]", "print how a command is used", 0, 0, 1, false, command_help},
};

const size_t command_count = sizeof(commands) / sizeof(commands[0]);

const struct command *command_find(const char *name)
{
	for (size_t i = 0; i < command_count; i++) {
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	}
	return NULL;
}

enum exit_code bad_input(const struct diag *diag)
{
	diag_print(diag);
	return EXIT_CODE_BAD_INPUT;
}

enum exit_code out_of_memory(void)
{
	fputs("vfiosim: out of memory\n", stderr);
	return EXIT_CODE_INTERNAL;
}

enum exit_code finish_output(enum exit_code code)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return code;
	perror("vfiosim: standard output");
	return EXIT_CODE_INTERNAL;
}

enum exit_code command_version(const struct options *options)
{
	(void)options;
	puts("vfiosim " VFIOSIM_VERSION);
	return EXIT_CODE_CONFORMS;
}

enum exit_code command_help(const struct options *options)
{
	const struct command *command = NULL;
	struct diag diag;

	if (options->operand_count > 0) {
		command = command_find(options->operands[0]);
		if (!command) {
			diag_set(&diag, NULL, 0, 0, "there is no command '%s'; expected one of `vfiosim help`",
				 options->operands[0]);
			return bad_input(&diag);
		}
	}
	usage_print(stdout, command);
	return EXIT_CODE_CONFORMS;
}

/* The names that other programs have taught people to try. */
static const char *command_alias(const char *name)
{
	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
		return "help";
	return strcmp(name, "--version") == 0 ? "version" : name;
}

int cli_main(int argc, char **argv)
{
	const struct command *command;
	struct options options;
	struct diag diag;

	if (argc < 2) {
		usage_print(stderr, NULL);
		return EXIT_CODE_BAD_INPUT;
	}
	command = command_find(command_alias(argv[1]));
	if (!command) {
		diag_set(&diag, NULL, 0, 0, "there is no command '%s'; expected one of `vfiosim help`", argv[1]);
		return bad_input(&diag);
	}
	if (options_parse(&options, command, argc - 1, argv + 1, &diag) != 0)
		return bad_input(&diag);
	if (options.values[OPTION_HELP]) {
		usage_print(stdout, command);
		return finish_output(EXIT_CODE_CONFORMS);
	}
	return finish_output(command->run(&options));
}
